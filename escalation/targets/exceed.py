"""``exceed``: a count that the unit's own past year rarely saw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from escalation.panel.dense import Panel
from escalation.targets.base import GUARD, LookBack, Target, require


@dataclass(frozen=True)
class Exceed(Target):
    r"""Outcome 1 when the count ahead is above a high quantile of the unit's own h-day counts.

    The past counts are those of the n non-overlapping windows of h days that end at t, t-h, t-2h
    and so on; days before the panel starts count as zero. With q their quantile (linear
    interpolation, as numpy's default), the threshold is k = floor(q) + 1. At risk where the mean of
    the n counts is at least ``least_mean``.

    Parameters
    ----------
    quantile : float
        Above 0 and below 1.
    windows : int
        n; 52 windows of a week are a year.
    least_mean : float
        In events per h days.
    """

    quantile: float = 0.9
    windows: int = 52
    least_mean: float = 0.5

    name: ClassVar[str] = "exceed"

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0 < self.quantile < 1, "quantile", self.quantile, "a number above 0 and below 1")
        whole = isinstance(self.windows, int) and not isinstance(self.windows, bool)
        require(whole and self.windows >= 2, "windows", self.windows, "a whole number of 2 or more")
        require(self.least_mean >= 0, "least_mean", self.least_mean, "0 or more")

    def look_back(self, panel: Panel) -> LookBack:
        place, mean = panel.series("target").past_quantiles(
            self.horizon, windows=self.windows, quantile=self.quantile
        )
        return LookBack(
            threshold=np.floor(place + GUARD) + 1.0,
            at_risk=mean >= self.least_mean,
            history=self.history(panel),
        )
