"""Placebo test: apparent excitation in shuffled histories, where there is none."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from escalation._util.arrays import Array
from escalation.models.excitation.likelihood import TargetFit, design_of, lagged
from escalation.models.nonnegative import MEAN_FLOOR, maximise


def placebo(
    values: NDArray[np.float32],
    past: Array,
    fits: list[TargetFit],
    grid: Array,
    *,
    window: int,
    shuffles: int,
    seed: int,
) -> Array:
    """Share of shuffled histories in which any pair is at least as strong as this one.

    Parameters
    ----------
    values : ndarray of float32, shape (channel, day)
    past : ndarray, shape (half-life, channel, day)
        Decayed counts of the previous days.
    fits : list of TargetFit
        Regression of each channel.
    grid : ndarray, shape (half-life,)
    window : int
        Days within which to shuffle.
    shuffles, seed : int

    Returns
    -------
    ndarray, shape (target, source)
        NaN without shuffles.
    """
    n = len(values)
    if not shuffles or not n:
        return np.full((n, n), np.nan)
    observed, null = np.zeros((n, n)), np.zeros((n, n, shuffles))
    orders = _orders(values.shape[1], window, shuffles, seed)
    for j in range(n):
        shuffled = lagged(values[j][orders], grid)
        for i, fit in enumerate(fits):
            model = _null_model(values[i].astype(np.float64), past, fit, j)
            observed[i, j] = _strength(*model, past[:, j : j + 1])[0]
            null[i, j] = _strength(*model, shuffled)
    strongest = null.max(axis=(0, 1))
    return (1.0 + (strongest >= observed[:, :, None]).sum(axis=2)) / (1.0 + shuffles)


def _orders(days: int, window: int, shuffles: int, seed: int) -> NDArray[np.int64]:
    """Permutations of the days within windows, shape (shuffle, day)."""
    random = np.random.default_rng(seed)
    block = np.minimum(np.arange(days) // window, max(days // window - 1, 0))
    return np.stack([np.lexsort((random.random(days), block)) for _ in range(shuffles)])


def _null_model(
    count: Array, past: Array, fit: TargetFit, source: int
) -> tuple[Array, Array, float]:
    """Count, mean with active columns, and dispersion of a regression without one source."""
    knots = fit.columns.shape[1]
    design = np.delete(design_of(fit.columns, past, fit.half_life), knots + source, axis=1)
    beta = maximise(design, count)
    active = design[:, beta > 0.0]
    mean = active @ beta[beta > 0.0] + MEAN_FLOOR
    return count, np.column_stack([mean, active]), fit.dispersion


def _strength(count: Array, null: Array, dispersion: float, past: Array) -> Array:
    """Largest score statistic over the half-lives of adding a source, in standard errors.

    Its variance is that of the log likelihood's slope at zero excitation given the active columns.

    Parameters
    ----------
    null : ndarray, shape (day, 1 + column)
        Mean without the source, then the active columns.
    past : ndarray, shape (half-life, history, day)

    Returns
    -------
    ndarray, shape (history,)
    """
    mean, active = null[:, 0], null[:, 1:]
    slope = past @ (count / mean - 1.0)
    information = np.einsum("ghd,ghd,d->gh", past, past, 1.0 / mean)
    shared = past @ (active / mean[:, None])
    inner = np.linalg.pinv(active.T @ (active / mean[:, None]), hermitian=True)
    variance = information - np.einsum("ghk,kl,ghl->gh", shared, inner, shared)
    error = np.sqrt(np.maximum(variance, 1e-12) * dispersion)
    return np.where(variance > 1e-9 * information, slope / error, 0.0).max(axis=0)
