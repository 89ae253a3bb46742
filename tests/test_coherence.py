"""Forecasts over horizons do not contradict each other."""

import numpy as np
import pandas as pd
import pytest
from sklearn.isotonic import IsotonicRegression

from escalation.backtest import backtest
from escalation.coherence import coherent, families, rising
from escalation.config import load_experiment, target_of
from escalation.resources import bundled


def forecasts(rows):
    """Rows of (target, unit, threshold, probability), one model, one day."""
    table = pd.DataFrame(rows, columns=["target", "unit", "threshold", "probability"])
    return table.assign(
        model="m", day=pd.Timestamp("2020-01-01"), lower=table["probability"] - 0.1,
        upper=table["probability"] + 0.1,
    )  # fmt: skip


@pytest.mark.parametrize("width", [2, 3, 6])
def test_rising_is_isotonic_regression_row_by_row(width):
    values = np.random.default_rng(width).random((50, width))
    oracle = [IsotonicRegression().fit_transform(np.arange(width), row) for row in values]
    np.testing.assert_allclose(rising(values), oracle, atol=1e-12)
    assert (np.diff(rising(values), axis=1) >= -1e-15).all()
    assert np.abs(rising(values) - values).max() > 0.1


def test_what_rises_already_is_left_bit_for_bit():
    values = np.sort(np.random.default_rng(1).random((20, 3)), axis=1)
    assert rising(values).tobytes() == values.tobytes()


def test_intervals_still_hold_their_probability():
    low, mid, high = np.sort(np.random.default_rng(2).random((3, 40, 4)), axis=0)
    assert (rising(low) <= rising(mid)).all()
    assert (rising(mid) <= rising(high)).all()


def test_a_falling_pair_is_pooled_and_others_stay():
    table = forecasts(
        [("a7", "x", 1, 0.6), ("a14", "x", 1, 0.4), ("a7", "y", 1, 0.2), ("a14", "y", 1, 0.3),
         ("b7", "x", 1, 0.9)]
    )  # fmt: skip
    got = coherent(table, ["a7", "a14"])
    assert got["probability"].round(12).tolist() == [0.5, 0.5, 0.2, 0.3, 0.9]
    assert got["lower"].round(12).tolist() == [0.4, 0.4, 0.1, 0.2, 0.8]


def test_a_bar_that_rises_with_the_horizon_and_a_missing_forecast_are_left_alone():
    table = forecasts(
        [("a7", "x", 1, 0.6), ("a14", "x", 2, 0.4), ("a7", "y", 1, np.nan), ("a14", "y", 1, 0.3),
         ("a7", "z", 1, 0.7)]
    )  # fmt: skip
    pd.testing.assert_frame_equal(coherent(table, ["a7", "a14"]), table)


def test_only_labels_that_differ_in_nothing_but_the_horizon_belong_together():
    tables = [
        {"name": "any", "horizon": 14},
        {"name": "any", "horizon": 7},
        {"name": "any", "horizon": 21, "where": {"rung": 5}},
        {"name": "onset", "horizon": 7},
    ]
    labels = [target_of(table) for table in tables]
    assert families(labels) == [[labels[1], labels[0]]]


def test_a_backtest_over_two_horizons_never_falls(crisis):
    experiment = load_experiment(bundled("iraq_crisis.toml"))
    label = experiment.targets[0]
    schedule = {"every": 14, "refit_every": 4, "first_origin": "2020-07-01", "train_every": 7}
    experiment = type(experiment)(
        **{
            **experiment.model_dump(),
            "targets": [{**label, "horizon": 7}, {**label, "horizon": 10}],
            "models": {"boosting": {}, "pool": {}},
            "backtest": schedule,
        }
    )
    issued = backtest(crisis, experiment)
    wide = issued.pivot(index=["model", "unit", "day"], columns="horizon", values="probability")
    assert (wide[10] >= wide[7] - 1e-12).all()
    assert (wide[10] > wide[7]).any()
