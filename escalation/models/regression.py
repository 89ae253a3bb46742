"""What the statsmodels regressions share: log history, standardised, and a ridge fit of a GLM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from escalation.models.base import Array, Column, EventModel, columns_of, weighted_sum

HISTORY_COLUMNS: tuple[Column, ...] = (
    "history_decay_7d",
    "history_decay_21d",
    "history_decay_90d",
    "history_decay_365d",
    "history_days_since",
)
"""Fast, medium, slow and very slow memory of what is counted, and how long ago the last one was."""
MAX_STEPS = 60
TOLERANCE = 1e-9
"""Newton's method stops when a step would gain less than this, in labels of log likelihood."""


def signed_log(values: Array) -> Array:
    """sign(x) log(1 + |x|): near x around zero, logarithmic far out, for either sign.

    Examples
    --------
    >>> signed_log(np.array([-1.0, 0.0, 1.0])).round(3).tolist()
    [-0.693, 0.0, 0.693]
    """
    return np.sign(values) * np.log1p(np.abs(values))


def ridge_fit(model: Any, *, horizon: int, ridge: float) -> tuple[Array, Array]:
    r"""Maximise a GLM's penalised log likelihood by Fisher scoring with halved steps.

    .. math:: \ell(\beta) / h - \tfrac{r}{2} \lVert \beta \rVert^2

    The penalty covers the intercept too, so there is always a maximum, whatever is separated,
    constant or all zero; offsets say what the coefficients are shrunk towards.

    Parameters
    ----------
    model : statsmodels GLM
        Unfitted.
    horizon : int
        h: overlapping daily labels count as one in h.
    ridge : float
        r, the prior precision of each coefficient.

    Returns
    -------
    coefficients, standard errors : ndarray, shape (column,)
        Errors from the penalised information of the rows counted as one in h.
    """
    beta = np.zeros(model.exog.shape[1])
    value = _penalised(model, beta, horizon, ridge)
    for _ in range(MAX_STEPS):
        slope = model.score(beta, scale=1.0) / horizon - ridge * beta
        step = np.linalg.solve(_information(model, beta, horizon, ridge), slope)
        gain = float(slope @ step)
        scale = 1.0
        while (tried := _penalised(model, beta + scale * step, horizon, ridge)) < value:
            scale /= 2.0
            if scale < TOLERANCE:
                break
        if gain < TOLERANCE or scale < TOLERANCE:
            break
        beta, value = beta + scale * step, tried
    covariance = np.linalg.inv(_information(model, beta, horizon, ridge))
    return beta, np.sqrt(np.diag(covariance))


def _penalised(model: Any, beta: Array, horizon: int, ridge: float) -> float:
    with np.errstate(all="ignore"):
        value = model.loglike(beta, scale=1.0) / horizon - ridge / 2.0 * (beta @ beta)
    return float(value) if np.isfinite(value) else -np.inf


def _information(model: Any, beta: Array, horizon: int, ridge: float) -> Array:
    """Expected information: positive definite also far from the maximum."""
    found = -model.hessian(beta, scale=1.0, observed=False) / horizon
    return found + ridge * np.eye(len(beta))


def table(names: Sequence[Column], coefficients: Array, errors: Array) -> str:
    """A summary to print: one line per coefficient."""
    lines = [f"{'':<28}{'coefficient':>12}{'std error':>12}"]
    for name, value, error in zip(names, coefficients, errors, strict=True):
        lines.append(f"{name!s:<28}{value:>12.4f}{error:>12.4f}")
    return "\n".join(lines)


class RidgeRegression(EventModel):
    """Base of the statsmodels regressions: arrays are kept, never a statsmodels result.

    A statsmodels result carries its training rows. Columns are logged and standardised by the
    training rows' mean and spread; at prediction they are held to the range seen in training, so
    that nothing is extrapolated beyond what was learnt.

    Attributes
    ----------
    coefficients_, standard_errors_ : ndarray, shape (1 + columns,)
        Intercept first; per standard deviation of the logged column.
    centre_, scale_, low_, high_ : ndarray, shape (columns,)
        Mean, spread and range of the logged columns.
    """

    free_form: ClassVar[bool] = False
    columns: Sequence[Column]
    horizon: int
    ridge: float

    def _learn_design(self, X: Any) -> Array:
        logged = self._logged(X)
        self.centre_ = logged.mean(axis=0)
        spread = logged.std(axis=0)
        self.scale_ = np.where(spread > 1e-12 * (1.0 + np.abs(self.centre_)), spread, np.inf)
        self.low_, self.high_ = logged.min(axis=0), logged.max(axis=0)
        return self._design(X)

    def _logged(self, X: Any) -> Array:
        return signed_log(np.column_stack(columns_of(X, self.columns)))

    def _design(self, X: Any) -> Array:
        """Intercept and standardised columns; a constant column has an infinite scale, so is 0."""
        held = np.clip(self._logged(X), self.low_, self.high_)
        return np.column_stack([np.ones(len(held)), (held - self.centre_) / self.scale_])

    def _learn(self, model: Any) -> None:
        fitted = ridge_fit(model, horizon=self.horizon, ridge=self.ridge)
        self.coefficients_, self.standard_errors_ = fitted

    @property
    def summary_(self) -> str:
        """The coefficients as a table."""
        names = ("intercept", *self.columns)
        return table(names, self.coefficients_, self.standard_errors_)

    def _linear(self, Z: Array) -> Array:
        return weighted_sum(Z, self.coefficients_)
