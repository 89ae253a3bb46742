"""Figures: each function takes tables and gives back a matplotlib Figure of its own."""

from escalation.plots.decisions import decisions
from escalation.plots.lateness import lateness
from escalation.plots.reliability import reliability
from escalation.plots.risk import risk_over_time
from escalation.plots.skill import skill
from escalation.plots.slices import skill_by
from escalation.plots.watch_list import watch_list

__all__ = [
    "decisions",
    "lateness",
    "reliability",
    "risk_over_time",
    "skill",
    "skill_by",
    "watch_list",
]
