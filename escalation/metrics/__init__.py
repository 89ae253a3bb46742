"""Scores, skill with intervals that respect time, calibration, and alert budgets.

Metrics use only rows at risk with a known outcome. Plain metrics are functions of two arrays,
``(probability, outcome) -> float``, and return NaN if they are undefined; tables hold NA.

``METRICS`` is the registry. Each of its functions becomes a column of :func:`summary`, and so
appears in what ``train`` and ``backtest`` print, in their ``--json`` output, and in every run.
"""

from escalation.metrics.budget import alert_budget
from escalation.metrics.by_slice import running, skill_by
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
from escalation.metrics.dm import diebold_mariano
from escalation.metrics.murphy import elementary_scores, relative_value
from escalation.metrics.scores import (
    Metric,
    auc,
    average_precision,
    brier,
    crps,
    log_score,
    positives,
)
from escalation.metrics.summary import summary

_STANDARD: dict[str, Metric] = {
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
"""Metrics with a fixed position in the printed table and in the runs, or not printed at all."""
METRICS: dict[str, Metric] = {
    **_STANDARD,
}
"""Metrics by column name. To add one, write a file in this folder and add a line here."""


def custom_metrics() -> list[str]:
    """Names of the registered metrics that are not built in; each is printed as its own column."""
    return [name for name in METRICS if name not in _STANDARD]


__all__ = [
    "METRICS",
    "Metric",
    "alert_budget",
    "compare",
    "consistency_band",
    "crps",
    "custom_metrics",
    "decompose",
    "diebold_mariano",
    "elementary_scores",
    "recalibrated",
    "relative_value",
    "running",
    "skill_by",
    "summary",
]
