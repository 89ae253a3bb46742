"""Scores of probabilities and of counts: pure functions of the forecasts and what happened."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import xlog1py, xlogy

from escalation._util.arrays import Array

Metric = Callable[[Array, Array], float]
"""From probabilities in [0, 1] and outcomes, 1 or 0, each of shape (row,), to a number."""


def squared_errors(probability: Array, outcome: Array) -> Array:
    """Squared error of each forecast.

    Parameters
    ----------
    probability, outcome : ndarray, shape (row,)
    """
    return (probability - outcome) ** 2


def log_losses(probability: Array, outcome: Array) -> Array:
    """Negative log likelihood of each outcome, in nats; infinite if a certain forecast was wrong.

    Parameters
    ----------
    probability, outcome : ndarray, shape (row,)
    """
    return 0.0 - xlogy(outcome, probability) - xlog1py(1.0 - outcome, -probability)


LOSSES = {"brier": squared_errors, "log_score": log_losses}
"""Proper scores by row. Both scores are means, so sums by date are enough to resample them."""


def brier(probability: Array, outcome: Array) -> float:
    r"""Brier score, lower is better; NaN without rows.

    .. math:: \frac{1}{n} \sum_i (p_i - y_i)^2

    Parameters
    ----------
    probability, outcome : ndarray, shape (row,)

    References
    ----------
    Brier (1950), doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2.

    Examples
    --------
    >>> round(brier(np.array([0.8, 0.3]), np.array([1.0, 0.0])), 3)
    0.065
    """
    return float(squared_errors(probability, outcome).mean()) if len(outcome) else np.nan


def log_score(probability: Array, outcome: Array) -> float:
    r"""Mean negative log likelihood in nats, lower is better; NaN without rows.

    .. math:: -\frac{1}{n} \sum_i y_i \ln p_i + (1 - y_i) \ln(1 - p_i)

    Infinite if a certain forecast was wrong.

    Parameters
    ----------
    probability, outcome : ndarray, shape (row,)

    References
    ----------
    Good (1952), doi:10.1111/j.2517-6161.1952.tb00104.x.

    Examples
    --------
    >>> round(log_score(np.array([0.5, 0.5]), np.array([1.0, 0.0])), 6)
    0.693147
    """
    return float(log_losses(probability, outcome).mean()) if len(outcome) else np.nan


def _tied_groups(probability: Array, outcome: Array) -> tuple[Array, Array]:
    """Positives and rows by distinct probability, in ascending order."""
    _, group, size = np.unique(probability, return_inverse=True, return_counts=True)
    hits: Array = np.bincount(group, weights=outcome, minlength=len(size)).astype(np.float64)
    return hits, size.astype(np.float64)


def average_precision(probability: Array, outcome: Array) -> float:
    r"""Area under the precision-recall steps, higher is better; ties count as one step.

    .. math:: \sum_k (R_k - R_{k-1}) P_k

    Only the order of the forecasts matters. A random order scores about the share of positives.

    Parameters
    ----------
    probability, outcome : ndarray, shape (row,)

    Returns
    -------
    float
        NaN without positives.

    Examples
    --------
    >>> round(average_precision(np.array([0.1, 0.4, 0.35, 0.8]), np.array([0.0, 0.0, 1.0, 1.0])), 4)
    0.8333
    """
    hits, size = _tied_groups(probability, outcome)
    if not hits.sum() > 0:
        return np.nan
    hits, size = hits[::-1], size[::-1]
    return float((hits * hits.cumsum() / size.cumsum()).sum() / hits.sum())


def auc(probability: Array, outcome: Array) -> float:
    r"""Share of pairs of a positive and a negative that are in the right order; ties count half.

    .. math:: P(p_+ > p_-) + \tfrac{1}{2} P(p_+ = p_-)

    Only the order of the forecasts matters, over all rows. A random order scores about one half.
    Read it together with :func:`positives`.

    Parameters
    ----------
    probability, outcome : ndarray, shape (row,)

    Returns
    -------
    float
        NaN unless both outcomes occur.

    Examples
    --------
    >>> auc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([0.0, 0.0, 1.0, 1.0]))
    0.75
    """
    hits, size = _tied_groups(probability, outcome)
    misses = size - hits
    pairs = hits.sum() * misses.sum()
    if not pairs > 0:
        return np.nan
    below = misses.cumsum() - misses
    return float((hits * (below + misses / 2.0)).sum() / pairs)


def positives(probability: Array, outcome: Array) -> float:
    """Number of outcomes that are 1: the evidence behind every ranking.

    Parameters
    ----------
    probability, outcome : ndarray, shape (row,)
    """
    return float(outcome.sum())


def crps(exceedance: Array, count: Array) -> Array:
    r"""Continuous ranked probability score of forecasts of a count, lower is better.

    .. math:: \sum_{k \ge 0} \big(P(X > k) - [x > k]\big)^2

    In the unit of the count: for a forecast without uncertainty it is the absolute error.

    Parameters
    ----------
    exceedance : ndarray, shape (row, k)
        P(X > 0), P(X > 1), ...: at least up to the largest count, and until the rest is negligible.
    count : ndarray, shape (row,)
        x, the observed count.

    Returns
    -------
    ndarray, shape (row,)

    Raises
    ------
    ValueError
        If a count lies beyond the last column.

    References
    ----------
    Gneiting and Raftery (2007), doi:10.1198/016214506000001437.

    Examples
    --------
    >>> certain_of_two = np.array([[1.0, 1.0, 0.0, 0.0, 0.0]])
    >>> crps(certain_of_two, np.array([5.0])).tolist()
    [3.0]
    """
    columns = np.arange(exceedance.shape[1])
    if len(count) and count.max() > exceedance.shape[1]:
        raise ValueError(f"needs P(X > k) up to the largest count, {count.max():.0f}")
    above = np.asarray(count)[:, None] > columns
    return np.asarray(((exceedance - above) ** 2).sum(axis=1))
