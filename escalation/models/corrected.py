"""``corrected``: what the averages say, corrected by how they disagree and by who it is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from scipy.special import expit

from escalation.models.base import (
    Array,
    Column,
    EventModel,
    LightModel,
    columns_of,
    unit_names,
    weighted_sum,
)
from escalation.models.ewma_nb import EwmaNB
from escalation.models.levels import Levels, log_averages
from escalation.models.penalised import days_of, learnt, log_odds
from escalation.models.pool import LEVELS, Pool

OFFSET: dict[str, float] = {"ewma_nb": 0.3, "pool": 0.35, "levels": 0.35}
"""Weights on the log-odds that are corrected."""
CONTRASTS = ((0, 1), (2, 3), (3, 4), (4, 5))
"""Pairs of averages: 7 days against 10, 21 against 45, 45 against 90, 90 against 365."""
SLOPE_RIDGE, INTERCEPT_RIDGE, RIDGE, UNIT_RIDGE = 20.0, 3.0, 20.0, 3.0
"""Pull of the slope to one and of the rest to zero, in independent labels."""
FARTHEST = 4.0
"""In standard deviations of training: nothing pulls harder than that."""


def fit_absent(
    members: dict[str, Any], made: Mapping[str, EventModel], X: Any, y: Array, count: Array
) -> None:
    """Fit the models that a light one builds on, where they were not given."""
    for name, model in made.items():
        if name not in members:
            more = {"members": members} if model.light else {}
            members[name] = model.fit(X, y, count=count, **more)


class Corrected(LightModel):
    r"""Log-odds of three models on averages, with a regression of what they miss.

    .. math:: \operatorname{logit} P = a + b \sum_m w_m \operatorname{logit} P_m
              + \sum_j c_j z_j + u

    with P_m from ``ewma_nb``, ``pool`` and ``levels``, and z the differences between fast and slow
    log averages and how long ago the last event was, standardised. Where the threshold is the same
    for all (any event is enough), each unit has an effect u; a threshold taken from a unit's own
    past already speaks of the unit. All of it is pulled to the plain log-odds, forgets, and counts
    rows as few as their design effect says, so that little data leaves the averages as they are.
    The slope b is never negative.

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
    members_ : list of estimator
        In the order of ``OFFSET``.
    coefficients_ : ndarray, shape (2 + 5,)
        b, a, and c.
    centre_, scale_ : ndarray, shape (5,)
        Mean and standard deviation of training.
    units_ : ndarray of str, shape (unit,)
        Sorted.
    effects_ : ndarray, shape (unit,)
    """

    free_form: ClassVar[bool] = False

    def __init__(
        self,
        horizon: int = 7,
        levels: Sequence[Column] = LEVELS,
        since: Column = "history_days_since",
        past: Column = "history_sum_28d",
        threshold: Column = "threshold",
    ) -> None:
        self.horizon = horizon
        self.levels = levels
        self.since = since
        self.past = past
        self.threshold = threshold

    def _learn(self, X: Any, y: Array, count: Array, members: dict[str, Any], record: Any) -> None:
        """From the training rows: more than the forecasts, and as honest of such stiff models."""
        horizon, levels, past, threshold = self.horizon, self.levels, self.past, self.threshold
        made = {
            "ewma_nb": EwmaNB(horizon, levels[2], past, threshold),
            "pool": Pool(horizon, levels, threshold),
            "levels": Levels(horizon, levels, past, threshold),
        }
        fit_absent(members, made, X, y, count)
        self.members_ = [members[name] for name in OFFSET]
        said = {name: model.predict_proba(X)[:, 1] for name, model in self._parts().items()}
        seen = self._seen(X)
        self.centre_ = seen.mean(axis=0)
        spread = seen.std(axis=0)
        self.scale_ = np.where(spread > 1e-6, spread, np.inf)
        self.units_, unit = self._units(X)
        Z = self._design(X, said)
        ridge = np.full(Z.shape[1], RIDGE)
        ridge[:2] = SLOPE_RIDGE, INTERCEPT_RIDGE
        found, effects = learnt(
            Z, y, days_of(X, len(y)), horizon=horizon, prior=np.eye(Z.shape[1])[0],
            ridge=ridge, unit=unit, unit_ridge=UNIT_RIDGE,
        )  # fmt: skip
        self.coefficients_ = np.array([max(found[0], 0.0), *found[1:]])
        self.effects_ = effects[: len(self.units_)]

    def _units(self, X: Any) -> tuple[Any, Any]:
        """Names and codes of the units, where each has an effect."""
        names = unit_names(X)
        (threshold,) = columns_of(X, [self.threshold])
        if names is None or np.ptp(threshold) > 0.0:
            return np.array([], dtype=str), None
        units, codes = np.unique(names, return_inverse=True)
        return units, codes.astype(np.int64)

    def _seen(self, X: Any) -> Array:
        """What is corrected by, shape (row, 5)."""
        (since,) = columns_of(X, [self.since])
        averages = log_averages(X, self.levels, horizon=self.horizon)
        contrasts = [averages[:, fast] - averages[:, slow] for fast, slow in CONTRASTS]
        return np.column_stack([*contrasts, np.log1p(np.maximum(since, 0.0))])

    def _design(self, X: Any, probability: Mapping[str, Array]) -> Array:
        seen = np.clip((self._seen(X) - self.centre_) / self.scale_, -FARTHEST, FARTHEST)
        offset = sum(weight * log_odds(probability[name]) for name, weight in OFFSET.items())
        return np.column_stack([offset, np.ones(len(seen)), seen])

    def _parts(self) -> dict[str, Any]:
        return dict(zip(OFFSET, self.members_, strict=True))

    def _joined(self, X: Any, probability: Mapping[str, Array]) -> Array:
        total = weighted_sum(self._design(X, probability), self.coefficients_)
        names = unit_names(X)
        if names is not None and len(self.units_):
            at = np.minimum(np.searchsorted(self.units_, names), len(self.units_) - 1)
            total += np.where(self.units_[at] == names, self.effects_[at], 0.0)
        return expit(total)


def corrected(*, horizon: int = 7, seed: int = 0) -> Corrected:
    """What the averages say, corrected by how they disagree and by who it is about.

    Parameters
    ----------
    horizon : int
        In days.
    seed : int
        Not used.

    Returns
    -------
    Corrected

    Examples
    --------
    >>> corrected(horizon=30).horizon
    30
    """
    return Corrected(horizon=horizon)
