"""``corrected``: a stacked regression that corrects the models on averages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.special import expit

from escalation._util.arrays import Array
from escalation.models.base import (
    Column,
    MetaEstimator,
    columns_of,
    fit_missing,
    unit_names,
    weighted_sum,
)
from escalation.models.ewma_nb import EwmaNB
from escalation.models.levels import Levels, log_averages
from escalation.models.penalised import days_of, dependent_logistic, log_odds
from escalation.models.pool import AVERAGE_COLUMNS, Pool

OFFSET: dict[str, float] = {"ewma_nb": 0.3, "pool": 0.35, "levels": 0.35}
"""Weights of the log-odds that are corrected."""
CONTRASTS = ((0, 1), (2, 3), (3, 4), (4, 5))
"""Pairs of averages: 7 days against 10, 21 against 45, 45 against 90, 90 against 365."""
SLOPE_RIDGE, INTERCEPT_RIDGE, TERM_RIDGE, UNIT_RIDGE = 20.0, 3.0, 20.0, 3.0
"""Prior precision of the slope around one and of the rest around zero, in independent labels."""
FARTHEST = 4.0
"""Inputs are clipped to this many standard deviations of training."""


class Corrected(MetaEstimator):
    r"""Stacked regression on the log-odds of three models on averages.

    .. math:: \operatorname{logit} P = a + b \sum_m w_m \operatorname{logit} P_m
              + \sum_j c_j z_j + u

    with P_m from ``ewma_nb``, ``pool`` and ``levels``, and z the standardised differences between
    fast and slow log averages and the time since the last event. If all units share a threshold
    (any event is enough), each unit has an effect u; a threshold taken from a unit's own past
    already reflects the unit. Everything is shrunk to the plain log-odds, weighted by age and
    divided by the rows' design effect, so that little data leaves the averages as they are. The
    slope b is never negative.

    Parameters
    ----------
    horizon : int
        h, in days.
    levels : sequence of str or int
        Columns of the decayed sums over 7, 10, 21, 45, 90 and 365 days.
    since, past, threshold : str or int
        Columns of the days since the last event, of the plain sum of 28 days, and of the threshold.

    Attributes
    ----------
    names_ : list of str
        The keys of ``OFFSET``.
    estimators_ : list of estimator
    coefficients_ : ndarray, shape (2 + 5,)
        b, a, and c.
    centre_, scale_ : ndarray, shape (5,)
        Mean and standard deviation of training.
    units_ : ndarray of str, shape (unit,)
        Sorted.
    effects_ : ndarray, shape (unit,)
    """

    def __init__(
        self,
        *,
        horizon: int = 7,
        levels: Sequence[Column] = AVERAGE_COLUMNS,
        since: Column = "history_days_since",
        past: Column = "history_sum_28d",
        threshold: Column = "threshold",
    ) -> None:
        self.horizon = horizon
        self.levels = levels
        self.since = since
        self.past = past
        self.threshold = threshold

    def _combine_fit(
        self, X: Any, y: Array, count: Array, *, estimators: Mapping[str, Any], record: Any
    ) -> None:
        """Fit on training rows: more than forecasts, and such stiff models hardly overfit."""
        fitted = fit_missing(estimators, self._unfitted(), X, y, count)
        self.names_ = list(OFFSET)
        self.estimators_ = [fitted[name] for name in self.names_]
        inputs = self._inputs(X)
        self.centre_ = inputs.mean(axis=0)
        deviation = inputs.std(axis=0)
        self.scale_ = np.where(deviation > 1e-6, deviation, np.inf)
        self.units_, unit = self._units(X)
        Z = self._design(X, self._base_probabilities(X))
        coefficients, self.effects_ = dependent_logistic(
            Z,
            y,
            days_of(X, len(y)),
            horizon=self.horizon,
            prior=np.eye(Z.shape[1])[0],
            ridge=np.array([SLOPE_RIDGE, INTERCEPT_RIDGE, *[TERM_RIDGE] * (Z.shape[1] - 2)]),
            unit=unit,
            unit_ridge=UNIT_RIDGE,
        )
        self.coefficients_ = np.array([max(coefficients[0], 0.0), *coefficients[1:]])

    def _unfitted(self) -> dict[str, Any]:
        """The models whose log-odds are corrected."""
        shared: dict[str, Any] = {"horizon": self.horizon, "threshold": self.threshold}
        return {
            "ewma_nb": EwmaNB(decayed=self.levels[2], past=self.past, **shared),
            "pool": Pool(levels=self.levels, **shared),
            "levels": Levels(levels=self.levels, past=self.past, **shared),
        }

    def _units(self, X: Any) -> tuple[Any, Any]:
        """Names and codes of the units; none if the threshold differs, as units have no effect."""
        names = unit_names(X)
        (threshold,) = columns_of(X, [self.threshold])
        if names is None or np.ptp(threshold) > 0.0:
            return np.array([], dtype=str), None
        units, codes = np.unique(names, return_inverse=True)
        return units, codes.astype(np.int64)

    def _inputs(self, X: Any) -> Array:
        """Differences between averages and time since the last event, shape (row, 5)."""
        (since,) = columns_of(X, [self.since])
        averages = log_averages(X, self.levels, horizon=self.horizon)
        contrasts = [averages[:, fast] - averages[:, slow] for fast, slow in CONTRASTS]
        return np.column_stack([*contrasts, np.log1p(np.maximum(since, 0.0))])

    def _design(self, X: Any, probabilities: Mapping[str, Array]) -> Array:
        inputs = np.clip((self._inputs(X) - self.centre_) / self.scale_, -FARTHEST, FARTHEST)
        offset = sum(weight * log_odds(probabilities[name]) for name, weight in OFFSET.items())
        return np.column_stack([offset, np.ones(len(inputs)), inputs])

    def _combine(self, X: Any, probabilities: Mapping[str, Array]) -> Array:
        total = weighted_sum(self._design(X, probabilities), self.coefficients_)
        names = unit_names(X)
        if names is not None and len(self.units_):
            code = np.minimum(np.searchsorted(self.units_, names), len(self.units_) - 1)
            total += np.where(self.units_[code] == names, self.effects_[code], 0.0)
        return expit(total)
