"""``onset``: at least one qualifying event after a quiet spell."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from escalation.panel.dense import Panel
from escalation.targets.base import LookBack, Target, past_sum


@dataclass(frozen=True)
class Onset(Target):
    """Outcome 1 when at least one event that counts happens in the days t+1 to t+h.

    At risk only if none happened in the last ``quiet`` days, today included.

    Parameters
    ----------
    quiet : int
        In days.
    """

    quiet: int = 28

    name: ClassVar[str] = "onset"
    day_parameters: ClassVar[tuple[str, ...]] = ("quiet",)

    def look_back(self, panel: Panel) -> LookBack:
        quiet = past_sum(panel.series("target"), self.quiet) == 0
        return replace(super().look_back(panel), at_risk=quiet)
