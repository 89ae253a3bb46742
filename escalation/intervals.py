"""Intervals on probabilities: how far the track record lets a number be trusted.

A model's own matured forecasts say how its log-odds relate to what came:
logit p = a + b logit(issued). Outcomes of overlapping horizons and of units on the same days are
not independent, so the covariance of (a, b) adds up scores within blocks of dates (a sandwich), and
the quantile is Student's with as many degrees of freedom as there are blocks less two. A weak prior
(a near 0, b near 1) stands in where there is no track record yet, so that a new model starts
with a wide interval instead of none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import t as student

Array = NDArray[np.float64]
PRIOR_MEAN = np.array([0.0, 1.0])
PRIOR_SD = np.array([1.0, 0.3])
CLIP = 1e-6


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
    """

    mean: Array
    covariance: Array
    quantile: float

    def interval(self, probability: Array) -> tuple[Array, Array]:
        """Lower and upper end for each probability; it always holds the probability itself."""
        score = logit(np.clip(probability, CLIP, 1 - CLIP))
        design = np.stack([np.ones_like(score), score], axis=-1)
        centre = design @ self.mean
        error = np.sqrt(np.einsum("...i,ij,...j->...", design, self.covariance, design))
        lower, upper = centre - self.quantile * error, centre + self.quantile * error
        return (
            np.minimum(expit(lower), probability),
            np.maximum(expit(upper), probability),
        )


NO_RECORD = TrackRecord(PRIOR_MEAN, np.diag(PRIOR_SD**2), 1.96)
"""Nothing has matured yet."""


def track_record(probability: Array, outcome: Array, block: NDArray[np.int64]) -> TrackRecord:
    """Fit the recalibration of matured forecasts.

    Parameters
    ----------
    probability, outcome : ndarray, shape (row,)
    block : ndarray of int, shape (row,)
        Which block of dates a row belongs to; blocks at least two horizons long.

    Returns
    -------
    TrackRecord

    Examples
    --------
    >>> outcome = (np.arange(40) % 5 == 0) * 1.0
    >>> record = track_record(np.full(40, 0.2), outcome, np.arange(40) // 4)
    >>> low, high = record.interval(np.array([0.2]))
    >>> low.round(2).tolist(), high.round(2).tolist()
    ([0.13], [0.3])
    """
    blocks = len(np.unique(block))
    if blocks < 4:
        return NO_RECORD
    score = logit(np.clip(probability, CLIP, 1 - CLIP))
    design = np.stack([np.ones_like(score), score], axis=1)
    precision = np.diag(PRIOR_SD**-2.0)
    mean = PRIOR_MEAN.copy()
    for _ in range(50):
        fitted = expit(design @ mean)
        weight = fitted * (1 - fitted)
        hessian = design.T @ (design * weight[:, None]) + precision
        step = np.linalg.solve(
            hessian, design.T @ (outcome - fitted) - precision @ (mean - PRIOR_MEAN)
        )
        mean = mean + np.clip(step, -1.0, 1.0)
        if np.abs(step).max() < 1e-10:
            break
    residual = design * (outcome - expit(design @ mean))[:, None]
    _, codes = np.unique(block, return_inverse=True)
    summed = np.stack([np.bincount(codes, residual[:, k], blocks) for k in range(2)], axis=1)
    meat = summed.T @ summed * blocks / (blocks - 2) + precision
    bread = np.linalg.inv(hessian)
    covariance = bread @ meat @ bread
    return TrackRecord(mean, (covariance + covariance.T) / 2, float(student.ppf(0.975, blocks - 2)))
