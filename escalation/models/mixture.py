"""Mixtures of models, weighted by a tempered posterior on their resolved forecasts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from escalation._util.arrays import Array
from escalation.models.base import weighted_sum
from escalation.models.penalised import (
    age_weights,
    blocks_of,
    design_effect,
    log_odds,
    recalibration,
)
from escalation.models.tails import outcome_log_likelihood

START: dict[str, float] = {"ewma_nb": 0.4, "pool": 0.15, "corrected": 0.45}
"""The log-linear pool that the mixture starts from."""
PRIOR_MODEL = "prior"
LEARNERS = ("logistic", "boosting", "forest", "hazard")
"""Models of all features, whose plain mean on log-odds is a candidate too."""
START_FLOOR = 0.25
"""Mixture weight that stays with the pool of the start, whatever the record says."""
FLOOR_WORTH = 26.0
"""Independent labels after which, beside a prior, half of that is the pool's; the rest stays with
prior and baseline, because ``corrected`` has to learn first. With the baseline alone instead, young
archives of each conflict lost one to four percent of the Brier score at ``any`` within 30 days."""
START_PRIOR = 0.5
CORE_PRIOR = 0.1
OTHER_PRIOR = 0.03
"""Prior weight of the pool of the start; of each of its models alone, and of the learners' mean;
and of any other model alone."""
SECOND_START_PRIOR = 0.2
LEARNT_START_PRIOR = 2.0
"""Of the pool of the start where the mixture starts from ``prior``, and of that start: young
archives of conflicts that the prior had not seen followed their own first weeks too readily."""
RECALIBRATION_RIDGE = (10.0, 100.0)
RECALIBRATION_HALF_LIFE = 540.0
"""Prior precision of the recalibration's intercept and slope, in independent labels, and the
half-life of its age weights, in days."""
FEWEST_RESOLVED = 20
SMALLEST_WEIGHT = 0.001
"""Candidates with less are left out."""


@dataclass(frozen=True)
class ResolvedForecasts:
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


def tempered_posterior(gain: Array, day: NDArray[np.int64], *, prior: Array, horizon: int) -> Array:
    r"""Posterior weight of each candidate from its log likelihood on resolved forecasts, tempered.

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
        In days.

    Returns
    -------
    ndarray, shape (candidate,)
        Adds up to one.

    Examples
    --------
    >>> gain = np.column_stack([np.zeros(100), np.full(100, 0.01)])
    >>> day, even = np.arange(100) * 28, np.array([0.5, 0.5])
    >>> tempered_posterior(gain, day, prior=even, horizon=7).round(2).tolist()
    [0.36, 0.64]
    """
    weighted = gain * age_weights(day)[:, None]
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
    pool_weights : ndarray, shape (candidate, model)
        W, on log-odds; each row adds up to one.
    mixture_weights : ndarray, shape (candidate,)
        e; adds up to one.
    """

    pool_weights: Array
    mixture_weights: Array

    def of(self, odds: Array) -> Array:
        """Probability from the models' log-odds, shape (row, model), the same in any batch."""
        total = np.zeros(len(odds))
        for pooled, share in zip(self.pool_weights, self.mixture_weights, strict=True):
            total += share * expit(weighted_sum(odds, pooled))
        return total


def candidates_of(names: tuple[str, ...], start: Mapping[str, float]) -> tuple[Array, Array]:
    """Pool weights, shape (candidate, model), and prior weight of each candidate.

    They are the fixed pool, every model alone, and the mean of the learners; at the end, where
    the start is from ``prior``, the start.
    """
    known = PRIOR_MODEL in start
    rows = [_pool_of(START, names), *np.eye(len(names))]
    core = {*START, *start}
    prior = [SECOND_START_PRIOR if known else START_PRIOR]
    prior += [CORE_PRIOR if name in core else OTHER_PRIOR for name in names]
    learners = np.array([name in LEARNERS for name in names], dtype=np.float64)
    if learners.sum() > 1:
        rows.append(learners / learners.sum())
        prior.append(CORE_PRIOR)
    if known:
        rows.append(_pool_of(start, names))
        prior.append(LEARNT_START_PRIOR)
    return np.stack(rows), np.array(prior) / sum(prior)


def start_of(estimators: Mapping[str, Any]) -> dict[str, float]:
    """The pool that a mixture of some models starts from, by model.

    Parameters
    ----------
    estimators : mapping of str to estimator
        Fitted. With a ``prior`` that has learnt the label, the pool of that and the baseline, as
        the prior's numbers say; without, a fixed one.
    """
    share = getattr(estimators.get(PRIOR_MODEL), "start_", 0.0)
    return {PRIOR_MODEL: share, "ewma_nb": 1.0 - share} if share else START


def _pool_of(weights: Mapping[str, float], names: tuple[str, ...]) -> Array:
    """Weights of those models of a pool that there are."""
    held = np.array([weights.get(name, 0.0) for name in names])
    return np.asarray(held / held.sum())


def mixture_of(
    record: ResolvedForecasts | None,
    names: tuple[str, ...],
    *,
    horizon: int,
    start: Mapping[str, float] = START,
) -> Mixture:
    """The mixture that the record speaks for; a quarter stays with the pool of the start.

    Where that is of the prior, the quarter moves from it to the fixed pool.

    Parameters
    ----------
    record : ResolvedForecasts or None
        Of the named models, at least.
    names : tuple of str
    horizon : int
        In days.
    start : mapping of str to float
        Of :func:`start_of`.

    Returns
    -------
    Mixture
        Candidates of negligible weight are left out.
    """
    weights, prior = candidates_of(names, start)
    if record is None or len(record.outcome) < FEWEST_RESOLVED:
        return Mixture(_pool_of(start, names)[None], np.ones(1))
    likely = outcome_log_likelihood(
        expit(odds_in(record, names) @ weights.T), record.outcome[:, None]
    )
    gain = likely - likely[:, :1]
    posterior = tempered_posterior(gain, record.day, prior=prior, horizon=horizon)
    shares = (1.0 - START_FLOOR) * np.where(posterior < SMALLEST_WEIGHT, 0.0, posterior)
    ripe = 1.0
    if PRIOR_MODEL in start:
        ripe = pool_floor_share(record.day, horizon=horizon)
        shares[-1] += START_FLOOR * (1.0 - ripe)
    shares[0] += START_FLOOR * ripe
    kept = shares > 0.0
    return Mixture(weights[kept], shares[kept] / shares.sum())


def pool_floor_share(day: NDArray[np.int64], *, horizon: int) -> float:
    """Share of the floor that the pool of the start has after the days of a record.

    Parameters
    ----------
    day : ndarray of int64, shape (row,)
        Forecasts whose horizons overlap count as one label for each horizon that they cover.
    horizon : int
        In days.

    Examples
    --------
    >>> pool_floor_share(np.arange(0, 182, 7), horizon=7)
    0.5
    """
    steps = np.minimum(np.diff(np.unique(day)), horizon)
    labels = (steps.sum() + horizon) / horizon
    return float(labels / (labels + FLOOR_WORTH))


def shares_of(mixture: Mixture, names: tuple[str, ...]) -> dict[str, float]:
    """What share each model has in a mixture, over all candidates.

    Parameters
    ----------
    mixture : Mixture
    names : tuple of str
        Of its models.
    """
    total = mixture.mixture_weights @ mixture.pool_weights
    return dict(zip(names, total.tolist(), strict=True))


def odds_in(record: ResolvedForecasts, names: tuple[str, ...]) -> Array:
    """Log-odds of some models in a record.

    Parameters
    ----------
    record : ResolvedForecasts
    names : tuple of str

    Returns
    -------
    ndarray, shape (row, model)
    """
    places = [record.names.index(name) for name in names]
    return log_odds(record.probability[:, places])


def recalibration_of(
    record: ResolvedForecasts | None, mixture: Mixture, names: tuple[str, ...], *, horizon: int
) -> Array:
    """Recalibration of the mixture that the forecasts of the past one or two years ask for.

    Parameters
    ----------
    record : ResolvedForecasts or None
    mixture : Mixture
        Of the named models.
    names : tuple of str
    horizon : int
        In days.

    Returns
    -------
    ndarray, shape (2,)
        Intercept and slope on log-odds; (0, 1) without a record, and shrunk to it.
    """
    if record is None or len(record.outcome) < FEWEST_RESOLVED:
        return np.array([0.0, 1.0])
    return recalibration(
        log_odds(mixture.of(odds_in(record, names))),
        record.outcome,
        record.day,
        horizon=horizon,
        ridge=RECALIBRATION_RIDGE,
        half_life=RECALIBRATION_HALF_LIFE,
    )
