"""Quantiles of past window sums as known on each day; the same pass with and without late news."""

from __future__ import annotations

import numpy as np

from escalation._util.arrays import Array, Float32
from escalation._util.compiled import compiled
from escalation.panel.late import Changes


@compiled
def _replace_sorted(ordered: Array, old: float, new: float) -> None:
    """Replace a value in a sorted array, in place."""
    j = np.searchsorted(ordered, old)
    while j + 1 < len(ordered) and ordered[j + 1] < new:
        ordered[j] = ordered[j + 1]
        j += 1
    while j > 0 and ordered[j - 1] > new:
        ordered[j] = ordered[j - 1]
        j -= 1
    ordered[j] = new


@compiled
def late_past_quantiles(
    steady: Float32,
    changes: Changes,
    horizon: int,
    windows: int,
    quantile: float,
    quantiles: Array,
    mean: Array,
) -> None:
    """Quantile and mean of the last non-overlapping window sums, as known on each day.

    Days with the same remainder modulo the horizon share all windows but one, so their sums are
    kept sorted: each day removes the oldest and inserts the newest. A change of a day's value
    changes one sum for each remainder.

    Parameters
    ----------
    steady, changes
        As in :func:`escalation.panel.late.late_window_sums`.
    horizon, windows, quantile
        As in :meth:`escalation.panel.series.Series.past_quantiles`.
    quantiles, mean : ndarray of float64, shape (row, day)
        Written in place.
    """
    days = steady.shape[1]
    at = quantile * (windows - 1)
    low = int(at)
    share = at - low
    now, sums = np.zeros(days), np.zeros(days)
    ordered, totals = np.zeros((horizon, windows)), np.zeros(horizon)
    for i in range(len(steady)):
        ordered[:, :] = 0.0
        totals[:] = 0.0
        p = changes.starts[i]
        for t in range(days):
            now[t] = steady[i, t]
            while p < changes.starts[i + 1] and changes.time[p] == t:
                day, value = changes.day[p], changes.value[p]
                _change(day, value, t, horizon, windows, now, sums, ordered, totals)
                p += 1
            sums[t] = now[t] + (sums[t - 1] if t > 0 else 0.0)
            if t >= horizon:
                sums[t] -= now[t - horizon]
            phase, first = t % horizon, t - windows * horizon
            oldest = sums[first] if first >= 0 else 0.0
            totals[phase] += sums[t] - oldest
            row = ordered[phase]
            _replace_sorted(row, oldest, sums[t])
            quantiles[i, t] = row[low] + share * (row[min(low + 1, windows - 1)] - row[low])
            mean[i, t] = totals[phase] / windows


@compiled
def _change(
    day: int,
    value: float,
    today: int,
    horizon: int,
    windows: int,
    now: Array,
    sums: Array,
    ordered: Array,
    totals: Array,
) -> None:
    """Change a day's value, and all complete sums that contain it."""
    now[day] += value
    for end in range(day, min(day + horizon, today)):
        phase = end % horizon
        newest = today - 1 - (today - 1 - phase) % horizon
        if newest - end < windows * horizon:
            _replace_sorted(ordered[phase], sums[end], sums[end] + value)
            totals[phase] += value
        sums[end] += value
