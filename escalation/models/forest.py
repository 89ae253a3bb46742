"""``forest``: extremely randomised trees with large leaves."""

from __future__ import annotations

from typing import Any

from escalation._util.arrays import Array
from escalation.models.wrapped import Wrapped


class Forest(Wrapped):
    r"""Extremely randomised trees whose leaves are shrunk to the base rate by one label.

    .. math:: P = \frac{L\,\bar p + p_0}{L + 1}

    with the trees' mean :math:`\bar p`, at least L independent labels per leaf and the base rate
    :math:`p_0`, so that a leaf without positives does not make an outcome impossible.

    Parameters
    ----------
    horizon : int
        h, in days; overlapping daily labels count as one in h.
    trees : int
        Number of trees.
    leaf : int
        L, minimum independent labels per leaf.
    share : float
        Share of the columns that each split looks at.
    seed : int
        Of the trees.
    """

    def __init__(
        self,
        *,
        horizon: int = 7,
        trees: int = 80,
        leaf: int = 10,
        share: float = 0.2,
        seed: int = 0,
    ) -> None:
        self.horizon = horizon
        self.trees = trees
        self.leaf = leaf
        self.share = share
        self.seed = seed

    def _build(self) -> Any:
        from sklearn.ensemble import ExtraTreesClassifier  # a second to import

        return ExtraTreesClassifier(
            n_estimators=self.trees,
            min_samples_leaf=self.leaf * self.horizon,
            max_features=self.share,
            n_jobs=1,
            random_state=self.seed,
        )

    def _predicted(self, Z: Array) -> Array:
        return (self.leaf * super()._predicted(Z) + self.base_) / (self.leaf + 1.0)
