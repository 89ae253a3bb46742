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
    speaks: bool
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


def _skill(row: pd.Series, speaker: str) -> Skill:
    def number(name: str) -> float | None:
        return None if pd.isna(row[name]) else float(row[name])

    name = "skill_vs_ewma_nb"
    return Skill(
        str(row["model"]),
        row["model"] == speaker,
        float(row["brier"]),
        number(name),
        number(f"{name}_lower"),
        number(f"{name}_upper"),
        str(row["verdict"]),
    )


def reliability_curve(data: ReportData) -> dict[str, Any] | None:
    """The reliability curve of the model that speaks, in percent of a square."""
    own = data.own
    known = own[own[schema.OUTCOME].notna() & own["probability"].notna()]
    if known["probability"].nunique() < 2:
        return None
    said = known["probability"].to_numpy(dtype=np.float64)
    came = known[schema.OUTCOME].to_numpy(dtype=np.float64)
    order = np.argsort(said, kind="stable")
    fitted = recalibrated(said, came)[order]
    at = np.linspace(said.min(), said.max(), 61)
    low, high = consistency_band(said, at=at, seed=0)
    shape = [*zip(at, high, strict=True), *zip(at[::-1], low[::-1], strict=True)]
    counts = np.histogram(said, bins=20, range=(0.0, 1.0))[0]
    return {
        "curve": _points(list(dict.fromkeys(zip(said[order], fitted, strict=True)))),
        "band": _points(shape),
        "bars": [round(float(n) / counts.max() * 100.0, 1) for n in counts],
        "count": len(said),
        "positives": int(came.sum()),
        "middle": _middle(said, came),
    }


def _points(pairs: list[tuple[Any, Any]]) -> str:
    return " ".join(f"{100 * x:.1f},{100 - 100 * y:.1f}" for x, y in pairs)


def _middle(said: np.ndarray, came: np.ndarray) -> str:
    """The curve in a sentence: the upper third of what was said against what came."""
    high = said >= np.quantile(said, 2.0 / 3.0)
    if high.all():
        same = f"It mostly said the same, {said.mean():.0%} on average"
        return f"{same}, and it came in {came.mean():.0%}."
    return (
        f"In the third of cases where it said most, it said {said[high].mean():.0%} on average and "
        f"it came in {came[high].mean():.0%}; in the rest, {said[~high].mean():.0%} and "
        f"{came[~high].mean():.0%}."
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
