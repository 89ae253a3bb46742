"""Regression of one target: its level, its half-lives, and the excitation by each source."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from escalation._util.arrays import Array
from escalation.models.nonnegative import errors, loglike, maximise
from escalation.panel import kernels

SWEEPS = 2


@dataclass(frozen=True)
class TargetFit:
    """Fitted regression of one target.

    Parameters
    ----------
    columns : ndarray, shape (day, knot)
        Columns of the level.
    level : float
        Mean level, in events per day.
    excitation, errors, ratio : ndarray, shape (source,)
        Coefficient, its standard error and likelihood ratio against zero.
    half_life : ndarray of int64, shape (source,)
        Indices of the half-lives in the grid.
    dispersion : float
        Variance over mean.
    """

    columns: Array
    level: float
    excitation: Array
    errors: Array
    ratio: Array
    half_life: NDArray[np.int64]
    dispersion: float


def levels_of(days: int, level_days: int | None) -> list[Array]:
    """A constant, and hat functions over knots at four, two and one times ``level_days``.

    Hat functions are non-negative and add up to 1 on every day.

    Parameters
    ----------
    days : int
    level_days : int or None
        Days between knots; None for the constant alone.

    Returns
    -------
    list of ndarray, each of shape (day, knot)

    Examples
    --------
    >>> levels_of(5, 2)[-1].tolist()[1]
    [0.5, 0.5, 0.0]
    """
    levels = [np.ones((days, 1))]
    for distance in () if level_days is None else (4 * level_days, 2 * level_days, level_days):
        if days > distance:
            knots = np.linspace(0, days - 1, round((days - 1) / distance) + 1)
            hats = [np.interp(np.arange(days), knots, row) for row in np.eye(len(knots))]
            levels.append(np.stack(hats, axis=1))
    return levels


def lagged(values: NDArray[np.float32], grid: Array) -> Array:
    """Decayed counts of the previous days, with weights that sum to 1.

    Parameters
    ----------
    values : ndarray of float32, shape (row, day)
    grid : ndarray, shape (half-life,)
        In days.

    Returns
    -------
    ndarray, shape (half-life, row, day)
    """
    decay = 2.0 ** (-1.0 / grid)
    sums = kernels.decaying_sums(values, decay) * (1.0 - decay)[:, None, None]
    return np.concatenate([np.zeros_like(sums[:, :, :1]), sums[:, :, :-1]], axis=2)


def design_of(level: Array, past: Array, half_life: NDArray[np.int64]) -> Array:
    """Columns of the level, then each source's decayed counts at its half-life.

    Parameters
    ----------
    level : ndarray, shape (day, knot)
    past : ndarray, shape (half-life, source, day)
    half_life : ndarray of int64, shape (source,)
        Indices.

    Returns
    -------
    ndarray, shape (day, knot + source)
    """
    return np.column_stack([level, *(past[g, j] for j, g in enumerate(half_life))])


def fit_targets(values: NDArray[np.float32], levels: list[Array], past: Array) -> list[TargetFit]:
    """Fit the regression of every target, starting from the half-life that suits all best.

    Parameters
    ----------
    values : ndarray of float32, shape (target, day)
    levels : list of ndarray
        From :func:`levels_of`.
    past : ndarray, shape (half-life, source, day)
        From :func:`lagged`.
    """
    counts = values.astype(np.float64)
    if not len(counts):
        return []
    by_level = np.array([_bics(count, levels, past) for count in counts])
    common = int(by_level.min(axis=1).sum(axis=0).argmin())
    best = by_level[:, :, common].argmin(axis=1)
    return [
        _fit_target(count, levels[k], past, common) for count, k in zip(counts, best, strict=True)
    ]


def _bics(count: Array, levels: list[Array], past: Array) -> Array:
    """Bayesian information criterion by level and half-life, one half-life for all sources.

    Finer levels are tried as long as they improve; the remaining ones are infinite.
    """
    criterion = np.full((len(levels), len(past)), np.inf)
    for k, level in enumerate(levels):
        for g in range(len(past)):
            design = design_of(level, past, np.full(past.shape[1], g))
            fit = loglike(design, count, maximise(design, count))
            criterion[k, g] = level.shape[1] * np.log(len(count)) - 2.0 * fit
        if k and criterion[k].min() > criterion[k - 1].min():
            break
    return criterion


def _fit_target(count: Array, level: Array, past: Array, common: int) -> TargetFit:
    """Half-lives, regression and tests of one target."""
    half_life, beta = _half_lives(count, level, past, common)
    sources, knots = past.shape[1], level.shape[1]
    design = design_of(level, past, half_life)
    error, dispersion = errors(design, count, beta)
    best = loglike(design, count, beta)
    ratio = np.zeros(sources)
    for j in np.flatnonzero(beta[knots:] > 0.0):
        without = np.delete(design, knots + j, axis=1)
        reduced = maximise(without, count, start=np.delete(beta, knots + j) + 1e-3)
        ratio[j] = max(2.0 * (best - loglike(without, count, reduced)) / dispersion, 0.0)
    return TargetFit(
        columns=level,
        level=float((level @ beta[:knots]).mean()),
        excitation=beta[knots:],
        errors=error[knots:],
        ratio=ratio,
        half_life=half_life,
        dispersion=dispersion,
    )


def _half_lives(
    count: Array, level: Array, past: Array, common: int
) -> tuple[NDArray[np.int64], Array]:
    """Separate half-lives for sources where that improves the BIC, and the coefficients.

    Without BIC's penalty, a source without effect would pick whatever fits the noise.
    """
    halves, sources = past.shape[:2]
    penalty = np.log(len(count)) / 2.0
    fits: dict[tuple[int, ...], Array] = {}
    best = (common,) * sources
    start = maximise(design_of(level, past, np.array(best)), count) + 1e-3

    def criterion(candidate: tuple[int, ...]) -> float:
        design = design_of(level, past, np.array(candidate))
        if candidate not in fits:
            fits[candidate] = maximise(design, count, start=start)
        different = sum(half_life != common for half_life in candidate)
        return loglike(design, count, fits[candidate]) - penalty * different

    for _ in range(SWEEPS):
        for j in range(sources):
            candidates = ((*best[:j], g, *best[j + 1 :]) for g in range(halves))
            best = max(candidates, key=criterion)
    return np.array(best), fits[best]
