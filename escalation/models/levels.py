"""``levels``: a multi-scale average model, negative binomial regression on log averages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import expit

from escalation._util.arrays import Array
from escalation.models.base import Column, EventModel, columns_of, weighted_sum
from escalation.models.ewma_nb import PAST_DAYS
from escalation.models.optimum import minimise
from escalation.models.penalised import age_weights, blocks_of, days_of, design_effect
from escalation.models.pool import AVERAGE_COLUMNS, AVERAGE_DAYS
from escalation.models.tails import evenly_spaced, likeliest_shape, tail_of

PRIOR = (0.0, 0.05, 0.10, 0.35, 0.20, 0.10, 0.20)
"""Intercept, then the weights of the averages over 7 to 365 days; they add up to one."""
RIDGE = (5.0, 20.0, 20.0, 20.0, 20.0, 20.0, 20.0)
PER_WEEK = 0.05
"""Events a week added to every average, so that the logarithm of a quiet past is finite."""
_LOG_MEAN_RANGE = (-8.0, 8.0)
OVERDISPERSION_RANGE = (0.05, 10.0)
ROUNDS = 4
"""Alternating fits of the mean and of its variance."""
CAP = 20.0
"""Counts are capped at this many thresholds: one massacre must not outweigh a year."""


class Levels(EventModel):
    r"""Negative binomial regression with log link on the logarithms of six averages.

    .. math:: \log m = \beta_0 + \sum_j \beta_j \log(h s_j / K_j + 0.05\,h / 7),\quad
              P = P(X \ge k)

    The coefficients have a Gaussian prior around fixed weights, rows four years old count half, and
    the information is divided by the design effect of blocks of dates. The tail's variance is
    linear or quadratic in the mean, whichever makes the training outcomes likelier.

    Parameters
    ----------
    horizon : int
        h, in days.
    levels : sequence of str or int
        Columns of the decayed sums over 7, 10, 21, 45, 90 and 365 days.
    past, threshold : str or int
        Columns of the plain sum of 28 days, and of the threshold.

    Attributes
    ----------
    coefficients_ : ndarray, shape (7,)
        Intercept first.
    quadratic_ : bool
        Whether the variance is quadratic in the mean.
    dispersion_ : float
        Variance over mean, or the squared coefficient of variation of the quadratic form.
    """

    def __init__(
        self,
        *,
        horizon: int = 7,
        levels: Sequence[Column] = AVERAGE_COLUMNS,
        past: Column = "history_sum_28d",
        threshold: Column = "threshold",
    ) -> None:
        self.horizon = horizon
        self.levels = levels
        self.past = past
        self.threshold = threshold

    def _fit(self, X: Any, y: Array, count: Array) -> None:
        past, threshold = columns_of(X, [self.past, self.threshold])
        capped = np.minimum(count, CAP * np.maximum(threshold, 1.0))
        day = days_of(X, len(y))
        expected = np.maximum(past * self.horizon / PAST_DAYS, 0.1)
        residual = (capped - expected) / np.sqrt(expected + expected**2)
        effect = design_effect(
            residual, blocks_of(day, horizon=self.horizon), expected=float((residual**2).sum())
        )
        self.coefficients_ = _regress(self._design(X), capped, age_weights(day), effect)
        rows = evenly_spaced(len(y))
        self.quadratic_, self.dispersion_ = likeliest_shape(
            self._mean(X)[rows], threshold[rows], y[rows]
        )

    def _design(self, X: Any) -> Array:
        averages = log_averages(X, self.levels, horizon=self.horizon)
        return np.column_stack([np.ones(len(averages)), averages])

    def _mean(self, X: Any) -> Array:
        return np.exp(np.clip(weighted_sum(self._design(X), self.coefficients_), *_LOG_MEAN_RANGE))

    def _probability(self, X: Any) -> Array:
        (threshold,) = columns_of(X, [self.threshold])
        return tail_of(self._mean(X), (self.quadratic_, self.dispersion_), threshold)


def log_averages(X: Any, levels: Sequence[Column], *, horizon: int) -> Array:
    """Logarithm of the events in ``horizon`` days at each average's rate.

    Parameters
    ----------
    X : DataFrame or array, shape (row, column)
    levels : sequence of str or int
        Columns of the decayed sums, as in :class:`Levels`.
    horizon : int
        In days.

    Returns
    -------
    ndarray, shape (row, 6)
    """
    sums = np.column_stack(columns_of(X, levels))
    rate = np.maximum(sums, 0.0) / np.array(AVERAGE_DAYS) + PER_WEEK / 7.0
    return np.log(rate * horizon)


def _regress(Z: Array, count: Array, weight: Array, effect: float) -> Array:
    """Coefficients of the penalised regression, updating the overdispersion by moments."""
    prior, ridge = np.array(PRIOR), np.array(RIDGE)
    beta, shrunk = prior, weight / effect
    for _ in range(ROUNDS):
        mean = np.exp(np.clip(Z @ beta, *_LOG_MEAN_RANGE))
        excess = (weight * ((count - mean) ** 2 - mean)).sum() / (weight * mean**2).sum()
        overdispersion = float(np.clip(excess, *OVERDISPERSION_RANGE))
        curvature = (shrunk * mean / (1.0 + overdispersion * mean)) @ Z**2 + ridge

        def loss(beta: Array, overdispersion: float = overdispersion) -> tuple[float, Array]:
            """Of the negative binomial with variance mean + overdispersion * mean^2."""
            linear, deviation = Z @ beta, beta - prior
            size = count + 1.0 / overdispersion
            ratio = linear + np.log(overdispersion)
            misfit = shrunk @ (size * np.logaddexp(0.0, ratio) - count * linear)
            slope = (shrunk * (size * expit(ratio) - count)) @ Z
            return float(misfit + ridge @ deviation**2 / 2.0), slope + ridge * deviation

        beta = minimise(loss, beta, curvature=curvature)
    return beta
