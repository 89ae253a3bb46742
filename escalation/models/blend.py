"""``blend``: all models, trusted by what they have earned on forecasts that have matured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from escalation.models.base import Array, Column, LightModel
from escalation.models.corrected import Corrected, fit_absent
from escalation.models.ewma_nb import EwmaNB
from escalation.models.pool import LEVELS, Pool
from escalation.models.pulled import (
    blocks_of,
    design_effect,
    forgotten,
    log_odds,
    recalibration,
)
from escalation.models.tails import outcome_log_likelihood

BASELINE = "ewma_nb"
START: dict[str, float] = {BASELINE: 0.3, "pool": 0.2, "corrected": 0.5}
"""The mixture that trust starts with, on log-odds."""
LEARNERS = ("logistic", "boosting", "forest", "hazard")
"""Models of all features, whose plain mean is a candidate too."""
FLOOR = 0.1
"""Weight that stays with the baseline whatever the record says, so that no error of the rest can
take a forecast far below it."""
START_TRUST = 0.7
CORE_TRUST = 0.1
OTHER_TRUST = 0.02
"""Prior trust in the mixture, in the learners' mean and each of its members alone, and in any other
model alone."""
RATE = 2.0
"""How fast evidence moves the trust. Bayes for independent labels from one true model would be 1;
the design effect taken is that of the candidate whose labels are the least independent."""
BEND_RIDGE = (10.0, 100.0)
BEND_HALF_LIFE = 540.0
"""Pull on the shift and the stretch of the log-odds, in independent labels, and their memory in
days."""
FEWEST = 20
SMALLEST_TRUST = 0.01
"""Members with less are left out."""


@dataclass(frozen=True)
class Matured:
    """Forecasts whose outcome is known.

    Parameters
    ----------
    names : tuple of str
    probability : ndarray, shape (row, model)
        As issued.
    outcome : ndarray, shape (row,)
    day : ndarray of int64, shape (row,)
        On which they were issued.
    unit : ndarray of int64, shape (row,), optional
        Whom they are about.
    """

    names: tuple[str, ...]
    probability: Array
    outcome: Array
    day: NDArray[np.int64]
    unit: NDArray[np.int64] | None = None


def trust(gain: Array, day: NDArray[np.int64], *, prior: Array, horizon: int) -> Array:
    r"""Trust in each candidate from its log likelihood on matured forecasts.

    .. math:: w_j \propto \pi_j \exp\Big(\tfrac{\eta}{D} \sum_i 2^{-a_i / 1500} g_{ij}\Big)

    with g_ij the log likelihood of outcome i under candidate j over that under the first one, a_i
    the age in days and D the largest design effect of the candidates' gains.

    Parameters
    ----------
    gain : ndarray, shape (row, candidate)
    day : ndarray of int64, shape (row,)
    prior : ndarray, shape (candidate,)
    horizon : int

    Returns
    -------
    ndarray, shape (candidate,)
        Adds up to one.

    Examples
    --------
    >>> gain = np.column_stack([np.zeros(100), np.full(100, 0.01)])
    >>> trust(gain, np.arange(100) * 28, prior=np.array([0.5, 0.5]), horizon=7).round(2).tolist()
    [0.24, 0.76]
    """
    weighted = gain * forgotten(day)[:, None]
    block = blocks_of(day, horizon=horizon)
    effects = [
        design_effect(column, block, expected=float((column**2).sum()))
        for column in weighted.T
        if column.any()
    ]
    score = np.log(prior) + RATE * weighted.sum(axis=0) / max(effects, default=1.0)
    odds = np.exp(score - score.max())
    return odds / odds.sum()


def weights_of(record: Matured | None, names: tuple[str, ...], *, horizon: int) -> Array:
    """Weight of each member on the log-odds, by what they have earned; adds up to one.

    Candidates are the mixture of the start, the mean of the learners, and every model alone. The
    floor of the baseline is not in it: :func:`anchored` adds that.
    """
    start = np.array([START.get(name, 0.0) for name in names])
    if record is None or len(record.outcome) < FEWEST:
        return start
    places = [record.names.index(name) for name in names]
    mixtures, prior = _candidates(start, names)
    score = log_odds(record.probability[:, places]) @ mixtures.T
    likely = outcome_log_likelihood(expit(score), record.outcome[:, None])
    earned = trust(likely - likely[:, :1], record.day, prior=prior, horizon=horizon)
    weights: Array = earned @ mixtures
    weights[weights < SMALLEST_TRUST] = 0.0
    return weights / weights.sum()


def _candidates(start: Array, names: tuple[str, ...]) -> tuple[Array, Array]:
    """Weights on the models, shape (candidate, model), and prior trust, of each candidate."""
    rows = [start, *np.eye(len(names))]
    prior = [START_TRUST, *(CORE_TRUST if name in START else OTHER_TRUST for name in names)]
    learners = np.array([name in LEARNERS for name in names], dtype=np.float64)
    if learners.sum() > 1:
        rows.append(learners / learners.sum())
        prior.append(CORE_TRUST)
    return np.stack(rows), np.array(prior) / sum(prior)


def bend_of(
    record: Matured | None, weights: Array, names: tuple[str, ...], *, horizon: int
) -> Array:
    """Shift and stretch of the weighted log-odds that the past one or two years ask for.

    Returns
    -------
    ndarray, shape (2,)
        (0, 1) without a record, and pulled to it.
    """
    if record is None or len(record.outcome) < FEWEST:
        return np.array([0.0, 1.0])
    places = [record.names.index(name) for name in names]
    score = log_odds(record.probability[:, places]) @ weights
    return recalibration(
        score, record.outcome, record.day, horizon=horizon, ridge=BEND_RIDGE,
        half_life=BEND_HALF_LIFE,
    )  # fmt: skip


def anchored(weights: Array, names: tuple[str, ...]) -> Array:
    """Earned weights scaled down to make room for the floor of the baseline.

    Examples
    --------
    >>> anchored(np.array([1.0, 0.0]), ("pool", "ewma_nb")).round(2).tolist()
    [0.9, 0.1]
    """
    baseline = np.array([name == BASELINE for name in names], dtype=np.float64)
    return FLOOR * baseline + (1.0 - FLOOR) * weights


class Blend(LightModel):
    r"""Weighted mean of the models' log-odds, weights learnt from matured forecasts.

    .. math:: \operatorname{logit} P = a + b \sum_j w_j \operatorname{logit} P_j

    A tenth of the weight is the baseline's for good. For the rest, candidates are a fixed mixture
    (the baseline, the pool, and the averages corrected), the mean of the learners, and every model
    alone; :func:`trust` moves weight between them. While little has matured it is the mixture;
    where one model earns it, that model takes over. Shift a and stretch b are what the forecasts
    of the past one or two years asked for. A record without the mixture's models can't say how
    they did, and is not used.

    Parameters
    ----------
    horizon : int
        h, in days.
    levels, since, past, threshold
        Columns for the mixture's members, where they are fitted here.

    Attributes
    ----------
    names_ : list of str
        Members that have a weight.
    weights_ : ndarray, shape (member,)
        Adds up to one.
    bend_ : ndarray, shape (2,)
        a, in log-odds, and b.
    members_ : list of estimator
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

    def _learn(
        self, X: Any, y: Array, count: Array, members: dict[str, Any], record: Matured | None
    ) -> None:
        horizon, levels, past, threshold = self.horizon, self.levels, self.past, self.threshold
        made = {
            BASELINE: EwmaNB(horizon, levels[2], past, threshold),
            "pool": Pool(horizon, levels, threshold),
            "corrected": Corrected(horizon, levels, self.since, past, threshold),
        }
        fit_absent(members, made, X, y, count)
        if record is None or not set(START) <= set(record.names):
            names, record = tuple(START), None
        else:
            names = tuple(name for name in members if name in record.names)
        weights = anchored(weights_of(record, names, horizon=self.horizon), names)
        self.bend_ = bend_of(record, weights, names, horizon=self.horizon)
        kept = np.flatnonzero(weights)
        self.names_ = [names[i] for i in kept]
        self.weights_ = weights[kept]
        self.members_ = [members[name] for name in self.names_]

    def _parts(self) -> dict[str, Any]:
        return dict(zip(self.names_, self.members_, strict=True))

    def _joined(self, X: Any, probability: Mapping[str, Array]) -> Array:
        total = np.zeros(len(probability[self.names_[0]]))
        for name, weight in zip(self.names_, self.weights_, strict=True):
            total += weight * log_odds(probability[name])
        shift, stretch = self.bend_
        return expit(shift + stretch * total)


def blend(*, horizon: int = 7, seed: int = 0) -> Blend:
    """All models, trusted by what they have earned.

    Parameters
    ----------
    horizon : int
        In days.
    seed : int
        Not used.

    Returns
    -------
    Blend

    Examples
    --------
    >>> blend(horizon=30).horizon
    30
    """
    return Blend(horizon=horizon)
