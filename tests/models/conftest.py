"""A training table like the real one, from a simulated count series."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

DECAYS = (7, 10, 21, 45, 90, 365)
WINDOWS = (7, 28, 360)


class Table(NamedTuple):
    """Training rows."""

    X: pd.DataFrame
    y: np.ndarray
    count: np.ndarray


def simulate(
    *, units: int = 4, days: int = 400, features: int = 6, horizon: int = 7, seed: int = 0
) -> Table:
    """Poisson counts whose rate drifts and differs between units, with features of pure noise."""
    random = np.random.default_rng(seed)
    drift = np.exp(np.cumsum(random.normal(0, 0.05, (units, days)), axis=1))
    events = random.poisson(np.minimum(random.gamma(1.0, 0.15, (units, 1)) * drift, 3.0))
    columns: dict[str, np.ndarray] = {}
    for k in range(features):
        noise = random.normal(0, 10.0 ** (k % 6 - 2), units * days).astype(np.float32)
        columns[f"feature_{k}"] = noise
    for k in DECAYS:
        total, out = np.zeros(units), np.empty((units, days))
        for t in range(days):
            total = total * np.exp(-1.0 / k) + events[:, t]
            out[:, t] = total
        columns[f"history_decay_{k}d"] = out.ravel()
    sums = np.concatenate([np.zeros((units, 1)), np.cumsum(events, axis=1)], axis=1)
    place = np.arange(1, days + 1)
    for width in WINDOWS:
        past = sums[:, place] - sums[:, np.maximum(place - width, 0)]
        columns[f"history_sum_{width}d"] = past.ravel()
    happened = np.concatenate([np.zeros((units, 1)), np.cumsum(events > 0, axis=1)], axis=1)
    for width in (28, 90, 360):
        active = happened[:, place] - happened[:, np.maximum(place - width, 0)]
        columns[f"history_active_{width}d"] = active.ravel()
    columns["history_days_observed"] = np.tile(place, units).astype(float)
    since = np.full((units, days), 9999.0)
    for t in range(days):
        before = since[:, t - 1] + 1 if t else since[:, 0]
        since[:, t] = np.where(events[:, t] > 0, 0, np.minimum(before, 9999))
    columns["history_days_since"] = since.ravel()
    columns["history_mean"] = columns["history_sum_360d"] * horizon / 360.0
    columns["threshold"] = np.repeat(1.0 + np.arange(units) % 2, days)
    names = [f"u{k}" for k in range(units)]
    index = pd.MultiIndex.from_product(
        [names, pd.date_range("2019-01-01", periods=days)], names=["unit", "day"]
    )
    X = pd.DataFrame(columns, index=index)
    ahead = np.full((units, days), np.nan)
    ahead[:, : days - horizon] = sums[:, 1 + horizon :] - sums[:, 1 : days - horizon + 1]
    count = ahead.ravel()
    known = ~np.isnan(count)
    X, count = X[known], count[known]
    return Table(X, (count >= X["threshold"].to_numpy()).astype(float), count)


@pytest.fixture(scope="session")
def make_table() -> Callable[..., Table]:
    """Makes tables of any size."""
    return simulate


@pytest.fixture(scope="session")
def table() -> Table:
    """Four units, 393 days, two thresholds."""
    return simulate()
