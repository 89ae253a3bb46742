"""``calm``: no qualifying event where there was one lately."""

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
    require_days,
)

LOG_RANGE = (1e-6, 30.0)
"""Expected counts are held to it: what never happens, and what always does, have no logarithm."""


@dataclass(frozen=True)
class Calm(Target):
    r"""Outcome 1 when no event that counts happens in the days t+1 to t+h.

    At risk only where one happened in the last ``window`` days, today included. Counted is calm
    itself, 1 or 0, and the threshold is 1. The history is of the events, told as what models of
    counts have to see to say the chance of none: where m events are to be expected in h days, it
    says

    .. math:: m' = -\log(1 - e^{-m}),\quad P(\text{Poisson}(m') \ge 1) = P(\text{Poisson}(m) = 0)

    ``history_days_since`` stays the days since the last event, and ``history_active_28d`` and the
    like the days with one.

    Parameters
    ----------
    window : int
        w, in days.
    """

    window: int = 28

    name: ClassVar[str] = "calm"
    falls: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        require_days("window", self.window)

    def look_back(self, panel: Panel) -> LookBack:
        return LookBack(
            threshold=np.ones(panel.shape),
            at_risk=past_sum(panel.series("target"), self.window) > 0,
            history=_mirrored(self.history(panel), self.horizon),
        )

    def look_ahead(self, panel: Panel, back: LookBack) -> Array:
        ahead = kernels.ahead_sum(panel["target"], self.horizon)
        return np.where(np.isnan(ahead), np.nan, (ahead == 0) * 1.0)


def _mirrored(history: dict[str, Array], horizon: int) -> dict[str, Array]:
    """Every sum, as the count that comes at least once as often as the events don't come."""
    days = {f"{schema.HISTORY}decay_{k}d": k for k in HISTORY_DECAYS}
    days |= {f"{schema.HISTORY}sum_{width}d": width for width in HISTORY_WINDOWS}
    days[MEAN] = horizon
    return {
        name: _mirror(values, days[name] / horizon) if name in days else values
        for name, values in history.items()
    }


def _mirror(values: Array, horizons: float) -> Array:
    """M' times the horizons that a sum stands for."""
    expected = np.clip(values / horizons, *LOG_RANGE)
    return -np.log1p(-np.exp(-expected)) * horizons
