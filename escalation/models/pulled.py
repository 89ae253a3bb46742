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
HALF_LIFE = 1500.0
"""In days: four years ago counts half. Chosen with the prior weights of ``pool`` and ``blend`` on
the four data sets of the skill table, and the same for all of them."""
SHORTEST_BLOCK = 28
CLIP = 1e-4
MAX_STEPS = 40


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


def pulled_logistic(Z: Array, y: Array, weight: Array, *, prior: Array, ridge: Array) -> Array:
    r"""Logistic regression whose coefficients are pulled to a prior.

    .. math:: \max_\beta \sum_i w_i \ell_i(\beta) - \tfrac{1}{2} \sum_j r_j (\beta_j - b_j)^2

    Parameters
    ----------
    Z : ndarray, shape (row, column)
    y, weight : ndarray, shape (row,)
    prior, ridge : ndarray, shape (column,)
        b and r.

    Returns
    -------
    ndarray, shape (column,)

    Examples
    --------
    >>> Z, one = np.ones((8, 1)), np.ones(1)
    >>> y = np.array([0.0, 0, 0, 1, 0, 0, 0, 1])
    >>> pulled_logistic(Z, y, np.ones(8), prior=one, ridge=1e9 * one).round(6).tolist()
    [1.0]
    >>> pulled_logistic(Z, y, np.ones(8), prior=one, ridge=1e-9 * one).round(4).tolist()
    [-1.0986]
    """
    beta = prior.astype(np.float64).copy()
    for _ in range(MAX_STEPS):
        fitted = expit(Z @ beta)
        information = (Z * (weight * fitted * (1.0 - fitted))[:, None]).T @ Z + np.diag(ridge)
        slope = Z.T @ (weight * (y - fitted)) - ridge * (beta - prior)
        step = np.clip(np.linalg.solve(information, slope), -1.0, 1.0)
        beta = beta + step
        if np.abs(step).max() < 1e-8:
            break
    return beta
