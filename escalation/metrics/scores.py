"""Scores and rankings of probabilities: pure functions ``(probability, outcome) -> float``."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import xlog1py, xlogy

from escalation._util.arrays import Array

Metric = Callable[[Array, Array], float]
"""Of the probabilities and the outcomes, each of shape (row,)."""


def squared_errors(probability: Array, outcome: Array) -> Array:
    """Squared error of each forecast.

    Parameters
    ----------
    probability : ndarray, shape (row,)
        In [0, 1].
    outcome : ndarray, shape (row,)
        1 or 0.

    Returns
    -------
    ndarray, shape (row,)
    """
    return (probability - outcome) ** 2


def log_losses(probability: Array, outcome: Array) -> Array:
    """Negative log likelihood of each outcome, in nats; infinite where a certainty was wrong.

    Parameters
    ----------
    probability : ndarray, shape (row,)
        In [0, 1].
    outcome : ndarray, shape (row,)
        1 or 0.

    Returns
    -------
    ndarray, shape (row,)
    """
    return 0.0 - xlogy(outcome, probability) - xlog1py(1.0 - outcome, -probability)


LOSSES = {"brier": squared_errors, "log_score": log_losses}
"""The proper scores by row; both are means, so sums by date are enough to resample them."""


def brier(probability: Array, outcome: Array) -> float:
    r"""Brier score, lower is better.

    .. math:: \frac{1}{n} \sum_i (p_i - y_i)^2

    Parameters
    ----------
    probability : ndarray, shape (row,)
        In [0, 1].
    outcome : ndarray, shape (row,)
        1 or 0.

    Returns
    -------
    float
        NaN without a row.

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
    r"""Mean negative log likelihood in nats, lower is better.

    .. math:: -\frac{1}{n} \sum_i y_i \ln p_i + (1 - y_i) \ln(1 - p_i)

    Parameters
    ----------
    probability : ndarray, shape (row,)
        In [0, 1].
    outcome : ndarray, shape (row,)
        1 or 0.

    Returns
    -------
    float
        Infinite when a certainty was wrong, NaN without a row.

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
    """Positives and rows by distinct probability, in rising order."""
    _, group, size = np.unique(probability, return_inverse=True, return_counts=True)
    hits: Array = np.bincount(group, weights=outcome, minlength=len(size)).astype(np.float64)
    return hits, size.astype(np.float64)


def average_precision(probability: Array, outcome: Array) -> float:
    r"""Area under the precision-recall steps, higher is better; ties count as one step.

    .. math:: \sum_k (R_k - R_{k-1}) P_k

    Parameters
    ----------
    probability : ndarray, shape (row,)
        Only the order matters.
    outcome : ndarray, shape (row,)
        1 or 0.

    Returns
    -------
    float
        NaN without a positive. A random order gives about the share of positives.

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

    From the raw ranking of all rows. Read it with :func:`positives` at its side.

    .. math:: P(p_+ > p_-) + \tfrac{1}{2} P(p_+ = p_-)

    Parameters
    ----------
    probability : ndarray, shape (row,)
        Only the order matters.
    outcome : ndarray, shape (row,)
        1 or 0.

    Returns
    -------
    float
        NaN unless both outcomes occur. A random order gives about one half.

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
    """How many outcomes are 1: what every ranking rests on.

    Parameters
    ----------
    probability : ndarray, shape (row,)
        In [0, 1].
    outcome : ndarray, shape (row,)
        1 or 0.

    Examples
    --------
    >>> positives(np.array([0.2, 0.9]), np.array([0.0, 1.0]))
    1.0
    """
    return float(outcome.sum())
