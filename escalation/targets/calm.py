"""``calm``: no qualifying event, after a recent one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from escalation import schema
from escalation._util.arrays import Array
from escalation.panel import kernels
from escalation.panel.dense import Panel
from escalation.targets.base import (
    HISTORY_DECAYS,
    HISTORY_WINDOWS,
    MEAN,
    LookBack,
    Target,
    past_sum,
)

LOG_RANGE = (1e-6, 30.0)
"""Bounds of expected counts, so that the logarithms below are finite."""


@dataclass(frozen=True)
class Calm(Target):
    r"""Outcome 1 when no event that counts happens in the days t+1 to t+h.

    At risk only if one happened in the last ``window`` days, today included. The count is 1 if
    calm, 0 otherwise, and the threshold is 1. The history is transformed so that count models give
    the chance of no event: an expectation of m events in h days becomes

    .. math:: m' = -\log(1 - e^{-m}),\quad P(\text{Poisson}(m') \ge 1) = P(\text{Poisson}(m) = 0)

    ``history_days_since`` and ``history_active_28d`` and the like are not transformed.

    Parameters
    ----------
    window : int
        w, in days.
    """

    window: int = 28

    name: ClassVar[str] = "calm"
    day_parameters: ClassVar[tuple[str, ...]] = ("window",)
    falls: ClassVar[bool] = True

    def look_back(self, panel: Panel) -> LookBack:
        return LookBack(
            threshold=np.ones(panel.shape),
            at_risk=past_sum(panel.series("target"), self.window) > 0,
            history=_complement(self.history(panel), self.horizon),
        )

    def look_ahead(self, panel: Panel, back: LookBack) -> Array:
        ahead = kernels.ahead_sum(panel["target"], self.horizon)
        return np.where(np.isnan(ahead), np.nan, (ahead == 0) * 1.0)


def _complement(history: dict[str, Array], horizon: int) -> dict[str, Array]:
    """Every sum m over some horizons, replaced by m' times as many."""
    days = {f"{schema.HISTORY}decay_{k}d": k for k in HISTORY_DECAYS}
    days |= {f"{schema.HISTORY}sum_{width}d": width for width in HISTORY_WINDOWS}
    days[MEAN] = horizon
    transformed = dict(history)
    for name, length in days.items():
        horizons = length / horizon
        expected = np.clip(history[name] / horizons, *LOG_RANGE)
        transformed[name] = -np.log1p(-np.exp(-expected)) * horizons
    return transformed
