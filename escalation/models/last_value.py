"""``last_value``: the next days are like the last days."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from escalation._util.arrays import Array
from escalation.models.base import Column, EventModel, columns_of, smoothed_rate

WINDOWS = (7, 28)
"""Lengths, in days, of the history's sums over "the last days"."""
STRENGTH = 2.0
"""Weight of the base rate in each group, in labels."""


def nearest_window(horizon: int) -> int:
    """Return the window closest to the horizon by ratio, the shorter one in a tie.

    Examples
    --------
    >>> [nearest_window(h) for h in (1, 7, 14, 21, 60)]
    [7, 7, 7, 28, 28]
    """
    return min(WINDOWS, key=lambda width: abs(math.log(width / horizon)))


class LastValue(EventModel):
    r"""One probability if the last days reached the threshold, another if they did not.

    .. math:: r = [\, \lceil x_w\, h / w \rceil \ge k \,],\quad
              P_r = \frac{y_r / h + 2 p}{n_r / h + 2}

    with x_w the sum of the last w days, y_r positives among n_r rows with that r, and p the base
    rate with half a positive and half a negative label added. Daily labels overlap: h rows count
    as one.

    Parameters
    ----------
    horizon : int
        h, in days.
    window : int, optional
        w, in days; that of :func:`nearest_window` by default. If it equals the horizon, r is the
        outcome of h days ago for labels that count the same events; otherwise the sum is scaled
        and rounded up, so that one event in a week is one event in a day.
    last : str or int, optional
        Column of the sum of the last w days; that of the history by default.
    threshold : str or int
        Column of the threshold.

    Attributes
    ----------
    rates_ : ndarray, shape (2,)
        P if the last days did not reach the threshold, and if they did.
    """

    def __init__(
        self,
        *,
        horizon: int = 7,
        window: int | None = None,
        last: Column | None = None,
        threshold: Column = "threshold",
    ) -> None:
        self.horizon = horizon
        self.window = window
        self.last = last
        self.threshold = threshold

    def _fit(self, X: Any, y: Array, count: Array) -> None:
        reached = self._reached(X)
        labels = np.bincount(reached, minlength=2) / self.horizon
        positives = np.bincount(reached, weights=y, minlength=2) / self.horizon
        base = smoothed_rate(y, self.horizon)
        self.rates_ = (positives + STRENGTH * base) / (labels + STRENGTH)

    def _probability(self, X: Any) -> Array:
        return self.rates_[self._reached(X)]

    def _reached(self, X: Any) -> NDArray[np.int64]:
        window = nearest_window(self.horizon) if self.window is None else self.window
        column = f"history_sum_{window}d" if self.last is None else self.last
        last, threshold = columns_of(X, [column, self.threshold])
        return (last * self.horizon > (threshold - 1.0) * window).astype(np.int64)
