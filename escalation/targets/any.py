"""``any``: at least one qualifying event in the next h days."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from escalation.panel.dense import Panel
from escalation.targets.base import LookBack, Target


@dataclass(frozen=True)
class AnyEvent(Target):
    """Outcome 1 when at least one event that counts happens in the days t+1 to t+h.

    Always at risk. The lowest rung that counts is part of ``where``.
    """

    name: ClassVar[str] = "any"

    def look_back(self, panel: Panel) -> LookBack:
        return LookBack(
            threshold=np.ones(panel.shape),
            at_risk=np.ones(panel.shape, dtype=bool),
            history=self.history(panel),
        )
