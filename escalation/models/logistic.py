"""``logistic``: ridge logistic regression on the logarithms of all columns."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from scipy.special import expit
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted, validate_data

from escalation._util.arrays import Array
from escalation.models.base import weighted_sum
from escalation.models.regression import signed_log
from escalation.models.wrapped import Wrapped


class SignedLog(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Transform each column to ``sign(x) log(1 + |x|)``.

    Examples
    --------
    >>> SignedLog().fit_transform([[0.0, 1.0]]).round(3).tolist()
    [[0.0, 0.693]]
    """

    def fit(self, X: Any, y: Any = None) -> Self:
        """Check the columns; nothing is learnt."""
        validate_data(self, X, dtype=np.float64)
        return self

    def transform(self, X: Any) -> Array:
        """Signed logarithms, in the same shape."""
        check_is_fitted(self)
        return signed_log(validate_data(self, X, dtype=np.float64, reset=False))

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "n_features_in_")


class Logistic(Wrapped):
    r"""Ridge logistic regression on signed logarithms, standardised.

    .. math:: \operatorname{logit} P = \beta_0 + \sum_j \beta_j z_j,\quad
              \max\ \ell(\beta) / h - \tfrac{r}{2} \sum_j \beta_j^2

    Columns that are constant in training are ignored.

    Parameters
    ----------
    horizon : int
        h, in days; overlapping daily labels count as one in h.
    ridge : float
        r, the prior precision of each coefficient, in independent labels.
    """

    def __init__(self, *, horizon: int = 7, ridge: float = 10.0) -> None:
        self.horizon = horizon
        self.ridge = ridge

    def _build(self) -> Any:
        ridge = LogisticRegression(
            C=1.0 / (self.ridge * self.horizon), solver="newton-cholesky", tol=1e-8
        )
        steps = [("log", SignedLog()), ("standardise", StandardScaler()), ("ridge", ridge)]
        return Pipeline(steps)

    def _predicted(self, Z: Array) -> Array:
        """Avoids the pipeline's matrix product, whose bits depend on the number of rows."""
        ridge = self.inner_[-1]
        scaled = self.inner_[:-1].transform(Z)
        return expit(weighted_sum(scaled, ridge.coef_[0]) + ridge.intercept_[0])
