"""Learning a few numbers from rows that are not independent: forgetting, blocks, a pull to a prior.

Labels of neighbouring days share days, and units of one day share the news. A fit that took rows
for independent would trust them far too much: its information is divided by how much more the
residuals vary when they are added up by blocks of dates (the design effect).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logit

from escalation import schema
from escalation.models.base import Array

Days = NDArray[np.int64]
Codes = NDArray[np.int64]
HALF_LIFE = 1500.0
"""In days: four years ago counts half. Chosen with the prior weights of ``pool`` and ``blend`` on
the four data sets of the skill table, and the same for all of them."""
SHORTEST_BLOCK = 28
CLIP = 1e-4
MAX_STEPS = 40
HELD = 1e30
"""A ridge that nothing moves."""


def days_of(X: object, rows: int) -> Days:
    """Day of each row as a whole number; far apart where the index doesn't say."""
    if isinstance(X, pd.DataFrame) and schema.DAY in X.index.names:
        days = X.index.get_level_values(schema.DAY).to_numpy("datetime64[D]")
        return days.astype(np.int64)
    return np.zeros(rows, dtype=np.int64)


def blocks_of(day: Days, *, horizon: int) -> NDArray[np.int64]:
    """Block of each row: two horizons long, and four weeks at least.

    Without days (all are the same) every row is its own block.
    """
    if len(day) and day.min() == day.max():
        return np.arange(len(day), dtype=np.int64)
    blocks = np.unique(day // max(2 * horizon, SHORTEST_BLOCK), return_inverse=True)[1]
    return blocks.astype(np.int64)


def forgotten(day: Days, *, half_life: float = HALF_LIFE) -> Array:
    """Weight of each row by its age before the last one.

    Examples
    --------
    >>> forgotten(np.array([0, 1500, 3000])).tolist()
    [0.25, 0.5, 1.0]
    """
    return np.asarray(0.5 ** ((day.max(initial=0) - day) / half_life), dtype=np.float64)


def design_effect(residual: Array, block: NDArray[np.int64], *, expected: float) -> float:
    """Variance of residuals added up by blocks, over what independent rows would give; 1 at least.

    Parameters
    ----------
    residual : ndarray, shape (row,)
        Weighted.
    block : ndarray of int64, shape (row,)
    expected : float
        Sum of the residuals' variances.

    Examples
    --------
    >>> design_effect(np.array([1.0, 1.0, -1.0, -1.0]), np.array([0, 0, 1, 1]), expected=4.0)
    2.0
    """
    summed = np.bincount(block, weights=residual)
    return max(float((summed**2).sum() / max(expected, 1e-9)), 1.0)


def log_odds(probability: Array) -> Array:
    """Logit, with probabilities held to [0.0001, 0.9999]."""
    return logit(np.clip(probability, CLIP, 1.0 - CLIP))


def pulled_logistic(
    Z: Array,
    y: Array,
    weight: Array,
    *,
    prior: Array,
    ridge: Array,
    unit: Codes | None = None,
    unit_ridge: float = 1.0,
) -> tuple[Array, Array]:
    r"""Logistic regression whose coefficients are pulled to a prior, and units' effects to zero.

    .. math:: \max_{\beta, u}\ \sum_i w_i \ell_i(\beta, u)
              - \tfrac{1}{2} \sum_j r_j (\beta_j - b_j)^2 - \tfrac{s}{2} \sum_g u_g^2

    Each row has one unit, so their part of the information is diagonal and Newton's step costs no
    more with many units than with few.

    Parameters
    ----------
    Z : ndarray, shape (row, column)
    y, weight : ndarray, shape (row,)
    prior, ridge : ndarray, shape (column,)
        b and r.
    unit : ndarray of int64, shape (row,), optional
        From 0 on; without it all are of one unit, whose effect is held at zero.
    unit_ridge : float
        s.

    Returns
    -------
    coefficients : ndarray, shape (column,)
    effects : ndarray, shape (unit,)

    Examples
    --------
    >>> Z, one = np.ones((8, 1)), np.ones(1)
    >>> y = np.array([0.0, 0, 0, 1, 0, 0, 0, 1])
    >>> pulled_logistic(Z, y, np.ones(8), prior=one, ridge=1e9 * one)[0].round(6).tolist()
    [1.0]
    >>> pulled_logistic(Z, y, np.ones(8), prior=one, ridge=1e-9 * one)[0].round(4).tolist()
    [-1.0986]
    """
    at, hold = (np.zeros(len(y), dtype=np.int64), HELD) if unit is None else (unit, unit_ridge)
    beta: Array = prior.astype(np.float64)
    effect: Array = np.zeros(int(at.max(initial=0)) + 1)
    for _ in range(MAX_STEPS):
        fitted = expit(Z @ beta + effect[at])
        information = weight * fitted * (1.0 - fitted)
        lack = weight * (y - fitted)
        whole = (Z * information[:, None]).T @ Z + np.diag(ridge)
        slope = Z.T @ lack - ridge * (beta - prior)
        own: Array = np.bincount(at, information).astype(np.float64) + hold
        shared = np.stack([np.bincount(at, information * column) for column in Z.T])
        rise = np.bincount(at, lack) - hold * effect
        step = np.linalg.solve(whole - (shared / own) @ shared.T, slope - shared @ (rise / own))
        aside = (rise - shared.T @ step) / own
        step, aside = np.clip(step, -1.0, 1.0), np.clip(aside, -1.0, 1.0)
        beta, effect = beta + step, effect + aside
        if max(np.abs(step).max(), np.abs(aside).max()) < 1e-8:
            break
    return beta, effect


def learnt(
    Z: Array,
    y: Array,
    day: Days,
    *,
    horizon: int,
    prior: Array,
    ridge: Array,
    half_life: float = HALF_LIFE,
    unit: Codes | None = None,
    unit_ridge: float = 1.0,
) -> tuple[Array, Array]:
    """A pulled logistic regression that forgets, on rows that count as few as their design effect.

    Parameters
    ----------
    Z : ndarray, shape (row, column)
    y : ndarray, shape (row,)
    day : ndarray of int64, shape (row,)
    horizon : int
    prior, ridge : ndarray, shape (column,)
        Ridge in independent labels.
    half_life : float
        In days.
    unit, unit_ridge
        As in :func:`pulled_logistic`.

    Returns
    -------
    coefficients, effects : ndarray
    """
    weight = forgotten(day, half_life=half_life)

    def fit(weight: Array) -> tuple[Array, Array]:
        return pulled_logistic(
            Z, y, weight, prior=prior, ridge=ridge, unit=unit, unit_ridge=unit_ridge
        )

    beta, effect = fit(weight)
    first = expit(Z @ beta + (effect[0] if unit is None else effect[unit]))
    repeated = design_effect(
        weight * (y - first),
        blocks_of(day, horizon=horizon),
        expected=float((weight**2 * first * (1.0 - first)).sum()),
    )
    return fit(weight / repeated)


def recalibration(
    score: Array,
    y: Array,
    day: Days,
    *,
    horizon: int,
    ridge: tuple[float, float],
    half_life: float = HALF_LIFE,
) -> Array:
    """Intercept and slope of logit P(outcome) on a score, pulled to (0, 1).

    Parameters
    ----------
    score : ndarray, shape (row,)
        Log-odds.
    y : ndarray, shape (row,)
    day : ndarray of int64, shape (row,)
    horizon : int
    ridge : tuple of float
        Precision of the pull on intercept and slope, in independent labels.
    half_life : float
        In days.

    Returns
    -------
    ndarray, shape (2,)
        The slope is never negative.
    """
    Z = np.column_stack([np.ones_like(score), score])
    found, _ = learnt(
        Z, y, day, horizon=horizon, prior=np.array([0.0, 1.0]), ridge=np.array(ridge),
        half_life=half_life,
    )  # fmt: skip
    return np.array([found[0], max(found[1], 0.0)])
