"""One target's regression: its level, its half-lives, and what each source adds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from escalation._util.arrays import Array
from escalation.models.nonnegative import errors, loglike, maximise
from escalation.panel import kernels

SWEEPS = 2


@dataclass(frozen=True)
class Row:
    """One target's regression.

    Parameters
    ----------
    columns : ndarray, shape (day, knot)
        Of the level.
    level : float
        Its mean, in events per day.
    excitation, errors, ratio : ndarray, shape (source,)
        Coefficient, its standard error and likelihood ratio against zero.
    chosen : ndarray of int64, shape (source,)
        Places of the half-lives in the grid.
    dispersion : float
        Variance over mean.
    """

    columns: Array
    level: float
    excitation: Array
    errors: Array
    ratio: Array
    chosen: NDArray[np.int64]
    dispersion: float


def _level_columns(days: int, level_days: int | None) -> Array:
    """Hat functions over equally spaced knots: non-negative, and 1 in sum on every day.

    Shape (day, knot); a constant where no days between knots are given.

    Examples
    --------
    >>> _level_columns(5, 2).tolist()[1]
    [0.5, 0.5, 0.0]
    """
    if level_days is None or days <= level_days:
        return np.ones((days, 1))
    knots = np.linspace(0, days - 1, round((days - 1) / level_days) + 1)
    return np.stack([np.interp(np.arange(days), knots, row) for row in np.eye(len(knots))], axis=1)


def levels_of(days: int, level_days: int | None) -> list[Array]:
    """A constant, and lines between knots that are four times, twice and once so far apart.

    Parameters
    ----------
    days : int
    level_days : int or None
        Days between knots; None for a constant.

    Returns
    -------
    list of ndarray, each of shape (day, knot)
    """
    if level_days is None:
        return [_level_columns(days, None)]
    finer = [_level_columns(days, level_days * times) for times in (4, 2, 1)]
    return [_level_columns(days, None), *(columns for columns in finer if columns.shape[1] > 1)]


def lagged(values: NDArray[np.float32], grid: Array) -> Array:
    """Decayed counts of the days before, weights summing to 1.

    Parameters
    ----------
    values : ndarray of float32, shape (row, day)
    grid : ndarray, shape (half-life,)
        In days.

    Returns
    -------
    ndarray, shape (half-life, row, day)
    """
    keep = 2.0 ** (-1.0 / grid)
    sums = kernels.decaying_sums(values, keep) * (1.0 - keep)[:, None, None]
    return np.concatenate([np.zeros_like(sums[:, :, :1]), sums[:, :, :-1]], axis=2)


def design_of(level: Array, past: Array, chosen: NDArray[np.int64]) -> Array:
    """Level, then each source's decayed counts at its half-life.

    Parameters
    ----------
    level : ndarray, shape (day, knot)
    past : ndarray, shape (half-life, source, day)
    chosen : ndarray of int64, shape (source,)

    Returns
    -------
    ndarray, shape (day, knot + source)
    """
    return np.column_stack([level, *(past[g, j] for j, g in enumerate(chosen))])


def fit_rows(values: NDArray[np.float32], levels: list[Array], past: Array) -> list[Row]:
    """Every target's regression, from one half-life that suits all of them best.

    Parameters
    ----------
    values : ndarray of float32, shape (target, day)
    levels : list of ndarray
        Of :func:`levels_of`.
    past : ndarray, shape (half-life, source, day)
        Of :func:`lagged`.

    Returns
    -------
    list of Row
    """
    counts = values.astype(np.float64)
    if not len(counts):
        return []
    by_level = np.array([_bics(count, levels, past) for count in counts])
    common = int(by_level.min(axis=1).sum(axis=0).argmin())
    best = by_level[:, :, common].argmin(axis=1)
    return [_fit_row(count, levels[k], past, common) for count, k in zip(counts, best, strict=True)]


def _bics(count: Array, levels: list[Array], past: Array) -> Array:
    """Bayes' information criterion by level and half-life, one half-life for all sources.

    Finer levels are tried as long as they gain; the others are infinite, as if never chosen.
    """
    criterion = np.full((len(levels), len(past)), np.inf)
    for k, level in enumerate(levels):
        for g in range(len(past)):
            design = design_of(level, past, np.full(past.shape[1], g))
            gained = loglike(design, count, maximise(design, count))
            criterion[k, g] = level.shape[1] * np.log(len(count)) - 2.0 * gained
        if k and criterion[k].min() > criterion[k - 1].min():
            break
    return criterion


def _fit_row(count: Array, level: Array, past: Array, common: int) -> Row:
    """Half-lives, regression, and tests of one target."""
    chosen, beta = _half_lives(count, level, past, common)
    sources, knots = past.shape[1], level.shape[1]
    design = design_of(level, past, chosen)
    error, dispersion = errors(design, count, beta)
    best = loglike(design, count, beta)
    ratio = np.zeros(sources)
    for j in np.flatnonzero(beta[knots:] > 0.0):
        without = np.delete(design, knots + j, axis=1)
        reduced = maximise(without, count, start=np.delete(beta, knots + j) + 1e-3)
        ratio[j] = max(2.0 * (best - loglike(without, count, reduced)) / dispersion, 0.0)
    return Row(
        columns=level,
        level=float((level @ beta[:knots]).mean()),
        excitation=beta[knots:],
        errors=error[knots:],
        ratio=ratio,
        chosen=chosen,
        dispersion=dispersion,
    )


def _half_lives(
    count: Array, level: Array, past: Array, common: int
) -> tuple[NDArray[np.int64], Array]:
    """A source's own half-life where that gains as much as BIC asks for.

    Without that price a source that calls nothing forth would pick whatever fits the noise.
    """
    halves, sources = past.shape[:2]
    price = np.log(len(count)) / 2.0
    tried: dict[tuple[int, ...], Array] = {}
    best = (common,) * sources
    start = maximise(design_of(level, past, np.array(best)), count) + 1e-3

    def worth(chosen: tuple[int, ...]) -> float:
        design = design_of(level, past, np.array(chosen))
        if chosen not in tried:
            tried[chosen] = maximise(design, count, start=start)
        different = sum(half_life != common for half_life in chosen)
        return loglike(design, count, tried[chosen]) - price * different

    for _ in range(SWEEPS):
        for j in range(sources):
            best = max(((*best[:j], g, *best[j + 1 :]) for g in range(halves)), key=worth)
    return np.array(best), tried[best]
