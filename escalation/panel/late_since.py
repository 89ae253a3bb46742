"""How long ago, and how high, as known on each day: passes over rows that have late news.

The arguments are described in :mod:`escalation.panel.late`.
"""

from __future__ import annotations

import numpy as np

from escalation._util.arrays import Float32, Ints
from escalation._util.compiled import compiled
from escalation.panel.late import Changes


@compiled
def late_days_since(
    rows: Ints, steady: Float32, came: Changes, went: Changes, cap: int, out: Float32
) -> None:
    """Days since the last day with any support, ``cap`` if never or longer: ``out[row, day]``.

    Parameters
    ----------
    rows, steady, came, went
        As in :func:`late_window_sums`.
    cap : int
        Most days that are told.
    out : array of float32, shape (row, day)
        Written in place.
    """
    days = steady.shape[1]
    support = np.zeros(days, np.int64)
    for i in rows:
        p, q, last = came.starts[i], went.starts[i], -1
        for t in range(days):
            support[t] = 1 if steady[i, t] > 0 else 0
            if support[t] > 0:
                last = t
            while p < came.starts[i + 1] and came.time[p] == t:
                support[came.day[p]] += 1
                last = max(last, came.day[p])
                p += 1
            while q < went.starts[i + 1] and went.time[q] == t:
                support[went.day[q]] -= 1
                q += 1
            while last >= 0 and support[last] == 0:
                # What is further back than the cap counts as never, so the way back is short.
                last = last - 1 if t - last < cap else -1
            out[i, t] = min(t - last, cap) if last >= 0 else cap


@compiled
def late_days_since_first(
    rows: Ints, steady: Float32, came: Changes, went: Changes, out: Float32
) -> None:
    """Days since the first day with any support, that day included, 0 before: ``out[row, day]``.

    Parameters
    ----------
    rows, steady, came, went
        As in :func:`late_window_sums`.
    out : array of float32, shape (row, day)
        Written in place.
    """
    days = steady.shape[1]
    support = np.zeros(days, np.int64)
    for i in rows:
        support[:] = 0
        p, q, first = came.starts[i], went.starts[i], days
        for t in range(days):
            if steady[i, t] > 0:
                support[t] += 1
                first = min(first, t)
            while p < came.starts[i + 1] and came.time[p] == t:
                support[came.day[p]] += 1
                first = min(first, came.day[p])
                p += 1
            while q < went.starts[i + 1] and went.time[q] == t:
                support[went.day[q]] -= 1
                q += 1
            while first <= t and support[first] == 0:
                first += 1
            if first > t:
                first = days
            out[i, t] = t - first + 1 if first <= t else 0


@compiled
def late_highest(
    rows: Ints, steady: Float32, came: Changes, went: Changes, windows: Ints, top: int, out: Float32
) -> None:
    """Highest whole number, up to ``top``, of the last w days: ``out[window, row, day]``.

    Parameters
    ----------
    rows, steady, came, went
        As in :func:`late_window_sums`.
    windows : array of int
        Widths in days.
    top : int
        Highest level there is.
    out : array of float32, shape (window, row, day)
        Written in place.
    """
    days = steady.shape[1]
    support, last = np.zeros((top + 1, days), np.int64), np.zeros(top + 1, np.int64)
    longest = windows.max()
    for i in rows:
        support[:, :] = 0
        last[:] = -1
        p, q = came.starts[i], went.starts[i]
        for t in range(days):
            level = int(steady[i, t])
            if level > 0:
                support[level, t] += 1
                last[level] = t
            while p < came.starts[i + 1] and came.time[p] == t:
                level = int(came.value[p])
                support[level, came.day[p]] += 1
                last[level] = max(last[level], came.day[p])
                p += 1
            while q < went.starts[i + 1] and went.time[q] == t:
                support[int(went.value[q]), went.day[q]] -= 1
                q += 1
            for level in range(1, top + 1):
                while last[level] >= 0 and support[level, last[level]] == 0:
                    last[level] = last[level] - 1 if t - last[level] < longest else -1
            for k in range(len(windows)):
                found = 0
                for level in range(top, 0, -1):
                    if last[level] >= 0 and t - last[level] < windows[k]:
                        found = level
                        break
                out[k, i, t] = found
