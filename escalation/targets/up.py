"""``up``: a count above the past year's average."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from escalation.panel.dense import Panel
from escalation.targets.base import LookBack, Target, past_sum, require


@dataclass(frozen=True)
class Up(Target):
    r"""Outcome 1 when the count ahead is above the past year's average for h days.

    .. math:: m = \frac{h}{w} \sum_{i=0}^{w-1} x_{t-i}, \qquad k = \lfloor m \rfloor + 1

    At risk if m is at least ``least_mean``.

    Parameters
    ----------
    window : int
        w, in days.
    least_mean : float
        In events per h days.
    """

    window: int = 360
    least_mean: float = 2.0

    name: ClassVar[str] = "up"
    day_parameters: ClassVar[tuple[str, ...]] = ("window",)

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.least_mean >= 0, "least_mean", self.least_mean, "0 or more")

    def look_back(self, panel: Panel) -> LookBack:
        # A whole number divided by a whole number, so that exact multiples stay exact.
        average = past_sum(panel.series("target"), self.window) * self.horizon / self.window
        return LookBack(
            threshold=np.floor(average) + 1.0,
            at_risk=average >= self.least_mean,
            history=self.history(panel),
        )
