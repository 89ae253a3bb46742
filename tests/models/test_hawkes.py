"""``hawkes``: non-negative shares of decayed sums, found where they were planted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from escalation.events.simulate import hawkes_counts
from escalation.models import MODELS
from escalation.models.hawkes import excitation_columns


def training(ratio, *, horizon=1, decay=7, days=6000, seed=3):
    """A self-exciting channel whose kernel is the decayed sum of the history."""
    half_life = decay * np.log(2)
    counts = hawkes_counts(
        base=[0.4 * (1 - ratio)], excitation=[[ratio]], half_lives=half_life, days=days, seed=seed
    )[0, 0]
    columns = {}
    for k in (7, 21, 365):
        total, sums = 0.0, np.empty(days)
        for t in range(days):
            total = total * np.exp(-1 / k) + counts[t]
            sums[t] = total
        columns[f"history_decay_{k}d"] = sums
    columns["events_decay_3d"] = np.random.default_rng(1).gamma(1.0, 1.0, days)
    columns["threshold"] = np.ones(days)
    index = pd.MultiIndex.from_product(
        [["u"], pd.date_range("2010-01-01", periods=days)], names=["unit", "day"]
    )
    sums = np.concatenate([[0], np.cumsum(counts)])
    ahead = (sums[1 + horizon :] - sums[1 : days - horizon + 1]).astype(float)
    X = pd.DataFrame(columns, index=index).iloc[300 : days - horizon]
    return X, ahead[300:]


@pytest.mark.parametrize("ratio", [0.2, 0.5, 0.8])
def test_one_day_ahead_the_branching_ratio_is_the_planted_one(ratio):
    X, count = training(ratio)
    model = MODELS["hawkes"](horizon=1, ridge=0.1).fit(X, count >= 1, count=count)
    assert model.branching_ratio_ == pytest.approx(ratio, abs=0.12)
    # Noise carries next to nothing, and where there is enough excitation the right sum carries it.
    names = list(model.columns_)
    assert model.shares_[1 + names.index("events_decay_3d")] < 0.1
    if ratio > 0.4:
        history = [n for n in names if n.startswith("history")]
        shares = [model.shares_[1 + names.index(n)] for n in history]
        assert history[int(np.argmax(shares))] == "history_decay_7d"
    assert "branching ratio" in model.summary_


def test_shares_are_never_negative_and_no_labels_leave_the_prior():
    X, count = training(0.5, horizon=7)
    model = MODELS["hawkes"](horizon=7).fit(X, count >= 1, count=count)
    assert (model.shares_ >= 0).all()
    strict = MODELS["hawkes"](horizon=7, ridge=1e6).fit(X, count >= 1, count=count)
    anchor = list(strict.columns_).index("history_decay_21d")
    np.testing.assert_allclose(strict.shares_, np.eye(len(strict.shares_))[1 + anchor], atol=1e-2)


def test_with_all_weight_on_the_prior_the_mean_is_that_of_the_baseline():
    X, count = training(0.5, horizon=7)
    model = MODELS["hawkes"](horizon=7, ridge=1e9).fit(X, count >= 1, count=count)
    # 1 - exp(-1/21) against 1/21: the same to within three in a hundred.
    expected = X["history_decay_21d"].to_numpy() / 21 * 7
    np.testing.assert_allclose(model._mean(X), np.maximum(expected, 0.002), rtol=0.03)


def test_columns_are_decayed_sums_of_anything_and_sums_over_neighbours():
    names = [
        "history_decay_7d",
        "history_sum_28d",
        "history_mean",
        "events_decay_3d",
        "a>b_decay_14d",
        "events_sum_7d",
        "events_sum_7d_others",
        "events_sum_28d_within_250km",
        "events_sum_28d_same_country",
        "threshold",
        "trend_7d_28d",
    ]
    assert excitation_columns(names) == (
        "history_decay_7d",
        "events_decay_3d",
        "a>b_decay_14d",
        "events_sum_7d_others",
        "events_sum_28d_within_250km",
        "events_sum_28d_same_country",
    )


def test_a_plain_array_needs_positions():
    with pytest.raises(ValueError, match="by position"):
        MODELS["hawkes"]().fit(np.ones((4, 2)), [0, 1, 0, 1])
