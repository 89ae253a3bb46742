"""``recalibrated``: the pool, bent to what its probabilities turned out to mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from scipy.special import expit

from escalation.models.base import Array, Column, LightModel
from escalation.models.pool import LEVELS, Pool
from escalation.models.pulled import (
    HALF_LIFE,
    Days,
    blocks_of,
    days_of,
    design_effect,
    forgotten,
    log_odds,
    pulled_logistic,
)

PRIOR = (0.0, 1.0)
RIDGE = (3.0, 20.0)
"""Precision of the pull on intercept and slope, in independent labels."""


def recalibration(
    score: Array,
    y: Array,
    day: Days,
    *,
    horizon: int,
    ridge: tuple[float, float] = RIDGE,
    half_life: float = HALF_LIFE,
) -> Array:
    """Intercept and slope of logit P(outcome) on a score, pulled to (0, 1).

    Old rows are forgotten by half in four years, and rows count as few as their design effect
    says. The slope is never negative.

    Parameters
    ----------
    score : ndarray, shape (row,)
        Log-odds.
    y : ndarray, shape (row,)
    day : ndarray of int64, shape (row,)
    horizon : int
    ridge : tuple of float
        Precision of the pull on intercept and slope, in independent labels.
    half_life : float
        In days.

    Returns
    -------
    ndarray, shape (2,)
    """
    weight = forgotten(day, half_life=half_life)
    Z = np.column_stack([np.ones_like(score), score])
    prior, pull = np.array(PRIOR), np.array(ridge)
    first = expit(Z @ pulled_logistic(Z, y, weight, prior=prior, ridge=pull))
    effect = design_effect(
        weight * (y - first),
        blocks_of(day, horizon=horizon),
        expected=float((weight**2 * first * (1.0 - first)).sum()),
    )
    found = pulled_logistic(Z, y, weight / effect, prior=prior, ridge=pull)
    return np.array([found[0], max(found[1], 0.0)])


class Recalibrated(LightModel):
    r"""The pool's log-odds, shifted and stretched by what came.

    .. math:: \operatorname{logit} P = a + b \operatorname{logit} P_{pool}

    Parameters
    ----------
    horizon : int
        h, in days.
    levels, past, threshold
        As in :class:`escalation.models.pool.Pool`.

    Attributes
    ----------
    pool_ : Pool
    coefficients_ : ndarray, shape (2,)
        a and b.
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

    def _learn(self, X: Any, y: Array, count: Array, members: dict[str, Any], record: Any) -> None:
        """From the training rows: more than the forecasts, and as honest of so stiff a pool."""
        if "pool" not in members:
            own = Pool(self.horizon, self.levels, self.past, self.threshold)
            members["pool"] = own.fit(X, y, count=count)
        self.pool_ = members["pool"]
        score = log_odds(self.pool_.predict_proba(X)[:, 1])
        self.coefficients_ = recalibration(score, y, days_of(X, len(y)), horizon=self.horizon)

    def _parts(self) -> dict[str, Any]:
        return {"pool": self.pool_}

    def _joined(self, probability: Mapping[str, Array]) -> Array:
        a, b = self.coefficients_
        return expit(a + b * log_odds(probability["pool"]))


def recalibrated(*, horizon: int = 7, seed: int = 0) -> Recalibrated:
    """The pool, bent to what its probabilities turned out to mean.

    Parameters
    ----------
    horizon : int
        In days.
    seed : int
        Not used.

    Returns
    -------
    Recalibrated

    Examples
    --------
    >>> recalibrated(horizon=30).horizon
    30
    """
    return Recalibrated(horizon=horizon)
