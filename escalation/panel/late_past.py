"""Sums over past windows, as known on each day: a pass over rows that have late news.

The arguments are described in :mod:`escalation.panel.late`.
"""

from __future__ import annotations

import numpy as np

from escalation._util.arrays import Array, Float32, Ints
from escalation._util.compiled import compiled
from escalation.panel.late import Changes


@compiled
def replace_sorted(ordered: Array, gone: float, new: float) -> None:
    """Put one value in the place of another, in place and in order."""
    j = np.searchsorted(ordered, gone)
    while j + 1 < len(ordered) and ordered[j + 1] < new:
        ordered[j] = ordered[j + 1]
        j += 1
    while j > 0 and ordered[j - 1] > new:
        ordered[j] = ordered[j - 1]
        j -= 1
    ordered[j] = new


@compiled
def late_past_quantiles(
    rows: Ints,
    steady: Float32,
    came: Changes,
    went: Changes,
    horizon: int,
    windows: int,
    quantile: float,
    place: Array,
    mean: Array,
) -> None:
    """Quantile and mean of the last non-overlapping sums over ``horizon`` days, on each day.

    The days of one remainder modulo the horizon share their windows but one: their sums are kept
    sorted, and a change of a day moves one of them for each remainder. Written in place.

    Parameters
    ----------
    rows, steady, came, went
        As in :func:`late_window_sums`.
    horizon : int
        Days of a sum.
    windows : int
        How many of the last sums count.
    quantile : float
        Between 0 and 1.
    place, mean : array, shape (row, day)
        Written in place.
    """
    days = steady.shape[1]
    at = quantile * (windows - 1)
    low = int(at)
    share = at - low
    now, sums = np.zeros(days), np.zeros(days)
    kept, totals = np.zeros((horizon, windows)), np.zeros(horizon)
    for i in rows:
        kept[:, :] = 0.0
        totals[:] = 0.0
        p, q = came.starts[i], went.starts[i]
        for t in range(days):
            now[t] = steady[i, t]
            while p < came.starts[i + 1] and came.time[p] == t:
                _move(came.day[p], came.value[p], t, horizon, windows, now, sums, kept, totals)
                p += 1
            while q < went.starts[i + 1] and went.time[q] == t:
                _move(went.day[q], -went.value[q], t, horizon, windows, now, sums, kept, totals)
                q += 1
            sums[t] = now[t] + (sums[t - 1] if t > 0 else 0.0)
            if t >= horizon:
                sums[t] -= now[t - horizon]
            phase, oldest = t % horizon, t - windows * horizon
            gone = sums[oldest] if oldest >= 0 else 0.0
            totals[phase] += sums[t] - gone
            row = kept[phase]
            replace_sorted(row, gone, sums[t])
            place[i, t] = row[low] + share * (row[min(low + 1, windows - 1)] - row[low])
            mean[i, t] = totals[phase] / windows


@compiled
def _move(
    day: int,
    value: float,
    today: int,
    horizon: int,
    windows: int,
    now: Array,
    sums: Array,
    kept: Array,
    totals: Array,
) -> None:
    """Change a day's value and all finished sums that hold it."""
    now[day] += value
    for end in range(day, min(day + horizon, today)):
        phase = end % horizon
        newest = today - 1 - (today - 1 - phase) % horizon
        if newest - end < windows * horizon:
            replace_sorted(kept[phase], sums[end], sums[end] + value)
            totals[phase] += value
        sums[end] += value
