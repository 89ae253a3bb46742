"""What coincidence alone would do: intervals and nulls for moves that come in exchanges."""

from __future__ import annotations

import numpy as np
from scipy.stats import beta, t

from escalation._util.arrays import Array, Bools, Ints

_TAIL = 0.025
"""On each side of a 95% interval."""


def exchange_numbers(days: Ints, *, within: int) -> Ints:
    """A number for each move: the same for moves whose windows overlap.

    Parameters
    ----------
    days : ndarray of int64, shape (move,)
        In rising order.
    within : int
        Length of a window in days.

    Examples
    --------
    >>> exchange_numbers(np.array([0, 2, 5, 8]), within=3).tolist()
    [0, 0, 1, 2]
    """
    return np.cumsum(np.diff(days, prepend=days[:1]) >= within).astype(np.int64)


def share_interval(followed: Bools, exchange: Ints) -> tuple[float, float]:
    """Interval of 95% for a share of moves, exact where each is an exchange of its own.

    Clopper and Pearson's, with as many moves as the exchanges are worth (Korn and Graubard): their
    number divided by the design effect, less for few exchanges; never more than there are.

    Parameters
    ----------
    followed : ndarray of bool, shape (move,)
    exchange : ndarray of int64, shape (move,)
        From 0 up, without a gap.

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
    share, worth = float(followed.mean()), float(count)
    if exchanges < count:
        worth = float(exchanges)
        if 0.0 < share < 1.0 and exchanges > 1:
            spread = _spread(followed.astype(np.float64), exchange, share, float(count))
            few = (t.ppf(1.0 - _TAIL, count - 1) / t.ppf(1.0 - _TAIL, exchanges - 1)) ** 2
            worth = min(share * (1.0 - share) / max(spread, 1e-12) * few, float(count))
    hits = share * worth
    low = 0.0 if share == 0.0 else float(beta.ppf(_TAIL, hits, worth - hits + 1.0))
    high = 1.0 if share == 1.0 else float(beta.ppf(1.0 - _TAIL, hits + 1.0, worth - hits))
    return low, high


def excess_interval(excess: Array, exchange: Ints) -> tuple[float, float]:
    """Interval of 95% for a mean difference of paired yes and no, by exchange.

    A t interval over exchanges, after half a move in each cell of the two-by-two table (Agresti and
    Min), without which few differences would look like none.

    Parameters
    ----------
    excess : ndarray of float64, shape (move,)
        Followed less preceded: -1, 0 or 1.
    exchange : ndarray of int64, shape (move,)
        From 0 up, without a gap; at least two.

    References
    ----------
    Agresti and Min (2005), Statistics in Medicine 24, 729-740.
    """
    exchanges, count = int(exchange.max()) + 1, len(excess) + 2.0
    mean = float(excess.sum()) / count
    added = 0.25 * ((1.0 - mean) ** 2 + (1.0 + mean) ** 2 + 2.0 * mean**2)
    spread = _spread(excess, exchange, mean, count) + added / count**2
    half = float(t.ppf(1.0 - _TAIL, exchanges - 1)) * np.sqrt(spread)
    return max(mean - half, -1.0), min(mean + half, 1.0)


def _spread(values: Array, exchange: Ints, mean: float, count: float) -> float:
    """Variance of a mean whose values come in exchanges."""
    sums = np.bincount(exchange, weights=values - mean)
    return float(len(sums) / (len(sums) - 1.0) * (sums**2).sum() / count**2)


def jittered(
    days: Ints, exchange: Ints, followed_from: Bools, *, jitter: int, within: int
) -> tuple[float, float]:
    """Share followed had each exchange come up to so many days sooner or later, and its chance.

    Every shift is tried and exchanges move independently, so the distribution is exact.

    Parameters
    ----------
    days, exchange : ndarray of int64, shape (move,)
    followed_from : ndarray of bool, shape (day,)
        Whether a move on a day would be followed.
    jitter : int
        Largest shift in days.
    within : int
        Days at both ends on which no move can lie.

    Returns
    -------
    tuple of float
        The mean share, and how likely at least as many are followed as were.
    """
    distribution, mean = np.ones(1), 0.0
    shifts = np.arange(-jitter, jitter + 1)
    for number in range(int(exchange.max()) + 1):
        moved = days[exchange == number] + shifts[:, None]
        inside = ((moved >= within) & (moved < len(followed_from) - within)).all(axis=1)
        hits = followed_from[moved[inside]].sum(axis=1)
        part = np.bincount(hits, minlength=moved.shape[1] + 1) / inside.sum()
        distribution, mean = np.convolve(distribution, part), mean + float(hits.mean())
    observed = int(followed_from[days].sum())
    return mean / len(days), min(float(distribution[observed:].sum()), 1.0)
