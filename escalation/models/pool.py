"""``pool``: a log-linear pool of count tails on fast and slow averages, with fixed weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import expit

from escalation._util.arrays import Array
from escalation.models.base import Column, EventModel, columns_of
from escalation.models.ewma_nb import SMALLEST_MEAN
from escalation.models.penalised import log_odds
from escalation.models.tails import evenly_spaced, likeliest_shape, tail_of

AVERAGE_DAYS = (7, 10, 21, 45, 90, 365)
AVERAGE_COLUMNS: tuple[Column, ...] = tuple(f"history_decay_{days}d" for days in AVERAGE_DAYS)
WEIGHTS = (0.07, 0.07, 0.21, 0.14, 0.07, 0.14, 0.30)
"""Of the six averages and of their mixture, adding up to one. Fixed, not fitted to any data."""
MIX = (0.8, 0.2)
"""Weights of the averages over 21 and 365 days in a seventh average."""


class Pool(EventModel):
    r"""Log-linear pool of negative binomial tails on several decayed averages.

    .. math:: \operatorname{logit} P = \sum_j w_j \operatorname{logit} P(X_j \ge k),\quad
              m_j = \max(h s_j / K_j,\ 0.02)

    The variance of each tail is linear or quadratic in its mean, with its own dispersion: the
    likeliest of a grid for the training outcomes. Nothing else is learnt, so there is little to
    overfit.

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
    shapes_ : list of tuple of (bool, float)
        Whether the variance is quadratic, and the dispersion, of each average and of the mixture.
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
        rows = evenly_spaced(len(y))
        (threshold,) = columns_of(X, [self.threshold])
        means = self._means(X)[:, rows]
        self.shapes_ = [likeliest_shape(mean, threshold[rows], y[rows]) for mean in means]

    def _means(self, X: Any) -> Array:
        """Expected counts by average, shape (7, row)."""
        sums = np.stack(columns_of(X, self.levels))
        decayed = np.maximum(sums / np.array(AVERAGE_DAYS)[:, None] * self.horizon, SMALLEST_MEAN)
        mixed = MIX[0] * decayed[2] + MIX[1] * decayed[5]
        return np.concatenate([decayed, mixed[None]])

    def _probability(self, X: Any) -> Array:
        (threshold,) = columns_of(X, [self.threshold])
        total = np.zeros(len(threshold))
        for weight, mean, shape in zip(WEIGHTS, self._means(X), self.shapes_, strict=True):
            total += weight * log_odds(tail_of(mean, shape, threshold))
        return expit(total)
