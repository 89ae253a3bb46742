"""How strong excitation looks where there can be none: in shuffled histories."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from escalation._util.arrays import Array
from escalation.models.excitation.likelihood import Row, design_of, lagged
from escalation.models.nonnegative import MEAN_FLOOR, maximise


def placebo(
    values: NDArray[np.float32],
    past: Array,
    rows: list[Row],
    grid: Array,
    *,
    window: int,
    shuffles: int,
    seed: int,
) -> Array:
    """Share of shuffled histories in which any pair looks as strong as this one does.

    Parameters
    ----------
    values : ndarray of float32, shape (channel, day)
    past : ndarray, shape (half-life, channel, day)
        Decayed counts of the days before.
    rows : list of Row
        Each channel's regression.
    grid : ndarray, shape (half-life,)
    window : int
        Days within which is shuffled.
    shuffles : int
    seed : int

    Returns
    -------
    ndarray, shape (target, source)
        NaN without shuffles.
    """
    n = len(values)
    if not shuffles or not n:
        return np.full((n, n), np.nan)
    seen, chance = np.zeros((n, n)), np.zeros((n, n, shuffles))
    orders = _orders(values.shape[1], window, shuffles, seed)
    for j in range(n):
        shuffled = lagged(values[j][orders], grid)
        for i, row in enumerate(rows):
            null = _null_model(values[i].astype(np.float64), past, row, j)
            seen[i, j] = _strength(*null, past[:, j : j + 1])[0]
            chance[i, j] = _strength(*null, shuffled)
    strongest = chance.max(axis=(0, 1))
    return (1.0 + (strongest >= seen[:, :, None]).sum(axis=2)) / (1.0 + shuffles)


def _orders(days: int, window: int, shuffles: int, seed: int) -> NDArray[np.int64]:
    """Shuffled days, shape (shuffle, day); each stays within its window."""
    random = np.random.default_rng(seed)
    block = np.minimum(np.arange(days) // window, max(days // window - 1, 0))
    return np.stack([np.lexsort((random.random(days), block)) for _ in range(shuffles)])


def _null_model(count: Array, past: Array, row: Row, source: int) -> tuple[Array, Array, float]:
    """Count, the columns at work and dispersion of a row's regression without one source."""
    knots = row.columns.shape[1]
    design = np.delete(design_of(row.columns, past, row.chosen), knots + source, axis=1)
    beta = maximise(design, count)
    working = design[:, beta > 0.0]
    return (
        count,
        np.column_stack([working @ beta[beta > 0.0] + MEAN_FLOOR, working]),
        row.dispersion,
    )


def _strength(count: Array, null: Array, dispersion: float, past: Array) -> Array:
    """Score statistic of adding a source, in standard errors; the largest over the half-lives.

    The derivative of the log likelihood at zero excitation, less what the columns at work explain.

    Parameters
    ----------
    null : ndarray, shape (day, 1 + column)
        Mean without the source, then the columns at work.
    past : ndarray, shape (half-life, history, day)

    Returns
    -------
    ndarray, shape (history,)
    """
    mean, working = null[:, 0], null[:, 1:]
    slope = past @ (count / mean - 1.0)
    own = np.einsum("ghd,ghd,d->gh", past, past, 1.0 / mean)
    shared = past @ (working / mean[:, None])
    inner = np.linalg.pinv(working.T @ (working / mean[:, None]), hermitian=True)
    spread = own - np.einsum("ghk,kl,ghl->gh", shared, inner, shared)
    error = np.sqrt(np.maximum(spread, 1e-12) * dispersion)
    return np.where(spread > 1e-9 * own, slope / error, 0.0).max(axis=0)
