"""Calibration without bins: isotonic regression splits a score into three parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from escalation._util.arrays import Array
from escalation.metrics.scores import Metric, log_losses, squared_errors

Loss = Callable[[Array, Array], Array]
"""Of the probabilities and the outcomes, by row."""


class Decomposition(NamedTuple):
    """score = miscalibration - discrimination + uncertainty."""

    miscalibration: float
    discrimination: float
    uncertainty: float


def recalibrated(probability: Array, outcome: Array) -> Array:
    """The monotone function of the forecasts that fits the outcomes best, at each forecast.

    Equal forecasts get equal values. It is optimal for every proper score at once.

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
    """The distinct forecasts, and the isotonic fit at each."""
    from scipy.optimize import isotonic_regression

    distinct, group, size = np.unique(probability, return_inverse=True, return_counts=True)
    rate = np.bincount(group, weights=outcome) / size
    return distinct, np.clip(isotonic_regression(rate, weights=size).x, 0.0, 1.0)


def decompose(
    probability: Array,
    outcome: Array,
    *,
    loss: Loss = squared_errors,
) -> Decomposition:
    r"""Miscalibration, discrimination and uncertainty of a proper score (CORP).

    .. math:: \bar S = (\bar S - \bar S_c) - (\bar S_r - \bar S_c) + \bar S_r

    where c is the recalibrated forecast and r the share of positives, both in sample.
    Miscalibration is therefore never negative and, on few rows, above zero by chance.

    Parameters
    ----------
    probability, outcome : ndarray, shape (row,)
    loss : callable, optional
        Score by row: squared errors (Brier) or log losses.

    Returns
    -------
    Decomposition
        NaN in all parts without a row.

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
    best = loss(recalibrated(probability, outcome), outcome).mean()
    flat = loss(np.full(len(outcome), outcome.mean()), outcome).mean()
    return Decomposition(float(score - best), float(flat - best), float(flat))


def _part(name: str, loss: Loss) -> Metric:
    """One part of a score as a metric by itself; NaN without a row."""

    def part(probability: Array, outcome: Array) -> float:
        return float(getattr(decompose(probability, outcome, loss=loss), name))

    return part


miscalibration = _part("miscalibration", squared_errors)
"""What recalibration would take off the Brier score; 0 is best."""
discrimination = _part("discrimination", squared_errors)
"""What the order of the forecasts takes off the base rate's Brier score; more is better."""
uncertainty = _part("uncertainty", squared_errors)
"""Brier score of the share of positives: how hard the rows are."""
log_miscalibration = _part("miscalibration", log_losses)
"""What recalibration would take off the log score; 0 is best."""
log_discrimination = _part("discrimination", log_losses)
"""What the order of the forecasts takes off the base rate's log score; more is better."""
log_uncertainty = _part("uncertainty", log_losses)
"""Log score of the share of positives: how hard the rows are."""


def if_calibrated(probability: Array, *, draws: int = 100, seed: int = 0) -> NDArray[np.float64]:
    """Miscalibration and discrimination that a calibrated forecaster would show by chance.

    Outcomes are drawn from the forecasts themselves, independently from row to row. On few rows a
    forecaster without a fault has a miscalibration well above zero.

    Parameters
    ----------
    probability : ndarray, shape (row,)
    draws, seed : int, optional

    Returns
    -------
    ndarray, shape (2, draw)

    Examples
    --------
    >>> few, many = (if_calibrated(np.tile([0.1, 0.3], n))[0].mean() for n in (50, 5000))
    >>> bool(few > 50 * many > 0)
    True
    """
    rng = np.random.default_rng(seed)
    parts = [
        decompose(probability, (rng.random(len(probability)) < probability).astype(np.float64))
        for _ in range(draws)
    ]
    return np.array([[p.miscalibration for p in parts], [p.discrimination for p in parts]])


def recoverable(
    probability: Array, outcome: Array, date: NDArray[np.int64], *, folds: int = 10
) -> float:
    """What recalibration learnt on other dates would take off the Brier score.

    The in-sample :func:`miscalibration` also holds what isotonic regression fits by chance, and is
    above zero for a forecaster without a fault. Here each of ten stretches of dates is recalibrated
    by the fit of the others: zero or less says that nobody could have gained by recalibrating.

    Parameters
    ----------
    probability, outcome : ndarray, shape (row,)
    date : ndarray of int64, shape (row,)
        Position of each row's issue date among the distinct ones.
    folds : int, optional

    Returns
    -------
    float
        NaN without a row.

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
    changed = probability.astype(np.float64)
    for k in np.unique(fold):
        here = fold == k
        if not here.all():
            changed[here] = np.interp(
                probability[here], *_curve(probability[~here], outcome[~here])
            )
    return float((squared_errors(probability, outcome) - squared_errors(changed, outcome)).mean())


def consistency_band(
    probability: Array, *, at: Array, level: float = 0.9, draws: int = 200, seed: int = 0
) -> NDArray[np.float64]:
    """Where the reliability curve of a calibrated forecaster would lie.

    Outcomes are drawn from the forecasts themselves and recalibrated each time. Draws are
    independent from row to row, so with overlapping horizons the band is narrower than it should.

    Parameters
    ----------
    probability : ndarray, shape (row,)
    at : ndarray, shape (point,)
        Forecast values at which the band is wanted.
    level : float, optional
        Share of the draws inside, at each point.
    draws, seed : int, optional

    Returns
    -------
    ndarray, shape (2, point)
        Lower and upper end.
    """
    rng = np.random.default_rng(seed)
    ordered: Array = np.sort(probability)
    curves = np.empty((draws, len(at)))
    for i in range(draws):
        outcome = (rng.random(len(ordered)) < ordered) * 1.0
        curves[i] = np.interp(at, ordered, recalibrated(ordered, outcome.astype(np.float64)))
    return np.quantile(curves, [(1.0 - level) / 2.0, (1.0 + level) / 2.0], axis=0)
