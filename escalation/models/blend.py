"""``blend``: a mixture of all models, weighted by their resolved forecasts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.special import expit

from escalation._util.arrays import Array
from escalation.models.base import Column, MetaEstimator, fit_missing
from escalation.models.corrected import Corrected
from escalation.models.ewma_nb import EwmaNB
from escalation.models.mixture import (
    PRIOR_MODEL,
    Mixture,
    ResolvedForecasts,
    mixture_of,
    recalibration_of,
    start_of,
)
from escalation.models.penalised import log_odds
from escalation.models.pool import AVERAGE_COLUMNS, Pool


class Blend(MetaEstimator):
    r"""Mixture of the models, its weights learnt from resolved forecasts, recalibrated.

    .. math:: \operatorname{logit} P = a + b \operatorname{logit} \sum_c e_c P_c

    Candidates c are a fixed log-linear pool (baseline, pool and stacked regression), the mean of
    the learners, and every model alone; :mod:`escalation.models.mixture` moves weight between them.
    It starts as the fixed pool, which keeps a quarter of the weight for good, so that a tenth of
    all stays with the baseline. If an experiment names ``prior``, and ``prior`` has learnt the
    label, it starts from a pool of prior and baseline instead, and the quarter moves to the fixed
    pool as forecasts resolve. Intercept a and slope b recalibrate the forecasts of the past one or
    two years. A record that lacks a model of the start is ignored.

    Parameters
    ----------
    horizon : int
        h, in days.
    levels, since, past, threshold
        Columns for base estimators that are fitted here: see :class:`Corrected`.

    Attributes
    ----------
    names_ : list of str
        Base estimators with any weight.
    estimators_ : list of estimator
    pool_weights_ : ndarray, shape (candidate, estimator)
        On log-odds.
    mixture_weights_ : ndarray, shape (candidate,)
        e; adds up to one.
    recalibration_ : ndarray, shape (2,)
        a, in log-odds, and b.
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
        self,
        X: Any,
        y: Array,
        count: Array,
        *,
        estimators: Mapping[str, Any],
        record: ResolvedForecasts | None,
    ) -> None:
        fitted = fit_missing(estimators, self._unfitted(), X, y, count)
        if getattr(fitted.get(PRIOR_MODEL), "stands_back_", False):
            del fitted[PRIOR_MODEL]
        start = start_of(fitted)
        if record is None or not set(start) <= set(record.names):
            names, record = tuple(name for name in fitted if name in start), None
        else:
            names = tuple(name for name in fitted if name in record.names)
        mixture = mixture_of(record, names, horizon=self.horizon, start=start)
        self.recalibration_ = recalibration_of(record, mixture, names, horizon=self.horizon)
        weighted = np.flatnonzero(mixture.pool_weights.any(axis=0))
        self.names_ = [names[i] for i in weighted]
        self.pool_weights_ = mixture.pool_weights[:, weighted]
        self.mixture_weights_ = mixture.mixture_weights
        self.estimators_ = [fitted[name] for name in self.names_]

    def _unfitted(self) -> dict[str, Any]:
        """The models of the fixed pool."""
        shared: dict[str, Any] = {"horizon": self.horizon, "threshold": self.threshold}
        return {
            "ewma_nb": EwmaNB(decayed=self.levels[2], past=self.past, **shared),
            "pool": Pool(levels=self.levels, **shared),
            "corrected": Corrected(**self.get_params()),
        }

    def _combine(self, X: Any, probabilities: Mapping[str, Array]) -> Array:
        odds = np.column_stack([log_odds(probabilities[name]) for name in self.names_])
        mixed = Mixture(self.pool_weights_, self.mixture_weights_).of(odds)
        intercept, slope = self.recalibration_
        return expit(intercept + slope * log_odds(mixed))
