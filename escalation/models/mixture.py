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
"""Models on all features; the plain mean of their log-odds is a candidate too."""
START_FLOOR = 0.25
"""Mixture weight that the pool of the start always keeps."""
FLOOR_WORTH = 26.0
"""With a prior, independent labels after which the fixed pool has half of that weight; the rest
stays with prior and baseline while ``corrected`` learns. With the baseline alone instead, young
archives of each conflict lost one to four percent of the Brier score for ``any`` in 30 days."""
START_PRIOR = 0.5
CORE_PRIOR = 0.1
OTHER_PRIOR = 0.03
"""Prior weights: the pool of the start; each of its models alone and the learners' mean; any other
model alone."""
SECOND_START_PRIOR = 0.2
LEARNT_START_PRIOR = 2.0
"""Prior weights of the fixed pool and of the start if that is from ``prior``: young archives of
conflicts unseen by the prior followed their own first weeks too readily."""
RECALIBRATION_RIDGE = (10.0, 100.0)
RECALIBRATION_HALF_LIFE = 540.0
"""Prior precision of the recalibration's intercept and slope, in independent labels, and half-life
of its age weights, in days."""
FEWEST_RESOLVED = 20
SMALLEST_WEIGHT = 0.001
"""Candidates with less are dropped."""


@dataclass(frozen=True)
class ResolvedForecasts:
    """Forecasts with a known outcome.

    Parameters
    ----------
    names : tuple of str
    probability : ndarray, shape (row, model)
        As issued.
    outcome : ndarray, shape (row,)
    day : ndarray of int64, shape (row,)
        Issue day.
    unit : ndarray of int64, shape (row,), optional
        Code of the unit.
    """

    names: tuple[str, ...]
    probability: Array
    outcome: Array
    day: NDArray[np.int64]
    unit: NDArray[np.int64] | None = None


def tempered_posterior(gain: Array, day: NDArray[np.int64], *, prior: Array, horizon: int) -> Array:
    r"""Posterior weight of each candidate from its log likelihood on resolved forecasts, tempered.

    .. math:: e_j \propto \pi_j \exp\Big(D^{-1/2} \sum_i 2^{-a_i / 1500} g_{ij}\Big)

    with g_ij the log likelihood of outcome i under candidate j less that under the first one, a_i
    the age in days and D the largest design effect of the candidates' gains. For independent labels
    the exponent would be 1, with full allowance for dependence 1/D. Half way between, on a log
    scale, the best model wins in time and a lucky one seldom does.

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
    r"""Mixture of log-linear pools of models.

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
        """Probability from the models' log-odds, shape (row, model); the same in any batch."""
        total = np.zeros(len(odds))
        for weights, share in zip(self.pool_weights, self.mixture_weights, strict=True):
            total += share * expit(weighted_sum(odds, weights))
        return total


def candidates_of(names: tuple[str, ...], start: Mapping[str, float]) -> tuple[Array, Array]:
    """Pool weights, shape (candidate, model), and prior weight of each candidate.

    In order: the fixed pool, every model alone, the mean of the learners, and the start if it is
    from ``prior``.
    """
    has_prior = PRIOR_MODEL in start
    rows = [_pool_of(START, names), *np.eye(len(names))]
    core = {*START, *start}
    prior = [SECOND_START_PRIOR if has_prior else START_PRIOR]
    prior += [CORE_PRIOR if name in core else OTHER_PRIOR for name in names]
    learners = np.array([name in LEARNERS for name in names], dtype=np.float64)
    if learners.sum() > 1:
        rows.append(learners / learners.sum())
        prior.append(CORE_PRIOR)
    if has_prior:
        rows.append(_pool_of(start, names))
        prior.append(LEARNT_START_PRIOR)
    return np.stack(rows), np.array(prior) / sum(prior)


def start_of(estimators: Mapping[str, Any]) -> dict[str, float]:
    """Weights of the pool that a mixture starts from, by model.

    Parameters
    ----------
    estimators : mapping of str to estimator
        Fitted. With a ``prior`` that has learnt the label, the pool of prior and baseline from the
        prior's numbers; otherwise the fixed pool.
    """
    share = getattr(estimators.get(PRIOR_MODEL), "start_", 0.0)
    return {PRIOR_MODEL: share, "ewma_nb": 1.0 - share} if share else START


def _pool_of(weights: Mapping[str, float], names: tuple[str, ...]) -> Array:
    """Weights of a pool, normalised over the models at hand."""
    selected = np.array([weights.get(name, 0.0) for name in names])
    return np.asarray(selected / selected.sum())


def mixture_of(
    record: ResolvedForecasts | None,
    names: tuple[str, ...],
    *,
    horizon: int,
    start: Mapping[str, float] = START,
) -> Mixture:
    """Mixture weighted by a record; a quarter stays with the pool of the start.

    If that is a prior's, the quarter moves to the fixed pool as forecasts resolve.

    Parameters
    ----------
    record : ResolvedForecasts or None
        With the named models at least.
    names : tuple of str
    horizon : int
        In days.
    start : mapping of str to float
        From :func:`start_of`.

    Returns
    -------
    Mixture
        Without candidates of negligible weight.
    """
    weights, prior = candidates_of(names, start)
    if record is None or len(record.outcome) < FEWEST_RESOLVED:
        return Mixture(_pool_of(start, names)[None], np.ones(1))
    likely = outcome_log_likelihood(
        expit(_odds_in(record, names) @ weights.T), record.outcome[:, None]
    )
    gain = likely - likely[:, :1]
    posterior = tempered_posterior(gain, record.day, prior=prior, horizon=horizon)
    shares = (1.0 - START_FLOOR) * np.where(posterior < SMALLEST_WEIGHT, 0.0, posterior)
    pool_share = 1.0
    if PRIOR_MODEL in start:
        pool_share = _pool_floor_share(record.day, horizon=horizon)
        shares[-1] += START_FLOOR * (1.0 - pool_share)
    shares[0] += START_FLOOR * pool_share
    positive = shares > 0.0
    return Mixture(weights[positive], shares[positive] / shares.sum())


def _pool_floor_share(day: NDArray[np.int64], *, horizon: int) -> float:
    """Share of the floor that has moved to the fixed pool after the days of a record.

    Overlapping forecasts count as one label per horizon that they cover.

    Examples
    --------
    >>> _pool_floor_share(np.arange(0, 182, 7), horizon=7)
    0.5
    """
    steps = np.minimum(np.diff(np.unique(day)), horizon)
    labels = (steps.sum() + horizon) / horizon
    return float(labels / (labels + FLOOR_WORTH))


def shares_of(mixture: Mixture, names: tuple[str, ...]) -> dict[str, float]:
    """Total share of each model in a mixture.

    Parameters
    ----------
    mixture : Mixture
    names : tuple of str
        Its models.
    """
    total = mixture.mixture_weights @ mixture.pool_weights
    return dict(zip(names, total.tolist(), strict=True))


def _odds_in(record: ResolvedForecasts, names: tuple[str, ...]) -> Array:
    """Log-odds of the named models in a record, shape (row, model)."""
    columns = [record.names.index(name) for name in names]
    return log_odds(record.probability[:, columns])


def recalibration_of(
    record: ResolvedForecasts | None, mixture: Mixture, names: tuple[str, ...], *, horizon: int
) -> Array:
    """Recalibration of a mixture from the forecasts of the past one or two years.

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
        Intercept and slope on log-odds, shrunk to (0, 1), which they are without a record.
    """
    if record is None or len(record.outcome) < FEWEST_RESOLVED:
        return np.array([0.0, 1.0])
    return recalibration(
        log_odds(mixture.of(_odds_in(record, names))),
        record.outcome,
        record.day,
        horizon=horizon,
        ridge=RECALIBRATION_RIDGE,
        half_life=RECALIBRATION_HALF_LIFE,
    )
