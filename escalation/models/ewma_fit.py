"""``ewma_fit``: the baseline with its memory and dispersion learnt, for all and for each unit."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any, ClassVar

import numpy as np

from escalation.models.base import Array, Column, EventModel, columns_of, unit_names
from escalation.models.ewma_nb import SMALLEST_MEAN, nb_tail
from escalation.models.pool import DAYS, LEVELS
from escalation.models.tails import DISPERSIONS, outcome_log_likelihood, spread_out

GRID = tuple(product(range(len(DAYS)), DISPERSIONS))
STRENGTH = 50.0
"""What all units together say is worth this many of a unit's own independent labels."""


class EwmaFit(EventModel):
    r"""Negative binomial tail on a decayed rate whose memory K and dispersion d are learnt.

    Of a grid of (K, d), each unit takes the pair that makes

    .. math:: \ell_u(K, d) / h + 50\,\bar\ell(K, d)

    largest: its own outcomes' log likelihood, and the mean over all rows for 50 labels. A unit
    that was not there in training takes the best for all.

    Parameters
    ----------
    horizon : int
        h, in days.
    levels : sequence of str or int
        Columns of the decayed sums over 7, 10, 21, 45, 90 and 365 days.
    threshold : str or int
        Column of the threshold.

    Attributes
    ----------
    pooled_ : int
        Place of the best pair for all in ``GRID``.
    units_ : ndarray of str, shape (unit,)
        Sorted.
    chosen_ : ndarray of int, shape (unit,)
        Place of each unit's pair.
    """

    free_form: ClassVar[bool] = False

    def __init__(
        self,
        horizon: int = 7,
        levels: Sequence[Column] = LEVELS,
        threshold: Column = "threshold",
    ) -> None:
        self.horizon = horizon
        self.levels = levels
        self.threshold = threshold

    def _fit(self, X: Any, y: Array, count: Array) -> None:
        rows = spread_out(len(y))
        names = unit_names(X)
        names = np.full(len(y), "") if names is None else names
        self.units_, codes = np.unique(names[rows], return_inverse=True)
        means, threshold = self._means(X)
        seen = np.stack(
            [
                outcome_log_likelihood(nb_tail(means[k][rows], d, threshold[rows]), y[rows])
                for k, d in GRID
            ]
        )
        pooled = seen.mean(axis=1)
        labels = len(y) / len(rows) / self.horizon
        own = np.stack([np.bincount(codes, weights=row) for row in seen]) * labels
        self.pooled_ = int(np.argmax(pooled))
        self.chosen_ = np.argmax(own + STRENGTH * pooled[:, None], axis=0).astype(np.int64)

    def _means(self, X: Any) -> tuple[list[Array], Array]:
        *sums, threshold = columns_of(X, [*self.levels, self.threshold])
        means = [
            np.maximum(total / days * self.horizon, SMALLEST_MEAN)
            for days, total in zip(DAYS, sums, strict=True)
        ]
        return means, threshold

    def _probability(self, X: Any) -> Array:
        means, threshold = self._means(X)
        chosen = np.full(len(threshold), self.pooled_)
        names = unit_names(X)
        if names is not None:
            at = np.minimum(np.searchsorted(self.units_, names), len(self.units_) - 1)
            chosen = np.where(self.units_[at] == names, self.chosen_[at], self.pooled_)
        memory = np.array([k for k, _ in GRID])[chosen]
        dispersion = np.array([d for _, d in GRID])[chosen]
        return nb_tail(np.choose(memory, means), dispersion, threshold)


def ewma_fit(*, horizon: int = 7, seed: int = 0) -> EwmaFit:
    """The baseline with its memory and dispersion learnt, for all and for each unit.

    Parameters
    ----------
    horizon : int
        In days.
    seed : int
        Not used.

    Returns
    -------
    EwmaFit

    Examples
    --------
    >>> ewma_fit(horizon=30).horizon
    30
    """
    return EwmaFit(horizon=horizon)
