"""``exceed``: a count above a high quantile of the unit's past year."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from escalation.panel.dense import Panel
from escalation.targets.base import GUARD, LookBack, Target, require, require_whole


@dataclass(frozen=True)
class Exceed(Target):
    r"""Outcome 1 when the count ahead is above a high quantile of the unit's own h-day counts.

    The past counts are those of the n non-overlapping windows of h days that end at t, t-h, t-2h
    and so on. With q their quantile (linear interpolation, NumPy's default), the threshold is
    k = floor(q) + 1. At risk if the mean of the n counts is at least ``least_mean``.

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
        require_whole("windows", self.windows, least=2, of_days=False)
        require(self.least_mean >= 0, "least_mean", self.least_mean, "0 or more")

    def look_back(self, panel: Panel) -> LookBack:
        quantile, mean = panel.series("target").past_quantiles(
            self.horizon, windows=self.windows, quantile=self.quantile
        )
        return LookBack(
            threshold=np.floor(quantile + GUARD) + 1.0,
            at_risk=mean >= self.least_mean,
            history=self.history(panel),
        )
