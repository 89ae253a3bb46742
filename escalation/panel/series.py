"""One channel by row and day, and what can be asked of it on each day.

The questions that features and labels are formulas over: sums over windows, decayed sums, days
since the last, the highest rung, active days, gaps, quantiles of past sums. Each answer for a day
uses what was known on it. Rows without late news take one plain pass; rows that have some take the
pass of :mod:`escalation.panel.late`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from escalation import schema
from escalation._util.arrays import Array, Float32, Ints
from escalation.panel import kernels, late, late_gaps, late_past, late_since
from escalation.panel.late import Changes


@dataclass(frozen=True, eq=False)
class Series:
    """One channel by row and day, as known on each day.

    Parameters
    ----------
    steady : ndarray of float32, shape (row, day)
        What was reported in time and stays as it is: sums, or the highest value for a rung.
    came, went : Changes, optional
        What came late or will go, and when it goes.
    """

    steady: Float32
    came: Changes | None = None
    went: Changes | None = None

    @cached_property
    def _rows(self) -> Ints:
        """Rows that have late news."""
        if self.came is None:
            return np.empty(0, np.int64)
        return np.flatnonzero(np.diff(self.came.starts)).astype(np.int64)

    def _late(self, update: Callable[..., None], *arguments: Any) -> None:
        """Run a pass over the rows that have late news."""
        if len(self._rows):
            update(self._rows, self.steady, self.came, self.went, *arguments)

    def at_least(self, level: float) -> Series:
        """The same with 1 for whatever reaches a level and 0 for the rest.

        Exact for rungs, and for whole numbers of events at a level of 1.
        """
        steady = (self.steady >= level).astype(np.float32)
        if self.came is None or self.went is None:
            return Series(steady)
        return Series(steady, _reaching(self.came, level), _reaching(self.went, level))

    def window_sums(self, windows: Ints) -> Float32:
        """Sums over the last w days, today included; days before the axis are zeros.

        Parameters
        ----------
        windows : ndarray of int64, shape (window,)
            Lengths in days, at least 1.

        Returns
        -------
        ndarray of float32, shape (window, row, day)
            Sums of whole numbers are exact up to 16,777,216.
        """
        out = kernels.sums_over_windows(self.steady, windows)
        self._late(late.late_window_sums, windows, out)
        return out

    def log_ratio(self, widths: Ints, eps: float, change: int) -> tuple[Float32, Float32]:
        """Log ratio of a short window's daily rate to a long one's, and its change.

        Both ends of the change are as known today, so late news about the days before moves it.

        Parameters
        ----------
        widths : ndarray of int64, shape (2,)
            Short and long window in days.
        eps : float
            Per day, above 0.
        change : int
            In days; the ratio before the axis is 1.

        Returns
        -------
        tuple of ndarray of float32, each of shape (row, day)
        """
        short, long = kernels.sums_over_windows(self.steady, widths)
        found = kernels.log_ratio(short, long, (int(widths[0]), int(widths[1])), eps, change)
        if len(self._rows):
            windows = np.array([*widths, change, *(widths + change)], dtype=np.int64)
            sums = np.empty((len(windows), *self.steady.shape), np.float32)
            self._late(late.late_window_sums, windows, sums)
            kernels.log_ratio_as_known(self._rows, sums, widths, eps, *found)
        return found

    def active_days(self, windows: Ints, *, level: float = 1.0) -> Float32:
        """Days that reach a level among the last w, shape (window, row, day).

        Parameters
        ----------
        windows : array of int
            Widths in days.
        level : float
            What a day has to reach.
        """
        marks = self.at_least(level)
        out = kernels.sums_over_windows(marks.steady, windows)
        marks._late(late.late_active_days, windows, out)
        return out

    def decayed_features(self, keep: Array) -> Float32:
        """Sums that keep a share from day to day, rounded to float32, shape (decay, row, day).

        A sum below :data:`escalation.panel.kernels.SMALLEST_SUM` becomes zero.
        """
        out = kernels.decayed_features(self.steady, keep)
        if len(self._rows):
            whole = np.empty((len(keep), *self.steady.shape))
            self._late(late.late_decayed_sums, keep, kernels.SMALLEST_SUM, whole)
            out[:, self._rows] = whole[:, self._rows]
        return out

    def decayed_sums(self, keep: Array) -> Array:
        """Sums that keep a share from day to day, s_t = keep * s_(t-1) + x_t.

        Parameters
        ----------
        keep : ndarray of float64, shape (decay,)
            In (0, 1).

        Returns
        -------
        ndarray of float64, shape (decay, row, day)
        """
        out = kernels.decaying_sums(self.steady, keep)
        self._late(late.late_decayed_sums, keep, 0.0, out)
        return out

    def days_since(self, cap: int, *, level: float = 1.0) -> Float32:
        """Days since a level was last reached: 0 today, ``cap`` if never or longer.

        Parameters
        ----------
        cap : int
            Most days that are told.
        level : float
            What a day has to reach.
        """
        out = kernels.days_since(self.steady, level, cap)
        self.at_least(level)._late(late_since.late_days_since, cap, out)
        return out

    def days_since_first(self) -> Float32:
        """Days since anything first happened, that day included; 0 before. Shape (row, day)."""
        marks = self.at_least(_ABOVE_ZERO)
        begun = np.logical_or.accumulate(marks.steady > 0, axis=1)
        out = np.cumsum(begun, axis=1, dtype=np.int32).astype(np.float32)
        marks._late(late_since.late_days_since_first, out)
        return out

    def highest(self, width: int) -> Float32:
        """Highest rung of the last days, today included, shape (row, day)."""
        out = kernels.window_max(self.steady, width)
        windows = np.array([width], dtype=np.int64)
        self._late(late_since.late_highest, windows, schema.HIGHEST_RUNG, out[None])
        return out

    def gaps(self, last: int, cap: int) -> tuple[Float32, Float32, Float32]:
        """Mean, spread and burstiness of the last gaps between days with a value of 1 or more.

        Parameters
        ----------
        last : int
            How many gaps; fewer where there are fewer.
        cap : int
            Longest gap in days, and the mean where there is no gap yet.

        Returns
        -------
        tuple of ndarray of float32, each of shape (row, day)
        """
        found = kernels.gaps(self.steady, last, cap)
        self.at_least(1.0)._late(late_gaps.late_gaps, last, cap, *found)
        return found

    def past_quantiles(self, horizon: int, *, windows: int, quantile: float) -> tuple[Array, Array]:
        """Quantile and mean of the last non-overlapping sums over some days, on each day.

        Parameters
        ----------
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
        found = kernels.past_quantiles(self.steady, horizon, windows, quantile)
        self._late(late_past.late_past_quantiles, horizon, windows, quantile, *found)
        return found


_ABOVE_ZERO = 1e-9
"""Anything above zero."""


def _reaching(changes: Changes, level: float) -> Changes:
    """Changes whose value reaches a level, each as a 1."""
    keep = changes.value >= level
    before = np.concatenate([[0], np.cumsum(keep)])
    return Changes(
        before[changes.starts],
        changes.day[keep],
        changes.time[keep],
        np.ones(int(before[-1])),
    )
