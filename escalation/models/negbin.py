"""``negbin``: a count regression around the decayed rate, and the tail of its counts."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import gammaln

from escalation._util.arrays import Array
from escalation.models.base import Column, columns_of
from escalation.models.ewma_nb import decayed_mean, nb_tail
from escalation.models.regression import HISTORY_COLUMNS, RidgeRegression, ridge_errors

FITTED_DISPERSION_RANGE = (1.02, 100.0)
LOG_MEAN_RANGE = (-12.0, 16.0)
"""Means are clipped to between 6e-6 and 9e6 events, where the tail is still exact."""


def negbin_loglike(count: Array, mean: Array, dispersion: float) -> float:
    """Log likelihood of counts with variance ``dispersion * mean``, without log(count!).

    Parameters
    ----------
    count, mean : ndarray, shape (row,)
        Means are positive.
    dispersion : float
        Above 1.

    Examples
    --------
    >>> round(negbin_loglike(np.array([0.0, 1.0]), np.array([1.0, 1.0]), 2.0), 6)
    -2.079442
    """
    size = mean / (dispersion - 1.0)
    zeros = size * np.log(dispersion)
    terms = gammaln(count + size) - gammaln(size) + count * np.log1p(-1.0 / dispersion)
    return float((terms - zeros).sum())


def likeliest_dispersion(count: Array, mean: Array) -> float:
    """Return the variance over the mean that makes the counts likeliest.

    Parameters
    ----------
    count, mean : ndarray, shape (row,)

    Returns
    -------
    float
        Within [1.02, 100].
    """
    low, high = np.log(np.array(FITTED_DISPERSION_RANGE) - 1.0)
    optimum = minimize_scalar(
        lambda log_excess: -negbin_loglike(count, mean, 1.0 + float(np.exp(log_excess))),
        bounds=(low, high),
        method="bounded",
    )
    return float(1.0 + np.exp(optimum.x))


class NegBin(RidgeRegression):
    r"""Count regression with log link on log history, then a negative binomial tail.

    .. math:: \log m = \log \max(h s_{21} / 21,\ 0.02) + \beta_0 + \sum_j \beta_j z_j,\quad
              P = P(X \ge k),\ \operatorname{Var} X = d\,m

    With all coefficients zero this is the mean of ``ewma_nb``, towards which the ridge penalty
    shrinks. The coefficients are those of a Poisson regression (valid for any variance proportional
    to the mean), and d is the likeliest given them.

    Parameters
    ----------
    horizon : int
        h, in days.
    columns : sequence of str or int
        Regressors, logged and standardised.
    ridge : float
        Prior precision of each coefficient, in independent labels.
    cap : float
        Counts are capped at this many thresholds: one massacre must not outweigh a year.
    decayed, threshold : str or int
        Columns of the decayed sum over 21 days, and of the threshold.

    Attributes
    ----------
    dispersion_ : float
        d.
    """

    def __init__(
        self,
        *,
        horizon: int = 7,
        columns: tuple[Column, ...] = HISTORY_COLUMNS,
        ridge: float = 10.0,
        cap: float = 20.0,
        decayed: Column = "history_decay_21d",
        threshold: Column = "threshold",
    ) -> None:
        self.horizon = horizon
        self.columns = columns
        self.ridge = ridge
        self.cap = cap
        self.decayed = decayed
        self.threshold = threshold

    def _fit(self, X: Any, y: Array, count: Array) -> None:
        from sklearn.linear_model import PoissonRegressor

        (threshold,) = columns_of(X, [self.threshold])
        capped = np.minimum(count, self.cap * np.maximum(threshold, 1.0))
        Z, exposure = self._learn_design(X), np.exp(self._start(X))
        alpha = self.ridge * self.horizon / exposure.sum()
        poisson = PoissonRegressor(
            alpha=alpha, fit_intercept=False, solver="newton-cholesky", tol=1e-10
        )
        poisson.fit(Z, capped / exposure, sample_weight=exposure)
        self.coefficients_ = poisson.coef_
        mean = self._mean(X)
        self.dispersion_ = likeliest_dispersion(capped, mean)
        errors = ridge_errors(Z, mean, horizon=self.horizon, ridge=self.ridge)
        self.standard_errors_ = errors * np.sqrt(self.dispersion_)

    def _start(self, X: Any) -> Array:
        (decayed,) = columns_of(X, [self.decayed])
        return np.log(decayed_mean(decayed, self.horizon))

    def _mean(self, X: Any) -> Array:
        return np.exp(np.clip(self._start(X) + self._linear(self._design(X)), *LOG_MEAN_RANGE))

    def _probability(self, X: Any) -> Array:
        (threshold,) = columns_of(X, [self.threshold])
        return nb_tail(self._mean(X), self.dispersion_, threshold)
