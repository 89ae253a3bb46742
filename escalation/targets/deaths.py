"""``deaths``: a minimum number of people killed in the next h days."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from escalation import schema
from escalation.panel.dense import Channel, Panel
from escalation.targets.base import LookBack, Target, require_whole


@dataclass(frozen=True)
class Deaths(Target):
    """Outcome 1 when the events that count kill at least ``least`` in the days t+1 to t+h.

    Count and history are in people killed. An event with an unknown toll counts 0. Always at risk.

    Parameters
    ----------
    least : int
        In people killed, 1 or more.
    """

    least: int = 1

    name: ClassVar[str] = "deaths"

    def __post_init__(self) -> None:
        super().__post_init__()
        require_whole("least", self.least, of_days=False)

    def channels(self) -> tuple[Channel, ...]:
        return (Channel("target", self.where, schema.KILLED),)

    def look_back(self, panel: Panel) -> LookBack:
        return replace(super().look_back(panel), threshold=np.full(panel.shape, float(self.least)))
