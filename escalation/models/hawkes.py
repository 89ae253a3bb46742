"""``hawkes``: what happened adds to what is to come, and the tail of the counts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, ClassVar

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
"""Where the prior puts all excitation: then the mean is that of ``ewma_nb``."""
OWN = re.compile(rf"^{schema.HISTORY}decay_(\d+)d$")
OTHER = re.compile(r"^.+_(?:decay|sum)_[\d.]+d(?P<around>_others|_same_country|_within_.+km)?$")


def excitation_columns(names: Sequence[str]) -> tuple[str, ...]:
    """Decayed sums of any channel, and whatever sums the neighbours.

    Examples
    --------
    >>> excitation_columns(["history_decay_7d", "history_sum_7d", "events_decay_3d",
    ...                     "events_sum_7d", "events_sum_7d_others", "threshold"])
    ('history_decay_7d', 'events_decay_3d', 'events_sum_7d_others')
    """
    matches = ((name, OTHER.match(name)) for name in names)
    return tuple(
        name for name, match in matches if match and (match["around"] or "_decay_" in name)
    )


class Hawkes(EventModel):
    r"""Expected count as a background and non-negative shares of decayed sums; then its tail.

    .. math:: m = \beta_0 + \sum_j \beta_j z_j,\quad \beta \ge 0,\quad
              P = P(X \ge k),\ \operatorname{Var} X = d\,m

    with z_j a decayed sum scaled to the mean count of training, so that beta_j is the share of the
    mean that the column carries. A Poisson regression with an identity link, shrunk towards
    ``ewma_nb`` (all on the 21-day sum) by a prior; d is the likeliest given the mean.

    Parameters
    ----------
    horizon : int
        h, in days; overlapping daily labels count as one in that many.
    columns : sequence of str or int, optional
        Decayed sums; by :func:`excitation_columns` if not given.
    ridge : float
        Prior precision of each share, in independent labels' worth of mean count.
    cap : float
        Counts above this many thresholds are taken as that.
    threshold : str or int
        Column of the threshold.

    Attributes
    ----------
    columns_ : list of str or int
    shares_, standard_errors_ : ndarray, shape (1 + columns,)
        beta; the background first.
    scale_, high_ : ndarray, shape (columns,)
        z = scale * column, and the largest column value of training, where it is held.
    dispersion_ : float
        d.
    branching_ratio_ : float
        Shares of the own history over the days of each sum: of a lasting rate, how much of the
        next h days the past of the same unit carries. For a Hawkes process this is the branching
        ratio at h = 1, and less the longer the horizon.
    """

    free_form: ClassVar[bool] = False

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
        own = np.array([self._per_event(name) for name in self.columns_])
        scale = np.divide(level, mean, out=np.zeros_like(mean), where=mean > 0)
        self.scale_ = np.where(own > 0, own, scale)
        prior = np.array([0.0, *(float(name == ANCHOR) for name in self.columns_)])
        design = self._design(X, level)
        penalty = {"weight": 1.0 / self.horizon, "ridge": self.ridge * level}
        self.level_ = level
        self.shares_ = maximise(design, capped, centre=prior, start=prior + 0.01, **penalty)
        self.standard_errors_, _ = errors(design, capped, self.shares_, **penalty)
        self.dispersion_ = likeliest_dispersion(capped, self._mean(X))
        self.branching_ratio_ = float(self.shares_[1:][own > 0].sum())

    def _chosen(self, X: Any) -> list[Column]:
        if self.columns is not None:
            return list(self.columns)
        if not isinstance(X, pd.DataFrame):
            raise ValueError("a plain array needs columns by position")
        return list(excitation_columns([str(name) for name in X.columns]))

    def _per_event(self, name: Column) -> float:
        """What an own decayed sum is multiplied by to be the count of h such days; else 0."""
        match = OWN.match(str(name))
        return self.horizon * -float(np.expm1(-1.0 / int(match[1]))) if match else 0.0

    def _sums(self, X: Any) -> Array:
        return np.maximum(np.column_stack(columns_of(X, self.columns_)), 0.0)

    def _design(self, X: Any, level: float) -> Array:
        held = np.minimum(self._sums(X), self.high_) * self.scale_
        return np.column_stack([np.full(len(held), level), held])

    def _mean(self, X: Any) -> Array:
        fitted = weighted_sum(self._design(X, self.level_), self.shares_)
        return np.maximum(fitted, SMALLEST_MEAN / 10.0)

    def _probability(self, X: Any) -> Array:
        (threshold,) = columns_of(X, [self.threshold])
        return nb_tail(self._mean(X), self.dispersion_, threshold)

    @property
    def summary_(self) -> str:
        """The shares as a table, and the branching ratio."""
        shares = coefficient_table(
            ("background", *self.columns_), self.shares_, self.standard_errors_
        )
        return f"{shares}\n{'branching ratio':<28}{self.branching_ratio_:>12.4f}"
