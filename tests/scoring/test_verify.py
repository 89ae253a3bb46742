"""Verification: resolved forecasts are scored next to the baseline of their day."""

import datetime as dt
import tomllib

import numpy as np
import pandas as pd
import pytest
from tracking_small import SMALL

from escalation import tracking
from escalation.backtest.case import make_case
from escalation.backtest.train import train_target
from escalation.experiment import Experiment
from escalation.scoring.described import manifest_of
from escalation.scoring.ledger import append, read_ledger
from escalation.scoring.scorer import Scorer
from escalation.scoring.verify import (
    ISSUED,
    champion_verdict,
    drift,
    issued_rows,
    outcomes,
    stability_index,
    verify,
)

TRAINED_TO = "2020-06-30"


@pytest.fixture(scope="module")
def early(crisis):
    """A model trained to the middle of 2020."""
    table = tomllib.loads(SMALL)
    table["data"]["last_day"] = dt.date.fromisoformat(TRAINED_TO)
    experiment = Experiment(**table)
    trained = train_target(crisis.until(TRAINED_TO), experiment, experiment.labels[0])
    scorer = Scorer(
        trained.models["logistic"], manifest_of(trained, "logistic"), "small@champion v1", "hash"
    )
    return trained, scorer


@pytest.fixture(scope="module")
def case(crisis, early):
    """The same label on an axis to the end of 2020."""
    trained, _ = early
    data = trained.case.experiment.data.model_copy(update={"last_day": dt.date(2020, 12, 31)})
    return make_case(
        crisis, trained.case.experiment.model_copy(update={"data": data}), trained.case.target
    )


def issued_forecast(unit, day, probability, **more):
    provenance = {"model": "small@champion v1", "trained_to": TRAINED_TO, **more}
    return {
        "unit": unit, "unit_key": unit, "day": day, "horizon": 7, "target": "any_7d",
        "probability": probability, "base_rate": 0.2, "provenance": provenance,
    }  # fmt: skip


@pytest.fixture(scope="module")
def entries(early, crisis, tmp_path_factory):
    """The model's weekly forecasts of the second half of the year."""
    _, scorer = early
    path = tmp_path_factory.mktemp("ledger") / "ledger.jsonl"
    for day in pd.date_range("2020-07-06", "2020-12-28", freq="7D"):
        chances = scorer.on(crisis, f"{day:%Y-%m-%d}")["probability"]
        append(path, [issued_forecast(u, f"{day:%Y-%m-%d}", float(p)) for u, p in chances.items()])
    return read_ledger(path)


@pytest.fixture(scope="module")
def verified(early, crisis, entries):
    return verify(early[1], crisis, entries, as_of="2020-12-31")


def test_every_issued_row_is_resolved_or_open(verified, entries):
    assert verified.issued == len(entries)
    assert verified.matured + verified.open == verified.issued
    assert verified.open == sum(entry.forecast["day"] == "2020-12-28" for entry in entries)


def test_outcomes_are_those_of_the_events(verified, crisis):
    events = crisis.as_of("2020-12-31")
    attacks = events[events["tags"].fillna("").str.contains("installation_attack")]
    issued = verified.forecasts[verified.forecasts["model"] == ISSUED]
    assert issued["outcome"].sum() > 5
    sites = attacks["country"].str.lower() + "/" + attacks["site"]
    for row in issued.itertuples():
        ahead = attacks["event_date"].between(
            row.day + pd.Timedelta(1, "D"), row.day + pd.Timedelta(7, "D")
        )
        here = ahead if row.unit == "all" else ahead & (sites == row.unit_key)
        assert row.outcome == float(here.any()), row


def test_the_baseline_is_fitted_on_what_was_known_on_the_day(early, crisis, case, verified):
    """Refitted on the archive as of one of the days."""
    day = "2020-09-14"
    trained, _ = early
    stood = case.experiment.model_copy(
        update={"data": case.experiment.data.model_copy(update={"last_day": dt.date(2020, 9, 14)})}
    )
    then = make_case(crisis.until(day), stood, trained.case.target)
    known = then.labels_on(day)
    from escalation.backtest.fitting import build_model

    table = then.training_table(day, known)
    model = build_model("ewma_nb", stood, then.target)
    model.fit(table.X, table.outcome.astype(int), count=table.count)
    last = len(then.prepared.days) - 1
    ahead = then.rows_on(np.array([last]), known)
    direct = dict(zip(ahead.X.index.get_level_values(0), model.predict_proba(ahead.X)[:, 1],
                      strict=True))  # fmt: skip
    baseline = verified.forecasts[verified.forecasts["model"] == "ewma_nb"]
    forecast = baseline[baseline["day"] == day].set_index("unit_key")["probability"]
    assert len(forecast) > 5
    for unit, probability in forecast.items():
        assert probability == pytest.approx(direct[unit], abs=1e-12)


def test_the_first_issue_counts_and_in_sample_days_are_left_out(early, crisis, tmp_path):
    path = tmp_path / "ledger.jsonl"
    append(
        path, [issued_forecast("all", "2020-07-06", 0.1), issued_forecast("all", "2020-07-06", 0.9)]
    )
    append(
        path,
        [issued_forecast("all", "2020-05-04", 0.3), issued_forecast("all", "2020-07-13", None)],
    )
    append(path, [issued_forecast("all", "2020-07-20", 0.4, model="other@champion v1")])
    rows = issued_rows(read_ledger(path), early[1].series)
    assert rows[["probability"]].to_numpy().tolist() == [[0.1], [0.3]]
    result = verify(early[1], crisis, read_ledger(path), as_of="2020-12-31")
    assert (result.issued, result.in_sample, result.matured) == (2, 1, 1)
    assert result.forecasts.set_index("model").loc[ISSUED, "probability"] == 0.1


def test_a_ledger_without_resolved_forecasts_has_no_verdict(early, crisis, tmp_path):
    append(tmp_path / "l.jsonl", [issued_forecast("all", "2020-12-28", 0.1)])
    result = verify(early[1], crisis, read_ledger(tmp_path / "l.jsonl"), as_of="2020-12-31")
    assert (result.matured, result.open, result.verdict) == (0, 1, "no forecast has resolved yet")


def world(make, quality):
    """A summary in which the issued forecasts are sharp, the baseline itself, or worthless."""
    rows = make(dates=200, models=("climatology", "ewma_nb", "sharp"))
    chosen = {"good": rows["model"] == "sharp", "same": rows["model"] == "ewma_nb"}
    table = rows[chosen.get(quality, rows["model"] == "ewma_nb")].assign(model=ISSUED)
    if quality == "bad":
        table["probability"] = 1.0 - table["probability"]
    from escalation.metrics import summary

    return summary(pd.concat([rows[rows["model"] != "sharp"], table]))


@pytest.mark.parametrize(
    ("quality", "words"),
    [("good", "the champion beats"), ("same", "no longer beats"), ("bad", "no longer beats")],
)
def test_the_verdict_tells_whether_the_champion_still_beats_the_baseline(quality, words):
    from metrics_panels import make_forecasts

    assert words in champion_verdict(world(make_forecasts, quality))


def test_with_few_positives_it_is_too_early_to_tell(verified):
    assert champion_verdict(verified.summary.assign(positives=19)).startswith("too early to tell")


def test_drifted_inputs_are_found_and_others_are_not(early, crisis):
    """The last half year has few attacks: its counts are lower than those of the crisis."""
    table = drift(early[1], crisis, np.datetime64("2020-12-31"))
    assert set(table["column"]) == set(early[1].manifest.columns)
    assert table["psi"].is_monotonic_decreasing
    assert table["psi"].iloc[0] > 0.25
    assert drift(early[1], crisis, np.datetime64(TRAINED_TO)).empty


def test_the_stability_index_tells_a_shift_from_a_second_sample():
    rng = np.random.default_rng(0)
    then, same, moved = rng.poisson(0.4, 4000), rng.poisson(0.4, 900), rng.poisson(1.0, 900)
    assert stability_index(then * 1.0, same * 1.0) < 0.02
    assert stability_index(then * 1.0, moved * 1.0) > 0.25


def test_a_verification_is_logged_as_a_run(verified, early, tmp_path):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    run_id = tracking.log_verified(verified, early[1], uri=uri, last_day="2020-12-31")
    client = tracking.open_store(uri)
    run = client.get_run(run_id)
    assert run.info.status == "FINISHED"
    assert run.data.metrics["counts/matured"] == verified.matured
    row = verified.summary.set_index("model").loc[ISSUED]
    assert run.data.metrics["brier"] == row["brier"]
    assert run.data.metrics["drift/largest_psi"] == verified.drift["psi"].max()
    assert len(client.get_metric_history(run_id, "rolling/brier")) == row["dates"]
    assert verified.verdict[1:] in run.data.tags["mlflow.note.content"]
    held = {file.path for file in client.list_artifacts(run_id, "tables")}
    assert held == {"tables/comparison.csv", "tables/drift.csv"}


def test_rows_of_units_that_the_archive_lacks_stay_open(early, crisis, case):
    rows = pd.DataFrame({
        "unit": ["nowhere"], "unit_key": "nowhere", "day": pd.to_datetime(["2020-08-03"]),
        "horizon": 7, "probability": 0.2, "base_rate": 0.1,
    })  # fmt: skip
    assert outcomes(case.experiment, early[1], crisis, rows).empty
