"""Mixtures of models: what their matured forecasts have earned them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from escalation.models.base import Array, weighted_sum
from escalation.models.penalised import (
    blocks_of,
    design_effect,
    forgotten,
    log_odds,
    recalibration,
)
from escalation.models.tails import outcome_log_likelihood

BASELINE = "ewma_nb"
START: dict[str, float] = {BASELINE: 0.4, "pool": 0.15, "corrected": 0.45}
"""The mixture that trust starts with, on log-odds."""
LEARNERS = ("logistic", "boosting", "forest", "hazard")
"""Models of all features, whose plain mean on log-odds is a candidate too."""
FLOOR = 0.25
"""Share that stays with the mixture of the start, whatever the record says."""
START_TRUST = 0.5
CORE_TRUST = 0.1
OTHER_TRUST = 0.03
"""Prior trust in the mixture of the start; in each of its members alone, and in the learners' mean;
and in any other model alone."""
BEND_RIDGE = (10.0, 100.0)
BEND_HALF_LIFE = 540.0
"""Pull on the shift and the stretch of the log-odds, in independent labels, and their memory in
days."""
FEWEST = 20
SMALLEST_TRUST = 0.001
"""Candidates with less are left out."""


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

    .. math:: e_j \propto \pi_j \exp\Big(D^{-1/2} \sum_i 2^{-a_i / 1500} g_{ij}\Big)

    with g_ij the log likelihood of outcome i under candidate j over that under the first one, a_i
    the age in days and D the largest design effect of the candidates' gains. Bayes for independent
    labels would take 1 for D, full allowance for their dependence D itself. Half way between them,
    on a log scale, the best model is found in time, and a lucky one is seldom taken for it.

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
    [0.36, 0.64]
    """
    weighted = gain * forgotten(day)[:, None]
    block = blocks_of(day, horizon=horizon)
    effects = [
        design_effect(column, block, expected=float((column**2).sum()))
        for column in weighted.T
        if column.any()
    ]
    score = np.log(prior) + weighted.sum(axis=0) / np.sqrt(max(effects, default=1.0))
    odds = np.exp(score - score.max())
    return odds / odds.sum()


class Mixture(NamedTuple):
    r"""What is mixed, and how much of each.

    .. math:: P = \sum_c e_c \operatorname{expit}\Big(\sum_m W_{cm} \operatorname{logit} P_m\Big)

    Parameters
    ----------
    weights : ndarray, shape (candidate, member)
        W, on log-odds; each row adds up to one. The first candidate is the start's.
    shares : ndarray, shape (candidate,)
        e; adds up to one.
    """

    weights: Array
    shares: Array

    def of(self, odds: Array) -> Array:
        """Probability from the members' log-odds, shape (row, member), the same in any batch."""
        total = np.zeros(len(odds))
        for weights, share in zip(self.weights, self.shares, strict=True):
            total += share * expit(weighted_sum(odds, weights))
        return total


def candidates_of(names: tuple[str, ...]) -> tuple[Array, Array]:
    """Weights on the members, shape (candidate, member), and prior trust, of each candidate.

    They are the mixture of the start, every model alone, and the mean of the learners.
    """
    rows = [np.array([START.get(name, 0.0) for name in names]), *np.eye(len(names))]
    prior = [START_TRUST, *(CORE_TRUST if name in START else OTHER_TRUST for name in names)]
    learners = np.array([name in LEARNERS for name in names], dtype=np.float64)
    if learners.sum() > 1:
        rows.append(learners / learners.sum())
        prior.append(CORE_TRUST)
    return np.stack(rows), np.array(prior) / sum(prior)


def mixture_of(record: Matured | None, names: tuple[str, ...], *, horizon: int) -> Mixture:
    """What the members have earned; a quarter stays with the mixture of the start."""
    weights, prior = candidates_of(names)
    if record is None or len(record.outcome) < FEWEST:
        return Mixture(weights[:1], np.ones(1))
    likely = outcome_log_likelihood(
        expit(odds_in(record, names) @ weights.T), record.outcome[:, None]
    )
    earned = trust(likely - likely[:, :1], record.day, prior=prior, horizon=horizon)
    shares = (1.0 - FLOOR) * np.where(earned < SMALLEST_TRUST, 0.0, earned)
    shares[0] += FLOOR
    kept = shares > 0.0
    return Mixture(weights[kept], shares[kept] / shares.sum())


def odds_in(record: Matured, names: tuple[str, ...]) -> Array:
    """The members' log-odds in a record, shape (row, member)."""
    places = [record.names.index(name) for name in names]
    return log_odds(record.probability[:, places])


def bend_of(
    record: Matured | None, mixture: Mixture, names: tuple[str, ...], *, horizon: int
) -> Array:
    """Shift and stretch of the mixture's log-odds that the past one or two years ask for.

    Returns
    -------
    ndarray, shape (2,)
        (0, 1) without a record, and pulled to it.
    """
    if record is None or len(record.outcome) < FEWEST:
        return np.array([0.0, 1.0])
    return recalibration(
        log_odds(mixture.of(odds_in(record, names))), record.outcome, record.day,
        horizon=horizon, ridge=BEND_RIDGE, half_life=BEND_HALF_LIFE,
    )  # fmt: skip
