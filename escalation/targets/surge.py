"""``surge``: a count of at least a multiple of the past month's average."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from escalation.panel.dense import Panel
from escalation.targets.base import GUARD, LookBack, Target, past_sum, require

WEEK = 7


@dataclass(frozen=True)
class Surge(Target):
    r"""Outcome 1 when the count ahead is at least ``factor`` times the past average for h days.

    .. math:: k = \max\Bigl(1, \Bigl\lceil f \frac{h}{w} \sum_{i=0}^{w-1} x_{t-i}
              \Bigr\rceil\Bigr)

    At risk if the weekly mean of those w days is at least ``least_weekly``. The rule is widely used
    and mostly noise: compare its share of positives with :func:`null_share` first.

    Parameters
    ----------
    window : int
        w, in days.
    factor : float
        f.
    least_weekly : float
        In events per week.
    """

    window: int = 28
    factor: float = 2.0
    least_weekly: float = 1.0

    name: ClassVar[str] = "surge"
    day_parameters: ClassVar[tuple[str, ...]] = ("window",)

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.factor > 0, "factor", self.factor, "a number above 0")
        require(self.least_weekly >= 0, "least_weekly", self.least_weekly, "0 or more")

    def look_back(self, panel: Panel) -> LookBack:
        past = past_sum(panel.series("target"), self.window)
        needed = self.factor * (past * self.horizon) / self.window
        return LookBack(
            threshold=np.maximum(np.ceil(needed - GUARD), 1.0),
            at_risk=past * WEEK / self.window >= self.least_weekly,
            history=self.history(panel),
        )
