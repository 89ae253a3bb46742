"""``ewma_nb``, the baseline: an exponential average with a negative binomial tail."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import betainc

from escalation._util.arrays import Array
from escalation.models.base import Column, EventModel, columns_of

DECAY_DAYS = 21.0
PAST_DAYS = 28.0
SMALLEST_MEAN = 0.02
DISPERSION_RANGE = (1.1, 30.0)


def nb_tail(mean: Array, dispersion: float | Array, threshold: Array) -> Array:
    r"""P(X >= threshold) for a negative binomial with variance ``dispersion * mean``.

    .. math:: P(X \ge k) = I_{1 - 1/d}\left(k,\ \frac{m}{d - 1}\right)

    with I the regularised incomplete beta function.

    Parameters
    ----------
    mean : ndarray
        m, positive, in events.
    dispersion : float or ndarray
        d, variance over mean, above 1.
    threshold : ndarray
        k; rounded up. The probability is 1 for 0 or less.

    Returns
    -------
    ndarray
        Probabilities, in the shape of ``mean``.

    Examples
    --------
    >>> nb_tail(np.array([1.0]), 2.0, np.array([1.0])).round(6).tolist()
    [0.5]
    """
    ratio = np.asarray(dispersion, dtype=np.float64)
    k = np.ceil(threshold)
    reached = betainc(np.maximum(k, 1.0), mean / (ratio - 1.0), 1.0 - 1.0 / ratio)
    return np.where(k < 1.0, 1.0, reached)


def decayed_mean(decayed: Array, horizon: int) -> Array:
    """Expected events in ``horizon`` days from the decayed sum of the past, by row."""
    return np.maximum(decayed / DECAY_DAYS * horizon, SMALLEST_MEAN)


class EwmaNB(EventModel):
    r"""Negative binomial tail on an exponentially decayed daily rate.

    .. math:: s_t = e^{-1/21} s_{t-1} + x_t,\quad m = \max(h s_t / 21,\ 0.02),\quad
              P = P(X \ge k),\ \operatorname{Var} X = d\,m

    The dispersion d is mean((future - past28 h/28)^2) / mean(past28 h/28) over training rows,
    clipped to [1.1, 30]; nothing else is learnt.

    Parameters
    ----------
    horizon : int
        h, in days.
    decayed, past, threshold : str or int
        Columns of the decayed sum, of the plain sum of 28 days, and of the threshold.

    Attributes
    ----------
    dispersion_ : float
        d.
    """

    def __init__(
        self,
        *,
        horizon: int = 7,
        decayed: Column = "history_decay_21d",
        past: Column = "history_sum_28d",
        threshold: Column = "threshold",
    ) -> None:
        self.horizon = horizon
        self.decayed = decayed
        self.past = past
        self.threshold = threshold

    def _fit(self, X: Any, y: Array, count: Array) -> None:
        (past,) = columns_of(X, [self.past])
        expected = past * self.horizon / PAST_DAYS
        level = expected.mean()
        ratio = np.mean((count - expected) ** 2) / level if level > 0 else np.inf
        self.dispersion_ = float(np.clip(ratio, *DISPERSION_RANGE))

    def _probability(self, X: Any) -> Array:
        decayed, threshold = columns_of(X, [self.decayed, self.threshold])
        return nb_tail(decayed_mean(decayed, self.horizon), self.dispersion_, threshold)
