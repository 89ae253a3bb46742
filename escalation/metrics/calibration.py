"""Calibration without bins: score decompositions based on isotonic regression."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from escalation._util.arrays import Array
from escalation.metrics.scores import Metric, log_losses, squared_errors

Loss = Callable[[Array, Array], Array]
"""From probabilities and outcomes to a score by row, each of shape (row,)."""


class Decomposition(NamedTuple):
    """score = miscalibration - discrimination + uncertainty."""

    miscalibration: float
    discrimination: float
    uncertainty: float


def recalibrated(probability: Array, outcome: Array) -> Array:
    """Isotonic regression of the outcomes on the forecasts, at each forecast.

    The fit is optimal for every proper score at once.

    Parameters
    ----------
    probability, outcome : ndarray, shape (row,)

    Returns
    -------
    ndarray, shape (row,)

    Examples
    --------
    >>> recalibrated(np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.0, 1.0, 0.0, 1.0])).tolist()
    [0.0, 0.5, 0.5, 1.0]
    """
    if not len(outcome):
        return np.empty(0)
    distinct, fitted = _curve(probability, outcome)
    return fitted[np.searchsorted(distinct, probability)]


def _curve(probability: Array, outcome: Array) -> tuple[Array, Array]:
    """The distinct forecasts in ascending order, and the isotonic fit at each."""
    from scipy.optimize import isotonic_regression

    distinct, group, size = np.unique(probability, return_inverse=True, return_counts=True)
    rate = np.bincount(group, weights=outcome) / size
    return distinct, np.clip(isotonic_regression(rate, weights=size).x, 0.0, 1.0)


def decompose(probability: Array, outcome: Array, *, loss: Loss = squared_errors) -> Decomposition:
    r"""Miscalibration, discrimination and uncertainty of a proper score (CORP).

    .. math:: \bar S = (\bar S - \bar S_c) - (\bar S_r - \bar S_c) + \bar S_r

    where c is the recalibrated forecast and r the share of positives, both in sample.
    So miscalibration is never negative and, on few rows, positive by chance.

    Parameters
    ----------
    probability, outcome : ndarray, shape (row,)
    loss : callable, optional
        Score by row: squared errors (Brier) or log losses.

    Returns
    -------
    Decomposition
        NaN in all parts without rows.

    References
    ----------
    Dimitriadis, Gneiting & Jordan (2021), doi:10.1073/pnas.2016191118.

    Examples
    --------
    >>> decompose(np.array([0.0, 1.0, 0.0, 1.0]), np.array([0.0, 1.0, 0.0, 1.0]))
    Decomposition(miscalibration=0.0, discrimination=0.25, uncertainty=0.25)
    """
    if not len(outcome):
        return Decomposition(np.nan, np.nan, np.nan)
    score = loss(probability, outcome).mean()
    calibrated = loss(recalibrated(probability, outcome), outcome).mean()
    base_rate = loss(np.full(len(outcome), outcome.mean()), outcome).mean()
    return Decomposition(float(score - calibrated), float(base_rate - calibrated), float(base_rate))


def _component(name: str, loss: Loss) -> Metric:
    """One part of a decomposition as a metric; NaN without rows."""

    def component(probability: Array, outcome: Array) -> float:
        return float(getattr(decompose(probability, outcome, loss=loss), name))

    return component


miscalibration = _component("miscalibration", squared_errors)
"""Reduction of the Brier score by recalibration in sample; 0 is best."""
discrimination = _component("discrimination", squared_errors)
"""Reduction of the base rate's Brier score by the order of the forecasts; higher is better."""
uncertainty = _component("uncertainty", squared_errors)
"""Brier score of the base rate: how hard the rows are to forecast."""
log_miscalibration = _component("miscalibration", log_losses)
"""Reduction of the log score by recalibration in sample; 0 is best."""
log_discrimination = _component("discrimination", log_losses)
"""Reduction of the base rate's log score by the order of the forecasts; higher is better."""
log_uncertainty = _component("uncertainty", log_losses)
"""Log score of the base rate: how hard the rows are to forecast."""


def recoverable(
    probability: Array, outcome: Array, date: NDArray[np.int64], *, folds: int = 10
) -> float:
    """Reduction of the Brier score by recalibration, fitted on other dates.

    The in-sample :func:`miscalibration` includes what isotonic regression fits by chance, so it is
    positive even for a calibrated forecaster. Here each fold, a stretch of dates, is recalibrated
    with a fit on the others. At zero or below, recalibration would not have helped.

    Parameters
    ----------
    probability, outcome : ndarray, shape (row,)
    date : ndarray of int64, shape (row,)
        Index of each row's issue date among the distinct dates.
    folds : int, optional

    Returns
    -------
    float
        NaN without rows.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> probability, date = rng.random(5000), np.arange(5000) // 5
    >>> outcome = (rng.random(5000) < probability) * 1.0
    >>> recoverable(probability, outcome, date) < 0 < miscalibration(probability, outcome)
    True
    """
    if not len(outcome):
        return np.nan
    fold = date * folds // (int(date.max()) + 1)
    calibrated = probability.astype(np.float64)
    for k in np.unique(fold):
        test = fold == k
        if not test.all():
            curve = _curve(probability[~test], outcome[~test])
            calibrated[test] = np.interp(probability[test], *curve)
    gain = squared_errors(probability, outcome) - squared_errors(calibrated, outcome)
    return float(gain.mean())


def consistency_band(
    probability: Array, *, at: Array, level: float = 0.9, draws: int = 200, seed: int = 0
) -> NDArray[np.float64]:
    """Band in which the reliability curve of a calibrated forecaster would lie.

    Outcomes are drawn from the forecasts and recalibrated each time. The draws are independent for
    each row, so with overlapping horizons the band is too narrow.

    Parameters
    ----------
    probability : ndarray, shape (row,)
    at : ndarray, shape (point,)
        Forecast values at which to compute the band.
    level : float, optional
        Share of the draws inside the band, at each point.
    draws, seed : int, optional

    Returns
    -------
    ndarray, shape (2, point)
        Lower and upper bound.
    """
    rng = np.random.default_rng(seed)
    ordered: Array = np.sort(probability)
    curves = np.empty((draws, len(at)))
    for i in range(draws):
        outcome = (rng.random(len(ordered)) < ordered) * 1.0
        curves[i] = np.interp(at, ordered, recalibrated(ordered, outcome.astype(np.float64)))
    return np.quantile(curves, [(1.0 - level) / 2.0, (1.0 + level) / 2.0], axis=0)
