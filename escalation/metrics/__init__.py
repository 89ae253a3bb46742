"""Scores, skill with intervals that respect time, calibration, and alert budgets.

Metrics look only at rows at risk with a known outcome. Plain metrics are functions of two arrays,
``(probability, outcome) -> float``, and return NaN where they are not defined; tables hold NA.

``METRICS`` is the registry: each of its functions is a column of :func:`summary`, and so reaches
what ``train`` and ``backtest`` print, their ``--json``, and every run.
"""

from escalation.metrics.budget import alert_budget
from escalation.metrics.by_slice import skill_by
from escalation.metrics.calibration import (
    consistency_band,
    decompose,
    discrimination,
    log_discrimination,
    log_miscalibration,
    log_uncertainty,
    miscalibration,
    recalibrated,
    uncertainty,
)
from escalation.metrics.compare import compare
from escalation.metrics.crps import crps
from escalation.metrics.dm import diebold_mariano
from escalation.metrics.murphy import elementary_scores, relative_value
from escalation.metrics.running import running
from escalation.metrics.scores import (
    Metric,
    auc,
    average_precision,
    brier,
    log_score,
    positives,
)
from escalation.metrics.summary import summary

PLACED: dict[str, Metric] = {
    "brier": brier,
    "log_score": log_score,
    "average_precision": average_precision,
    "auc": auc,
    "positives": positives,
    "miscalibration": miscalibration,
    "discrimination": discrimination,
    "uncertainty": uncertainty,
    "log_miscalibration": log_miscalibration,
    "log_discrimination": log_discrimination,
    "log_uncertainty": log_uncertainty,
}
"""Those with a set place in the printed table and in the runs, or left out of the table."""
METRICS: dict[str, Metric] = {
    **PLACED,
}
"""By the name of their column. A further one is a file beside these and a line here."""


def added() -> list[str]:
    """Names of the metrics without a set place: each gets a column and a name of its own."""
    return [name for name in METRICS if name not in PLACED]


__all__ = [
    "METRICS",
    "Metric",
    "added",
    "alert_budget",
    "compare",
    "consistency_band",
    "crps",
    "decompose",
    "diebold_mariano",
    "elementary_scores",
    "recalibrated",
    "relative_value",
    "running",
    "skill_by",
    "summary",
]
