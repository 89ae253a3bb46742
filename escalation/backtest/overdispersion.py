r"""How far the true probability lies from the issued one, place by place and time by time.

Issued probabilities q are taken for the mean of true ones whose log-odds are normal around a centre
m(q) with a standard deviation, the spread:

.. math:: P = \operatorname{expit}(m + \tau z),\quad \mathbb{E}\,P = q

The variance of P is seen in pairs of outcomes of one unit a horizon apart, so that they share no
day, both measured against what was issued at the first of them, where the true probability lasts so
long: E (y_t - q_t)(y_{t+h} - q_t) = Var P.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

Array = NDArray[np.float64]
PRIOR_SPREAD = 0.7
PRIOR_PAIRS = 100
"""The prior spread counts as much as so many pairs of outcomes."""
LARGEST_SPREAD = 4.0
BINS = 40
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(21)
WEIGHTS = WEIGHTS / WEIGHTS.sum()
GRID = np.linspace(-16.0, 16.0, 321)
"""Log-odds on which centres are solved once; between them they are interpolated."""


def centre_of(score: Array, spread: float) -> Array:
    """Log-odds around which normal ones of a given spread have a given mean probability.

    Parameters
    ----------
    score : ndarray
        Log-odds of the mean probability.
    spread : float

    Examples
    --------
    >>> centre_of(np.array([-4.0, 2.0, 4.0]), 1.0).round(2).tolist()
    [-4.47, 2.35, 4.47]
    """
    return np.interp(score, GRID, _solved(GRID, spread))


def _solved(score: Array, spread: float) -> Array:
    goal, centre = expit(score), score * np.sqrt(1.0 + 0.3 * spread**2)
    for _ in range(12):
        each = expit(centre[:, None] + spread * NODES)
        slope = np.maximum((each * (1.0 - each)) @ WEIGHTS, 1e-12)
        centre = centre - np.clip((each @ WEIGHTS - goal) / slope, -1.0, 1.0)
    return centre


def variance_of(probability: Array, spread: float) -> Array:
    """Variance of the true probability around its mean.

    Examples
    --------
    >>> variance_of(np.array([0.1, 0.5]), 1.0).round(4).tolist()
    [0.0083, 0.0434]
    """
    centre = _solved(logit(probability), spread)
    return expit(centre[:, None] + spread * NODES) ** 2 @ WEIGHTS - probability**2


def local_spread(
    probability: Array,
    outcome: Array,
    *,
    unit: NDArray[np.int64],
    day: NDArray[np.int64],
    horizon: int,
) -> float:
    """The spread at which the variance is what the pairs of outcomes show.

    One standard error of their mean product is added (over stretches of dates or over units,
    whichever is larger): a variance learnt from few pairs is uncertain, and too narrow is worse
    than too wide.

    Parameters
    ----------
    probability, outcome : ndarray, shape (row,)
        Recalibrated, and what came.
    unit, day : ndarray of int, shape (row,)
    horizon : int
        In days.

    Returns
    -------
    float
        From 0 to 4; the prior where there is no pair.
    """
    first, second = pairs(unit, day, horizon=horizon)
    if not len(first):
        return PRIOR_SPREAD
    issued = np.clip(probability[first], 1e-6, 1.0 - 1e-6)
    product = (outcome[first] - issued) * (outcome[second] - issued)
    error = max(
        standard_error(product, day[first] // (4 * horizon)), standard_error(product, unit[first])
    )
    return _spread_with(issued, max(float(product.mean()), 0.0) + error)


def pairs(
    unit: NDArray[np.int64], day: NDArray[np.int64], *, horizon: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and their partners: the same unit's first forecast at least a horizon later.

    A partner more than two horizons later is none.

    Examples
    --------
    >>> first, second = pairs(np.array([0, 0, 0, 1]), np.array([0, 5, 8, 8]), horizon=7)
    >>> first.tolist(), second.tolist()
    ([0], [2])
    """
    length = int(day.max()) + 2 * horizon + 1 if len(day) else 1
    place = unit.astype(np.int64) * length + day
    order = np.argsort(place, kind="stable")
    found = np.searchsorted(place[order], place + horizon)
    partner = order[np.minimum(found, len(order) - 1)] if len(order) else order
    near = (unit[partner] == unit) & (day[partner] >= day + horizon)
    near &= day[partner] <= day + 2 * horizon
    first = np.flatnonzero(near)
    return first, partner[first]


def standard_error(values: Array, group: NDArray[np.int64]) -> float:
    """Standard error of a mean whose values depend on each other within groups; 0 for one group."""
    _, codes = np.unique(group, return_inverse=True)
    groups = int(codes.max()) + 1
    if groups < 2:
        return 0.0
    away = np.bincount(codes, values - values.mean())
    return float(np.sqrt((away**2).sum() * groups / (groups - 1)) / len(values))


def _spread_with(issued: Array, variance: float) -> float:
    """The spread at which the issued probabilities have a mean variance, next to the prior's."""
    parts = np.array_split(np.sort(issued), min(BINS, len(issued)))
    binned = np.array([part.mean() for part in parts])
    share = np.array([len(part) for part in parts]) / len(issued)
    prior = float(share @ variance_of(binned, PRIOR_SPREAD))
    goal = (len(issued) * variance + PRIOR_PAIRS * prior) / (len(issued) + PRIOR_PAIRS)
    low, high = 0.0, LARGEST_SPREAD
    for _ in range(20):
        middle = (low + high) / 2.0
        if float(share @ variance_of(binned, middle)) < goal:
            low = middle
        else:
            high = middle
    return low
