"""The watch list: every unit, its numbers, its statuses and its drivers."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from escalation import schema
from escalation.backtest.case import make_case
from escalation.backtest.fitting import build_model
from escalation.errors import GateError, InputError, ModelError
from escalation.scoring.score import score
from escalation.scoring.scorer import Scorer, checked_input
from escalation.scoring.status import NEW_UNIT, NO_HISTORY, NOT_AT_RISK, STALE, kind


@pytest.fixture(scope="module")
def scores(scorer, crisis):
    return score(scorer, crisis, explain=3)


def test_every_unit_known_on_the_day_gets_a_row_highest_first(scores, crisis):
    known = crisis.as_of("2020-12-31")
    attacked = known[
        (known["tags"] == "installation_attack") & (known["event_date"] >= "2019-10-01")
    ]
    assert {row.unit for row in scores} == {"all", *attacked["site"]}
    probabilities = [row.probability for row in scores]
    assert probabilities == sorted(probabilities, reverse=True)


def test_each_row_has_a_probability_an_interval_a_base_rate_and_provenance(scores):
    for row in scores:
        assert 0 <= row.lower < row.upper <= 1
        assert 0 < row.probability < 1
        assert 0 < row.base_rate < 1
        assert 0 <= row.count_low <= row.count_high and row.probability <= row.expected
        assert (row.count_high == 0) == (row.probability <= 0.1)
        off = row.status != ("ok",)
        assert off == (not row.lower <= row.probability <= row.upper)
        assert row.provenance["as_of"] == "2020-12-31"
        assert row.provenance["known_dates"] == "observed"
    json.dumps([row.as_dict() for row in scores], allow_nan=False)


def test_a_score_equals_the_backtest_on_the_same_day(trained, scorer, crisis):
    case = make_case(crisis, trained.case.experiment, trained.case.target)
    last = len(case.prepared.days) - 1
    known = case.prepared.labels_at(case.target, case.back, case.prepared.days[-1])
    table = case.rows_on(np.array([last]), known)
    direct = trained.models["logistic"].predict_proba(table.X)[:, 1]
    scored = scorer.on(crisis, "2020-12-31")["probability"]
    assert scored.to_numpy() == pytest.approx(direct, abs=1e-12)


def test_a_day_beyond_the_data_is_refused(scorer, crisis):
    with pytest.raises(InputError, match="E-COVERAGE"):
        score(scorer, crisis, as_of="2031-01-01")


def test_an_in_sample_day_is_refused_unless_allowed(scorer, crisis):
    with pytest.raises(GateError, match="E-IN-SAMPLE.*replay"):
        score(scorer, crisis, as_of="2020-03-10", explain=0)
    assert score(scorer, crisis, as_of="2020-03-10", allow_in_sample=True, explain=0)


def test_reordered_columns_give_the_same_scores_and_missing_ones_are_refused(trained):
    X = trained.table.X
    columns = list(X.columns)
    assert checked_input(X[columns[::-1]], columns).equals(X.astype(float))
    with pytest.raises(ModelError, match=f"E-SCHEMA. column={columns[3]}"):
        checked_input(X.drop(columns=columns[3]), columns)


@pytest.mark.parametrize("counts", [{"horizon": 7}, {"horizon": 7, "dispersion": [], "weight": []}])
def test_an_invalid_mixture_of_counts_is_refused(scorer, crisis, counts):
    invalid = replace(scorer, manifest=replace(scorer.manifest, counts=counts))
    with pytest.raises(ModelError, match="E-MODEL-MANIFEST.*counts"):
        score(invalid, crisis, explain=0)


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_values_that_are_not_finite_are_refused(trained, bad):
    X = trained.table.X.astype(float).copy()
    X.iloc[4, 2] = bad
    with pytest.raises(InputError, match=f"E-NOT-FINITE. column={X.columns[2]}"):
        checked_input(X, list(X.columns))


def test_the_experiment_travels_with_the_model(scorer, trained):
    assert scorer.experiment.digest == trained.case.experiment.digest
    assert build_model("logistic", scorer.experiment, scorer.target).get_params()


def by_unit(scores):
    return {row.unit: row for row in scores}


def test_a_row_has_the_documented_columns_in_order(scores):
    assert all(tuple(row.as_dict()) == tuple(schema.SCORE_COLUMNS) for row in scores)
    assert list(scores[0].as_issued()) == list(schema.ISSUED_COLUMNS)


def test_the_order_of_input_rows_changes_no_byte(scores, scorer, crisis):
    versions = crisis.versions.sample(frac=1, random_state=3)
    shuffled = type(crisis).of(
        versions, covered_to=crisis.covered_to, known_basis=crisis.known_basis
    )
    first, again = ([row.as_dict() for row in rows] for rows in (scores, score(scorer, shuffled)))
    assert json.dumps(first) == json.dumps(again)


def test_ranks_follow_the_probabilities(scores):
    assert [row.rank for row in scores] == list(range(1, len(scores) + 1))


def test_the_first_places_within_the_budget_raise_an_alert_and_the_whole_never_does(scorer, crisis):
    rows = score(scorer, crisis, explain=0, budget=2)
    places = [row for row in rows if row.unit != "all"]
    assert [row.unit for row in rows if row.alert] == [row.unit for row in places[:2]]
    assert {row.alert_line for row in rows} == {places[1].probability}
    assert not any(row.alert for row in score(scorer, crisis, explain=0))
    plenty = score(scorer, crisis, explain=0, budget=99)
    assert {row.unit for row in plenty if row.alert} == {row.unit for row in places}
    assert {row.alert_line for row in plenty} == {None}


def with_record(scorer, **changes):
    """The scorer with another record, or another verdict on it."""
    record = {**scorer.manifest.record, **changes.pop("record", {})}
    manifest = replace(scorer.manifest, record=record, **changes)
    return replace(scorer, manifest=manifest)


@pytest.mark.parametrize(
    ("positives", "informative", "expected"),
    [(20, False, True), (20, True, False), (19, False, False), (19, True, False)],
)
def test_no_information_needs_a_long_record_without_skill_over_climatology(
    scorer, crisis, positives, informative, expected
):
    changed = with_record(scorer, informative=informative, record={"positives": positives})
    rows = score(changed, crisis, explain=0)
    assert {row.no_information for row in rows} == {expected}
    unsure = {kind(status) == "not verified here" for row in rows for status in row.status}
    assert (True in unsure) == (positives < 20)


@pytest.mark.parametrize(
    ("intercept", "words"), [(-3.0, "over-forecasts"), (3.0, "under-forecasts")]
)
def test_a_probability_is_the_models_and_the_status_tells_how_it_is_miscalibrated(
    scorer, crisis, intercept, words
):
    sure = {
        "mean": [intercept, 1.0, 0.0],
        "covariances": [(1e-4 * np.eye(3)).tolist()],
        "quantiles": [2.0],
    }
    rows = score(with_record(scorer, record=sure), crisis, explain=0)
    before = by_unit(score(scorer, crisis, explain=0))
    assert all(row.probability == before[row.unit].probability for row in rows)
    assert all(words in [kind(status) for status in row.status] for row in rows)


def test_change_is_since_the_issued_forecast_or_else_since_the_day_before(scorer, crisis):
    before = by_unit(score(scorer, crisis, as_of="2020-12-30", explain=0, allow_in_sample=True))
    issued = {"irq/taji": ("2020-12-02", 0.5)}
    rows = by_unit(score(scorer, crisis, explain=0, previous=issued))
    assert (rows["taji"].changed_since, rows["taji"].change) == (
        "2020-12-02", rows["taji"].probability - 0.5,
    )  # fmt: skip
    for unit in set(rows) - {"taji"}:
        assert rows[unit].changed_since == "2020-12-30"
        assert rows[unit].change == rows[unit].probability - before[unit].probability


def without_unit(archive, site):
    gone = archive.versions["site"] != site
    return replace(archive, versions=archive.versions[gone].reset_index(drop=True))


def test_a_unit_known_to_the_model_only_keeps_its_row(scorer, crisis):
    rows = score(scorer, without_unit(crisis, "taji"))
    assert rows[-1].unit == "taji"
    assert rows[-1].status == (NO_HISTORY,)
    assert (rows[-1].probability, rows[-1].rank, rows[-1].drivers) == (None, None, ())
    assert rows[-1].provenance["as_of"] == "2020-12-31"


def test_without_counted_events_no_unit_has_a_history(scorer, crisis):
    tagged = crisis.versions["tags"].str.contains("installation_attack", na=False)
    quiet = replace(crisis, versions=crisis.versions[~tagged].reset_index(drop=True))
    rows = score(scorer, quiet)
    assert {row.unit_key for row in rows} == set(scorer.manifest.base_rate["units"])
    assert {row.status for row in rows} == {(NO_HISTORY,)}


def renamed(archive, column, old, new):
    versions = archive.versions.assign(**{column: archive.versions[column].replace(old, new)})
    return replace(archive, versions=versions)


def test_a_unit_absent_from_training_has_a_probability_and_a_status(scorer, crisis):
    rows = by_unit(score(scorer, renamed(crisis, "site", "taji", "=new"), explain=0))
    assert rows["=new"].status == (NEW_UNIT,)
    assert rows["=new"].base_rate == scorer.manifest.base_rate["pool"]
    assert 0 < rows["=new"].probability < 1


def test_an_event_type_absent_from_training_is_named_in_the_status(scorer, crisis):
    known = replace(scorer.manifest, event_types=["air_strike", "rocket_attack"])
    rows = score(replace(scorer, manifest=known), crisis, explain=0)
    (whole,) = [row for row in rows if row.unit == "all"]
    (status,) = whole.status
    assert status.startswith("unseen event type: ") and "parliamentary_vote" in status
    assert whole.probability is not None
    assert all(row.status == ("ok",) for row in score(scorer, crisis, explain=0))


def test_a_unit_that_is_not_at_risk_has_no_probability(scorer, crisis):
    target = {"name": "onset", "horizon": 7, "quiet": 30,
              "where": {"tags": "installation_attack"}}  # fmt: skip
    changed = replace(scorer, manifest=replace(scorer.manifest, target=target))
    rows = score(changed, crisis)
    silent = [row for row in rows if row.status == (NOT_AT_RISK,)]
    assert {"all", "us_embassy"} <= {row.unit for row in silent} < {row.unit for row in rows}
    assert all((row.probability, row.rank, row.alert) == (None, None, False) for row in silent)
    assert rows[-len(silent) :] == silent


def test_old_news_makes_a_score_stale_and_today_counts_only_if_given(scorer, crisis):
    assert score(scorer, crisis, explain=0)[0].status == ("ok",)
    (status,) = {row.status for row in score(scorer, crisis, explain=0, stale_after=0)}
    age = (
        pd.Timestamp("2020-12-31") - crisis.until("2020-12-31").versions["known_date"].max()
    ).days
    assert age > 0 and status == (STALE.format(age),)
    late = score(scorer, crisis, explain=0, today=dt.date(2021, 3, 1))
    assert late[0].status == (f"stale data: the newest report is {age + 60} days old",)


def test_a_row_has_all_its_statuses_in_a_fixed_order(scorer, crisis):
    known = replace(scorer.manifest, event_types=["air_strike"])
    archive = renamed(crisis, "site", "taji", "elsewhere")
    options = {"explain": 0, "as_of": "2020-02-29", "today": "2020-05-01", "allow_in_sample": True}
    rows = by_unit(score(replace(scorer, manifest=known), archive, **options))
    kinds = {unit: [kind(status) for status in row.status] for unit, row in rows.items()}
    assert kinds["elsewhere"] == ["in sample", "new unit", "unseen event type", "stale data"]
    assert kinds["all"] == ["in sample", "unseen event type", "stale data"]
    assert kinds["taji"] == ["no history", "in sample", "stale data"]
    target = {"name": "onset", "horizon": 7, "quiet": 365,
              "where": {"tags": "installation_attack"}}  # fmt: skip
    rows = by_unit(
        score(replace(scorer, manifest=replace(known, target=target)), archive, **options)
    )
    assert [kind(status) for status in rows["elsewhere"].status] == [
        "not at risk", "in sample", "new unit", "unseen event type", "stale data",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "record",
    [{}, {"mean": [0]}, {"mean": [0, "x"], "covariance": [[1, 0], [0, 1]], "quantile": 2},
     {"mean": [0, 1], "covariance": [[1, 0], [0, 1]], "quantile": None},
     {"mean": [0, 1, 2], "covariance": [[1, 0], [0, 1]], "quantile": 2}],
)  # fmt: skip
def test_an_invalid_track_record_is_refused(scorer, crisis, record):
    odd = Scorer(scorer.model, replace(scorer.manifest, record=record), "x", "y")
    with pytest.raises(ModelError, match="E-MODEL-MANIFEST"):
        score(odd, crisis, explain=0)
