"""``any``: at least one qualifying event in the next h days."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from escalation.targets.base import Target


@dataclass(frozen=True)
class AnyEvent(Target):
    """Outcome 1 when at least one event that counts happens in the days t+1 to t+h.

    Always at risk. The lowest rung that counts is part of ``where``.
    """

    name: ClassVar[str] = "any"
