"""What can't be learnt yet is answered from other conflicts, and says so."""

from __future__ import annotations

import pandas as pd
import pytest
from shared_data import shared

from escalation import schema
from escalation.backtest.shortage import Shortage
from escalation.backtest.train import remark_on_best, train_labels, unverified_reason
from escalation.events.archive import EventArchive
from escalation.experiment import Experiment
from escalation.models import BASELINES
from escalation.scoring.described import manifest_of
from escalation.scoring.score import score
from escalation.scoring.scorer import Scorer


def archive_of(days, site="north"):
    """Air strikes on some days after 1 January 2023, known on their day."""
    days = pd.Timestamp("2023-01-01") + pd.to_timedelta(days, "D")
    table = pd.DataFrame(
        {
            "id": [f"e{i}" for i in range(len(days))],
            "day": days,
            "type": "air_strike",
            "place": site,
        }
    )
    columns = {"id": "event_id", "day": "event_date", "type": "event_type", "place": "site"}
    return EventArchive.from_pandas(table, columns=columns)


def experiment_with(name="any", models=("logistic", "negbin"), units="site"):
    return Experiment(
        experiment={"name": "young"},
        panel={"units": [units]},
        features={"window_sums": {"windows": [7]}},
        targets=[{"name": name, "horizon": 7}],
        models={model: {} for model in models},
        backtest={"every": 7, "refit_every": 4},
    )


YOUNG = {
    "every week had an event": range(0, 60, 3),
    "ten events": [0, 2, 5, 7, 11, 12, 14, 18, 20, 23],
}


@pytest.mark.parametrize("case", YOUNG)
def test_prior_alone_is_issued_where_nothing_can_be_learnt(case):
    archive = archive_of(YOUNG[case])
    with pytest.warns(UserWarning, match=r"any_7d is forecast by `prior` alone.*not verified"):
        (trained,) = train_labels(archive, experiment_with())
    assert set(trained.models) == {*BASELINES, "prior"}
    assert trained.best == "prior"
    scorer = Scorer(trained.models["prior"], manifest_of(trained, "prior"), "test", "hash")
    rows = score(scorer, archive, explain=0)
    assert [row.unit for row in rows] == ["north"]
    assert 0.0 < rows[0].probability < 1.0
    forecasts = trained.forecasts
    assert forecasts["probability"].between(0.0, 1.0).all()
    assert forecasts[schema.OUTCOME].notna().any()


def test_prior_alone_answers_where_no_forecast_of_the_others_has_resolved():
    late = pd.concat([archive_of([0], "south").versions, archive_of(range(200, 212)).versions])
    archive = EventArchive.of(
        late.assign(event_id=[f"e{i}" for i in range(len(late))]), covered_to="2023-08-01",
        known_basis="event_date",
    )  # fmt: skip
    with pytest.warns(UserWarning, match=r"any_7d is forecast by `prior` alone.*no rows at risk"):
        (trained,) = train_labels(archive, experiment_with())
    assert trained.best == "prior" and set(trained.models) == {*BASELINES, "prior"}


def test_a_label_that_was_not_learnt_anywhere_is_refused_as_before():
    with pytest.raises(Shortage, match="E-INSUFFICIENT"):
        train_labels(archive_of(YOUNG["ten events"]), experiment_with("exceed"))


def test_with_few_positives_prior_is_issued_where_it_is_asked_for():
    archive = archive_of([0, 3, 60, 62, 90, 120, 150, 151, 180])
    named, not_named = (
        train_labels(archive, experiment_with(models=models))[0].best
        for models in (("logistic", "prior"), ("logistic",))
    )
    assert (named, not_named) == ("prior", "ewma_nb")


@pytest.mark.parametrize("count", [10, 40])
def test_a_small_archive_cut_from_a_real_conflict_has_a_number_for_every_unit(count):
    raw = pd.read_csv(shared("ucdp_ged_iraq_hdx.csv.gz"), skiprows=[1], dtype=str)
    raw["day"] = pd.to_datetime(raw["date_start"])
    window = raw[raw["day"].between("2013-01-01", "2014-03-26")]
    table = window.sample(count, random_state=count).sort_values("day")
    names = {"id": "event_id", "day": "event_date", "adm_1": "admin1", "country": "country"}
    archive = EventArchive.from_pandas(
        table[list(names)].assign(type="battle"), columns={**names, "type": "event_type"}
    )
    (trained,) = train_labels(
        archive, experiment_with(models=("logistic", "prior"), units="admin1")
    )
    assert trained.best == "prior" and "nothing is verified" in unverified_reason(trained.summary)
    scorer = Scorer(trained.models["prior"], manifest_of(trained, "prior"), "test", "hash")
    rows = score(scorer, archive, explain=0)
    assert {row.unit for row in rows} == set(table["adm_1"].str.split().str.join(" ").dropna())
    assert all(0.0 < row.probability < 1.0 for row in rows)
    assert all("not verified here" in " ".join(row.status) for row in rows)


@pytest.mark.parametrize(
    ("positives", "verdict", "message"),
    [
        (81, "no ranking claimed: 2 dates", "nothing is verified: only 2 dates"),
        (7, "no ranking claimed: 7 positives", "nothing is verified: only 7 positive"),
        (81, "no difference shown", ""),
    ],
)
def test_what_is_not_verified_is_said_of_few_dates_too(positives, verdict, message):
    summary = pd.DataFrame({"positives": [positives], "dates": [2], "verdict": [verdict]})
    reason = unverified_reason(summary)
    assert reason.startswith(message) and bool(reason) == bool(message)


@pytest.mark.parametrize(
    ("brier", "positives", "remark"),
    [
        ((0.2, 0.1, 0.3), 30, "last_value is a trivial baseline and never registered"),
        ((0.1, 0.2, 0.3), 30, ""),
        ((0.3, 0.2, 0.1), 30, ""),
        ((0.2, 0.1, 0.3), 19, "nothing is verified: only 19 positive outcomes"),
    ],
)
def test_a_registered_model_below_a_trivial_baseline_is_explained(brier, positives, remark):
    models = ["forest", "last_value", "ewma_nb"]
    summary = pd.DataFrame(
        {
            "model": models,
            "brier": brier,
            "positives": positives,
            "verdict": "no difference shown",
            "dates": 90,
        }
    )
    assert remark_on_best(summary).startswith(remark)
    assert bool(remark_on_best(summary)) == bool(remark)
