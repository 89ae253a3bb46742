"""Compiled passes over the day axis as known on each day, for rows with late news.

A pass keeps a row as known today: a late report, a replacement or a retraction changes a past day's
value, and the results are updated by that change. So a pass costs days plus changes, whatever the
delays, and never rebuilds an earlier day's row.

Each pass takes the ``rows`` to process, ``steady`` (float32, [row, day]: values that were reported
in time and never change) and the ``changes``: values that are added late, and removed later. Of
series of ones and zeros (:meth:`escalation.panel.series.Series.at_least`), ``support`` counts the
versions behind each day. Results are written in place.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from escalation._util.arrays import Array, Float32, Ints
from escalation._util.compiled import compiled


class Changes(NamedTuple):
    """Changes of rows, sorted by row and time, additions before removals.

    Parameters
    ----------
    starts : ndarray of int64, shape (row + 1,)
        The changes of row i are ``starts[i]:starts[i + 1]``.
    day, time : ndarray of int64, shape (change,)
        The event's day, and the day from which the change is known, never before ``day``.
    value : ndarray of float64, shape (change,)
        Positive if added, negative if removed.
    """

    starts: Ints
    day: Ints
    time: Ints
    value: Array


@compiled
def late_window_sums(
    rows: Ints, steady: Float32, changes: Changes, windows: Ints, out: Float32
) -> None:
    """Sums over the last w days, exact for whole numbers.

    Parameters
    ----------
    rows : array of int
        Rows to process.
    steady : array of float32, shape (row, day)
    changes : Changes
    windows : array of int
        Lengths in days.
    out : array of float32, shape (window, row, day)
        Written in place.
    """
    days = steady.shape[1]
    now, total = np.zeros(days), np.zeros(len(windows))
    for i in rows:
        total[:] = 0.0
        p = changes.starts[i]
        for t in range(days):
            now[t] = steady[i, t]
            for k in range(len(windows)):
                total[k] += now[t]
                if t >= windows[k]:
                    total[k] -= now[t - windows[k]]
            while p < changes.starts[i + 1] and changes.time[p] == t:
                now[changes.day[p]] += changes.value[p]
                for k in range(len(windows)):
                    if t - changes.day[p] < windows[k]:
                        total[k] += changes.value[p]
                p += 1
            for k in range(len(windows)):
                out[k, i, t] = total[k]


@compiled
def late_active_days(
    rows: Ints, steady: Float32, changes: Changes, windows: Ints, out: Float32
) -> None:
    """Number of days with an event among the last w days.

    Parameters
    ----------
    rows, steady, changes, windows, out
        As in :func:`late_window_sums`, of a series of ones and zeros.
    """
    days = steady.shape[1]
    support, total = np.zeros(days, np.int64), np.zeros(len(windows), np.int64)
    for i in rows:
        total[:] = 0
        p = changes.starts[i]
        for t in range(days):
            support[t] = 1 if steady[i, t] > 0 else 0
            for k in range(len(windows)):
                total[k] += support[t]
                if t >= windows[k] and support[t - windows[k]] > 0:
                    total[k] -= 1
            while p < changes.starts[i + 1] and changes.time[p] == t:
                before = support[changes.day[p]]
                after = before + int(changes.value[p])
                support[changes.day[p]] = after
                if before == 0 or after == 0:
                    for k in range(len(windows)):
                        if t - changes.day[p] < windows[k]:
                            total[k] += after - before
                p += 1
            for k in range(len(windows)):
                out[k, i, t] = total[k]


@compiled
def late_decayed_sums(
    rows: Ints, steady: Float32, changes: Changes, keep: Array, smallest: float, out: Array
) -> None:
    """Exponentially decayed sums.

    A late value is added as decayed by now, and a removed one subtracted likewise. All values of
    today are added first and together, so that a sum does not depend on whether a value will be
    replaced one day. Exactly 0 if there are no events.

    Parameters
    ----------
    rows, steady, changes
        As in :func:`late_window_sums`.
    keep : array of float, shape (decay,)
        Share kept from one day to the next.
    smallest : float
        Smaller sums become zero.
    out : array of float, shape (decay, row, day)
        Written in place.
    """
    days = steady.shape[1]
    for k in range(len(keep)):
        for i in rows:
            p, supports, total = changes.starts[i], 0, 0.0
            for t in range(days):
                today = float(steady[i, t])
                supports += 1 if today != 0.0 else 0
                first = p
                while p < changes.starts[i + 1] and changes.time[p] == t:
                    supports += 1 if changes.value[p] > 0 else -1
                    if changes.day[p] == t:
                        today += changes.value[p]
                    p += 1
                total = keep[k] * total + today
                for j in range(first, p):
                    if changes.day[j] != t:
                        total += changes.value[j] * keep[k] ** (t - changes.day[j])
                if supports == 0 or total < smallest:
                    total = 0.0
                out[k, i, t] = total
