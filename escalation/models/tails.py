"""Tails of counts, and the dispersion that makes the outcomes likeliest."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc

from escalation._util.arrays import Array
from escalation.models.ewma_nb import nb_tail

DISPERSIONS = (1.2, 1.5, 2.0, 3.0, 4.0, 6.0, 9.0, 14.0, 22.0, 40.0, 80.0, 160.0)
"""Variance over mean, from nearly Poisson to a war in a day."""
OVERDISPERSIONS = (0.1, 0.2, 0.4, 0.7, 1.0, 1.5, 2.5, 4.0, 7.0)
"""Overdispersion of the quadratic form: squared coefficient of variation of the level."""
MOST_ROWS = 3000
"""Evenly spaced rows that are enough to choose one number."""
OUTCOME_FLOOR = 1e-4
"""Minimum likelihood of an outcome while choosing, so that no single row decides."""

Tail = Callable[[Array, float, Array], Array]


def quadratic_tail(mean: Array, overdispersion: float | Array, threshold: Array) -> Array:
    r"""P(X >= threshold) for a negative binomial with variance mean + overdispersion * mean^2.

    .. math:: P(X \ge k) = I_{a m / (1 + a m)}(k,\ 1 / a)

    with I the regularised incomplete beta function.

    Parameters
    ----------
    mean : ndarray
        m, positive, in events.
    overdispersion : float or ndarray
        a, positive.
    threshold : ndarray
        k; rounded up. The probability is 1 for 0 or less.

    Returns
    -------
    ndarray
        Probabilities, in the shape of ``mean``.

    Examples
    --------
    >>> quadratic_tail(np.array([1.0]), 1.0, np.array([1.0])).tolist()
    [0.5]
    """
    k, a = np.ceil(threshold), np.asarray(overdispersion, dtype=np.float64)
    ratio = a * mean
    reached = betainc(np.maximum(k, 1.0), 1.0 / a, ratio / (1.0 + ratio))
    return np.where(k < 1.0, 1.0, reached)


def outcome_log_likelihood(probability: Array, y: Array) -> Array:
    """Log likelihood of each outcome, with probabilities clipped away from 0 and 1.

    Parameters
    ----------
    probability, y : ndarray, shape (row,)

    Returns
    -------
    ndarray, shape (row,)
    """
    clipped = np.clip(probability, OUTCOME_FLOOR, 1.0 - OUTCOME_FLOOR)
    return np.log(np.where(y > 0, clipped, 1.0 - clipped))


def evenly_spaced(rows: int, *, most: int = MOST_ROWS) -> NDArray[np.intp]:
    """Positions of at most ``most`` evenly spaced rows, in ascending order.

    Parameters
    ----------
    rows, most : int

    Examples
    --------
    >>> evenly_spaced(10, most=4).tolist()
    [0, 3, 6, 9]
    """
    return np.unique(np.linspace(0, rows - 1, min(rows, most)).astype(np.intp))


def likeliest(
    mean: Array,
    threshold: Array,
    y: Array,
    *,
    tail: Tail = nb_tail,
    grid: Sequence[float] = DISPERSIONS,
) -> tuple[float, float]:
    """The dispersion of a grid under which the outcomes are likeliest, and how likely.

    Outcomes decide, not counts: the tail has to be right at the threshold, whatever the shape
    elsewhere.

    Parameters
    ----------
    mean, threshold, y : ndarray, shape (row,)
    tail : callable
        ``(mean, dispersion, threshold)`` to probabilities.
    grid : sequence of float

    Returns
    -------
    dispersion, mean log likelihood : float

    Examples
    --------
    >>> y = (np.arange(100) % 4 == 0) * 1.0
    >>> likeliest(np.full(100, 1.0), np.full(100, 2.0), y)[0]
    2.0
    """
    gains = [float(outcome_log_likelihood(tail(mean, d, threshold), y).mean()) for d in grid]
    best = int(np.argmax(gains))
    return float(grid[best]), gains[best]


def likeliest_shape(mean: Array, threshold: Array, y: Array) -> tuple[bool, float]:
    """Whether a quadratic variance is likelier than a linear one, and its dispersion.

    Parameters
    ----------
    mean, threshold, y : ndarray, shape (row,)

    Returns
    -------
    quadratic : bool
    dispersion : float
        Variance over mean, or the overdispersion of the quadratic form.

    Examples
    --------
    >>> y = (np.arange(100) % 4 == 0) * 1.0
    >>> likeliest_shape(np.full(100, 1.0), np.full(100, 2.0), y)
    (False, 2.0)
    """
    dispersion, gain = likeliest(mean, threshold, y)
    overdispersion, quadratic_gain = likeliest(
        mean, threshold, y, tail=quadratic_tail, grid=OVERDISPERSIONS
    )
    return (True, overdispersion) if quadratic_gain > gain else (False, dispersion)


def tail_of(mean: Array, shape: tuple[bool, float], threshold: Array) -> Array:
    """P(X >= threshold) under a shape from :func:`likeliest_shape`.

    Parameters
    ----------
    mean, threshold : ndarray, shape (row,)
    shape : tuple of (bool, float)

    Returns
    -------
    ndarray, shape (row,)
    """
    quadratic, dispersion = shape
    return (quadratic_tail if quadratic else nb_tail)(mean, dispersion, threshold)
