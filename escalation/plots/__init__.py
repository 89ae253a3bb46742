"""Figures: each function takes tables and returns a new matplotlib Figure."""

from escalation.plots.decisions import decisions_figure
from escalation.plots.lateness import lateness_figure
from escalation.plots.reliability import reliability_figure
from escalation.plots.risk import risk_over_time
from escalation.plots.skill import ablation_figure, skill_figure
from escalation.plots.slices import skill_by_figure
from escalation.plots.watch_list import watch_list_figure

__all__ = [
    "ablation_figure",
    "decisions_figure",
    "lateness_figure",
    "reliability_figure",
    "risk_over_time",
    "skill_by_figure",
    "skill_figure",
    "watch_list_figure",
]
