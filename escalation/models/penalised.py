"""MAP logistic regression with a Gaussian prior, on rows that are not independent.

Labels of neighbouring days overlap, and units of one day share the news. A fit that took rows as
independent would be far too confident: its information is divided by the design effect, which is
how much more the residuals vary when summed by blocks of dates.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logit

from escalation import schema
from escalation._util.arrays import Array
from escalation.models.optimum import minimise

_Codes = NDArray[np.int64]
HALF_LIFE = 1500.0
"""In days: rows four years old count half. Chosen with the prior weights of ``pool`` and ``blend``
on the four data sets of the skill table, and the same for all of them."""
SHORTEST_BLOCK = 28
FEWEST_DATE_BLOCKS = 4
"""With fewer blocks of dates, the dependence between rows can't be estimated."""
LOG_ODDS_CLIP = 1e-4


def days_of(X: object, rows: int) -> _Codes:
    """Day of each row as a whole number; 0 for all rows without an index level ``day``.

    Parameters
    ----------
    X : DataFrame or ndarray, shape (row, column)
    rows : int

    Returns
    -------
    ndarray of int64, shape (row,)
        Days since 1970-01-01.
    """
    if isinstance(X, pd.DataFrame) and schema.DAY in X.index.names:
        days = X.index.get_level_values(schema.DAY).to_numpy("datetime64[D]")
        return days.astype(np.int64)
    return np.zeros(rows, dtype=np.int64)


def blocks_of(day: _Codes, *, horizon: int) -> _Codes:
    """Block of each row, two horizons long and at least four weeks.

    If all days are the same, every row is its own block.

    Parameters
    ----------
    day : ndarray of int64, shape (row,)
    horizon : int
        In days.

    Returns
    -------
    ndarray of int64, shape (row,)
        Numbered from 0.
    """
    if len(day) and day.min() == day.max():
        return np.arange(len(day), dtype=np.int64)
    blocks = np.unique(day // max(2 * horizon, SHORTEST_BLOCK), return_inverse=True)[1]
    return blocks.astype(np.int64)


def age_weights(day: _Codes, *, half_life: float = HALF_LIFE) -> Array:
    """Weight of each row by its age relative to the last day.

    Parameters
    ----------
    day : ndarray of int64, shape (row,)
    half_life : float
        In days.

    Returns
    -------
    ndarray, shape (row,)

    Examples
    --------
    >>> age_weights(np.array([0, 1500, 3000])).tolist()
    [0.25, 0.5, 1.0]
    """
    return np.asarray(0.5 ** ((day.max(initial=0) - day) / half_life), dtype=np.float64)


def design_effect(residual: Array, block: _Codes, *, expected: float) -> float:
    """Variance of residuals summed by block, relative to independent rows; at least 1.

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
    """Logit of probabilities clipped to [0.0001, 0.9999]."""
    return logit(np.clip(probability, LOG_ODDS_CLIP, 1.0 - LOG_ODDS_CLIP))


def penalised_logistic(
    Z: Array,
    y: Array,
    weight: Array,
    *,
    prior: Array,
    ridge: Array,
    unit: _Codes | None = None,
    unit_ridge: float = 1.0,
) -> tuple[Array, Array]:
    r"""MAP logistic regression with Gaussian priors on the coefficients and the unit effects.

    .. math:: \max_{\beta, u}\ \sum_i w_i \ell_i(\beta, u)
              - \tfrac{1}{2} \sum_j r_j (\beta_j - b_j)^2 - \tfrac{s}{2} \sum_g u_g^2

    Parameters
    ----------
    Z : ndarray, shape (row, column)
    y, weight : ndarray, shape (row,)
    prior, ridge : ndarray, shape (column,)
        Means b and precisions r of the coefficients' priors.
    unit : ndarray of int64, shape (row,), optional
        Codes from 0; without them there are no unit effects.
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
    >>> penalised_logistic(Z, y, np.ones(8), prior=one, ridge=1e9 * one)[0].round(6).tolist()
    [1.0]
    >>> penalised_logistic(Z, y, np.ones(8), prior=one, ridge=1e-9 * one)[0].round(4).tolist()
    [-1.0986]
    """
    columns = Z.shape[1]
    code = np.zeros(len(y), dtype=np.int64) if unit is None else unit
    units = 0 if unit is None else int(code.max(initial=0)) + 1
    centre = np.concatenate([prior, np.zeros(units)])
    precision = np.concatenate([ridge, np.full(units, unit_ridge)])
    steepest = np.concatenate([weight @ Z**2, np.bincount(code, weight)[:units]]) / 4.0

    def loss(deviation: Array) -> tuple[float, Array]:
        value = centre + deviation
        odds = Z @ value[:columns]
        if units:
            odds = odds + value[columns:][code]
        residual = weight * (expit(odds) - y)
        slope = np.concatenate([residual @ Z, np.bincount(code, residual)[:units]])
        misfit = weight @ (np.logaddexp(0.0, odds) - y * odds)
        return float(misfit + precision @ deviation**2 / 2.0), slope + precision * deviation

    best = centre + minimise(loss, np.zeros(len(centre)), curvature=precision + steepest)
    return best[:columns], best[columns:]


def dependent_logistic(
    Z: Array,
    y: Array,
    day: _Codes,
    *,
    horizon: int,
    prior: Array,
    ridge: Array,
    half_life: float = HALF_LIFE,
    unit: _Codes | None = None,
    unit_ridge: float = 1.0,
) -> tuple[Array, Array]:
    """Penalised logistic regression with age weights divided by the rows' design effect.

    With fewer than four blocks of dates there is no estimate of it, and a block counts as one row.

    Parameters
    ----------
    Z : ndarray, shape (row, column)
    y : ndarray, shape (row,)
    day : ndarray of int64, shape (row,)
    horizon : int
        In days.
    prior, ridge : ndarray, shape (column,)
        Ridge in independent labels.
    half_life : float
        Of the age weights, in days.
    unit, unit_ridge
        As in :func:`penalised_logistic`.

    Returns
    -------
    coefficients : ndarray, shape (column,)
    effects : ndarray, shape (unit,)
    """
    weight = age_weights(day, half_life=half_life)

    def fit(weight: Array) -> tuple[Array, Array]:
        return penalised_logistic(
            Z, y, weight, prior=prior, ridge=ridge, unit=unit, unit_ridge=unit_ridge
        )

    block = blocks_of(day, horizon=horizon)
    blocks = int(block.max(initial=0)) + 1
    if blocks < min(FEWEST_DATE_BLOCKS, len(y)):
        return fit(weight * blocks / len(y))
    beta, effect = fit(weight)
    first = expit(Z @ beta + (0.0 if unit is None else effect[unit]))
    variance = float((weight**2 * first * (1.0 - first)).sum())
    return fit(weight / design_effect(weight * (y - first), block, expected=variance))


def recalibration(
    score: Array,
    y: Array,
    day: _Codes,
    *,
    horizon: int,
    ridge: tuple[float, float],
    half_life: float = HALF_LIFE,
) -> Array:
    """Intercept and slope of logit P(outcome) on a score, shrunk to (0, 1).

    Parameters
    ----------
    score : ndarray, shape (row,)
        Log-odds.
    y : ndarray, shape (row,)
    day : ndarray of int64, shape (row,)
    horizon : int
        In days.
    ridge : tuple of float
        Prior precision of intercept and slope, in independent labels.
    half_life : float
        Of the age weights, in days.

    Returns
    -------
    ndarray, shape (2,)
        The slope is not negative.
    """
    coefficients, _ = dependent_logistic(
        np.column_stack([np.ones_like(score), score]),
        y,
        day,
        horizon=horizon,
        prior=np.array([0.0, 1.0]),
        ridge=np.array(ridge),
        half_life=half_life,
    )
    return np.array([coefficients[0], max(coefficients[1], 0.0)])
