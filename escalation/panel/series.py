"""One channel by row and day, and its statistics as known on each day.

Features and labels are formulas over these statistics. Rows without late news take one plain pass
over the days; rows with late news take a pass of :mod:`escalation.panel.late`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from escalation import schema
from escalation._util.arrays import Array, Float32, Ints
from escalation.panel import kernels, late, late_days
from escalation.panel.late import Changes
from escalation.panel.late_quantiles import late_past_quantiles

_ABOVE_ZERO = 1e-9


@dataclass(frozen=True, eq=False)
class Series:
    """One channel by row and day, as known on each day.

    Parameters
    ----------
    steady : ndarray of float32, shape (row, day)
        Values that were reported in time and never change: sums, or the highest rung.
    changes : Changes, optional
        Values that are added late, and removed later.
    """

    steady: Float32
    changes: Changes | None = None

    @cached_property
    def _late_rows(self) -> Ints:
        """Rows that have late news."""
        if self.changes is None:
            return np.empty(0, np.int64)
        return np.flatnonzero(np.diff(self.changes.starts)).astype(np.int64)

    def _update(self, late_pass: Callable[..., None], *arguments: Any) -> None:
        """Recompute the rows that have late news."""
        if len(self._late_rows):
            late_pass(self._late_rows, self.steady, self.changes, *arguments)

    def at_least(self, level: float) -> Series:
        """The series of 1 for values that reach a level, 0 for others.

        Exact for rungs, and for numbers of events at level 1.
        """
        steady = (self.steady >= level).astype(np.float32)
        if self.changes is None:
            return Series(steady)
        keep = np.abs(self.changes.value) >= level
        before = np.concatenate([[0], np.cumsum(keep)])
        starts, day, time, value = self.changes
        marks = Changes(before[starts], day[keep], time[keep], np.sign(value[keep]))
        return Series(steady, marks)

    def window_sums(self, windows: Ints) -> Float32:
        """Sums over the last w days, today included, shape (window, row, day).

        Days before the axis are zeros. Sums of whole numbers are exact up to 16,777,216.

        Parameters
        ----------
        windows : ndarray of int64, shape (window,)
            Lengths in days, at least 1.
        """
        out = kernels.sums_over_windows(self.steady, windows)
        self._update(late.late_window_sums, windows, out)
        return out

    def log_ratio(self, widths: Ints, eps: float, change: int) -> tuple[Float32, Float32]:
        """Log ratio of a short window's daily rate to a long one's, and its change.

        Both ends of the change are as known today, so late news about earlier days changes it.

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
        result = kernels.log_ratio(short, long, (int(widths[0]), int(widths[1])), eps, change)
        if len(self._late_rows):
            windows = np.array([*widths, change, *(widths + change)], dtype=np.int64)
            sums = np.empty((len(windows), *self.steady.shape), np.float32)
            self._update(late.late_window_sums, windows, sums)
            kernels.log_ratio_as_known(self._late_rows, sums, widths, eps, *result)
        return result

    def active_days(self, windows: Ints, *, level: float = 1.0) -> Float32:
        """Number of days that reach a level among the last w, shape (window, row, day).

        Parameters
        ----------
        windows : ndarray of int64, shape (window,)
            Lengths in days.
        level : float
        """
        marks = self.at_least(level)
        out = kernels.sums_over_windows(marks.steady, windows)
        marks._update(late.late_active_days, windows, out)
        return out

    def decayed_features(self, keep: Array) -> Float32:
        """:meth:`decayed_sums` as float32; sums below ``kernels.SMALLEST_SUM`` become zero."""
        out = kernels.decayed_features(self.steady, keep)
        if len(self._late_rows):
            sums = np.empty((len(keep), *self.steady.shape))
            self._update(late.late_decayed_sums, keep, kernels.SMALLEST_SUM, sums)
            out[:, self._late_rows] = sums[:, self._late_rows]
        return out

    def decayed_sums(self, keep: Array) -> Array:
        """Sums s_t = keep * s_(t-1) + x_t in float64, shape (decay, row, day).

        Parameters
        ----------
        keep : ndarray of float64, shape (decay,)
            In (0, 1).
        """
        out = kernels.decaying_sums(self.steady, keep)
        self._update(late.late_decayed_sums, keep, 0.0, out)
        return out

    def days_since(self, cap: int, *, level: float = 1.0) -> Float32:
        """Days since a level was last reached: 0 today, ``cap`` if never or longer.

        Parameters
        ----------
        cap : int
            In days.
        level : float
        """
        out = kernels.days_since(self.steady, level, cap)
        self.at_least(level)._update(late_days.late_days_since, cap, out)
        return out

    def days_since_first(self) -> Float32:
        """Days since the first event, that day included, and 0 before it; shape (row, day)."""
        marks = self.at_least(_ABOVE_ZERO)
        begun = np.logical_or.accumulate(marks.steady > 0, axis=1)
        out = np.cumsum(begun, axis=1, dtype=np.int32).astype(np.float32)
        marks._update(late_days.late_days_since_first, out)
        return out

    def highest(self, width: int) -> Float32:
        """Highest rung of the last ``width`` days, today included, shape (row, day)."""
        out = kernels.window_max(self.steady, width)
        self._update(late_days.late_highest, width, schema.HIGHEST_RUNG, out)
        return out

    def gaps(self, last: int, cap: int) -> tuple[Float32, Float32, Float32]:
        """Mean, spread and burstiness of the last gaps between days with a value of 1 or more.

        Parameters
        ----------
        last : int
            Number of gaps, if there are as many.
        cap : int
            Longest gap in days, and the mean before the first gap.

        Returns
        -------
        tuple of ndarray of float32, each of shape (row, day)
        """
        result = kernels.gaps(self.steady, last, cap)
        self.at_least(1.0)._update(late_days.late_gaps, last, cap, *result)
        return result

    def past_quantiles(self, horizon: int, *, windows: int, quantile: float) -> tuple[Array, Array]:
        """Quantile and mean of the last non-overlapping window sums, each of shape (row, day).

        Parameters
        ----------
        horizon : int
            Length of a window in days.
        windows : int
            Number of windows, the last one ending on the day itself.
        quantile : float
            Interpolated linearly between the two nearest sums.
        """
        nothing = np.zeros(0, np.int64)
        none = Changes(np.zeros(len(self.steady) + 1, np.int64), nothing, nothing, np.zeros(0))
        changes = none if self.changes is None else self.changes
        result = np.empty(self.steady.shape), np.empty(self.steady.shape)
        late_past_quantiles(self.steady, changes, horizon, windows, quantile, *result)
        return result
