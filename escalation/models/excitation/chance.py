"""Intervals and null distributions for moves that are clustered in exchanges."""

from __future__ import annotations

import numpy as np
from scipy.stats import beta, t

from escalation._util.arrays import Array, Bools, Ints

_TAIL = 0.025
"""On each side of a 95% interval."""


def exchange_numbers(days: Ints, *, within: int) -> Ints:
    """Number each move, with the same number for moves whose windows overlap.

    Parameters
    ----------
    days : ndarray of int64, shape (move,)
        In ascending order.
    within : int
        Length of a window in days.

    Examples
    --------
    >>> exchange_numbers(np.array([0, 2, 5, 8]), within=3).tolist()
    [0, 0, 1, 2]
    """
    return np.cumsum(np.diff(days, prepend=days[:1]) >= within).astype(np.int64)


def share_interval(followed: Bools, exchange: Ints) -> tuple[float, float]:
    """95% interval for a share of moves, exact if each move is a separate exchange.

    Clopper and Pearson's interval with the effective number of moves (Korn and Graubard): their
    number divided by the design effect, smaller for few exchanges, and at most their number.

    Parameters
    ----------
    followed : ndarray of bool, shape (move,)
    exchange : ndarray of int64, shape (move,)
        From 0, without gaps.

    References
    ----------
    Korn and Graubard (1998), Survey Methodology 24, 193-201.

    Examples
    --------
    >>> low, high = share_interval(np.arange(10) < 3, np.arange(10))
    >>> round(low, 4), round(high, 4)
    (0.0667, 0.6525)
    """
    count, exchanges = len(followed), int(exchange.max()) + 1
    share, effective = float(followed.mean()), float(count)
    if exchanges < count:
        effective = float(exchanges)
        if 0.0 < share < 1.0 and exchanges > 1:
            variance = _clustered_variance(
                followed.astype(np.float64), exchange, share, float(count)
            )
            few = (t.ppf(1.0 - _TAIL, count - 1) / t.ppf(1.0 - _TAIL, exchanges - 1)) ** 2
            effective = min(share * (1.0 - share) / max(variance, 1e-12) * few, float(count))
    hits = share * effective
    low = 0.0 if share == 0.0 else float(beta.ppf(_TAIL, hits, effective - hits + 1.0))
    high = 1.0 if share == 1.0 else float(beta.ppf(1.0 - _TAIL, hits + 1.0, effective - hits))
    return low, high


def excess_interval(excess: Array, exchange: Ints) -> tuple[float, float]:
    """95% interval for a mean difference of paired binary outcomes, by exchange.

    A t interval over exchanges with half a move added to each cell of the two-by-two table (Agresti
    and Min), without which few differences would look like none.

    Parameters
    ----------
    excess : ndarray of float64, shape (move,)
        Followed minus preceded: -1, 0 or 1.
    exchange : ndarray of int64, shape (move,)
        From 0, without gaps; at least two exchanges.

    References
    ----------
    Agresti and Min (2005), Statistics in Medicine 24, 729-740.
    """
    exchanges, count = int(exchange.max()) + 1, len(excess) + 2.0
    mean = float(excess.sum()) / count
    added = 0.25 * ((1.0 - mean) ** 2 + (1.0 + mean) ** 2 + 2.0 * mean**2)
    variance = _clustered_variance(excess, exchange, mean, count) + added / count**2
    half = float(t.ppf(1.0 - _TAIL, exchanges - 1)) * np.sqrt(variance)
    return max(mean - half, -1.0), min(mean + half, 1.0)


def _clustered_variance(values: Array, exchange: Ints, mean: float, count: float) -> float:
    """Variance of a mean over values clustered in exchanges."""
    sums = np.bincount(exchange, weights=values - mean)
    return float(len(sums) / (len(sums) - 1.0) * (sums**2).sum() / count**2)


def jittered(
    days: Ints, exchange: Ints, followed_from: Bools, *, jitter: int, within: int
) -> tuple[float, float]:
    """Expected share followed if exchanges shift by up to ``jitter`` days, and its p-value.

    The distribution is exact: every shift is tried, and exchanges shift independently.

    Parameters
    ----------
    days, exchange : ndarray of int64, shape (move,)
    followed_from : ndarray of bool, shape (day,)
        Whether a move on a day would be followed.
    jitter : int
        Largest shift in days.
    within : int
        Days at both ends that are kept free of moves.

    Returns
    -------
    tuple of float
        The mean share, and the probability of at least as many followed moves as observed.
    """
    distribution, mean = np.ones(1), 0.0
    shifts = np.arange(-jitter, jitter + 1)
    for number in range(int(exchange.max()) + 1):
        moved = days[exchange == number] + shifts[:, None]
        inside = ((moved >= within) & (moved < len(followed_from) - within)).all(axis=1)
        hits = followed_from[moved[inside]].sum(axis=1)
        shares = np.bincount(hits, minlength=moved.shape[1] + 1) / inside.sum()
        distribution, mean = np.convolve(distribution, shares), mean + float(hits.mean())
    observed = int(followed_from[days].sum())
    return mean / len(days), min(float(distribution[observed:].sum()), 1.0)
