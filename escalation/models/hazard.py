"""``hazard``: a discrete-time hazard of the outcome, by recency and history."""

from __future__ import annotations

from typing import Any

import numpy as np

from escalation._util.arrays import Array
from escalation.models.base import Column, smoothed_rate
from escalation.models.optimum import minimise
from escalation.models.regression import HISTORY_COLUMNS, RidgeRegression, ridge_errors

LOG_HAZARD_RANGE = (-30.0, 30.0)


class Hazard(RidgeRegression):
    r"""Complementary log-log regression: the outcome comes at a daily rate set by log history.

    .. math:: P = 1 - \exp(-h\,\lambda),\quad
              \log \lambda = \log \lambda_0 + \beta_0 + \sum_j \beta_j z_j

    The base rate lambda_0 is the one at which P is the smoothed share of positives; the ridge
    penalty shrinks towards it.

    Parameters
    ----------
    horizon : int
        h, in days.
    columns : sequence of str or int
        What the rate is regressed on, logged and standardised.
    ridge : float
        Prior precision of each coefficient, in independent labels.

    Attributes
    ----------
    base_ : float
        log(h lambda_0).
    """

    def __init__(
        self,
        *,
        horizon: int = 7,
        columns: tuple[Column, ...] = (*HISTORY_COLUMNS, "threshold"),
        ridge: float = 10.0,
    ) -> None:
        self.horizon = horizon
        self.columns = columns
        self.ridge = ridge

    def _fit(self, X: Any, y: Array, count: Array) -> None:
        self.base_ = float(np.log(-np.log1p(-smoothed_rate(y, self.horizon))))
        Z = self._learn_design(X)
        rate = np.full(len(y), np.exp(self.base_))
        curvature = _information(rate) @ Z**2 / self.horizon + self.ridge

        def loss(beta: Array) -> tuple[float, Array]:
            rate = np.exp(np.clip(self.base_ + Z @ beta, *LOG_HAZARD_RANGE))
            misfit = np.where(y > 0, -np.log(-np.expm1(-rate)), rate).sum()
            slope = np.where(y > 0, -rate * np.exp(-rate) / -np.expm1(-rate), rate) @ Z
            value = misfit / self.horizon + self.ridge / 2.0 * (beta @ beta)
            return float(value), slope / self.horizon + self.ridge * beta

        self.coefficients_ = minimise(loss, np.zeros(Z.shape[1]), curvature=curvature)
        information = _information(self._rate(Z))
        self.standard_errors_ = ridge_errors(Z, information, horizon=self.horizon, ridge=self.ridge)

    def _rate(self, Z: Array) -> Array:
        """Expected number of outcomes in h days."""
        return np.exp(np.clip(self.base_ + self._linear(Z), *LOG_HAZARD_RANGE))

    def _probability(self, X: Any) -> Array:
        return -np.expm1(-self._rate(self._design(X)))


def _information(rate: Array) -> Array:
    """Expected information of each row about its log rate."""
    return rate**2 * np.exp(-rate) / -np.expm1(-rate)
