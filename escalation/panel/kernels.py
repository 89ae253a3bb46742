"""Compiled causal passes over the day axis, shared by features and targets.

One compiled pass per row keeps its inputs in cache and writes each output once; the same sums in
NumPy take about twice as long. Decays are recursive, because weights exp(k t) overflow. Arrays are
float32 of shape (row, day). Only :func:`ahead_sum` reads days after the one that it writes.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from escalation._util.arrays import Array, Float32
from escalation._util.compiled import compiled

SMALLEST_SUM = 1e-30
"""Smaller decayed sums are set to zero."""


@compiled
def sums_over_windows(values: Float32, windows: NDArray[np.int64]) -> Float32:
    """Sums over the last w days, as differences of one running total in float64.

    Parameters
    ----------
    values, windows
        As in :meth:`escalation.panel.series.Series.window_sums`.
    """
    rows, days = values.shape
    out, total = np.empty((len(windows), rows, days), np.float32), np.zeros(days + 1)
    for i in range(rows):
        for t in range(days):
            total[t + 1] = total[t] + values[i, t]
        for k in range(len(windows)):
            # With slices no index can be negative, so the loop is vectorised.
            width = min(windows[k], days)
            full, until_now, before = out[k, i, width:], total[width + 1 :], total[1:]
            out[k, i, :width] = total[1 : width + 1]
            for t in range(days - width):
                full[t] = until_now[t] - before[t]
    return out


@compiled
def decaying_sums(values: Float32, keep: Array) -> Array:
    """Recursive sums s_t = keep * s_(t-1) + x_t, shape (decay, row, day).

    Parameters
    ----------
    values : ndarray of float32, shape (row, day)
    keep : ndarray of float64, shape (decay,)
        In (0, 1).
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
    """The sums of :func:`decaying_sums` as float32; sums below ``SMALLEST_SUM`` become zero.

    Parameters
    ----------
    values, keep
        As in :func:`decaying_sums`.
    """
    # In fours: each sum depends on its previous day, so four at a time take as long as one.
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
    """Days since the value was last ``at_least`` so high: 0 today, ``cap`` if never or longer.

    Parameters
    ----------
    values : ndarray of float32, shape (row, day)
    at_least : float
    cap : int
        In days.
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
    """Highest value of the last ``width`` days, today included, by a monotone queue.

    Parameters
    ----------
    values : ndarray of float32, shape (row, day)
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

    The logarithm is computed cell by cell: a vectorised one may differ in the last bit with the
    length of the axis.

    Parameters
    ----------
    short, long : ndarray of float32, shape (row, day)
        Window sums.
    widths, eps, change
        As in :meth:`escalation.panel.series.Series.log_ratio`.
    """
    rows, days = short.shape
    trends, changes = np.empty(short.shape, np.float32), np.empty(short.shape, np.float32)
    trend = np.empty(days)
    for i in range(rows):
        for t in range(days):
            trend[t] = math.log((short[i, t] / widths[0] + eps) / (long[i, t] / widths[1] + eps))
            trends[i, t] = trend[t]
            changes[i, t] = trend[t] - trend[t - change] if t >= change else trend[t]
    return trends, changes


@compiled
def log_ratio_as_known(
    rows: NDArray[np.int64],
    sums: Float32,
    widths: NDArray[np.int64],
    eps: float,
    trends: Float32,
    changes: Float32,
) -> None:
    """Trend and change for rows with late news, both ends of the change as known today.

    Parameters
    ----------
    rows : ndarray of int64
    sums : ndarray of float32, shape (5, row, day)
        Over the short window, the long window, the days of the change, and these days together
        with each of the two windows.
    widths, eps
        As for :func:`log_ratio`.
    trends, changes : ndarray of float32, shape (row, day)
        Written in place.
    """
    for i in rows:
        for t in range(trends.shape[1]):
            now = math.log((sums[0, i, t] / widths[0] + eps) / (sums[1, i, t] / widths[1] + eps))
            short, long = sums[3, i, t] - sums[2, i, t], sums[4, i, t] - sums[2, i, t]
            before = math.log((short / widths[0] + eps) / (long / widths[1] + eps))
            trends[i, t], changes[i, t] = now, now - before


@compiled
def gaps(values: Float32, last: int, cap: int) -> tuple[Float32, Float32, Float32]:
    """Mean, spread and burstiness of the last gaps between days with a value of 1 or more.

    Sums and squares are whole numbers, so rounding errors do not accumulate.

    Parameters
    ----------
    values, last, cap
        As in :meth:`escalation.panel.series.Series.gaps`.
    """
    rows, days = values.shape
    mean = np.empty(values.shape, np.float32)
    deviation, burstiness = np.empty_like(mean), np.empty_like(mean)
    ring = np.zeros(last, np.int64)
    for i in range(rows):
        ring[:] = 0
        n_gaps, total, squares, before = 0, 0, 0, -1
        mu, sigma, b = float(cap), 0.0, 0.0
        for t in range(days):
            if values[i, t] >= 1.0:
                if before >= 0:
                    gap, oldest = min(t - before, cap), ring[n_gaps % last]
                    ring[n_gaps % last] = gap
                    n_gaps += 1
                    total += gap - oldest
                    squares += gap * gap - oldest * oldest
                    n = min(n_gaps, last)
                    mu = total / n
                    sigma = math.sqrt(n * squares - total * total) / n
                    b = (sigma - mu) / (sigma + mu) if n > 1 else 0.0
                before = t
            mean[i, t], deviation[i, t], burstiness[i, t] = mu, sigma, b
    return mean, deviation, burstiness


@compiled
def place(
    values: Float32, unit: NDArray[np.int64], begin: NDArray[np.int64], stop: NDArray[np.int64],
    lag: int, out: Float32,
) -> None:  # fmt: skip
    """Write each row's stretch of days: ``out[k, unit[i], t] = values[k, i, t - lag]``.

    Parameters
    ----------
    values : ndarray of float32, shape (column, row, day)
    unit, begin, stop : ndarray of int64, shape (row,)
        Destination of each row, and the half-open stretch of days on which it is current.
    lag : int
        In days; days before the axis are read as its first.
    out : ndarray of float32, shape (column, unit, day)
        Written in place; each row of ``values`` touches its own stretch only.
    """
    for k in range(values.shape[0]):
        for i in range(values.shape[1]):
            into, row = out[k, unit[i]], values[k, i]
            early = min(max(begin[i], lag), stop[i])
            into[begin[i] : early] = row[0]
            # A loop, because an assignment of slices would check whether the two overlap.
            days = into[early : stop[i]]
            known = row[early - lag : stop[i] - lag]
            for t in range(len(days)):
                days[t] = known[t]


def ahead_sum(values: Float32, horizon: int) -> Array:
    """Sums over the days t+1 to t+h, NaN if the axis ends before. Only for targets.

    Parameters
    ----------
    values : ndarray, shape (row, day)
    horizon : int
        In days.
    """
    rows, days = values.shape
    total = np.zeros((rows, days + 1))
    np.cumsum(values, axis=1, dtype=np.float64, out=total[:, 1:])
    out = np.full((rows, days), np.nan)
    if days > horizon:
        out[:, : days - horizon] = total[:, 1 + horizon :] - total[:, 1 : days - horizon + 1]
    return out
