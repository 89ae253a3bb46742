"""Names under which numbers reach MLflow: plain for what decides, ``group/name`` for the rest.

MLflow makes a panel of each group. Only finite numbers ever reach the store.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import UTC
from typing import Any, NamedTuple

import pandas as pd

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
QUIET = {
    "quiet_units/brier": "brier",
    "quiet_units/skill_vs_ewma_nb": "skill_vs_ewma_nb",
    "quiet_units/skill_vs_ewma_nb_lower": "skill_vs_ewma_nb_lower",
    "quiet_units/skill_vs_ewma_nb_upper": "skill_vs_ewma_nb_upper",
    "quiet_units/positives": "positives",
}
ALERTS = ("recall", "precision", "false_alarms_per_hit", "median_lead_days")
_MOST_STEPS = 60
"""Points of a curve over the origins: more are not seen, and each takes its time to store."""


def finite(named: Mapping[str, Any]) -> dict[str, float]:
    """Those that are finite numbers.

    Examples
    --------
    >>> finite({"a": 1, "b": float("nan"), "c": True, "d": pd.NA, "e": float("inf")})
    {'a': 1.0}
    """
    return {
        name: float(value)
        for name, value in named.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    }


def metrics_of(evaluation: Evaluation, model: str) -> dict[str, float]:
    """Every number about one model, named.

    Parameters
    ----------
    evaluation : Evaluation
    model : str

    Returns
    -------
    dict of str to float
        Finite numbers by their name in MLflow.
    """
    named = summary_metrics(_row(evaluation.comparison, model))
    quiet = _row(evaluation.quiet, model)
    named |= {name: quiet.get(column) for name, column in QUIET.items()}
    return finite(named)


def summary_metrics(row: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers of a row of the comparison under their names, added metrics under their own."""
    plain = [f"{name}{end}" for name in DECIDING for end in ("", "_lower", "_upper")]
    named = {name: row.get(name) for name in (*plain, *custom_metrics())}
    return named | {name: row.get(column) for name, column in GROUPED.items()}


def _row(table: pd.DataFrame, model: str) -> dict[str, Any]:
    rows = table[table["model"] == model]
    return rows.iloc[0].to_dict() if len(rows) else {}


class Step(NamedTuple):
    """A point of a curve; ``at`` is a time in milliseconds."""

    name: str
    value: float
    step: int
    at: int


def steps_of(evaluation: Evaluation, model: str, *, now: int) -> list[Step]:
    """Curves of one model: scores as they built up by origin, and alerts by their number.

    Parameters
    ----------
    evaluation : Evaluation
    model : str
    now : int
        Milliseconds since 1970, for points without a day.
    """
    return [*_by_origin(evaluation, model), *_by_budget(evaluation, model, now)]


def _by_budget(evaluation: Evaluation, model: str, now: int) -> Iterator[Step]:
    """The step is the number of alerts a week."""
    rows = evaluation.alerts[evaluation.alerts["model"] == model]
    for row in rows.to_dict("records"):
        for name, value in finite({name: row[name] for name in ALERTS}).items():
            yield Step(f"alerts_a_week/{name}", value, int(row["budget"]), now)


def _by_origin(evaluation: Evaluation, model: str) -> Iterator[Step]:
    """The step is the number of the origin, the time its day."""
    curve = evaluation.running
    points = curve[curve["model"] == model].reset_index(drop=True)
    for step in sorted(
        {round(i * (len(points) - 1) / (_MOST_STEPS - 1)) for i in range(_MOST_STEPS)}
    ):
        day = pd.Timestamp(points["day"].iloc[step]).tz_localize(UTC)
        for column, name in (("brier", "brier"), ("skill", "skill_vs_ewma_nb")):
            value = float(points[column].iloc[step])
            if math.isfinite(value):
                yield Step(f"over_origins/{name}", value, step, int(day.timestamp() * 1000))
