"""Climatology and last value against tables worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from escalation.models.climatology import Climatology, pool_strength
from escalation.models.last_value import LastValue


def frame(units, **columns):
    index = pd.MultiIndex.from_arrays([units, range(len(units))], names=["unit", "day"])
    return pd.DataFrame({"threshold": np.ones(len(units)), **columns}, index=index)


def test_climatology_follows_the_table():
    # h = 2: unit a has 2 labels, 1 positive; unit b has 3 labels, none positive.
    # Pool (1 + 0.5) / (5 + 1) = 0.25. With M = 4: a (1 + 1) / (2 + 4), b (0 + 1) / (3 + 4).
    X = frame(["a"] * 4 + ["b"] * 6)
    y = [1, 1, 0, 0] + [0] * 6
    model = Climatology(horizon=2, strength=4.0).fit(X, y)
    rows = frame(["b", "a", "never seen", ""])
    actual = model.predict_proba(rows)[:, 1]
    np.testing.assert_allclose(actual, [1 / 7, 1 / 3, 0.25, 0.25], rtol=1e-14)


def test_climatology_without_unit_names_gives_the_pool():
    X = np.ones((6, 1))
    model = Climatology(horizon=1).fit(X, [1, 0, 0, 0, 0, 0])
    np.testing.assert_allclose(model.predict_proba(X)[:, 1], 1.5 / 7, rtol=1e-14)


def test_renamed_units_change_only_names():
    y = [1, 1, 0, 1, 0, 0, 0, 0]
    first = Climatology(horizon=1).fit(frame(list("aaaabbbb")), y)
    second = Climatology(horizon=1).fit(frame(list("zzzzbbbb")), y)
    a, z = first.predict_proba(frame(list("ab"))), second.predict_proba(frame(list("zb")))
    np.testing.assert_array_equal(a, z)
    assert a[0, 1] > a[1, 1]


def test_pool_is_worth_many_labels_where_units_do_not_differ_and_few_where_they_do():
    labels = np.full(20, 50.0)
    assert pool_strength(np.full(20, 10.0), labels) == 1000.0
    assert pool_strength(np.repeat([0.0, 50.0], 10), labels) == 2.0


@pytest.mark.parametrize("strength", [4.0, 20.0])
def test_pool_strength_recovers_a_planted_spread_of_rates(strength):
    random = np.random.default_rng(11)
    labels = random.integers(20, 200, 4000).astype(float)
    rates = random.beta(0.3 * strength, 0.7 * strength, 4000)
    positives = random.binomial(labels.astype(int), rates).astype(float)
    assert pool_strength(positives, labels) == pytest.approx(strength, rel=0.1)


def test_last_value_follows_the_table():
    # h = 2; the last days reached the threshold in rows 1 to 4, three of them positive:
    # 2 labels, 1.5 positive. Else 1 label, 0 positive. Base (1.5 + 0.5) / (3 + 1) = 0.5.
    X = np.column_stack([[2, 1, 1, 3, 0, 1], [2, 1, 1, 3, 1, 2]])
    y = [1, 1, 1, 0, 0, 0]
    model = LastValue(horizon=2, window=2, last=0, threshold=1).fit(X, y)
    np.testing.assert_allclose(model.rates_, [(0 + 1) / (1 + 2), (1.5 + 1) / (2 + 2)], rtol=1e-14)
    assert model.predict_proba(X)[:, 1].tolist() == [0.625] * 4 + [1 / 3] * 2


@pytest.mark.parametrize(
    ("horizon", "last", "threshold", "reached"),
    [
        (7, 1, 1, True),
        (7, 1, 2, False),
        (14, 1, 2, True),  # one in a week is two in a fortnight
        (1, 1, 1, True),  # one in a week, rounded up, is one in a day
        (1, 7, 2, False),
        (1, 8, 2, True),
    ],
)
def test_last_days_are_scaled_to_the_horizon_and_rounded_up(horizon, last, threshold, reached):
    model = LastValue(horizon=horizon, window=7, last=0, threshold=1)
    model.fit(np.array([[0, 1]] * 40 + [[99, 1]] * 40), [0] * 40 + [1] * 40)
    actual = model.predict_proba(np.array([[last, threshold]]))[0, 1]
    assert actual == model.rates_[int(reached)]
    assert model.rates_[0] < model.rates_[1]


@pytest.mark.parametrize(("horizon", "column"), [(7, "7d"), (14, "7d"), (30, "28d")])
def test_last_value_takes_the_window_nearest_to_the_horizon(horizon, column):
    X = pd.DataFrame({"history_sum_7d": 0.0, "history_sum_28d": 0.0, "threshold": np.ones(80)})
    y = np.arange(80) % 2
    X[f"history_sum_{column}"] = 30.0 * y
    model = LastValue(horizon=horizon).fit(X, y)
    assert (model.predict_proba(X)[:, 1] == model.rates_[y]).all()
    assert model.rates_[0] < model.rates_[1]
