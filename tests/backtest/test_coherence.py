"""Forecasts over horizons and bars do not contradict each other."""

import numpy as np
import pandas as pd
import pytest
from iraq_2020 import experiment_of_2020
from sklearn.isotonic import IsotonicRegression

from escalation.backtest.coherence import Family, coherent, families, isotonic
from escalation.backtest.rolling import backtest_labels
from escalation.experiment import target_of
from escalation.targets.calm import Calm


def forecasts(rows):
    """Rows of (target, unit, threshold, probability), one model, one day."""
    table = pd.DataFrame(rows, columns=["target", "unit", "threshold", "probability"])
    return table.assign(
        model="m",
        day=pd.Timestamp("2020-01-01"),
        unit_key=table["unit"],
        lower=table["probability"] - 0.1,
        upper=table["probability"] + 0.1,
    )


@pytest.mark.parametrize("width", [2, 3, 6])
def test_rising_is_isotonic_regression_row_by_row(width):
    values = np.random.default_rng(width).random((50, width))
    oracle = [IsotonicRegression().fit_transform(np.arange(width), row) for row in values]
    np.testing.assert_allclose(isotonic(values), oracle, atol=1e-12)
    assert (np.diff(isotonic(values), axis=1) >= -1e-15).all()
    assert np.abs(isotonic(values) - values).max() > 0.1


def test_what_rises_already_is_left_bit_for_bit():
    values = np.sort(np.random.default_rng(1).random((20, 3)), axis=1)
    assert isotonic(values).tobytes() == values.tobytes()


def test_ends_stay_in_order():
    low, mid, high = np.sort(np.random.default_rng(2).random((3, 40, 4)), axis=0)
    assert (isotonic(low) <= isotonic(mid)).all()
    assert (isotonic(mid) <= isotonic(high)).all()


def test_a_falling_pair_is_pooled_and_others_stay():
    table = forecasts(
        [
            ("a7", "x", 1, 0.6),
            ("a14", "x", 1, 0.4),
            ("a7", "y", 1, 0.2),
            ("a14", "y", 1, 0.3),
            ("b7", "x", 1, 0.9),
        ]
    )
    adjusted = coherent(table, ["a7", "a14"])
    assert adjusted["probability"].round(12).tolist() == [0.5, 0.5, 0.2, 0.3, 0.9]
    assert adjusted["lower"].round(12).tolist() == [0.4, 0.4, 0.1, 0.2, 0.8]


def test_a_bar_that_rises_with_the_horizon_and_a_missing_forecast_are_left_alone():
    table = forecasts(
        [
            ("a7", "x", 1, 0.6),
            ("a14", "x", 2, 0.4),
            ("a7", "y", 1, np.nan),
            ("a14", "y", 1, 0.3),
            ("a7", "z", 1, 0.7),
        ]
    )
    pd.testing.assert_frame_equal(coherent(table, ["a7", "a14"]), table)


def test_only_labels_that_differ_in_nothing_but_the_horizon_belong_together():
    tables = [
        {"name": "any", "horizon": 14},
        {"name": "any", "horizon": 7},
        {"name": "any", "horizon": 21, "where": {"rung": 5}},
        {"name": "onset", "horizon": 7},
    ]
    labels = [target_of(table) for table in tables]
    assert families(labels) == [Family((labels[1], labels[0]), falls=False)]


def test_calm_falls_with_the_horizon():
    short, long = Calm(horizon=3), Calm(horizon=9)
    assert families([long, short]) == [Family((short, long), falls=True)]


def test_labels_that_differ_in_their_bar_belong_together_lowest_first():
    tables = [
        {"name": "deaths", "least": 25, "called": "deaths_25"},
        {"name": "deaths", "least": 1},
        {"name": "deaths", "least": 25, "called": "deaths_25", "horizon": 14},
        {"name": "any", "where": {"rung": 5}, "called": "any_deadly"},
        {"name": "any"},
        {"name": "any", "where": {"event_type": "battle"}, "called": "battle"},
        {"name": "climb", "window": 28},
        {"name": "climb", "window": 56, "called": "climb_slow"},
    ]
    labels = [target_of(table) for table in tables]
    assert families(labels) == [
        Family((labels[1], labels[0]), falls=True),
        Family((labels[4], labels[3]), falls=True),
        Family((labels[0], labels[2]), falls=False),
    ]


def test_a_higher_bar_is_not_likelier_and_a_lower_one_under_that_name_is_left_alone():
    table = forecasts(
        [
            ("d1", "x", 1, 0.4),
            ("d9", "x", 9, 0.6),
            ("d1", "y", 1, 0.3),
            ("d9", "y", 9, 0.2),
            ("d1", "z", 9, 0.1),
            ("d9", "z", 1, 0.6),
        ]
    )
    adjusted = coherent(table, ["d1", "d9"], falls=True)
    assert adjusted["probability"].round(12).tolist() == [0.5, 0.5, 0.3, 0.2, 0.1, 0.6]


def test_agreeing_over_horizons_keeps_what_agreed_over_bars():
    values = np.random.default_rng(3).random((30, 3, 4))
    bars = isotonic(values.transpose(0, 2, 1).reshape(-1, 3)[:, ::-1])[:, ::-1]
    bars = bars.reshape(30, 4, 3).transpose(0, 2, 1)
    coherent_values = isotonic(bars.reshape(-1, 4)).reshape(30, 3, 4)
    assert (np.diff(coherent_values, axis=2) >= -1e-12).all()
    assert (np.diff(coherent_values, axis=1) <= 1e-12).all()


def small(*targets):
    """The bundled experiment with other labels, two models and few origins."""
    experiment = experiment_of_2020()
    label = experiment.targets[0]
    schedule = {"every": 14, "refit_every": 4, "first_origin": "2020-07-01", "train_every": 7}
    return type(experiment)(
        **{
            **experiment.model_dump(),
            "targets": [{**label, **changes} for changes in targets],
            "models": {"boosting": {}, "pool": {}},
            "backtest": schedule,
        }
    )


def test_a_backtest_over_two_horizons_never_falls(crisis):
    issued = backtest_labels(crisis, small({"horizon": 7}, {"horizon": 10}))
    wide = issued.pivot(index=["model", "unit", "day"], columns="horizon", values="probability")
    assert (wide[10] >= wide[7] - 1e-12).all()
    assert (wide[10] > wide[7]).any()


def test_a_backtest_over_two_bars_never_rises(crisis):
    bar = {"called": "deadly", "where": {"rung": 5}}
    issued = backtest_labels(crisis, small({"where": {"rung": 3}}, bar))
    wide = issued.pivot(index=["model", "unit", "day"], columns="target", values="probability")
    low, high = (wide[name] for name in sorted(wide, key=lambda name: name == "deadly_7d"))
    assert (high <= low + 1e-12).all()
    assert (high < low).any()
