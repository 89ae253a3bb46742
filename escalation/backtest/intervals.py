"""Intervals on probabilities: how far the track record lets a number be trusted.

A model's own resolved forecasts say two things. First, how its log-odds relate to what came:
logit p = a + b logit(issued). Outcomes of overlapping horizons and of units on the same days are
not independent, so the covariance of (a, b) adds up scores within blocks of dates (a sandwich), and
the quantile is Student's with as many degrees of freedom as there are blocks less two. A weak prior
(a near 0, b near 1) stands in where there is no track record yet, so that a new model starts
with a wide interval instead of none.

Second, by how much it is wrong here and now, though right on average: a place that is hotter than
it knows, a month that is calmer. Then outcomes a horizon apart in one unit miss in the same
direction. Their mean product is the variance of the true probability around the issued one
(:mod:`escalation.backtest.overdispersion`), and the interval allows for it.
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
from escalation.backtest.overdispersion import (
    PRIOR_OVERDISPERSION,
    centre_of,
    local_overdispersion,
)
from escalation.models.base import SMALLEST
from escalation.models.penalised import FEWEST_DATE_BLOCKS, penalised_logistic

PRIOR_MEAN = np.array([0.0, 1.0])
PRIOR_SD = np.array([1.0, 0.3])
NORMAL = 1.96


@dataclass(frozen=True)
class TrackRecord:
    """Recalibration coefficients and their uncertainty.

    Parameters
    ----------
    mean : ndarray, shape (2,)
        Intercept and slope on the log-odds scale.
    covariance : ndarray, shape (2, 2)
    quantile : float
        Half-width in standard errors of a 95% interval.
    overdispersion : float
        Standard deviation of the true log-odds around the recalibrated ones.
    """

    mean: Array
    covariance: Array
    quantile: float
    overdispersion: float = PRIOR_OVERDISPERSION

    def interval(self, probability: Array) -> tuple[Array, Array]:
        """Lower and upper end for each probability; it always holds the probability itself."""
        design = _design(probability)
        centre = centre_of(design @ self.mean, self.overdispersion)
        variance = np.einsum("...i,ij,...j->...", design, self.covariance, design)
        half = np.sqrt(self.quantile**2 * variance + (NORMAL * self.overdispersion) ** 2)
        return (
            np.minimum(expit(centre - half), probability),
            np.maximum(expit(centre + half), probability),
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "mean": self.mean.tolist(),
            "covariance": self.covariance.tolist(),
            "quantile": self.quantile,
            "overdispersion": self.overdispersion,
        }

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """From plain data; a record without an overdispersion gets the prior's."""
        return cls(
            mean=np.array(data["mean"]),
            covariance=np.array(data["covariance"]),
            quantile=float(data["quantile"]),
            overdispersion=float(data.get("overdispersion", PRIOR_OVERDISPERSION)),
        )


NO_RECORD = TrackRecord(PRIOR_MEAN, np.diag(PRIOR_SD**2), NORMAL)
"""Nothing has resolved yet."""


def track_record(
    probability: Array,
    outcome: Array,
    block: NDArray[np.int64],
    *,
    unit: NDArray[np.int64] | None = None,
    day: NDArray[np.int64] | None = None,
    horizon: int = 7,
) -> TrackRecord:
    """Fit the recalibration of resolved forecasts.

    Parameters
    ----------
    probability, outcome : ndarray, shape (row,)
    block : ndarray of int, shape (row,)
        Which block of dates a row belongs to; blocks at least two horizons long.
    unit, day : ndarray of int, shape (row,), optional
        Whom and when each forecast is about; without them the overdispersion is the prior's.
    horizon : int
        In days.

    Returns
    -------
    TrackRecord

    Examples
    --------
    >>> outcome = (np.arange(40) % 5 == 0) * 1.0
    >>> record = track_record(np.full(40, 0.2), outcome, np.arange(40) // 4)
    >>> low, high = record.interval(np.array([0.2]))
    >>> low.round(2).tolist(), high.round(2).tolist()
    ([0.05], [0.49])
    """
    blocks = len(np.unique(block))
    if blocks < FEWEST_DATE_BLOCKS:
        return NO_RECORD
    design = _design(probability)
    mean, _ = penalised_logistic(
        design, outcome, np.ones(len(outcome)), prior=PRIOR_MEAN, ridge=PRIOR_SD**-2.0
    )
    recalibrated = expit(design @ mean)
    overdispersion = PRIOR_OVERDISPERSION
    if unit is not None and day is not None:
        overdispersion = local_overdispersion(
            recalibrated, outcome, unit=unit, day=day, horizon=horizon
        )
    covariance = _sandwich(design, outcome - recalibrated, recalibrated, block)
    quantile = float(student.ppf(0.975, blocks - 2))
    return TrackRecord(mean, covariance, quantile, overdispersion)


def _design(probability: Array) -> Array:
    """A one and the log-odds of each forecast, shape (..., 2)."""
    score = logit(np.clip(probability, SMALLEST, 1.0 - SMALLEST))
    return np.stack([np.ones_like(score), score], axis=-1)


def _sandwich(design: Array, residual: Array, fitted: Array, block: NDArray[np.int64]) -> Array:
    """Covariance of the recalibration's coefficients, residuals added up by blocks of dates."""
    precision = np.diag(PRIOR_SD**-2.0)
    _, codes = np.unique(block, return_inverse=True)
    blocks = int(codes.max()) + 1
    terms = design * residual[:, None]
    summed = np.stack([np.bincount(codes, terms[:, k], blocks) for k in range(2)], axis=1)
    meat = summed.T @ summed * blocks / (blocks - 2) + precision
    bread = np.linalg.inv(design.T @ (design * (fitted * (1.0 - fitted))[:, None]) + precision)
    covariance = bread @ meat @ bread
    return (covariance + covariance.T) / 2.0
