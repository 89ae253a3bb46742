"""How far a page's model can be trusted, and where its numbers come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from escalation import schema
from escalation.metrics.calibration import consistency_band, recalibrated
from escalation.report.page_data import ReportData
from escalation.report.words import BASES, long_day


@dataclass(frozen=True)
class Skill:
    """A model in the table of the record; the interval drawn from -100% to +100% of skill."""

    model: str
    on_page: bool
    brier: float
    skill: float | None
    lower: float | None
    upper: float | None
    verdict: str

    @property
    def words(self) -> str:
        """The skill with its sign, in percent."""
        points = round(100.0 * (self.skill or 0.0))
        return f"{points:+d}%" if points else "0%"

    def at(self, value: float) -> float:
        """Position of a skill, in percent of the drawing."""
        return round(50.0 + 50.0 * min(max(value, -1.0), 1.0), 1)


def record(data: ReportData) -> dict[str, Any] | None:
    """How every model did, best first; nothing where it can't be said."""
    if data.summary.empty:
        return None
    rows = data.summary.sort_values("brier")
    first = rows.iloc[0]
    days = pd.to_datetime(data.forecasts[schema.DAY])
    return {
        "models": [_skill(row, data.family) for _, row in rows.iterrows()],
        "rows": int(first["rows"]),
        "positives": int(first["positives"]),
        "dates": int(first["dates"]),
        "first": long_day(days.min()),
        "last": long_day(days.max()),
    }


def _skill(row: pd.Series, family: str) -> Skill:
    def number(name: str) -> float | None:
        return None if pd.isna(row[name]) else float(row[name])

    name = "skill_vs_ewma_nb"
    return Skill(
        str(row["model"]),
        row["model"] == family,
        float(row["brier"]),
        number(name),
        number(f"{name}_lower"),
        number(f"{name}_upper"),
        str(row["verdict"]),
    )


def reliability_curve(data: ReportData) -> dict[str, Any] | None:
    """The reliability curve of the page's model, in percent of a square."""
    forecasts = data.own
    known = forecasts[forecasts[schema.OUTCOME].notna() & forecasts["probability"].notna()]
    if known["probability"].nunique() < 2:
        return None
    probability = known["probability"].to_numpy(dtype=np.float64)
    outcome = known[schema.OUTCOME].to_numpy(dtype=np.float64)
    order = np.argsort(probability, kind="stable")
    fitted = recalibrated(probability, outcome)[order]
    at = np.linspace(probability.min(), probability.max(), 61)
    low, high = consistency_band(probability, at=at, seed=0)
    shape = [*zip(at, high, strict=True), *zip(at[::-1], low[::-1], strict=True)]
    counts = np.histogram(probability, bins=20, range=(0.0, 1.0))[0]
    return {
        "curve": _points(list(dict.fromkeys(zip(probability[order], fitted, strict=True)))),
        "band": _points(shape),
        "bars": [round(float(n) / counts.max() * 100.0, 1) for n in counts],
        "count": len(probability),
        "positives": int(outcome.sum()),
        "middle": _middle(probability, outcome),
    }


def _points(pairs: list[tuple[Any, Any]]) -> str:
    return " ".join(f"{100 * x:.1f},{100 - 100 * y:.1f}" for x, y in pairs)


def _middle(probability: np.ndarray, outcome: np.ndarray) -> str:
    """The curve in a sentence: the highest third of the forecasts against the outcomes."""
    high = probability >= np.quantile(probability, 2.0 / 3.0)
    if high.all():
        same = f"Its forecasts hardly differ, {probability.mean():.0%} on average"
        return f"{same}; the outcome occurred in {outcome.mean():.0%} of cases."
    return (
        f"In the highest third of its forecasts it gave {probability[high].mean():.0%} on average, "
        f"and the outcome occurred in {outcome[high].mean():.0%} of cases; in the rest, "
        f"{probability[~high].mean():.0%} and {outcome[~high].mean():.0%}."
    )


def provenance_rows(data: ReportData) -> list[tuple[str, str]]:
    """Where the page comes from, enough to make it again."""
    stamp = data.scores[0].provenance
    return [
        ("Model", f"{stamp['model']} ({stamp['family']})"),
        ("Model hash", str(stamp["model_hash"])),
        ("Learned from events known to", long_day(stamp["trained_to"])),
        ("Training data", str(stamp["training_data"])),
        ("Scored as of", f"the end of {long_day(stamp['as_of'])}"),
        ("Scored data", str(stamp["scored_data"])),
        ("Known dates", BASES[stamp["known_dates"]]),
        ("Experiment", f"{data.experiment.experiment.name}, {stamp['experiment']}"),
        ("Software", f"escalation {stamp['version']}"),
    ]
