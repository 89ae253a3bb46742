"""The backtest against an independent recount, and its promises about time and determinism."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from iraq_2020 import experiment_of_2020
from oracle_iraq import recount
from threadpoolctl import threadpool_limits

from escalation import schema
from escalation.backtest.case import make_case
from escalation.backtest.resolved import RecordSchedule, resolved_forecasts
from escalation.backtest.rolling import backtest_case
from escalation.errors import GateError
from escalation.events.simulate import world
from escalation.experiment import Experiment

META = ("corrected", "blend")
FAST = {name: {} for name in ("climatology", "logistic", "boosting", "pool", "levels", *META)}


def short(**schedule):
    """The Iraq experiment with a shorter schedule and fewer models."""
    return experiment_of_2020(models=FAST, **{"every": 14, "refit_every": 4, **schedule})


@pytest.fixture(scope="module")
def case(crisis):
    experiment = short()
    return make_case(crisis, experiment, experiment.labels[0])


@pytest.fixture(scope="module")
def forecasts(case):
    return backtest_case(case)


def test_the_columns_are_those_of_a_forecast_file(forecasts):
    assert tuple(forecasts.columns) == schema.FORECAST_COLUMNS
    assert not forecasts.duplicated(["model", "target", "unit", "day"]).any()


def test_outcomes_and_the_baseline_agree_with_an_independent_recount(forecasts, crisis_csv):
    wrong, worst = recount(crisis_csv, forecasts, end="2020-12-31", refit_every=4)
    assert wrong == 0
    assert worst < 1e-9


def test_the_recount_notices_a_flipped_outcome_and_a_moved_probability(forecasts, crisis_csv):
    spoiled = forecasts.copy()
    row = spoiled.index[(spoiled["model"] == "ewma_nb") & spoiled["outcome"].notna()][5]
    spoiled.loc[row, "outcome"] = 1 - spoiled.loc[row, "outcome"]
    spoiled.loc[row, "probability"] += 1e-6
    wrong, worst = recount(crisis_csv, spoiled, end="2020-12-31", refit_every=4)
    assert wrong == 1
    assert worst > 1e-7


def test_intervals_have_a_width_from_the_first_day_on_which_narrows(forecasts):
    width = forecasts["upper"] - forecasts["lower"]
    assert width.gt(0).all()
    assert forecasts[["lower", "upper"]].stack().between(0, 1).all()
    days = np.sort(forecasts["day"].unique())
    first, last = (forecasts["day"].isin(few) for few in (days[:2], days[-8:]))
    by_model = width.groupby(forecasts["model"])
    assert by_model.apply(lambda rows: rows[first].mean() > 2 * rows[last].mean()).all()


def test_records_are_fitted_again_whenever_a_quarter_more_days_were_forecast():
    standing, fitted = RecordSchedule(), []
    for block in np.split(np.arange(40), [3, 20]):
        for again, span in standing.spans(block):
            fitted += [int(span[0])] * again
    assert fitted == [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 18, 22, 27, 33]


def test_training_rows_end_a_horizon_and_the_lag_before_the_fit(crisis):
    for lag in (0, 5):
        experiment = short()
        experiment = experiment.model_copy(
            update={"data": experiment.data.model_copy(update={"lag": lag})}
        )
        case_at = make_case(crisis, experiment, experiment.labels[0])
        today = np.datetime64("2020-06-30")
        last = case_at.training_table(today).X.index.get_level_values("day").max()
        assert last == today - 7 - lag


def test_one_and_two_threads_give_the_same_bytes(crisis):
    experiment = short(first_origin=np.datetime64("2020-10-01").item())
    case_at = make_case(crisis, experiment, experiment.labels[0])
    frames = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            frames.append(backtest_case(case_at))
    assert frames[0].equals(frames[1])


def test_the_order_in_which_rows_came_changes_nothing(crisis, forecasts):
    experiment = short()
    shuffled = crisis.of(
        crisis.versions.sample(frac=1, random_state=3),
        covered_to=crisis.covered_to,
        known_basis=crisis.known_basis,
    )
    assert backtest_case(make_case(shuffled, experiment, experiment.labels[0])).equals(forecasts)


def test_news_after_an_origin_moves_no_forecast_before_it(crisis, forecasts):
    cut = np.datetime64("2020-07-15")
    experiment = short()
    data = experiment.data.model_copy(update={"last_day": cut.item()})
    earlier = experiment.model_copy(update={"data": data})
    early = backtest_case(make_case(crisis.until(cut), earlier, earlier.labels[0]))
    keys, compared = ["model", "unit", "day"], ["probability", "lower", "upper", "threshold"]
    merged = early.merge(forecasts, on=keys, suffixes=("", "_full"))
    assert len(merged) == len(early)
    for column in compared:
        assert merged[column].equals(merged[f"{column}_full"].rename(column))


def test_too_little_history_is_refused_with_dates(crisis):
    experiment = short(first_origin=np.datetime64("2019-10-03").item())
    case_at = make_case(crisis, experiment, experiment.labels[0])
    with pytest.raises(GateError, match=r"E-INSUFFICIENT.*2019-10-08"):
        backtest_case(case_at)


@pytest.mark.parametrize("refit_every", [4, 1_000])  # several blocks, or one that begins too early
def test_origins_without_enough_to_learn_from_are_left_out_unless_they_were_asked_for(refit_every):
    still = world(units=1, days=1_100, seed=1)
    counts = np.zeros_like(still.counts)
    counts[0, [0, *range(950, 1_100, 21)]] = 1  # nothing at the middle of the days, then something
    archive = replace(still, counts=counts).archive()
    experiment = Experiment(
        experiment={"name": "late", "seed": 1},
        panel={"units": ["site"]},
        features={"window_sums": {"channels": ["events"], "windows": [7]}},
        models={"climatology": {}, "ewma_nb": {}},
        targets=[{"name": "any", "horizon": 7}],
        backtest={"every": 7, "refit_every": refit_every, "train_every": 7},
    )
    case = make_case(archive, experiment, experiment.labels[0])
    issued = (backtest_case(case)["day"] - pd.Timestamp(case.prepared.days[0])).dt.days
    assert 950 + 21 < issued.min() < 950 + 21 + 7 * 5
    first = case.prepared.days[550].item()
    named_origin = experiment.backtest.model_copy(update={"first_origin": first})
    named_origin = experiment.model_copy(update={"backtest": named_origin})
    with pytest.raises(GateError, match="E-INSUFFICIENT"):
        backtest_case(make_case(archive, named_origin, named_origin.labels[0]))


def test_one_class_only_is_refused_with_counts(crisis):
    experiment = short()
    never = [{"name": "any", "horizon": 7, "where": {"tags": "no_such_tag"}}]
    experiment = experiment.model_copy(update={"targets": never})
    case_at = make_case(crisis, experiment, experiment.labels[0])
    with pytest.raises(
        GateError,
        match=r"E-INSUFFICIENT.*0 positive among \d+ resolved rows .*no event that counts",
    ):
        backtest_case(case_at)


def test_between_refits_only_what_learns_from_others_is_renewed(crisis, forecasts):
    experiment = short(update_every=1)
    updated = backtest_case(make_case(crisis, experiment, experiment.labels[0]))
    meta = updated["model"].isin(META)
    assert updated[~meta].equals(forecasts[~meta])
    moved = (updated["probability"] != forecasts["probability"])[meta]
    days = np.sort(forecasts["day"].unique())
    renewed = forecasts.loc[meta, "day"].isin(np.setdiff1d(days, days[::4]))
    assert moved[renewed].mean() > 0.5
    assert not moved[~renewed & (forecasts.loc[meta, "day"] < days[4])].any()


def test_resolved_forecasts_are_those_whose_outcome_was_known_that_day(case, forecasts):
    day = np.datetime64("2020-07-15")
    at = case.prepared.index_of(day)
    record = resolved_forecasts(case.prepared, forecasts, case.labels_on(day), at=at)
    assert record.names == tuple(sorted(case.experiment.model_names))
    assert record.day.max() <= at - case.target.horizon
    rows = forecasts[forecasts["model"] == "pool"]
    at_risk = rows[rows["at_risk"] & (rows["day"] <= day - np.timedelta64(7, "D"))]
    assert len(at_risk) == len(record.day) > 50
    assert np.isclose(
        np.sort(at_risk["probability"]), np.sort(record.probability[:, record.names.index("pool")])
    ).all()
