"""Gaps between days with events, as known on each day: a pass over rows that have late news.

The arguments are described in :mod:`escalation.panel.late`.
"""

from __future__ import annotations

import math

import numpy as np

from escalation._util.arrays import Float32, Ints
from escalation._util.compiled import compiled
from escalation.panel.late import Changes


@compiled
def late_gaps(
    rows: Ints,
    steady: Float32,
    came: Changes,
    went: Changes,
    count: int,
    cap: int,
    mean: Float32,
    spread: Float32,
    burst: Float32,
) -> None:
    """Mean, spread and burstiness of the last gaps between days with any support.

    The days with support are a chain: one that comes late splits a gap in two, one that goes joins
    two. Arrays are written in place, each [row, day].

    Parameters
    ----------
    rows, steady, came, went
        As in :func:`late_window_sums`.
    count : int
        How many of the last gaps count.
    cap : int
        Longest gap in days.
    mean, spread, burst : array of float32, shape (row, day)
        Written in place; mean and spread in days.
    """
    days = steady.shape[1]
    support = np.zeros(days, np.int64)
    before, after = np.full(days, -1, np.int64), np.full(days, -1, np.int64)
    for i in rows:
        p, q, last = came.starts[i], went.starts[i], -1
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
            while p < came.starts[i + 1] and came.time[p] == t:
                day = came.day[p]
                support[day] += 1
                if support[day] == 1:
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
                p += 1
            while q < went.starts[i + 1] and went.time[q] == t:
                day = went.day[q]
                support[day] -= 1
                if support[day] == 0:
                    if before[day] >= 0:
                        after[before[day]] = after[day]
                    if after[day] >= 0:
                        before[after[day]] = before[day]
                    else:
                        last = before[day]
                    changed = True
                q += 1
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
            mean[i, t], spread[i, t], burst[i, t] = mu, sigma, b
