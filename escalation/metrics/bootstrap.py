"""Intervals that respect time: a circular bootstrap over blocks of whole issue dates.

Labels of neighbouring dates share days, and units of one date share the news: rows are not
independent. Dates are drawn with all their units, in blocks that outlast the overlap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit

from escalation._util.arrays import Array

REPLICATES = 999
BLOCKS_LEFT = 8
"""Blocks are made longer than two horizons only while there are so many of them."""
FEWEST_BLOCKS = 5
"""With fewer independent stretches of time than this, no interval is given."""
MOST_UNDEFINED = 0.05
"""Share of replicates that may lack a value (say, no positive drawn) while there is an interval."""


def block_length(days: NDArray[np.datetime64], *, horizon: int) -> int:
    r"""How many dates a block holds: every block spans at least two horizons.

    .. math:: \max(L_{2h},\ \min(2 \sqrt n,\ n / 8))

    Overlapping labels need two horizons. Tension may outlast them, so on long records blocks grow
    with the square root of the number of dates, while eight of them are left.

    Parameters
    ----------
    days : ndarray of datetime64, shape (date,)
        Distinct issue dates in rising order, evenly spaced or not.
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
    slow = min(int(np.ceil(2.0 * np.sqrt(len(day)))), len(day) // BLOCKS_LEFT)
    return max(two_horizons, slow)


@dataclass(frozen=True)
class Resampling:
    """How often each date is drawn in each replicate.

    Parameters
    ----------
    counts : ndarray, shape (replicate, date)
        Each row sums to the number of dates.
    blocks : float
        Dates over block length.
    """

    counts: Array
    blocks: float

    def sums(self, by_date: Array) -> Array:
        """Totals of each replicate from totals by date: shape (..., date) to (..., replicate)."""
        # Not a matrix product: that would differ in the last bit with the number of threads.
        return np.einsum("...d,bd->...b", by_date, self.counts)


def resample(
    days: NDArray[np.datetime64], *, horizon: int, seed: int, replicates: int = REPLICATES
) -> Resampling:
    """Draw blocks of consecutive dates, the last joined to the first.

    Parameters
    ----------
    days : ndarray of datetime64, shape (date,)
        Distinct issue dates in rising order.
    horizon : int
        In days.
    seed, replicates : int

    References
    ----------
    Politis & Romano (1992), "A circular block-resampling procedure for stationary data".

    Examples
    --------
    >>> weekly = np.arange("2020-01-01", "2021-01-01", 7, dtype="datetime64[D]")
    >>> drawn = resample(weekly, horizon=7, seed=0)
    >>> drawn.counts.shape, set(drawn.counts.sum(axis=1)), drawn.blocks
    ((999, 53), {np.float64(53.0)}, 8.833333333333334)
    """
    dates, length = len(days), block_length(days, horizon=horizon)
    blocks = -(-dates // length)
    starts = np.random.default_rng(seed).integers(0, dates, (replicates, blocks))
    lengths = np.full(blocks, length)
    lengths[-1] = dates - (blocks - 1) * length
    # A block adds one at its start and takes it back behind its end, on an axis laid out twice.
    width = 2 * dates + 1
    row = np.arange(replicates)[:, None] * width
    opened = np.bincount((row + starts).ravel(), minlength=replicates * width)
    closed = np.bincount((row + starts + lengths).ravel(), minlength=replicates * width)
    twice = (opened - closed).reshape(replicates, width).cumsum(axis=1)
    counts = twice[:, :dates] + twice[:, dates : 2 * dates]
    return Resampling(counts.astype(np.float64), dates / length)


def interval(replicates: Array, *, blocks: float, level: float = 0.95) -> tuple[float, float]:
    r"""Percentile interval, widened for the small number of blocks.

    .. math:: \alpha' / 2 = \Phi\left(-\sqrt{n / (n - 1)}\; t_{1 - \alpha/2,\, n-1}\right)

    Parameters
    ----------
    replicates : ndarray, shape (replicate,)
        Values of the metric; those that do not exist are left out.
    blocks : float
        n, the number of stretches of time that stand for independent ones.
    level : float, optional
        Nominal coverage.

    Returns
    -------
    tuple of float
        Lower and upper end; NaN with fewer than 5 blocks, or where more than one replicate in
        twenty has no finite value.

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
