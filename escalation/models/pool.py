"""``pool``: negative binomial tails on fast and slow averages, averaged by fixed weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from scipy.special import expit

from escalation.models.base import Array, Column, EventModel, columns_of
from escalation.models.ewma_nb import SMALLEST_MEAN, EwmaNB, nb_tail
from escalation.models.pulled import log_odds
from escalation.models.tails import likeliest, spread_out

DAYS = (7, 10, 21, 45, 90, 365)
LEVELS: tuple[Column, ...] = tuple(f"history_decay_{days}d" for days in DAYS)
LEVEL_WEIGHTS = (0.05, 0.05, 0.15, 0.10, 0.05, 0.10)
MIX = (0.8, 0.2)
"""A seventh average: mostly the 21 days, with a memory of the year."""
MIX_WEIGHT = 0.20
BASELINE_WEIGHT = 0.30
"""Weights add up to one. Fixed: they are where the trust in the averages starts, and no data set
decides them."""


class Pool(EventModel):
    r"""Logit average of negative binomial tails on several decayed averages, and of ``ewma_nb``.

    .. math:: \operatorname{logit} P = \sum_j w_j \operatorname{logit} P(X_j \ge k),\quad
              m_j = \max(h s_j / K_j,\ 0.02),\quad \operatorname{Var} X_j = d_j m_j

    Each tail has its own dispersion: the one of a grid under which the outcomes of the training
    rows are likeliest. Nothing else is learnt, so there is nothing to overfit.

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
    dispersions_ : ndarray, shape (7,)
        Of the six averages and of their mixture.
    baseline_ : EwmaNB
    """

    free_form: ClassVar[bool] = False

    def __init__(
        self,
        horizon: int = 7,
        levels: Sequence[Column] = LEVELS,
        past: Column = "history_sum_28d",
        threshold: Column = "threshold",
    ) -> None:
        self.horizon = horizon
        self.levels = levels
        self.past = past
        self.threshold = threshold

    def _fit(self, X: Any, y: Array, count: Array) -> None:
        self.baseline_ = EwmaNB(self.horizon, self.levels[2], self.past, self.threshold)
        self.baseline_.fit(X, y, count=count)
        rows = spread_out(len(y))
        (threshold,) = columns_of(X, [self.threshold])
        means = self._means(X)[:, rows]
        self.dispersions_ = np.array([likeliest(m, threshold[rows], y[rows])[0] for m in means])

    def _means(self, X: Any) -> Array:
        """Expected counts by average, shape (7, row)."""
        sums = np.stack(columns_of(X, self.levels))
        own = np.maximum(sums / np.array(DAYS)[:, None] * self.horizon, SMALLEST_MEAN)
        mixed = MIX[0] * own[2] + MIX[1] * own[5]
        return np.concatenate([own, mixed[None]])

    def _probability(self, X: Any) -> Array:
        (threshold,) = columns_of(X, [self.threshold])
        total = BASELINE_WEIGHT * log_odds(self.baseline_.predict_proba(X)[:, 1])
        weights = (*LEVEL_WEIGHTS, MIX_WEIGHT)
        for weight, mean, d in zip(weights, self._means(X), self.dispersions_, strict=True):
            total += weight * log_odds(nb_tail(mean, d, threshold))
        return expit(total)


def pool(*, horizon: int = 7, seed: int = 0) -> Pool:
    """Negative binomial tails on fast and slow averages; it has nothing to tune, nothing random.

    Parameters
    ----------
    horizon : int
        In days.
    seed : int
        Not used.

    Returns
    -------
    Pool

    Examples
    --------
    >>> pool(horizon=14).horizon
    14
    """
    return Pool(horizon=horizon)
