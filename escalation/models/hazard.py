"""``hazard``: a discrete-time hazard of the outcome, by recency and history."""

from __future__ import annotations

from typing import Any

import numpy as np

from escalation._util.arrays import Array
from escalation.models.base import Column, smoothed_rate
from escalation.models.regression import HISTORY_COLUMNS, RidgeRegression, ridge_errors

LOG_HAZARD_RANGE = (-30.0, 30.0)


class Hazard(RidgeRegression):
    r"""Complementary log-log regression: the outcome has a daily rate that depends on log history.

    .. math:: P = 1 - \exp(-h\,\lambda),\quad
              \log \lambda = \log \lambda_0 + \beta_0 + \sum_j \beta_j z_j

    The base rate lambda_0 is the one at which P is the smoothed share of positives; the ridge
    penalty shrinks towards it.

    Parameters
    ----------
    horizon : int
        h, in days.
    columns : sequence of str or int
        Regressors, logged and standardised.
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
        from statsmodels.genmod.families import Binomial, links  # seconds to import
        from statsmodels.genmod.generalized_linear_model import GLM

        self.base_ = float(np.log(-np.log1p(-smoothed_rate(y, self.horizon))))
        Z = self._learn_design(X)
        family = Binomial(link=links.CLogLog())
        model = GLM(y, Z, family=family, offset=np.full(len(y), self.base_))
        alpha = self.ridge * self.horizon / len(y)
        fitted = model.fit_regularized(alpha=alpha, L1_wt=0.0, opt_method="newton-cg")
        self.coefficients_ = np.asarray(fitted.params)
        information = model.hessian_factor(self.coefficients_, scale=1.0, observed=False)
        self.standard_errors_ = ridge_errors(Z, information, horizon=self.horizon, ridge=self.ridge)

    def _probability(self, X: Any) -> Array:
        rate = np.clip(self.base_ + self._linear(self._design(X)), *LOG_HAZARD_RANGE)
        return -np.expm1(-np.exp(rate))
