"""``boosting``: a small histogram gradient boosting."""

from __future__ import annotations

from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from escalation._util.arrays import Array
from escalation.models.wrapped import Wrapped


class Boosting(Wrapped):
    """Histogram gradient boosting, few and shallow trees, large leaves.

    Parameters
    ----------
    horizon : int
        h, in days; overlapping daily labels count as one in h.
    rounds : int
        Number of trees.
    rate : float
        Learning rate.
    leaves : int
        Maximum leaves per tree.
    leaf : int
        Minimum independent labels per leaf.
    shrink : float
        L2 penalty on a leaf's value.
    share : float
        Share of the columns that each split looks at.
    seed : int
        Of the choice of columns.
    """

    def __init__(
        self,
        *,
        horizon: int = 7,
        rounds: int = 80,
        rate: float = 0.05,
        leaves: int = 6,
        leaf: int = 10,
        shrink: float = 10.0,
        share: float = 0.5,
        seed: int = 0,
    ) -> None:
        self.horizon = horizon
        self.rounds = rounds
        self.rate = rate
        self.leaves = leaves
        self.leaf = leaf
        self.shrink = shrink
        self.share = share
        self.seed = seed

    def _design(self, X: Any) -> Array:
        """Rounded to float32 as forests do, so that the last digit of a sum moves no bin edge."""
        return super()._design(X).astype(np.float32).astype(np.float64)

    def _build(self) -> Any:
        from sklearn.ensemble import HistGradientBoostingClassifier  # a second to import

        return HistGradientBoostingClassifier(
            max_iter=self.rounds,
            learning_rate=self.rate,
            max_leaf_nodes=self.leaves,
            min_samples_leaf=self.leaf * self.horizon,
            l2_regularization=self.shrink,
            max_features=self.share,
            max_bins=63,
            early_stopping=False,
            random_state=self.seed,
        )

    def _predicted(self, Z: Array) -> Array:
        """On one thread: for a few rows, starting more takes twenty times as long."""
        with threadpool_limits(limits=1, user_api="openmp"):
            return super()._predicted(Z)
