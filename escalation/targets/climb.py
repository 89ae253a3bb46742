"""``climb``: a higher rung than any in the recent past."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from escalation import schema
from escalation._util.arrays import Array
from escalation.panel import kernels
from escalation.panel.dense import Channel, Panel
from escalation.targets.base import LookBack, Target, history_of

NEEDED = "needed_rung"
RUNGS = range(1, schema.HIGHEST_RUNG + 1)


@dataclass(frozen=True)
class Climb(Target):
    """Outcome 1 when the highest rung ahead is above the highest of the last ``window`` days.

    The count is of qualifying events above that rung, so the threshold is 1. The history is of the
    events at or above the rung needed on the day. Not at risk if the past has the top rung.

    Parameters
    ----------
    window : int
        In days, today included.
    """

    window: int = 28

    name: ClassVar[str] = "climb"
    day_parameters: ClassVar[tuple[str, ...]] = ("window",)

    def channels(self) -> tuple[Channel, ...]:
        at_or_above = (
            Channel(_channel(rung), replace(self.where, rung=max(self.where.rung, rung)))
            for rung in RUNGS
        )
        return (Channel("target_severity", self.where, schema.SEVERITY), *at_or_above)

    def look_back(self, panel: Panel) -> LookBack:
        highest = panel.series("target_severity").highest(self.window)
        needed = highest.astype(np.int8) + np.int8(1)
        return LookBack(
            threshold=np.ones(panel.shape),
            at_risk=needed <= schema.HIGHEST_RUNG,
            history=_history(panel, needed, self.horizon),
            extra={NEEDED: needed},
        )

    def look_ahead(self, panel: Panel, back: LookBack) -> Array:
        needed = back.extra[NEEDED]
        count = np.zeros(panel.shape)
        for rung in RUNGS:
            ahead = kernels.ahead_sum(panel[_channel(rung)], self.horizon)
            count += np.where((needed == rung) | np.isnan(ahead), ahead, 0.0)
        return count


def _channel(rung: int) -> str:
    """Name of the channel of events at or above a rung."""
    return f"target_rung_{rung}"


def _history(panel: Panel, needed: NDArray[np.int8], horizon: int) -> dict[str, Array]:
    """History of the events at or above the needed rung, or the top rung if the past has it."""
    history: dict[str, Array] = {}
    for rung in RUNGS:
        use = np.minimum(needed, schema.HIGHEST_RUNG) == rung
        of_rung = history_of(panel.series(_channel(rung)), panel, horizon=horizon)
        for name, values in of_rung.items():
            history[name] = np.where(use, values, history.get(name, values))
    return history
