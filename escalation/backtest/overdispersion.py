r"""How far the true probability lies from the issued one, place by place and time by time.

Issued probabilities q are taken for the mean of true ones whose log-odds are normal around a centre
m(q) with a standard deviation tau, the overdispersion:

.. math:: P = \operatorname{expit}(m + \tau z),\quad \mathbb{E}\,P = q

The variance of P is seen in pairs of outcomes of one unit a horizon apart, so that they share no
day, both measured against what was issued at the first of them, where the true probability lasts so
long: E (y_t - q_t)(y_{t+h} - q_t) = Var P.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.optimize.elementwise import find_root
from scipy.special import expit, logit

from escalation._util.arrays import Array
from escalation.models.base import SMALLEST

PRIOR_OVERDISPERSION = 0.7
PRIOR_PAIRS = 100
"""The prior overdispersion counts as much as so many pairs of outcomes."""
LARGEST_OVERDISPERSION = 4.0
PROBABILITY_BINS = 40
LOG_ODDS_GRID = np.linspace(-16.0, 16.0, 321)
"""Log-odds on which centres are solved once; between them they are interpolated."""
_NODES, _NODE_WEIGHTS = np.polynomial.hermite_e.hermegauss(21)
_NODE_WEIGHTS = _NODE_WEIGHTS / _NODE_WEIGHTS.sum()


def centre_of(score: Array, overdispersion: float) -> Array:
    """Log-odds around which normal ones of a given overdispersion have a given mean probability.

    Parameters
    ----------
    score : ndarray
        Log-odds of the mean probability.
    overdispersion : float
        Standard deviation of the log-odds.

    Returns
    -------
    ndarray
        In the shape of ``score``.

    Examples
    --------
    >>> centre_of(np.array([-4.0, 2.0, 4.0]), 1.0).round(2).tolist()
    [-4.47, 2.35, 4.47]
    """
    return np.interp(score, LOG_ODDS_GRID, _solved(LOG_ODDS_GRID, overdispersion))


def _solved(score: Array, overdispersion: float) -> Array:
    """Centre for each mean, sought between those that put all nodes to one side of it."""

    def excess(centre: Array, goal: Array) -> Array:
        each = expit(centre[..., None] + overdispersion * _NODES)
        return each @ _NODE_WEIGHTS - goal

    reach = 1.0 + overdispersion * _NODES.max()
    return find_root(excess, (score - reach, score + reach), args=(expit(score),)).x


def variance_of(probability: Array, overdispersion: float) -> Array:
    """Variance of the true probability around its mean.

    Parameters
    ----------
    probability : ndarray, shape (row,)
    overdispersion : float

    Returns
    -------
    ndarray, shape (row,)

    Examples
    --------
    >>> variance_of(np.array([0.1, 0.5]), 1.0).round(4).tolist()
    [0.0083, 0.0434]
    """
    centre = _solved(logit(probability), overdispersion)
    each = expit(centre[:, None] + overdispersion * _NODES)
    return each**2 @ _NODE_WEIGHTS - probability**2


def local_overdispersion(
    probability: Array,
    outcome: Array,
    *,
    unit: NDArray[np.int64],
    day: NDArray[np.int64],
    horizon: int,
) -> float:
    """The overdispersion at which the variance is what the pairs of outcomes show.

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
    first, second = pairs_of_outcomes(unit, day, horizon=horizon)
    if not len(first):
        return PRIOR_OVERDISPERSION
    issued = np.clip(probability[first], SMALLEST, 1.0 - SMALLEST)
    product = (outcome[first] - issued) * (outcome[second] - issued)
    error = max(
        standard_error(product, day[first] // (4 * horizon)), standard_error(product, unit[first])
    )
    return _with_variance(issued, max(float(product.mean()), 0.0) + error)


def pairs_of_outcomes(
    unit: NDArray[np.int64], day: NDArray[np.int64], *, horizon: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and their partners: the same unit's first forecast at least a horizon later.

    A partner more than two horizons later is none.

    Parameters
    ----------
    unit, day : ndarray of int, shape (row,)
    horizon : int
        In days.

    Returns
    -------
    first, second : ndarray of int, shape (pair,)
        Places of the rows and of their partners.

    Examples
    --------
    >>> first, second = pairs_of_outcomes(np.array([0, 0, 0, 1]), np.array([0, 5, 8, 8]), horizon=7)
    >>> first.tolist(), second.tolist()
    ([0], [2])
    """
    length = int(day.max()) + 2 * horizon + 1 if len(day) else 1
    place = unit.astype(np.int64) * length + day
    order = np.argsort(place, kind="stable")
    at = np.searchsorted(place[order], place + horizon)
    partner = order[np.minimum(at, len(order) - 1)] if len(order) else order
    near = (unit[partner] == unit) & (day[partner] >= day + horizon)
    near &= day[partner] <= day + 2 * horizon
    first = np.flatnonzero(near)
    return first, partner[first]


def standard_error(values: Array, group: NDArray[np.int64]) -> float:
    """Standard error of a mean whose values depend on each other within groups; 0 for one group.

    Parameters
    ----------
    values : ndarray, shape (row,)
    group : ndarray of int, shape (row,)

    Returns
    -------
    float
    """
    _, codes = np.unique(group, return_inverse=True)
    groups = int(codes.max()) + 1
    if groups < 2:
        return 0.0
    away = np.bincount(codes, values - values.mean())
    return float(np.sqrt((away**2).sum() * groups / (groups - 1)) / len(values))


def _with_variance(issued: Array, variance: float) -> float:
    """Where the issued probabilities have a mean variance, averaged with the prior's."""
    parts = np.array_split(np.sort(issued), min(PROBABILITY_BINS, len(issued)))
    binned = np.array([part.mean() for part in parts])
    share = np.array([len(part) for part in parts]) / len(issued)

    def mean_variance(overdispersion: float) -> float:
        return float(share @ variance_of(binned, overdispersion))

    prior = mean_variance(PRIOR_OVERDISPERSION)
    goal = (len(issued) * variance + PRIOR_PAIRS * prior) / (len(issued) + PRIOR_PAIRS)
    if goal >= mean_variance(LARGEST_OVERDISPERSION):
        return LARGEST_OVERDISPERSION
    return float(brentq(lambda tau: mean_variance(tau) - goal, 0.0, LARGEST_OVERDISPERSION))
