"""The value of forecasts to users who act once the probability reaches a threshold."""

from __future__ import annotations

import numpy as np

from escalation._util.arrays import Array

THRESHOLDS = np.arange(1, 100) / 100.0
"""From 1% to 99%."""


def elementary_scores(probability: Array, outcome: Array, *, at: Array = THRESHOLDS) -> Array:
    r"""Mean cost of acting whenever the probability reaches a threshold, by threshold.

    .. math:: S_\theta = \frac{1}{n} \sum_i \theta\, 1\{p_i \ge \theta, y_i = 0\}
              + (1 - \theta)\, 1\{p_i < \theta, y_i = 1\}

    A false alarm costs :math:`\theta`, a miss :math:`1 - \theta`. Every proper score is a weighted
    mean of these; the Brier score is twice their integral. A forecaster with a lower cost at every
    threshold is better for every user.

    Parameters
    ----------
    probability, outcome : ndarray, shape (row,)
    at : ndarray, shape (threshold,), optional
        In (0, 1).

    Returns
    -------
    ndarray, shape (threshold,)
        NaN without rows.

    References
    ----------
    Ehm, Gneiting, Jordan & Krueger (2016), doi:10.1111/rssb.12154.

    Examples
    --------
    >>> elementary_scores(np.array([0.2, 0.6]), np.array([1.0, 0.0]), at=np.array([0.1, 0.5]))
    array([0.05, 0.5 ])
    """
    rows = len(outcome)
    if not rows:
        return np.full(len(at), np.nan)
    negative, positive = np.sort(probability[outcome == 0.0]), np.sort(probability[outcome == 1.0])
    alarms = len(negative) - np.searchsorted(negative, at, side="left")
    misses = np.searchsorted(positive, at, side="left")
    return np.asarray((at * alarms + (1.0 - at) * misses) / rows)


def relative_value(probability: Array, outcome: Array, *, at: Array = THRESHOLDS) -> Array:
    r"""Saving over the base rate, as a share of the saving that a perfect forecast makes.

    .. math:: V = \frac{E_{base} - E}{E_{base} - E_{perfect}}
              = 1 - \frac{S_\theta}{\min\{\theta (1 - b), (1 - \theta)\, b\}}

    where :math:`\theta` is the cost of protection as a share of the loss that it prevents, b the
    share of positives, and the base rate's user always or never protects, whichever is cheaper.

    Parameters
    ----------
    probability, outcome : ndarray, shape (row,)
    at : ndarray, shape (ratio,), optional
        Ratios of cost to loss in (0, 1).

    Returns
    -------
    ndarray, shape (ratio,)
        1 if perfect, 0 if no better than the base rate, negative if harmful; NaN unless both
        outcomes occur.

    References
    ----------
    Richardson (2000), doi:10.1002/qj.49712656313.

    Examples
    --------
    >>> truth = np.array([0.0, 1.0, 0.0, 1.0])
    >>> relative_value(truth, truth, at=np.array([0.3])).tolist()
    [1.0]
    """
    base_rate = outcome.mean() if len(outcome) else np.nan
    if not 0.0 < base_rate < 1.0:
        return np.full(len(at), np.nan)
    base_cost = np.minimum(at * (1.0 - base_rate), (1.0 - at) * base_rate)
    return np.asarray(1.0 - elementary_scores(probability, outcome, at=at) / base_cost)
