"""Metrics of runs: plain names for the deciding scores, ``group/name`` for all others.

MLflow shows a panel per group. Only finite numbers are stored.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC
from typing import Any

import pandas as pd
from mlflow.entities import Metric

from escalation.backtest.evaluation import Evaluation
from escalation.metrics import custom_metrics

DECIDING = ("brier", "log_score", "skill_vs_climatology", "skill_vs_ewma_nb")
GROUPED = {
    "calibration/miscalibration": "miscalibration",
    "calibration/discrimination": "discrimination",
    "calibration/uncertainty": "uncertainty",
    "calibration/log_miscalibration": "log_miscalibration",
    "calibration/log_discrimination": "log_discrimination",
    "calibration/log_uncertainty": "log_uncertainty",
    "ranking/average_precision": "average_precision",
    "ranking/auc": "auc",
    "equal_skill_test/p_vs_climatology": "dm_vs_climatology_p",
    "equal_skill_test/p_vs_ewma_nb": "dm_vs_ewma_nb_p",
    "counts/forecasts": "rows",
    "counts/positives": "positives",
    "counts/dates": "dates",
    "counts/units": "units",
}
_SKILL = "skill_vs_ewma_nb"
QUIET = ("brier", _SKILL, f"{_SKILL}_lower", f"{_SKILL}_upper", "positives")
"""Columns of the scores of quiet units; the metrics' group is ``quiet_units``."""
ALERTS = ("recall", "precision", "false_alarms_per_hit", "median_lead_days")
_MOST_STEPS = 60
"""Points of a curve over the origins: a chart shows no more, and each takes time to store."""


def finite(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Keep the finite numbers.

    Examples
    --------
    >>> finite({"a": 1, "b": float("nan"), "c": True, "d": pd.NA, "e": float("inf")})
    {'a': 1.0}
    """
    return {
        name: float(value)
        for name, value in metrics.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    }


def metrics_of(evaluation: Evaluation, model: str) -> dict[str, float]:
    """All finite metrics of one model by their MLflow names.

    Parameters
    ----------
    evaluation : Evaluation
    model : str
    """
    quiet = _row(evaluation.quiet, model)
    return finite(
        {
            **summary_metrics(_row(evaluation.comparison, model)),
            **{f"quiet_units/{column}": quiet.get(column) for column in QUIET},
        }
    )


def summary_metrics(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the comparison by MLflow names; metrics added by the user keep their names."""
    plain = [f"{name}{end}" for name in DECIDING for end in ("", "_lower", "_upper")]
    return {
        **{name: row.get(name) for name in (*plain, *custom_metrics())},
        **{name: row.get(column) for name, column in GROUPED.items()},
    }


def _row(table: pd.DataFrame, model: str) -> dict[str, Any]:
    rows = table[table["model"] == model]
    return rows.iloc[0].to_dict() if len(rows) else {}


def now_in_ms() -> int:
    """Milliseconds since 1970."""
    return int(time.time() * 1000)


def curves_of(evaluation: Evaluation, model: str) -> list[Metric]:
    """Curves of one model: cumulative scores by origin, and alerts by their number a week.

    Parameters
    ----------
    evaluation : Evaluation
    model : str
    """
    running = evaluation.running[evaluation.running["model"] == model]
    steps = {round(i * (len(running) - 1) / (_MOST_STEPS - 1)) for i in range(_MOST_STEPS)}
    return [
        *score_curve("over_origins", running, sorted(steps)),
        *_alert_curve(evaluation.alerts[evaluation.alerts["model"] == model]),
    ]


def score_curve(group: str, scores: pd.DataFrame, steps: Iterable[int]) -> Iterator[Metric]:
    """The Brier score and the skill over ``ewma_nb`` by day, at some of the rows.

    Parameters
    ----------
    group : str
        First part of the metrics' names.
    scores : DataFrame
        Columns ``day``, ``brier`` and ``skill``.
    steps : iterable of int
        Positions of the rows.
    """
    for step in steps:
        row = scores.iloc[step]
        at = int(pd.Timestamp(row["day"]).tz_localize(UTC).timestamp() * 1000)
        for column, name in (("brier", "brier"), ("skill", "skill_vs_ewma_nb")):
            if math.isfinite(value := float(row[column])):
                yield Metric(f"{group}/{name}", value, at, step)


def _alert_curve(alerts: pd.DataFrame) -> Iterator[Metric]:
    now = now_in_ms()
    for row in alerts.to_dict("records"):
        for name, value in finite({name: row[name] for name in ALERTS}).items():
            yield Metric(f"alerts_a_week/{name}", value, now, int(row["budget"]))
