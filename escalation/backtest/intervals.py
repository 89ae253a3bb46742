r"""Intervals on probabilities: when a model forecasts 20%, how often does the outcome occur?

They come from the model's resolved forecasts, by a recalibration in log-odds z with curvature,

.. math:: \operatorname{logit} P(\text{outcome} \mid z) = a + b z + c z^2

a MAP fit with a Gaussian prior around the identity (0, 1, 0). The prior covariance is the error of
forecasts in conflicts that were not used for learning (:data:`PRIOR_COVARIANCE`). Before anything
has resolved only the prior is left, so a new model starts with a wide interval.

The interval at a forecast uses the covariance that makes it widest: the inverse of the penalised
information, or sandwich estimates that sum residuals over blocks of dates or over units, whose
outcomes are not independent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import t as student

from escalation._util.arrays import Array
from escalation.models.base import weighted_sum
from escalation.models.penalised import penalised_logistic

IDENTITY = np.array([0.0, 1.0, 0.0])
PRIOR_COVARIANCE = np.array(
    [[0.9297, 0.2354, -0.005365], [0.2354, 0.2566, 0.004453], [-0.005365, 0.004453, 0.008934]]
)
"""Error of forecasts in a conflict that was not used for learning, from
``experiments/prior_band.py``. Estimated on small archives of the days before 2020, cut from UCDP
GED (Iraq, Syria; CC BY 4.0), geocausal (Iraq 2007-08; MIT) and israel-alerts (Apache-2.0); the card
of ``prior`` names their authors. The current prior errs by a tenth less; the wider one is kept."""
LARGEST_SCORE = 7.0
"""Log-odds are clipped to this: about a thousandth."""
QUARTER = 90
"""Days in the longer blocks of dates: a calm or violent season outlasts a horizon."""
BLOCKS_NEEDED = 5
UNITS_NEEDED = 8
"""With fewer blocks of dates, or units, dependence between rows can't be estimated."""
FEWEST_FREEDOM = 3
LEVEL = 0.95


@dataclass(frozen=True)
class TrackRecord:
    """Recalibration curve of a model, with its uncertainty.

    Parameters
    ----------
    mean : ndarray, shape (3,)
        Intercept, slope and curvature on log-odds.
    covariances : ndarray, shape (covariance, 3, 3)
        The one that gives the widest interval is used for each forecast.
    quantiles : ndarray, shape (covariance,)
        Half-widths in standard errors of 95% intervals.
    resolved : int
        Forecasts with a known outcome.
    positives : int
        Forecasts among them with outcome 1.
    """

    mean: Array
    covariances: Array
    quantiles: Array
    resolved: int = 0
    positives: int = 0

    def interval(self, probability: Array) -> tuple[Array, Array]:
        """Lower and upper end of the frequency at each forecast, which itself may lie outside."""
        design = _design(probability)
        centre = weighted_sum(design, self.mean)
        half = np.max(
            [
                quantile * np.sqrt(np.einsum("ni,ij,nj->n", design, covariance, design))
                for covariance, quantile in zip(self.covariances, self.quantiles, strict=True)
            ],
            axis=0,
        )
        return expit(centre - half), expit(centre + half)

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {name: np.asarray(value).tolist() for name, value in vars(self).items()}

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """Restore from :meth:`as_dict`.

        Raises
        ------
        ValueError
            If a number is missing or not finite, or a shape is wrong.
        """
        record = cls(
            np.array(data["mean"], dtype=np.float64),
            np.array(data["covariances"], dtype=np.float64),
            np.array(data["quantiles"], dtype=np.float64),
            int(data["resolved"]),
            int(data["positives"]),
        )
        count = len(record.quantiles)
        shapes = record.mean.shape, record.covariances.shape, record.quantiles.shape
        numbers = np.concatenate([record.mean, record.covariances.ravel(), record.quantiles])
        if not count or shapes != ((3,), (count, 3, 3), (count,)) or not np.isfinite(numbers).all():
            raise ValueError("expected finite numbers for three coefficients")
        return record


def _quantile(groups: int) -> float:
    freedom = max(groups - len(IDENTITY), FEWEST_FREEDOM)
    return float(student.ppf(0.5 + LEVEL / 2.0, freedom))


NO_RECORD = TrackRecord(IDENTITY, PRIOR_COVARIANCE[None], np.array([_quantile(0)]))
"""The record before anything has resolved."""


def track_record(
    probability: Array,
    outcome: Array,
    *,
    unit: NDArray[np.int64],
    day: NDArray[np.int64],
    horizon: int,
) -> TrackRecord:
    """Fit the recalibration of resolved forecasts.

    Forecasts of one unit with overlapping horizons count as one.

    Parameters
    ----------
    probability, outcome : ndarray, shape (row,)
    unit, day : ndarray of int, shape (row,)
        Unit and issue day of each forecast.
    horizon : int
        In days.

    Examples
    --------
    >>> day = np.arange(40) * 7
    >>> outcome = (np.arange(40) % 5 == 0) * 1.0
    >>> record = track_record(
    ...     np.full(40, 0.4), outcome, unit=np.zeros(40, int), day=day, horizon=7
    ... )
    >>> low, high = record.interval(np.array([0.4]))
    >>> low.round(2).tolist(), high.round(2).tolist()
    ([0.12], [0.38])
    """
    if not len(outcome):
        return NO_RECORD
    design = _design(probability)
    weight = np.full(len(outcome), _windows(unit, day // horizon) / len(outcome))
    mean = _recalibrated(design, outcome, weight)
    fitted = expit(weighted_sum(design, mean))
    information = design.T @ (design * (weight * fitted * (1.0 - fitted))[:, None])
    bread = np.linalg.inv(information + np.linalg.inv(PRIOR_COVARIANCE))
    terms = design * (weight * (outcome - fitted))[:, None]
    short = day // (2 * horizon)
    covariances, quantiles = [bread], [_quantile(len(np.unique(short)))]
    for group, fewest in (
        (short, BLOCKS_NEEDED),
        (day // max(2 * horizon, QUARTER), BLOCKS_NEEDED),
        (unit, UNITS_NEEDED),
    ):
        _, codes = np.unique(group, return_inverse=True)
        if (groups := int(codes.max()) + 1) >= fewest:
            covariances.append(bread @ _meat(terms, codes, groups) @ bread)
            quantiles.append(_quantile(groups))
    return TrackRecord(
        mean,
        np.stack([(matrix + matrix.T) / 2.0 for matrix in covariances]),
        np.array(quantiles),
        len(outcome),
        int(outcome.sum()),
    )


def _design(probability: Array) -> Array:
    """Constant, log-odds of each forecast and their square, shape (row, 3)."""
    score = np.clip(logit(probability), -LARGEST_SCORE, LARGEST_SCORE)
    return np.stack([np.ones_like(score), score, score**2], axis=-1)


def _windows(unit: NDArray[np.int64], window: NDArray[np.int64]) -> int:
    """Number of distinct windows of one horizon that the forecasts cover."""
    return len(np.unique(unit.astype(np.int64) * (int(window.max()) + 1) + window))


def _recalibrated(design: Array, outcome: Array, weight: Array) -> Array:
    """The curve, fitted in coordinates in which the prior has unit covariance."""
    root = np.linalg.cholesky(PRIOR_COVARIANCE)
    centre = np.linalg.solve(root, IDENTITY)
    fitted, _ = penalised_logistic(
        design @ root, outcome, weight, prior=centre, ridge=np.ones(len(centre))
    )
    return np.asarray(root @ fitted, dtype=np.float64)


def _meat(terms: Array, codes: NDArray[np.intp], groups: int) -> Array:
    """Covariance of the score with residuals summed by group, plus the prior's precision."""
    summed = np.stack([np.bincount(codes, column, groups) for column in terms.T], axis=1)
    correction = groups / (groups - len(IDENTITY))
    return np.asarray(summed.T @ summed * correction + np.linalg.inv(PRIOR_COVARIANCE), np.float64)
