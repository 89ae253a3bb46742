"""``dynamic``: a drifting level with conjugate updates and a closed-form tail."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
from scipy.special import betainc

from escalation._util.arrays import Array
from escalation.models.base import Column, EventModel, columns_of
from escalation.models.pool import AVERAGE_COLUMNS, AVERAGE_DAYS
from escalation.models.tails import evenly_spaced, outcome_log_likelihood

PRIOR_DAYS = (2.0, 10.0, 40.0)
"""Weight of the pooled rate, in days of observation."""
EVIDENCE_SHARES = (1.0, 0.5, 0.25, 0.1)
"""Share of the evidence left, as the level may move during the days ahead."""
SMALLEST_RATE = 1e-4


def predictive_tail(shape: Array, rate: Array, *, horizon: float, threshold: Array) -> Array:
    r"""P(X >= k) over h days with a gamma distributed daily level.

    .. math:: \lambda \sim \Gamma(a, b),\quad X \mid \lambda \sim \text{Poisson}(h \lambda)
              \;\Rightarrow\; P(X \ge k) = I_{h / (b + h)}(k, a)

    Parameters
    ----------
    shape, rate : ndarray
        a, in events, and b, in days; positive.
    horizon : float
        h, in days.
    threshold : ndarray
        k; rounded up. The probability is 1 for 0 or less.

    Examples
    --------
    >>> one = np.array([1.0])
    >>> predictive_tail(one, 7 * one, horizon=7, threshold=one).tolist()
    [0.5]
    """
    k = np.ceil(threshold)
    reached = betainc(np.maximum(k, 1.0), shape, horizon / (rate + horizon))
    return np.where(k < 1.0, 1.0, reached)


class Dynamic(EventModel):
    r"""Gamma-Poisson level with discounting.

    .. math:: a_t = s_t + r_0 b_0,\quad b_t = \frac{1}{1 - \delta} + b_0,\quad
              s_t = \delta s_{t-1} + x_t

    are the conjugate updates in equilibrium, with a share 1 - delta of the evidence discounted each
    day and the pooled rate r_0 worth b_0 days. Forecasts multiply both by c, which keeps the mean
    and lets the level move. The discount, b_0 and c are those of a grid under which the outcomes of
    the training rows are likeliest.

    Parameters
    ----------
    horizon : int
        h, in days.
    levels : sequence of str or int
        Columns of the decayed sums over 7, 10, 21, 45, 90 and 365 days.
    threshold : str or int
        Column of the threshold.

    Attributes
    ----------
    memory_ : int
        Index of the decayed sum.
    prior_days_ : float
        b_0.
    evidence_share_ : float
        c.
    rate_ : float
        r_0, events a day.
    """

    def __init__(
        self,
        *,
        horizon: int = 7,
        levels: Sequence[Column] = AVERAGE_COLUMNS,
        threshold: Column = "threshold",
    ) -> None:
        self.horizon = horizon
        self.levels = levels
        self.threshold = threshold

    def _fit(self, X: Any, y: Array, count: Array) -> None:
        self.rate_ = max(float(count.mean()) / self.horizon, SMALLEST_RATE)
        rows = evenly_spaced(len(y))
        (threshold,) = columns_of(X, [self.threshold])
        sums = [column[rows] for column in columns_of(X, self.levels)]
        best = -np.inf
        for memory, prior, evidence in product(
            range(len(AVERAGE_DAYS)), PRIOR_DAYS, EVIDENCE_SHARES
        ):
            p = self._tail(sums[memory], threshold[rows], memory, prior, evidence)
            value = float(outcome_log_likelihood(p, y[rows]).mean())
            if value > best:
                best = value
                self.memory_, self.prior_days_, self.evidence_share_ = memory, prior, evidence

    def _tail(
        self, total: Array, threshold: Array, memory: int, prior: float, evidence: float
    ) -> Array:
        observed = 1.0 / -np.expm1(-1.0 / AVERAGE_DAYS[memory])
        shape = evidence * (np.maximum(total, 0.0) + self.rate_ * prior)
        rate = np.full(len(total), evidence * (observed + prior))
        return predictive_tail(shape, rate, horizon=self.horizon, threshold=threshold)

    def _probability(self, X: Any) -> Array:
        total, threshold = columns_of(X, [self.levels[self.memory_], self.threshold])
        return self._tail(total, threshold, self.memory_, self.prior_days_, self.evidence_share_)
