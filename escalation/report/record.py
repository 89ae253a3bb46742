"""The track record of a page's model, and the page's provenance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from escalation import schema
from escalation.metrics.calibration import consistency_band, recalibrated
from escalation.report.page_data import ReportData
from escalation.report.words import long_day


def record(data: ReportData) -> dict[str, Any] | None:
    """Scores of every model, best first; None without a summary."""
    if data.summary.empty:
        return None
    rows = data.summary.sort_values("brier")
    first = rows.iloc[0]
    days = pd.to_datetime(data.forecasts[schema.DAY])
    return {
        "models": [_model_row(row, data.family) for _, row in rows.iterrows()],
        "rows": int(first["rows"]),
        "positives": int(first["positives"]),
        "dates": int(first["dates"]),
        "first": long_day(days.min()),
        "last": long_day(days.max()),
    }


def _model_row(row: pd.Series, family: str) -> dict[str, Any]:
    """A model in the table; numbers that are missing are None."""
    name = "skill_vs_ewma_nb"
    skill, lower, upper = (
        None if pd.isna(row[column]) else float(row[column])
        for column in (name, f"{name}_lower", f"{name}_upper")
    )
    points = round(100.0 * (skill or 0.0))
    return {
        "model": str(row["model"]),
        "on_page": row["model"] == family,
        "brier": float(row["brier"]),
        "skill": skill,
        "lower": lower,
        "upper": upper,
        "words": f"{points:+d}%" if points else "0%",
        "verdict": str(row["verdict"]),
    }


def skill_position(skill: float) -> float:
    """Position of a skill on an axis from -100% to +100%, in percent of its width."""
    return round(50.0 + 50.0 * min(max(skill, -1.0), 1.0), 1)


def reliability_curve(data: ReportData) -> dict[str, Any] | None:
    """The reliability curve of the page's model, in percent of a square."""
    forecasts = data.model_forecasts
    known = forecasts[forecasts[schema.OUTCOME].notna() & forecasts["probability"].notna()]
    if known["probability"].nunique() < 2:
        return None
    probability = known["probability"].to_numpy(dtype=np.float64)
    outcome = known[schema.OUTCOME].to_numpy(dtype=np.float64)
    order = np.argsort(probability, kind="stable")
    fitted = recalibrated(probability, outcome)[order]
    at = np.linspace(probability.min(), probability.max(), 61)
    low, high = consistency_band(probability, at=at, seed=0)
    outline = [*zip(at, high, strict=True), *zip(at[::-1], low[::-1], strict=True)]
    counts = np.histogram(probability, bins=20, range=(0.0, 1.0))[0]
    return {
        "curve": _points(list(dict.fromkeys(zip(probability[order], fitted, strict=True)))),
        "band": _points(outline),
        "bars": [round(float(n) / counts.max() * 100.0, 1) for n in counts],
        "count": len(probability),
        "summary": _in_a_sentence(probability, outcome),
    }


def _points(pairs: list[tuple[Any, Any]]) -> str:
    return " ".join(f"{100 * x:.1f},{100 - 100 * y:.1f}" for x, y in pairs)


def _in_a_sentence(probability: np.ndarray, outcome: np.ndarray) -> str:
    """The highest third of the forecasts and the rest, each with the observed frequency."""
    high = probability >= np.quantile(probability, 2.0 / 3.0)
    if high.all():
        return (
            f"Its forecasts hardly vary ({probability.mean():.0%} on average); the outcome "
            f"occurred in {outcome.mean():.0%} of cases."
        )
    return (
        f"In the highest third of its forecasts, {probability[high].mean():.0%} on average, the "
        f"outcome occurred in {outcome[high].mean():.0%} of cases; in the rest, "
        f"{probability[~high].mean():.0%} on average, in {outcome[~high].mean():.0%}."
    )


def provenance_rows(data: ReportData) -> list[tuple[str, str]]:
    """Everything needed to reproduce the page."""
    stamp = data.scores[0].provenance
    return [
        ("Model", f"{stamp['model']} ({stamp['family']})"),
        ("Model hash", str(stamp["model_hash"])),
        ("Trained on data known by", long_day(stamp["trained_to"])),
        ("Training data", str(stamp["training_data"])),
        ("Scored as of", f"the end of {long_day(stamp['as_of'])}"),
        ("Scored data", str(stamp["scored_data"])),
        ("Known dates", stamp["known_dates"].replace("_", " ")),
        ("Experiment", f"{data.experiment.experiment.name}, {stamp['experiment']}"),
        ("Software", f"escalation {stamp['version']}"),
    ]
