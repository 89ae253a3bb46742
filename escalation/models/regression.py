"""Shared parts of the generalised linear models: standardised log history and a ridge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from escalation._util.arrays import Array
from escalation.models.base import Column, EventModel, columns_of, weighted_sum

HISTORY_COLUMNS: tuple[Column, ...] = (
    "history_decay_7d",
    "history_decay_21d",
    "history_decay_90d",
    "history_decay_365d",
    "history_days_since",
)
"""Decayed sums with fast to very slow memory, and the days since the last event."""


def signed_log(values: Array) -> Array:
    """``sign(x) log(1 + |x|)``: near x around zero, logarithmic far out, for either sign.

    Examples
    --------
    >>> signed_log(np.array([-1.0, 0.0, 1.0])).round(3).tolist()
    [-0.693, 0.0, 0.693]
    """
    return np.sign(values) * np.log1p(np.abs(values))


def ridge_errors(Z: Array, information: Array, *, horizon: int, ridge: float) -> Array:
    r"""Standard errors of a ridge regression from its penalised information.

    .. math:: \Big(Z^\top \operatorname{diag}(i)\, Z / h + r I\Big)^{-1}

    Parameters
    ----------
    Z : ndarray, shape (row, column)
    information : ndarray, shape (row,)
        i, each row's expected information about its linear predictor.
    horizon : int
        h: overlapping daily labels count as one in h.
    ridge : float
        r, the prior precision of each coefficient.

    Returns
    -------
    ndarray, shape (column,)
    """
    penalised = (Z * information[:, None]).T @ Z / horizon + ridge * np.eye(Z.shape[1])
    return np.sqrt(np.diag(np.linalg.inv(penalised)))


def coefficient_table(names: Sequence[Column], coefficients: Array, errors: Array) -> str:
    """Format a summary with one line per coefficient.

    Parameters
    ----------
    names : sequence of str or int, of length coefficient
    coefficients, errors : ndarray, shape (coefficient,)
    """
    lines = [f"{'':<28}{'coefficient':>12}{'std error':>12}"]
    for name, value, error in zip(names, coefficients, errors, strict=True):
        lines.append(f"{name!s:<28}{value:>12.4f}{error:>12.4f}")
    return "\n".join(lines)


class RidgeRegression(EventModel):
    """Base class of the generalised linear models; stores arrays only, no training rows.

    Columns are logged and standardised by their mean and standard deviation in training. At
    prediction they are clipped to the range of training, so that nothing is extrapolated.

    Attributes
    ----------
    coefficients_, standard_errors_ : ndarray, shape (1 + columns,)
        Intercept first; per standard deviation of the logged column.
    centre_, scale_, low_, high_ : ndarray, shape (columns,)
        Mean, standard deviation and range of the logged columns.
    """

    columns: Sequence[Column]
    horizon: int
    ridge: float

    def _learn_design(self, X: Any) -> Array:
        logged = self._logged(X)
        self.centre_ = logged.mean(axis=0)
        deviation = logged.std(axis=0)
        varies = deviation > 1e-12 * (1.0 + np.abs(self.centre_))
        self.scale_ = np.where(varies, deviation, np.inf)
        self.low_, self.high_ = logged.min(axis=0), logged.max(axis=0)
        return self._design(X)

    def _logged(self, X: Any) -> Array:
        return signed_log(np.column_stack(columns_of(X, self.columns)))

    def _design(self, X: Any) -> Array:
        """Intercept and standardised columns; a constant column has an infinite scale, so is 0."""
        logged = np.clip(self._logged(X), self.low_, self.high_)
        return np.column_stack([np.ones(len(logged)), (logged - self.centre_) / self.scale_])

    @property
    def summary_(self) -> str:
        """Table of the coefficients."""
        names = ("intercept", *self.columns)
        return coefficient_table(names, self.coefficients_, self.standard_errors_)

    def _linear(self, Z: Array) -> Array:
        return weighted_sum(Z, self.coefficients_)
