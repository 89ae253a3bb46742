"""Fit and test the excitation between channels of daily counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import chi2
from threadpoolctl import threadpool_limits

from escalation._util.arrays import Array
from escalation.errors import GateError, InputError
from escalation.models.excitation.likelihood import fit_rows, lagged, levels_of
from escalation.models.excitation.placebo import placebo

HALF_LIVES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
LEVEL_DAYS = 180
PLACEBO_DAYS = 56
SHUFFLES = 199
SIGNIFICANT = 0.05
LEAST_DAYS = 60
LEAST_EVENTS = 10
"""A channel with fewer is neither a source nor a target: one coincidence would decide."""


@dataclass(frozen=True)
class Excitation:
    """A fitted process; matrices are [target, source], NaN where a channel has too few events.

    Parameters
    ----------
    channels : tuple of str
    level : ndarray, shape (channel,)
        Mean events per day that no earlier event calls forth.
    matrix, lower, upper : ndarray, shape (target, source)
        Answering events per event, with 95% intervals given the half-lives.
    half_lives : ndarray, shape (target, source)
        In days.
    p_value : ndarray, shape (target, source)
        Of the likelihood ratio, for all pairs and half-lives that were tried (Bonferroni).
    placebo : ndarray, shape (target, source)
        Share of shuffled histories in which any pair looks as strong; NaN without shuffles.
    dispersion : ndarray, shape (target,)
        Variance over mean of the daily counts, 1 or more; errors and tests allow for it.
    """

    channels: tuple[str, ...]
    level: Array
    matrix: Array
    lower: Array
    upper: Array
    half_lives: Array
    p_value: Array
    placebo: Array
    dispersion: Array

    @property
    def branching_ratio(self) -> float:
        """Spectral radius of the matrix: how many events a mean event calls forth directly."""
        return float(np.abs(np.linalg.eigvals(np.nan_to_num(self.matrix))).max())

    @property
    def significant(self) -> NDArray[np.bool_]:
        """Where the likelihood ratio and the placebo both say that it is not chance."""
        by_placebo = np.isnan(self.placebo) | (self.placebo <= SIGNIFICANT)
        return (self.p_value <= SIGNIFICANT) & by_placebo


def fit_hawkes(
    counts: Mapping[str, ArrayLike],
    *,
    half_lives: Sequence[float] = HALF_LIVES,
    level_days: int | None = LEVEL_DAYS,
    placebo_days: int = PLACEBO_DAYS,
    shuffles: int = SHUFFLES,
    seed: int = 0,
) -> Excitation:
    """Fit and test the excitation between channels of daily counts.

    One half-life, the likeliest of a grid, serves all pairs, and a pair gets one of its own where
    that gains as much as BIC asks for. Significance needs two things: the
    likelihood ratio, allowing for dispersion, for the bound at zero and for every pair and
    half-life tried; and a placebo: days of the source shuffled within stretches of
    ``placebo_days``, which keeps its level and destroys its order. A channel with fewer than ten
    events is left out of it all.

    Parameters
    ----------
    counts : mapping of str to array, shape (day,)
        Events per day by channel.
    half_lives : sequence of float
        The grid, in days.
    level_days : int, optional
        Days between the knots of the level, a line from knot to knot; None holds it constant.
        This is the finest; BIC may choose twice or four times as far apart, or a constant.
    placebo_days : int
        Days within which the placebo shuffles. What lasts longer is taken for level.
    shuffles : int
        Shuffled histories of the placebo; 0 leaves it out.
    seed : int
        Of the shuffles.

    Returns
    -------
    Excitation

    Raises
    ------
    InputError
        ``E-COUNTS`` for counts that are not whole, finite, non-negative and of one length.
    GateError
        ``E-INSUFFICIENT`` for fewer than 60 days.

    Examples
    --------
    >>> from escalation.models.excitation import answer_table
    >>> from escalation.events.simulate import hawkes_counts
    >>> days = hawkes_counts(base=[0.3, 0.1], excitation=[[0, 0], [0.6, 0]], days=2000, seed=1)[0]
    >>> fitted = fit_hawkes({"a>b": days[0], "b>a": days[1]}, shuffles=49)
    >>> answer_table(fitted).loc[0, ["source", "target", "within_days"]].tolist()
    ['a>b', 'b>a', np.float64(7.0)]
    """
    channels, values = _checked(counts)
    kept = np.flatnonzero(values.sum(axis=1) >= LEAST_EVENTS)
    values, grid = values[kept], np.asarray(half_lives, np.float64)
    past = lagged(values, grid)
    levels = levels_of(values.shape[1], level_days)
    with threadpool_limits(limits=1):  # for small systems, more threads wait for each other
        rows = fit_rows(values, levels, past)
        chance = placebo(
            values, past, rows, grid, window=placebo_days, shuffles=shuffles, seed=seed
        )
    tried = len(grid) * len(kept) ** 2

    def matrix(values: list[Array]) -> Array:
        whole = np.full((len(channels), len(channels)), np.nan)
        if values:
            whole[np.ix_(kept, kept)] = values
        return whole

    def vector(values: list[float]) -> Array:
        whole = np.full(len(channels), np.nan)
        whole[kept] = values
        return whole

    return Excitation(
        channels=channels,
        level=vector([row.level for row in rows]),
        matrix=matrix([row.excitation for row in rows]),
        lower=matrix([np.maximum(row.excitation - 1.96 * row.errors, 0.0) for row in rows]),
        upper=matrix([row.excitation + 1.96 * row.errors for row in rows]),
        half_lives=matrix([grid[row.chosen] for row in rows]),
        p_value=matrix([np.minimum(chi2.sf(row.ratio, 1) / 2 * tried, 1.0) for row in rows]),
        placebo=matrix(list(chance)),
        dispersion=vector([row.dispersion for row in rows]),
    )


def _checked(counts: Mapping[str, ArrayLike]) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    arrays = [np.asarray(days, dtype=np.float64) for days in counts.values()]
    good = len({days.shape for days in arrays}) == 1 and all(
        days.ndim == 1 and np.isfinite(days).all() and (days >= 0).all() and (days % 1 == 0).all()
        for days in arrays
    )
    if not good:
        raise InputError(
            "E-COUNTS",
            "invalid counts: needs whole numbers, 0 or more, for the same days in every channel",
            value=", ".join(f"{name} {np.shape(one)}" for name, one in counts.items()),
        )
    values = np.stack(arrays).astype(np.float32)
    if values.shape[1] < LEAST_DAYS:
        raise GateError(
            "E-INSUFFICIENT",
            f"needs at least {LEAST_DAYS} days, got {values.shape[1]}",
            fix="add history",
        )
    return tuple(counts), values
