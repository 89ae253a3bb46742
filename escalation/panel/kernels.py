"""Compiled causal passes over the day axis, shared by features and targets.

Chosen by measurement: one compiled pass per row keeps its inputs in cache and writes each output
once; the same sums in numpy take about twice as long. Decays are recursive, because weights
exp(k t) overflow. No pass reads to the right of the day it writes.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from escalation._util.arrays import Array, Float32
from escalation._util.compiled import compiled
from escalation.panel.late_past import replace_sorted

SMALLEST_SUM = 1e-30
"""A decayed sum below this is zero."""


@compiled
def sums_over_windows(values: Float32, windows: NDArray[np.int64]) -> Float32:
    """Sums over the last w days, today included; days before the axis are zeros.

    Parameters
    ----------
    values : ndarray of float32, shape (row, day)
    windows : ndarray of int64, shape (window,)
        Lengths in days, at least 1.

    Returns
    -------
    ndarray of float32, shape (window, row, day)
        Differences of one running total in float64, so sums of whole numbers are exact.
    """
    rows, days = values.shape
    out, total = np.empty((len(windows), rows, days), np.float32), np.zeros(days + 1)
    for i in range(rows):
        for t in range(days):
            total[t + 1] = total[t] + values[i, t]
        for k in range(len(windows)):
            # Slices, so that no index can be negative and the loop runs on several days at once.
            width = min(windows[k], days)
            old, until_now, before = out[k, i, width:], total[width + 1 :], total[1:]
            out[k, i, :width] = total[1 : width + 1]
            for t in range(days - width):
                old[t] = until_now[t] - before[t]
    return out


@compiled
def decaying_sums(values: Float32, keep: Array) -> Array:
    """Recursive sums s_t = keep * s_(t-1) + x_t.

    Parameters
    ----------
    values : ndarray of float32, shape (row, day)
    keep : ndarray of float64, shape (decay,)
        Share that is kept from one day to the next, in (0, 1).

    Returns
    -------
    ndarray of float64, shape (decay, row, day)
    """
    rows, days = values.shape
    out = np.empty((len(keep), rows, days), np.float64)
    for k in range(len(keep)):
        for i in range(rows):
            total = 0.0
            for t in range(days):
                total = keep[k] * total + values[i, t]
                out[k, i, t] = total
    return out


def decayed_features(values: Float32, keep: Array) -> Float32:
    """The sums of :func:`decaying_sums`, rounded to float32 on the way out.

    A sum below ``SMALLEST_SUM`` becomes zero: nobody can tell, and tiny numbers are slow.

    Parameters
    ----------
    values : ndarray of float32, shape (row, day)
        Not negative.
    keep : ndarray of float64, shape (decay,)
        Share that is kept from one day to the next, in (0, 1).

    Returns
    -------
    ndarray of float32, shape (decay, row, day)
    """
    # In fours: a sum waits for its own day before, so four at a time take as long as one.
    whole = -(-len(keep) // 4) * 4
    out = np.empty((whole, *values.shape), np.float32)
    _decayed_features(values, np.append(keep, np.zeros(whole - len(keep))), out)
    return out[: len(keep)]


@compiled
def _decayed_features(values: Float32, keep: Array, out: Float32) -> None:
    rows, days = values.shape
    for i in range(rows):
        for k in range(0, len(keep), 4):
            ka, kb, kc, kd = keep[k], keep[k + 1], keep[k + 2], keep[k + 3]
            into_a, into_b, into_c, into_d = out[k, i], out[k + 1, i], out[k + 2, i], out[k + 3, i]
            a = b = c = d = 0.0
            for t in range(days):
                today = values[i, t]
                a, b, c, d = ka * a + today, kb * b + today, kc * c + today, kd * d + today
                a = 0.0 if a < SMALLEST_SUM else a
                b = 0.0 if b < SMALLEST_SUM else b
                c = 0.0 if c < SMALLEST_SUM else c
                d = 0.0 if d < SMALLEST_SUM else d
                into_a[t], into_b[t], into_c[t], into_d[t] = a, b, c, d


@compiled
def days_since(values: Float32, at_least: float, cap: int) -> Float32:
    """Days since the value was last at or above a level: 0 today, ``cap`` if never or longer.

    Parameters
    ----------
    values : array of float32, shape (row, day)
    at_least : float
        Level that counts.
    cap : int
        Most days that are told.
    """
    rows, days = values.shape
    out = np.empty(values.shape, np.float32)
    for i in range(rows):
        gap = cap
        for t in range(days):
            gap = 0 if values[i, t] >= at_least else min(gap + 1, cap)
            out[i, t] = gap
    return out


@compiled
def window_max(values: Float32, width: int) -> Float32:
    """Highest value of the last ``width`` days, today included.

    A monotone queue: each day enters and leaves once, whatever the width.

    Parameters
    ----------
    values : array of float32, shape (row, day)
    width : int
        In days.
    """
    rows, days = values.shape
    out, queue = np.empty(values.shape, np.float32), np.empty(days, np.int64)
    for i in range(rows):
        head, tail = 0, 0
        for t in range(days):
            while tail > head and values[i, queue[tail - 1]] <= values[i, t]:
                tail -= 1
            queue[tail] = t
            tail += 1
            if queue[head] <= t - width:
                head += 1
            out[i, t] = values[i, queue[head]]
    return out


@compiled
def log_ratio(
    short: Float32, long: Float32, widths: tuple[int, int], eps: float, change: int
) -> tuple[Float32, Float32]:
    """Trend log((short / ws + eps) / (long / wl + eps)) and its change over some days.

    The logarithm is taken cell by cell: a vectorised one may differ in its last bit with the
    length of the axis.

    Parameters
    ----------
    short, long : ndarray of float32, shape (row, day)
        Window sums.
    widths : tuple of int
        ws and wl, in days.
    eps : float
        Per day, above 0.
    change : int
        In days; the trend before the axis is 0.

    Returns
    -------
    tuple of ndarray of float32, each of shape (row, day)
    """
    rows, days = short.shape
    level, moved = np.empty(short.shape, np.float32), np.empty(short.shape, np.float32)
    trend = np.empty(days)
    for i in range(rows):
        for t in range(days):
            trend[t] = math.log((short[i, t] / widths[0] + eps) / (long[i, t] / widths[1] + eps))
            level[i, t] = trend[t]
            moved[i, t] = trend[t] - trend[t - change] if t >= change else trend[t]
    return level, moved


@compiled
def log_ratio_as_known(
    rows: NDArray[np.int64],
    sums: Float32,
    widths: NDArray[np.int64],
    eps: float,
    level: Float32,
    moved: Float32,
) -> None:
    """The same for rows with late news, where the earlier sums are as known today.

    Parameters
    ----------
    rows : ndarray of int64
    sums : ndarray of float32, shape (5, row, day)
        Over the short and the long window, the change, and the change before each of the two.
    widths, eps
        As for :func:`log_ratio`.
    level, moved : ndarray of float32, shape (row, day)
        Written in place.
    """
    for i in rows:
        for t in range(level.shape[1]):
            now = math.log((sums[0, i, t] / widths[0] + eps) / (sums[1, i, t] / widths[1] + eps))
            short, long = sums[3, i, t] - sums[2, i, t], sums[4, i, t] - sums[2, i, t]
            before = math.log((short / widths[0] + eps) / (long / widths[1] + eps))
            level[i, t], moved[i, t] = now, now - before


@compiled
def gaps(values: Float32, last: int, cap: int) -> tuple[Float32, Float32, Float32]:
    """Mean, spread and burstiness of the last gaps between days with a value of 1 or more.

    Sums and squares are kept in whole numbers, so that nothing drifts after a long gap.

    Parameters
    ----------
    values : ndarray of float32, shape (row, day)
    last : int
        How many gaps; fewer where there are fewer.
    cap : int
        Longest gap in days, and the mean where there is no gap yet.

    Returns
    -------
    tuple of ndarray of float32, each of shape (row, day)
    """
    rows, days = values.shape
    mean, spread, burst = (
        np.empty(values.shape, np.float32),
        np.empty(values.shape, np.float32),
        np.empty(values.shape, np.float32),
    )
    ring = np.zeros(last, np.int64)
    for i in range(rows):
        ring[:] = 0
        seen, total, squares, before = 0, 0, 0, -1
        mu, sigma, b = float(cap), 0.0, 0.0
        for t in range(days):
            if values[i, t] >= 1.0:
                if before >= 0:
                    gap, gone = min(t - before, cap), ring[seen % last]
                    ring[seen % last] = gap
                    seen += 1
                    total += gap - gone
                    squares += gap * gap - gone * gone
                    n = min(seen, last)
                    mu = total / n
                    sigma = math.sqrt(n * squares - total * total) / n
                    b = (sigma - mu) / (sigma + mu) if n > 1 else 0.0
                before = t
            mean[i, t], spread[i, t], burst[i, t] = mu, sigma, b
    return mean, spread, burst


@compiled
def place(
    values: Float32, unit: NDArray[np.int64], begin: NDArray[np.int64], stop: NDArray[np.int64],
    lag: int, since: int, out: Float32,
) -> None:  # fmt: skip
    """Write each row's stretch of days: ``out[k, unit[i], t - since] = values[k, i, t - lag]``.

    Parameters
    ----------
    values : ndarray of float32, shape (column, row, day)
    unit, begin, stop : ndarray of int64, shape (row,)
        Where a row goes, and the half-open stretch of days for which it is the one that counts,
        not before ``since``.
    lag : int
        In days; days before the axis are read as its first.
    since : int
        The first day that ``out`` holds.
    out : ndarray of float32, shape (column, unit, day)
        Written in place; each row of ``values`` touches its own stretch only.
    """
    for k in range(values.shape[0]):
        for i in range(values.shape[1]):
            into, row = out[k, unit[i]], values[k, i]
            early = min(max(begin[i], lag), stop[i])
            into[begin[i] - since : early - since] = row[0]
            # A loop over slices, not one assignment: that would ask whether the two overlap.
            days = into[early - since : stop[i] - since]
            known = row[early - lag : stop[i] - lag]
            for t in range(len(days)):
                days[t] = known[t]


def ahead_sum(values: Float32, horizon: int) -> Array:
    """Sums over the days t+1 to t+h; NaN where the axis ends before. For targets only.

    Parameters
    ----------
    values : ndarray, shape (row, day)
    horizon : int
        In days.

    Returns
    -------
    ndarray of float64, shape (row, day)
    """
    rows, days = values.shape
    total = np.zeros((rows, days + 1))
    np.cumsum(values, axis=1, dtype=np.float64, out=total[:, 1:])
    out = np.full((rows, days), np.nan)
    if days > horizon:
        out[:, : days - horizon] = total[:, 1 + horizon :] - total[:, 1 : days - horizon + 1]
    return out


@compiled
def past_quantiles(
    values: Float32, horizon: int, windows: int, quantile: float
) -> tuple[Array, Array]:
    """Quantile and mean of the last non-overlapping window sums, on each day.

    The days of one remainder modulo the horizon share their windows but one, so their sums are kept
    sorted: each day removes the oldest and inserts the newest.

    Parameters
    ----------
    values : ndarray of float32, shape (row, day)
    horizon : int
        Length of a window in days.
    windows : int
        How many, the last one ending on the day itself.
    quantile : float
        Interpolated linearly between the two nearest sums.

    Returns
    -------
    tuple of two ndarrays of float64, shape (row, day)
    """
    rows, days = values.shape
    place, mean = np.empty((rows, days)), np.empty((rows, days))
    at = quantile * (windows - 1)
    low = int(at)
    share = at - low
    sums, kept = np.empty(days), np.empty(windows)
    for i in range(rows):
        running = 0.0
        for t in range(days):
            running += values[i, t]
            if t >= horizon:
                running -= values[i, t - horizon]
            sums[t] = running
        for phase in range(min(horizon, days)):
            kept[:] = 0.0
            total = 0.0
            for t in range(phase, days, horizon):
                oldest = t - windows * horizon
                gone = sums[oldest] if oldest >= 0 else 0.0
                total += sums[t] - gone
                replace_sorted(kept, gone, sums[t])
                place[i, t] = kept[low] + share * (kept[min(low + 1, windows - 1)] - kept[low])
                mean[i, t] = total / windows
    return place, mean
