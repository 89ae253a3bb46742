"""Compiled passes over the day axis as known on each day, for rows with late news.

A pass keeps a row as known today: a late report, a replacement or a retraction changes a past day's
value, and the results are updated by that change. So a pass costs days plus changes, whatever the
delays, and never rebuilds an earlier day's row.

Each pass takes the ``rows`` to process, ``steady`` (float32, [row, day]: events that were reported
in time and never change), and the values ``added`` late and ``removed`` later, both sorted by row
and time. Results are written in place to ``out``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from escalation._util.arrays import Array, Float32, Ints
from escalation._util.compiled import compiled


class Changes(NamedTuple):
    """Changes of rows, sorted by row and time.

    Parameters
    ----------
    starts : ndarray of int64, shape (row + 1,)
        The changes of row i are ``starts[i]:starts[i + 1]``.
    day, time : ndarray of int64, shape (change,)
        The event's day, and the day from which the change is known, never before ``day``.
    value : ndarray of float64, shape (change,)
    """

    starts: Ints
    day: Ints
    time: Ints
    value: Array


@compiled
def late_window_sums(
    rows: Ints, steady: Float32, added: Changes, removed: Changes, windows: Ints, out: Float32
) -> None:
    """Sums over the last w days, exact for whole numbers.

    Parameters
    ----------
    rows : array of int, shape (row,)
        Rows of ``steady`` to process.
    steady : array of float32, shape (row, day)
        Values that were reported in time and never change.
    added, removed : Changes
        Values reported late, and values that a correction or retraction removes.
    windows : array of int
        Lengths in days.
    out : array of float32, shape (window, row, day)
        Written in place.
    """
    days = steady.shape[1]
    now, total = np.zeros(days), np.zeros(len(windows))
    for i in rows:
        total[:] = 0.0
        p, q = added.starts[i], removed.starts[i]
        for t in range(days):
            now[t] = steady[i, t]
            for k in range(len(windows)):
                total[k] += now[t]
                if t >= windows[k]:
                    total[k] -= now[t - windows[k]]
            while p < added.starts[i + 1] and added.time[p] == t:
                now[added.day[p]] += added.value[p]
                for k in range(len(windows)):
                    if t - added.day[p] < windows[k]:
                        total[k] += added.value[p]
                p += 1
            while q < removed.starts[i + 1] and removed.time[q] == t:
                now[removed.day[q]] -= removed.value[q]
                for k in range(len(windows)):
                    if t - removed.day[q] < windows[k]:
                        total[k] -= removed.value[q]
                q += 1
            for k in range(len(windows)):
                out[k, i, t] = total[k]


@compiled
def late_active_days(
    rows: Ints, steady: Float32, added: Changes, removed: Changes, windows: Ints, out: Float32
) -> None:
    """Number of days with an event among the last w days.

    Parameters
    ----------
    rows, steady, added, removed
        As in :func:`late_window_sums`.
    windows : array of int
        Lengths in days.
    out : array of float32, shape (window, row, day)
        Written in place.
    """
    days = steady.shape[1]
    support, total = np.zeros(days, np.int64), np.zeros(len(windows), np.int64)
    for i in rows:
        total[:] = 0
        p, q = added.starts[i], removed.starts[i]
        for t in range(days):
            support[t] = 1 if steady[i, t] > 0 else 0
            for k in range(len(windows)):
                total[k] += support[t]
                if t >= windows[k] and support[t - windows[k]] > 0:
                    total[k] -= 1
            while p < added.starts[i + 1] and added.time[p] == t:
                support[added.day[p]] += 1
                if support[added.day[p]] == 1:
                    for k in range(len(windows)):
                        if t - added.day[p] < windows[k]:
                            total[k] += 1
                p += 1
            while q < removed.starts[i + 1] and removed.time[q] == t:
                support[removed.day[q]] -= 1
                if support[removed.day[q]] == 0:
                    for k in range(len(windows)):
                        if t - removed.day[q] < windows[k]:
                            total[k] -= 1
                q += 1
            for k in range(len(windows)):
                out[k, i, t] = total[k]


@compiled
def late_decayed_sums(
    rows: Ints,
    steady: Float32,
    added: Changes,
    removed: Changes,
    keep: Array,
    smallest: float,
    out: Array,
) -> None:
    """Exponentially decayed sums.

    A late value is added as decayed by now, and a removed one subtracted likewise. All values of
    today are added first and together, so that a sum does not depend on whether a value will be
    replaced one day. Exactly 0 if there are no events.

    Parameters
    ----------
    rows, steady, added, removed
        As in :func:`late_window_sums`.
    keep : array of float, shape (decay,)
        Share kept from one day to the next.
    smallest : float
        Smaller sums become zero.
    out : array, shape (decay, row, day)
        Written in place.
    """
    days = steady.shape[1]
    for k in range(len(keep)):
        for i in rows:
            p, q, supports, total = added.starts[i], removed.starts[i], 0, 0.0
            for t in range(days):
                today = float(steady[i, t])
                supports += 1 if today != 0.0 else 0
                first = p
                while p < added.starts[i + 1] and added.time[p] == t:
                    supports += 1
                    if added.day[p] == t:
                        today += added.value[p]
                    p += 1
                total = keep[k] * total + today
                for j in range(first, p):
                    if added.day[j] != t:
                        total += added.value[j] * keep[k] ** (t - added.day[j])
                while q < removed.starts[i + 1] and removed.time[q] == t:
                    supports -= 1
                    total -= removed.value[q] * keep[k] ** (t - removed.day[q])
                    q += 1
                if supports == 0 or total < smallest:
                    total = 0.0
                out[k, i, t] = total
