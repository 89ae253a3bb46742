"""Records of the models: what experiments/results holds, as tables."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "experiments" / "results"
NAMES = {
    "ucdp_iraq": "UCDP, Iraq 2003-18, provinces",
    "israel": "Alerts, Israel, regions",
    "ucdp_syria": "UCDP, Syria 2016-19, provinces",
    "iraq_2007": "Iraq 2007-08, half-degree cells",
}
FEWEST = 100
"""Positives from which a pair of data set and label counts, as in experiments/skill_report.py."""


@cache
def skill() -> pd.DataFrame:
    """experiments/results/skill.csv, which `make skill` writes."""
    return pd.read_csv(RESULTS / "skill.csv")


def counted() -> pd.DataFrame:
    """The pairs with enough positives."""
    return skill()[skill()["positives"] >= FEWEST]


def percent(value: float) -> str:
    """A share as signed percent."""
    return "" if pd.isna(value) else f"{value:+.1%}"


def interval(row: pd.Series, name: str) -> str:
    """A skill with its interval."""
    low, high = row[f"{name}_lower"], row[f"{name}_upper"]
    return f"{percent(row[name])} [{low:+.1%}, {high:+.1%}]"


def model_record(model: str) -> list[str]:
    """Rows of a Markdown table: the mean skill of a model over ``ewma_nb``, by reporting lag."""
    rows = ["| reporting lag | pairs | mean Brier skill | mean log skill | better / worse |",
            "| --- | --- | --- | --- | --- |"]  # fmt: skip
    table = counted()
    for lag, held in table[table["model"] == model].groupby("lag"):
        above = int((held["skill_vs_ewma_nb_lower"] > 0).sum())
        below = int((held["skill_vs_ewma_nb_upper"] < 0).sum())
        means = [percent(held[name].mean()) for name in ("skill_vs_ewma_nb", "log_skill_vs_ewma_nb")]
        rows.append(f"| {lag} days | {len(held)} | {' | '.join(means)} | {above} / {below} |")
    return rows if len(rows) > 2 else []


def label_record(label: str) -> list[str]:
    """Rows of a Markdown table: ``blend`` on a label, by data set and lag."""
    rows = ["| data | lag | positives | Brier skill of `blend` over `ewma_nb` | verdict |",
            "| --- | --- | --- | --- | --- |"]  # fmt: skip
    table = skill()
    kind = table["target"].str.rpartition("_")[0]
    for _, row in table[(table["model"] == "blend") & (kind == label)].iterrows():
        rows.append(
            f"| {NAMES.get(row['data'], row['data'])} | {row['lag']} | {row['positives']} "
            f"| {interval(row, 'skill_vs_ewma_nb')} | {row['verdict']} |"
        )
    return rows if len(rows) > 2 else []
