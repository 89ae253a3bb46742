"""Days since events, highest rungs and gaps, as known on each day, for rows with late news.

The arguments are described in :mod:`escalation.panel.late`.
"""

from __future__ import annotations

import math

import numpy as np

from escalation._util.arrays import Float32, Ints
from escalation._util.compiled import compiled
from escalation.panel.late import Changes


@compiled
def late_days_since(rows: Ints, steady: Float32, changes: Changes, cap: int, out: Float32) -> None:
    """Days since the last day with an event, ``cap`` if never or longer.

    Parameters
    ----------
    rows, steady, changes
        As in :func:`escalation.panel.late.late_window_sums`.
    cap : int
        In days.
    out : array of float32, shape (row, day)
        Written in place.
    """
    days = steady.shape[1]
    support = np.zeros(days, np.int64)
    for i in rows:
        p, last = changes.starts[i], -1
        for t in range(days):
            support[t] = 1 if steady[i, t] > 0 else 0
            if support[t] > 0:
                last = t
            while p < changes.starts[i + 1] and changes.time[p] == t:
                support[changes.day[p]] += int(changes.value[p])
                if changes.value[p] > 0:
                    last = max(last, changes.day[p])
                p += 1
            while last >= 0 and support[last] == 0:
                # Days further back than the cap count as never, so the search is short.
                last = last - 1 if t - last < cap else -1
            out[i, t] = min(t - last, cap) if last >= 0 else cap


@compiled
def late_days_since_first(rows: Ints, steady: Float32, changes: Changes, out: Float32) -> None:
    """Days since the first day with an event, that day included, and 0 before it.

    Parameters
    ----------
    rows, steady, changes
        As in :func:`escalation.panel.late.late_window_sums`.
    out : array of float32, shape (row, day)
        Written in place.
    """
    days = steady.shape[1]
    support = np.zeros(days, np.int64)
    for i in rows:
        support[:] = 0
        p, first = changes.starts[i], days
        for t in range(days):
            if steady[i, t] > 0:
                support[t] += 1
                first = min(first, t)
            while p < changes.starts[i + 1] and changes.time[p] == t:
                support[changes.day[p]] += int(changes.value[p])
                if changes.value[p] > 0:
                    first = min(first, changes.day[p])
                p += 1
            while first <= t and support[first] == 0:
                first += 1
            if first > t:
                first = days
            out[i, t] = t - first + 1 if first <= t else 0


@compiled
def late_highest(
    rows: Ints, steady: Float32, changes: Changes, width: int, top: int, out: Float32
) -> None:
    """Highest rung of the last ``width`` days.

    Parameters
    ----------
    rows, steady, changes
        As in :func:`escalation.panel.late.late_window_sums`.
    width : int
        In days.
    top : int
        Highest rung of the ladder.
    out : array of float32, shape (row, day)
        Written in place.
    """
    days = steady.shape[1]
    support, last = np.zeros((top + 1, days), np.int64), np.zeros(top + 1, np.int64)
    for i in rows:
        support[:, :] = 0
        last[:] = -1
        p = changes.starts[i]
        for t in range(days):
            level = int(steady[i, t])
            if level > 0:
                support[level, t] += 1
                last[level] = t
            while p < changes.starts[i + 1] and changes.time[p] == t:
                level, day = int(abs(changes.value[p])), changes.day[p]
                if changes.value[p] > 0:
                    support[level, day] += 1
                    last[level] = max(last[level], day)
                else:
                    support[level, day] -= 1
                p += 1
            for level in range(1, top + 1):
                while last[level] >= 0 and support[level, last[level]] == 0:
                    last[level] = last[level] - 1 if t - last[level] < width else -1
            out[i, t] = 0
            for level in range(1, top + 1):
                if last[level] >= 0 and t - last[level] < width:
                    out[i, t] = level


@compiled
def late_gaps(
    rows: Ints,
    steady: Float32,
    changes: Changes,
    count: int,
    cap: int,
    mean: Float32,
    deviation: Float32,
    burstiness: Float32,
) -> None:
    """Mean, spread and burstiness of the last gaps between days with events.

    The days with events form a linked list: a late day splits a gap, a removed day joins two.

    Parameters
    ----------
    rows, steady, changes
        As in :func:`escalation.panel.late.late_window_sums`.
    count, cap
        As in :meth:`escalation.panel.series.Series.gaps`.
    mean, deviation, burstiness : array of float32, shape (row, day)
        Written in place; mean and deviation in days.
    """
    days = steady.shape[1]
    support = np.zeros(days, np.int64)
    before, after = np.full(days, -1, np.int64), np.full(days, -1, np.int64)
    for i in rows:
        p, last = changes.starts[i], -1
        mu, sigma, b = float(cap), 0.0, 0.0
        support[:] = 0
        for t in range(days):
            changed = False
            if steady[i, t] > 0:
                support[t] = 1
                before[t], after[t] = last, -1
                if last >= 0:
                    after[last] = t
                last, changed = t, True
            while p < changes.starts[i + 1] and changes.time[p] == t:
                day = changes.day[p]
                is_new = support[day] == 0
                support[day] += int(changes.value[p])
                if is_new:
                    right, left = -1, last
                    while left > day:
                        right, left = left, before[left]
                    before[day], after[day] = left, right
                    if left >= 0:
                        after[left] = day
                    if right >= 0:
                        before[right] = day
                    else:
                        last = day
                    changed = True
                elif support[day] == 0:
                    if before[day] >= 0:
                        after[before[day]] = after[day]
                    if after[day] >= 0:
                        before[after[day]] = before[day]
                    else:
                        last = before[day]
                    changed = True
                p += 1
            if changed:
                n, total, squares, at = 0, 0, 0, last
                while n < count and at >= 0 and before[at] >= 0:
                    gap = min(at - before[at], cap)
                    total += gap
                    squares += gap * gap
                    n += 1
                    at = before[at]
                mu, sigma, b = float(cap), 0.0, 0.0
                if n > 0:
                    mu = total / n
                    sigma = math.sqrt(n * squares - total * total) / n
                    b = (sigma - mu) / (sigma + mu) if n > 1 else 0.0
            mean[i, t], deviation[i, t], burstiness[i, t] = mu, sigma, b
