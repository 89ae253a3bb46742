"""Compiled passes over the day axis of rows that have late news, as known on each day.

A row is kept as it is known today: a day's value changes when a late report comes, is replaced or
is retracted, and every result is brought up to date by what changed. So a pass costs days plus
changes, whatever the delays, and no earlier day's row is ever built again.

Each pass takes the ``rows`` to go over, ``steady`` (float32, [row, day]: what was reported in time
and stays), and two lists of changes, sorted by row and by the day on which they happen: what comes
and what goes. ``starts[i]:starts[i + 1]`` are the changes of row i; ``day`` is the event's day on
the axis, ``time`` the day on which the change is seen, never before ``day``.
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
    day, time : ndarray of int64, shape (change,)
    value : ndarray of float64, shape (change,)
    """

    starts: Ints
    day: Ints
    time: Ints
    value: Array


@compiled
def late_window_sums(
    rows: Ints, steady: Float32, came: Changes, went: Changes, windows: Ints, out: Float32
) -> None:
    """Sums over the last w days: ``out[window, row, day]``, exact for whole numbers.

    Parameters
    ----------
    rows : array of int, shape (row,)
        Rows of ``steady`` to fill, in ``out`` at the same places.
    steady : array of float32, shape (row, day)
        What was reported in time.
    came, went : Changes
        What came late, and what a correction took away, by row and time.
    windows : array of int
        Widths in days.
    out : array of float32, shape (window, row, day)
        Written in place.
    """
    days = steady.shape[1]
    now, total = np.zeros(days), np.zeros(len(windows))
    for i in rows:
        total[:] = 0.0
        p, q = came.starts[i], went.starts[i]
        for t in range(days):
            now[t] = steady[i, t]
            for k in range(len(windows)):
                total[k] += now[t]
                if t >= windows[k]:
                    total[k] -= now[t - windows[k]]
            while p < came.starts[i + 1] and came.time[p] == t:
                now[came.day[p]] += came.value[p]
                for k in range(len(windows)):
                    if t - came.day[p] < windows[k]:
                        total[k] += came.value[p]
                p += 1
            while q < went.starts[i + 1] and went.time[q] == t:
                now[went.day[q]] -= went.value[q]
                for k in range(len(windows)):
                    if t - went.day[q] < windows[k]:
                        total[k] -= went.value[q]
                q += 1
            for k in range(len(windows)):
                out[k, i, t] = total[k]


@compiled
def late_active_days(
    rows: Ints, steady: Float32, came: Changes, went: Changes, windows: Ints, out: Float32
) -> None:
    """Days with any support in the last w days: ``out[window, row, day]``.

    Parameters
    ----------
    rows, steady, came, went
        As in :func:`late_window_sums`.
    windows : array of int
        Widths in days.
    out : array of float32, shape (window, row, day)
        Written in place.
    """
    days = steady.shape[1]
    support, total = np.zeros(days, np.int64), np.zeros(len(windows), np.int64)
    for i in rows:
        total[:] = 0
        p, q = came.starts[i], went.starts[i]
        for t in range(days):
            support[t] = 1 if steady[i, t] > 0 else 0
            for k in range(len(windows)):
                total[k] += support[t]
                if t >= windows[k] and support[t - windows[k]] > 0:
                    total[k] -= 1
            while p < came.starts[i + 1] and came.time[p] == t:
                support[came.day[p]] += 1
                if support[came.day[p]] == 1:
                    for k in range(len(windows)):
                        if t - came.day[p] < windows[k]:
                            total[k] += 1
                p += 1
            while q < went.starts[i + 1] and went.time[q] == t:
                support[went.day[q]] -= 1
                if support[went.day[q]] == 0:
                    for k in range(len(windows)):
                        if t - went.day[q] < windows[k]:
                            total[k] -= 1
                q += 1
            for k in range(len(windows)):
                out[k, i, t] = total[k]


@compiled
def late_decayed_sums(
    rows: Ints,
    steady: Float32,
    came: Changes,
    went: Changes,
    keep: Array,
    smallest: float,
    out: Array,
) -> None:
    """Sums that keep a share from day to day: ``out[decay, row, day]``.

    What comes late comes in as what it would have kept; what goes gives back what it still holds.
    What was reported in time is added first and in one piece, so that a sum does not depend on
    whether it will be replaced one day. Exactly 0 where nothing supports it.

    Parameters
    ----------
    rows, steady, came, went
        As in :func:`late_window_sums`.
    keep : array of float, shape (decay,)
        Share that is kept from day to day.
    smallest : float
        A sum below it becomes zero.
    out : array, shape (decay, row, day)
        Written in place.
    """
    days = steady.shape[1]
    for k in range(len(keep)):
        for i in rows:
            p, q, supports, total = came.starts[i], went.starts[i], 0, 0.0
            for t in range(days):
                today = float(steady[i, t])
                supports += 1 if today != 0.0 else 0
                first = p
                while p < came.starts[i + 1] and came.time[p] == t:
                    supports += 1
                    if came.day[p] == t:
                        today += came.value[p]
                    p += 1
                total = keep[k] * total + today
                for j in range(first, p):
                    if came.day[j] != t:
                        total += came.value[j] * keep[k] ** (t - came.day[j])
                while q < went.starts[i + 1] and went.time[q] == t:
                    supports -= 1
                    total -= went.value[q] * keep[k] ** (t - went.day[q])
                    q += 1
                if supports == 0 or total < smallest:
                    total = 0.0
                out[k, i, t] = total
