"""Fit and test the excitation between channels of daily counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import chi2
from threadpoolctl import threadpool_limits

from escalation._util.arrays import Array
from escalation.errors import GateError, InputError
from escalation.models.excitation.likelihood import fit_targets, lagged, levels_of
from escalation.models.excitation.placebo import placebo

HALF_LIVES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
LEVEL_DAYS = 180
PLACEBO_DAYS = 56
SHUFFLES = 199
SIGNIFICANT = 0.05
LEAST_DAYS = 60
LEAST_EVENTS = 10
"""A channel with fewer events is neither source nor target: one coincidence would decide."""
MOST_ANSWERS = 0.9
"""Share of the answers that come in ``within_days``."""


@dataclass(frozen=True)
class Excitation:
    """A fitted process; matrices are [target, source], NaN for channels with too few events.

    Parameters
    ----------
    channels : tuple of str
    level : ndarray, shape (channel,)
        Mean events per day that no earlier event triggers.
    matrix, lower, upper : ndarray, shape (target, source)
        Answering events per event, with 95% intervals given the half-lives.
    half_lives : ndarray, shape (target, source)
        In days.
    p_value : ndarray, shape (target, source)
        Of the likelihood ratio, corrected for all pairs and half-lives tried (Bonferroni).
    placebo : ndarray, shape (target, source)
        Share of shuffled histories in which any pair is as strong; NaN without shuffles.
    dispersion : ndarray, shape (target,)
        Variance over mean of the daily counts, 1 or more; allowed for in errors and tests.
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
        """Spectral radius of the matrix: events that an average event triggers directly."""
        return float(np.abs(np.linalg.eigvals(np.nan_to_num(self.matrix))).max())

    @property
    def significant(self) -> NDArray[np.bool_]:
        """Pairs that both the likelihood ratio and the placebo find significant."""
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

    All pairs share the likeliest half-life of a grid, unless another one improves the BIC of a
    pair. Significance needs both the likelihood ratio, allowing for dispersion, the bound at zero
    and every pair and half-life tried, and a placebo, which shuffles the days of the source within
    windows of ``placebo_days``: that keeps its level and destroys its order. Channels with fewer
    than ten events are ignored.

    Parameters
    ----------
    counts : mapping of str to array, shape (day,)
        Events per day by channel.
    half_lives : sequence of float
        The grid, in days.
    level_days : int, optional
        Smallest distance between the knots of the piecewise linear level, in days; BIC may choose
        twice or four times that, or a constant. None for a constant.
    placebo_days : int
        Window of the placebo's shuffles, in days. Anything longer counts as level.
    shuffles : int
        Shuffled histories of the placebo; 0 for none.
    seed : int
        Of the shuffles.

    Raises
    ------
    InputError
        ``E-COUNTS`` for counts that are not whole, finite, non-negative and of equal length.
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
    tested = np.flatnonzero(values.sum(axis=1) >= LEAST_EVENTS)
    values, grid = values[tested], np.asarray(half_lives, np.float64)
    past = lagged(values, grid)
    levels = levels_of(values.shape[1], level_days)
    with threadpool_limits(limits=1):  # on small systems, more threads only wait for each other
        fits = fit_targets(values, levels, past)
        placebo_share = placebo(
            values, past, fits, grid, window=placebo_days, shuffles=shuffles, seed=seed
        )
    n_tests = len(grid) * len(tested) ** 2

    def matrix(values: list[Array]) -> Array:
        whole = np.full((len(channels), len(channels)), np.nan)
        if values:
            whole[np.ix_(tested, tested)] = values
        return whole

    def vector(values: list[float]) -> Array:
        whole = np.full(len(channels), np.nan)
        whole[tested] = values
        return whole

    return Excitation(
        channels=channels,
        level=vector([fit.level for fit in fits]),
        matrix=matrix([fit.excitation for fit in fits]),
        lower=matrix([np.maximum(fit.excitation - 1.96 * fit.errors, 0.0) for fit in fits]),
        upper=matrix([fit.excitation + 1.96 * fit.errors for fit in fits]),
        half_lives=matrix([grid[fit.half_life] for fit in fits]),
        p_value=matrix([np.minimum(chi2.sf(fit.ratio, 1) / 2 * n_tests, 1.0) for fit in fits]),
        placebo=matrix(list(placebo_share)),
        dispersion=vector([fit.dispersion for fit in fits]),
    )


def answer_table(fitted: Excitation) -> pd.DataFrame:
    """Who answers whom, and within how many days: one row per pair, the strongest evidence first.

    Returns
    -------
    DataFrame
        ``source`` acts and ``target`` answers: ``excitation`` answering events per event with
        ``lower`` and ``upper``; ``half_life_days``; ``within_days``, in which nine in ten answers
        come; ``p_value``, ``placebo`` and ``significant`` as in :class:`Excitation`.
    """
    n = len(fitted.channels)
    target, source = (axis.ravel() for axis in np.indices((n, n)))
    names = np.array(fitted.channels, dtype=object)
    # Answers after day k are 2^(-k / half-life) of all.
    within = np.ceil(-np.log2(1.0 - MOST_ANSWERS) * fitted.half_lives)
    table = pd.DataFrame(
        {
            "source": names[source],
            "target": names[target],
            "excitation": fitted.matrix.ravel(),
            "lower": fitted.lower.ravel(),
            "upper": fitted.upper.ravel(),
            "half_life_days": fitted.half_lives.ravel(),
            "within_days": within.ravel(),
            "p_value": fitted.p_value.ravel(),
            "placebo": fitted.placebo.ravel(),
            "significant": fitted.significant.ravel(),
        }
    )
    order = ["significant", "p_value", "excitation", "source", "target"]
    ascending = [False, True, False, True, True]
    return table.sort_values(order, ascending=ascending, ignore_index=True)


def _checked(counts: Mapping[str, ArrayLike]) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    arrays = [np.asarray(days, dtype=np.float64) for days in counts.values()]
    valid = len({days.shape for days in arrays}) == 1 and all(
        days.ndim == 1 and np.isfinite(days).all() and (days >= 0).all() and (days % 1 == 0).all()
        for days in arrays
    )
    if not valid:
        raise InputError(
            "E-COUNTS",
            "invalid counts: needs whole numbers, 0 or more, for the same days in every channel",
            value=", ".join(f"{name} {np.shape(days)}" for name, days in counts.items()),
        )
    values = np.stack(arrays).astype(np.float32)
    if values.shape[1] < LEAST_DAYS:
        raise GateError(
            "E-INSUFFICIENT",
            f"needs at least {LEAST_DAYS} days, got {values.shape[1]}",
            fix="add history",
        )
    return tuple(counts), values
