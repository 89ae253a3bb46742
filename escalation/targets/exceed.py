"""``exceed``: a count that the unit's own past year rarely saw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

from escalation.panel.dense import Panel
from escalation.targets.base import GUARD, Array, LookBack, Target, require


@dataclass(frozen=True)
class Exceed(Target):
    r"""Outcome 1 when the count ahead is above a high quantile of the unit's own h-day counts.

    The past counts are those of the n non-overlapping windows of h days that end at t, t-h, t-2h
    and so on; days before the panel starts count as zero. With q their quantile (linear
    interpolation, as numpy's default), the threshold is k = floor(q) + 1. At risk where the mean of
    the n counts is at least ``least_mean``.

    Parameters
    ----------
    quantile : float
        Above 0 and below 1.
    windows : int
        n; 52 windows of a week are a year.
    least_mean : float
        In events per h days.
    """

    quantile: float = 0.9
    windows: int = 52
    least_mean: float = 0.5

    name: ClassVar[str] = "exceed"

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0 < self.quantile < 1, "quantile", self.quantile, "a number above 0 and below 1")
        whole = isinstance(self.windows, int) and not isinstance(self.windows, bool)
        require(whole and self.windows >= 2, "windows", self.windows, "a whole number of 2 or more")
        require(self.least_mean >= 0, "least_mean", self.least_mean, "0 or more")

    def look_back(self, panel: Panel) -> LookBack:
        place, mean = past_quantiles(panel["target"], self.horizon, self.windows, self.quantile)
        return LookBack(
            threshold=np.floor(place + GUARD) + 1.0,
            at_risk=mean >= self.least_mean,
            history=self.history(panel),
        )


@njit(cache=True, nogil=True)
def past_quantiles(
    values: NDArray[np.float32], horizon: int, windows: int, quantile: float
) -> tuple[Array, Array]:
    """Quantile and mean of the last non-overlapping window sums, on each day.

    The days of one remainder modulo the horizon share their windows but one, so their sums are kept
    sorted: each day removes the oldest and inserts the newest.

    Parameters
    ----------
    values : ndarray of float32, shape (row, day)
    horizon : int
        Length of a window in days.
    windows : int
        How many, the last one ending on the day itself.
    quantile : float
        Interpolated linearly between the two nearest sums.

    Returns
    -------
    tuple of two ndarrays of float64, shape (row, day)
    """
    rows, days = values.shape
    place, mean = np.empty((rows, days)), np.empty((rows, days))
    at = quantile * (windows - 1)
    low = int(at)
    share = at - low
    sums, kept = np.empty(days), np.empty(windows)
    for i in range(rows):
        running = 0.0
        for t in range(days):
            running += values[i, t]
            if t >= horizon:
                running -= values[i, t - horizon]
            sums[t] = running
        for phase in range(min(horizon, days)):
            kept[:] = 0.0
            total = 0.0
            for t in range(phase, days, horizon):
                oldest = t - windows * horizon
                gone = sums[oldest] if oldest >= 0 else 0.0
                total += sums[t] - gone
                _replace(kept, gone, sums[t])
                place[i, t] = kept[low] + share * (kept[min(low + 1, windows - 1)] - kept[low])
                mean[i, t] = total / windows
    return place, mean


@njit(cache=True, nogil=True)
def _replace(ordered: Array, gone: float, new: float) -> None:
    """Put one value in the place of another, in place and in order."""
    j = np.searchsorted(ordered, gone)
    while j + 1 < len(ordered) and ordered[j + 1] < new:
        ordered[j] = ordered[j + 1]
        j += 1
    while j > 0 and ordered[j - 1] > new:
        ordered[j] = ordered[j - 1]
        j -= 1
    ordered[j] = new
