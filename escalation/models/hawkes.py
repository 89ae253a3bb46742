"""``hawkes``: past events raise the expected count, with a tail for the counts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from escalation import schema
from escalation._util.arrays import Array
from escalation.models.base import Column, EventModel, columns_of, weighted_sum
from escalation.models.ewma_nb import SMALLEST_MEAN, nb_tail
from escalation.models.negbin import likeliest_dispersion
from escalation.models.nonnegative import errors, maximise
from escalation.models.regression import coefficient_table

ANCHOR = "history_decay_21d"
"""The prior puts all excitation here, which gives the mean of ``ewma_nb``."""
HISTORY_SUM = re.compile(rf"^{schema.HISTORY}decay_(\d+)d$")
EXCITATION_SUM = re.compile(
    r"^.+_(?:decay|sum)_[\d.]+d(?P<around>_others|_same_country|_within_.+km)?$"
)


def excitation_columns(names: Sequence[str]) -> tuple[str, ...]:
    """Names of decayed sums of any channel, and of sums over neighbours.

    Examples
    --------
    >>> excitation_columns(["history_decay_7d", "history_sum_7d", "events_decay_3d",
    ...                     "events_sum_7d", "events_sum_7d_others", "threshold"])
    ('history_decay_7d', 'events_decay_3d', 'events_sum_7d_others')
    """
    matches = ((name, EXCITATION_SUM.match(name)) for name in names)
    return tuple(
        name for name, match in matches if match and (match["around"] or "_decay_" in name)
    )


class Hawkes(EventModel):
    r"""Poisson regression on decayed sums with non-negative shares, and the tail of its counts.

    .. math:: m = \beta_0 + \sum_j \beta_j z_j,\quad \beta \ge 0,\quad
              P = P(X \ge k),\ \operatorname{Var} X = d\,m

    with z_j a decayed sum scaled to the mean training count, so that beta_j is the column's share
    of the mean. The link is the identity, a prior shrinks towards ``ewma_nb`` (all on the 21-day
    sum), and d is the likeliest given the mean.

    Parameters
    ----------
    horizon : int
        h, in days; overlapping daily labels count as one in h.
    columns : sequence of str or int, optional
        Decayed sums; those of :func:`excitation_columns` by default.
    ridge : float
        Prior precision of each share, in independent labels of the mean count.
    cap : float
        Counts are capped at this many thresholds.
    threshold : str or int
        Column of the threshold.

    Attributes
    ----------
    columns_ : list of str or int
    shares_, standard_errors_ : ndarray, shape (1 + columns,)
        beta; the background first.
    scale_, high_ : ndarray, shape (columns,)
        z = scale * column; columns are clipped to their maximum in training.
    dispersion_ : float
        d.
    branching_ratio_ : float
        Total share of the unit's own history: how much of a lasting rate carries over to the next
        h days. For a Hawkes process this is the branching ratio at h = 1; it falls with h.
    """

    def __init__(
        self,
        *,
        horizon: int = 7,
        columns: tuple[Column, ...] | None = None,
        ridge: float = 10.0,
        cap: float = 20.0,
        threshold: Column = schema.THRESHOLD,
    ) -> None:
        self.horizon = horizon
        self.columns = columns
        self.ridge = ridge
        self.cap = cap
        self.threshold = threshold

    def _fit(self, X: Any, y: Array, count: Array) -> None:
        self.columns_ = self._chosen(X)
        (threshold,) = columns_of(X, [self.threshold])
        capped = np.minimum(count, self.cap * np.maximum(threshold, 1.0))
        level = max(float(capped.mean()), SMALLEST_MEAN)
        sums = self._sums(X)
        self.high_ = sums.max(axis=0)
        mean = sums.mean(axis=0)
        per_event = np.array([self._per_event(name) for name in self.columns_])
        scale = np.divide(level, mean, out=np.zeros_like(mean), where=mean > 0)
        self.scale_ = np.where(per_event > 0, per_event, scale)
        prior = np.array([0.0, *(float(name == ANCHOR) for name in self.columns_)])
        design = self._design(X, level)
        penalty = {"weight": 1.0 / self.horizon, "ridge": self.ridge * level}
        self.level_ = level
        self.shares_ = maximise(design, capped, centre=prior, start=prior + 0.01, **penalty)
        self.standard_errors_, _ = errors(design, capped, self.shares_, **penalty)
        self.dispersion_ = likeliest_dispersion(capped, self._mean(X))
        self.branching_ratio_ = float(self.shares_[1:][per_event > 0].sum())

    def _chosen(self, X: Any) -> list[Column]:
        if self.columns is not None:
            return list(self.columns)
        if not isinstance(X, pd.DataFrame):
            raise ValueError("a plain array needs columns by position")
        return list(excitation_columns([str(name) for name in X.columns]))

    def _per_event(self, name: Column) -> float:
        """Factor from a history's decayed sum to the count of h such days; 0 for other columns."""
        match = HISTORY_SUM.match(str(name))
        return self.horizon * -float(np.expm1(-1.0 / int(match[1]))) if match else 0.0

    def _sums(self, X: Any) -> Array:
        return np.maximum(np.column_stack(columns_of(X, self.columns_)), 0.0)

    def _design(self, X: Any, level: float) -> Array:
        scaled = np.minimum(self._sums(X), self.high_) * self.scale_
        return np.column_stack([np.full(len(scaled), level), scaled])

    def _mean(self, X: Any) -> Array:
        fitted = weighted_sum(self._design(X, self.level_), self.shares_)
        return np.maximum(fitted, SMALLEST_MEAN / 10.0)

    def _probability(self, X: Any) -> Array:
        (threshold,) = columns_of(X, [self.threshold])
        return nb_tail(self._mean(X), self.dispersion_, threshold)

    @property
    def summary_(self) -> str:
        """Table of the shares, and the branching ratio."""
        shares = coefficient_table(
            ("background", *self.columns_), self.shares_, self.standard_errors_
        )
        return f"{shares}\n{'branching ratio':<28}{self.branching_ratio_:>12.4f}"
