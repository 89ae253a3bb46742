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

import math
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
