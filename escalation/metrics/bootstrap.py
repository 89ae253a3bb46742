"""Intervals that respect time: a circular bootstrap over blocks of whole issue dates.

Rows are not independent: labels of neighbouring dates overlap, and units on one date share the
news. So whole dates are drawn, with all their units, in blocks longer than the overlap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit

from escalation._util.arrays import Array

REPLICATES = 999
BLOCKS_LEFT = 8
"""Blocks grow beyond two horizons only while there are at least this many of them."""
FEWEST_BLOCKS = 5
"""No interval is computed from fewer independent stretches of time than this."""
MOST_UNDEFINED = 0.05
"""Largest share of replicates without a value (for example, no positive drawn) for an interval."""


def block_length(days: NDArray[np.datetime64], *, horizon: int) -> int:
    r"""Number of dates in a block, which spans at least two horizons.

    .. math:: \max(L_{2h},\ \min(2 \sqrt n,\ n / 8))

    Overlapping labels need two horizons. Tension may last longer, so on long records blocks grow
    with the square root of the number of dates, as long as eight of them remain.

    Parameters
    ----------
    days : ndarray of datetime64, shape (date,)
        Distinct issue dates in ascending order, evenly spaced or not.
    horizon : int
        In days.

    Returns
    -------
    int
        At most the number of dates.

    Examples
    --------
    >>> weekly = np.arange("2020-01-01", "2020-06-01", 7, dtype="datetime64[D]")
    >>> block_length(weekly, horizon=10), block_length(weekly, horizon=28)
    (3, 8)
    """
    day = days.astype("datetime64[D]").astype(np.int64)
    ends = np.searchsorted(day, day + 2 * horizon)
    two_horizons = int((ends - np.arange(len(day))).max(initial=1))
    grown = min(int(np.ceil(2.0 * np.sqrt(len(day)))), len(day) // BLOCKS_LEFT)
    return max(two_horizons, grown)


@dataclass(frozen=True)
class Resampling:
    """Number of times that each date is drawn in each replicate.

    Parameters
    ----------
    counts : ndarray, shape (replicate, date)
        Each row sums to the number of dates.
    blocks : float
        Number of dates divided by the block length.
    """

    counts: Array
    blocks: float

    def sums(self, by_date: Array) -> Array:
        """Sum over the dates of each replicate: shape (..., date) to (..., replicate)."""
        # A matrix product would change in the last bit with the number of threads.
        return np.einsum("...d,bd->...b", by_date, self.counts)


def resample(
    days: NDArray[np.datetime64], *, horizon: int, seed: int, replicates: int = REPLICATES
) -> Resampling:
    """Draw blocks of consecutive dates, wrapping around at the end.

    Parameters
    ----------
    days, horizon
        As for :func:`block_length`.
    seed, replicates : int

    References
    ----------
    Politis & Romano (1992), "A circular block-resampling procedure for stationary data".

    Examples
    --------
    >>> weekly = np.arange("2020-01-01", "2021-01-01", 7, dtype="datetime64[D]")
    >>> sample = resample(weekly, horizon=7, seed=0)
    >>> sample.counts.shape, set(sample.counts.sum(axis=1)), sample.blocks
    ((999, 53), {np.float64(53.0)}, 8.833333333333334)
    """
    dates, length = len(days), block_length(days, horizon=horizon)
    blocks = -(-dates // length)
    starts = np.random.default_rng(seed).integers(0, dates, (replicates, blocks))
    lengths = np.full(blocks, length)
    lengths[-1] = dates - (blocks - 1) * length
    # On an axis of twice the dates, a block adds 1 at its start and subtracts it after its end.
    width = 2 * dates + 1
    row = np.arange(replicates)[:, None] * width
    starting = np.bincount((row + starts).ravel(), minlength=replicates * width)
    ending = np.bincount((row + starts + lengths).ravel(), minlength=replicates * width)
    twice = (starting - ending).reshape(replicates, width).cumsum(axis=1)
    counts = twice[:, :dates] + twice[:, dates : 2 * dates]
    return Resampling(counts.astype(np.float64), dates / length)


def interval(replicates: Array, *, blocks: float, level: float = 0.95) -> tuple[float, float]:
    r"""Percentile interval, widened for the small number of blocks.

    .. math:: \alpha' / 2 = \Phi\left(-\sqrt{n / (n - 1)}\; t_{1 - \alpha/2,\, n-1}\right)

    Parameters
    ----------
    replicates : ndarray, shape (replicate,)
        Values of the metric; missing ones are ignored.
    blocks : float
        n, the effective number of independent stretches of time.
    level : float, optional
        Nominal coverage.

    Returns
    -------
    tuple of float
        Lower and upper bound; NaN with fewer than 5 blocks, or if more than one replicate in
        twenty is not finite.

    References
    ----------
    Hesterberg (2015), doi:10.1080/00031305.2015.1089789, section 4.4 on the expanded percentile.

    Examples
    --------
    >>> interval(np.arange(1000.0), blocks=3)
    (nan, nan)
    >>> low, high = interval(np.arange(1001.0), blocks=1e6)
    >>> round(low), round(high)
    (25, 975)
    """
    finite = replicates[np.isfinite(replicates)]
    if blocks < FEWEST_BLOCKS or len(finite) < (1.0 - MOST_UNDEFINED) * len(replicates):
        return np.nan, np.nan
    quantile = stdtrit(blocks - 1.0, 0.5 + level / 2.0)
    tail = float(ndtr(-np.sqrt(blocks / (blocks - 1.0)) * quantile))
    low, high = np.quantile(finite, [tail, 1.0 - tail])
    return float(low), float(high)
