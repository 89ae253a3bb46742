"""``climatology``: how often the outcome occurred in this unit, shrunk to all units."""

from __future__ import annotations

from typing import Any

import numpy as np

from escalation._util.arrays import Array
from escalation.models.base import EventModel, smoothed_rate, unit_names

STRENGTH_RANGE = (2.0, 1000.0)
"""In labels: units are always shrunk a little, and never entirely."""


def pool_strength(positives: Array, labels: Array) -> float:
    r"""Weight of the pooled rate, in labels, by the method of moments.

    With units' rates p_i from n_i labels, n = sum n_i, pooled rate p, q = 1 - p and k units,

    .. math:: S = \sum_i n_i (p_i - p)^2,\quad
              \rho = \frac{S - p q (k - 1)}{p q\,(n - \sum n_i^2 / n - k + 1)},\quad
              M = 1/\rho - 1

    clipped to [2, 1000].

    Parameters
    ----------
    positives, labels : ndarray, shape (unit,)
        Independent labels, not rows.

    Returns
    -------
    float
        M.

    References
    ----------
    Kleinman (1973), doi:10.1080/01621459.1973.10481332.

    Examples
    --------
    >>> round(pool_strength(np.array([7.0, 3.0]), np.array([10.0, 10.0])), 2)
    3.09
    """
    total = labels.sum()
    rate = positives.sum() / total
    variance = rate * (1.0 - rate)
    units = len(labels)
    weight = total - (labels**2).sum() / total - (units - 1)
    excess = (labels * (positives / labels - rate) ** 2).sum() - variance * (units - 1)
    if excess <= 0.0 or weight <= 0.0:
        return STRENGTH_RANGE[1]
    return float(np.clip(variance * weight / excess - 1.0, *STRENGTH_RANGE))


class Climatology(EventModel):
    r"""Base rate of each unit, shrunk to the pool as a beta-binomial posterior mean.

    .. math:: P_u = \frac{y_u / h + M p}{n_u / h + M}

    with y_u positives among n_u rows. Daily labels overlap: h rows count as one label. Units not
    seen in training, and rows without a unit name, get the pooled rate p.

    Parameters
    ----------
    horizon : int
        h, in days.
    strength : float, optional
        M, in labels; that of :func:`pool_strength` by default.

    Attributes
    ----------
    pool_ : float
        p, with half a positive and half a negative label added.
    strength_ : float
        M.
    units_ : ndarray of str, shape (unit,)
        Sorted.
    rates_ : ndarray, shape (unit,)
    """

    def __init__(self, *, horizon: int = 7, strength: float | None = None) -> None:
        self.horizon = horizon
        self.strength = strength

    def _fit(self, X: Any, y: Array, count: Array) -> None:
        self.pool_ = smoothed_rate(y, self.horizon)
        names = unit_names(X)
        names = np.full(len(y), "") if names is None else names
        self.units_, codes = np.unique(names, return_inverse=True)
        labels = np.bincount(codes) / self.horizon
        positives = np.bincount(codes, weights=y) / self.horizon
        estimated = pool_strength(positives, labels) if self.strength is None else self.strength
        self.strength_ = float(estimated)
        self.rates_ = (positives + self.strength_ * self.pool_) / (labels + self.strength_)

    def _probability(self, X: Any) -> Array:
        names = unit_names(X)
        if names is None:
            return np.full(len(X), self.pool_)
        place = np.minimum(np.searchsorted(self.units_, names), len(self.units_) - 1)
        return np.where(self.units_[place] == names, self.rates_[place], self.pool_)
