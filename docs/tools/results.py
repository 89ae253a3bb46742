"""Turn the files of experiments/results into tables and sentences for the documentation."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

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
"""Fewest positives with which a pair of data set and label counts, as in skill_report.py."""

LAGS = (0, 14)


@cache
def bundled_comparison() -> pd.DataFrame:
    """Read results/iraq_crisis.csv, from `escalation train`; lowest Brier score first."""
    return pd.read_csv(RESULTS / "iraq_crisis.csv").sort_values("brier")


def bundled_table() -> list[str]:
    """Return a table of how each model did on the bundled experiment."""
    rows = ["| model | Brier | skill vs `ewma_nb` [95% interval] | verdict |",
            "| --- | --- | --- | --- |"]  # fmt: skip
    for _, row in bundled_comparison().iterrows():
        if row["model"] == "ewma_nb":
            rows.append(f"| `ewma_nb` | {row['brier']:.4f} | | the baseline to beat |")
        else:
            shown = interval(row, "skill_vs_ewma_nb")
            rows.append(f"| `{row['model']}` | {row['brier']:.4f} | {shown} | {row['verdict']} |")
    return rows


def bundled_finding() -> list[str]:
    """Return what that table shows, in sentences."""
    table = bundled_comparison()
    better = table[table["skill_vs_ewma_nb_lower"] > 0]["model"].tolist()
    first = table.iloc[0]
    winners = ", ".join(f"`{name}`" for name in better)
    finding = f"{winners} beat `ewma_nb`" if better else "no model is shown to beat `ewma_nb`"
    half = pd.read_csv(RESULTS / "iraq_crisis_half.csv").iloc[0]
    gains = (interval(half, f"{score}_vs_ewma_nb") for score in ("skill", "log_skill"))
    return [
        f"In {first['rows']:,} forecasts on {first['dates']:,} days, {first['positives']:,} of "
        f"them positive, {finding}. The plain mean of `ewma_nb` and `prior`, not itself a "
        f"model, has a skill of {next(gains)} by Brier score and {next(gains)} by log score."
    ]


@cache
def replayed() -> pd.DataFrame:
    """Read experiments/results/iraq_crisis_march_2020.csv, from `escalation replay`."""
    return pd.read_csv(RESULTS / "iraq_crisis_march_2020.csv", parse_dates=["day"])


def replay_table() -> list[str]:
    """Return the forecasts of five days of March 2020, and the outcomes."""
    return _by_day({("any_7d", "all"): "anywhere", ("any_7d", "taji"): "Taji",
                    ("any_7d", "green_zone"): "Green Zone"})  # fmt: skip


def replay_labels_table() -> list[str]:
    """Return the forecasts of the other labels on these days, for all places together."""
    return _by_day({("deadly_14d", "all"): "deadly militia attack, 14 days",
                    ("us_strike_14d", "all"): "US strike on militias, 14 days",
                    ("climb_7d", "all"): "graver than the past four weeks, 7 days"})  # fmt: skip


def _by_day(names: dict[tuple[str, str], str]) -> list[str]:
    rows = ["| day | " + " | ".join(names.values()) + " |", "| --- " * (1 + len(names)) + "|"]
    for day, forecasts in replayed().groupby("day"):
        by_unit = forecasts.set_index(["target", "unit"])
        cells = [_forecast(by_unit.loc[key]) for key in names]
        rows.append(f"| {day:%-d %B} | {' | '.join(cells)} |")
    return rows


def _forecast(row: pd.Series) -> str:
    outcome = "yes" if row["outcome"] == 1 else "no"
    if pd.isna(row["probability"]):
        return f"- {outcome}"
    return f"{row['probability']:.0%} [{row['lower']:.0%}, {row['upper']:.0%}] {outcome}"


@cache
def skill() -> pd.DataFrame:
    """Read experiments/results/skill.csv, from `make skill`."""
    return pd.read_csv(RESULTS / "skill.csv")


def counted() -> pd.DataFrame:
    """Return the pairs with enough positives."""
    return skill()[skill()["positives"] >= FEWEST]


def percent(value: float) -> str:
    """Format a share as signed percent."""
    return "" if pd.isna(value) else f"{value:+.1%}"


def interval(row: pd.Series, name: str) -> str:
    """Format a skill with its interval."""
    low, high = row[f"{name}_lower"], row[f"{name}_upper"]
    return f"{percent(row[name])} [{low:+.1%}, {high:+.1%}]"


def model_record(model: str) -> list[str]:
    """Return a table: the mean skill of a model over ``ewma_nb``, by reporting lag."""
    rows = ["| reporting lag | pairs | mean Brier skill | mean log skill | better / worse |",
            "| --- | --- | --- | --- | --- |"]  # fmt: skip
    table = counted()
    for lag, pairs in table[table["model"] == model].groupby("lag"):
        above = int((pairs["skill_vs_ewma_nb_lower"] > 0).sum())
        below = int((pairs["skill_vs_ewma_nb_upper"] < 0).sum())
        means = [
            percent(pairs[name].mean()) for name in ("skill_vs_ewma_nb", "log_skill_vs_ewma_nb")
        ]
        rows.append(f"| {lag} days | {len(pairs)} | {' | '.join(means)} | {above} / {below} |")
    return rows if len(rows) > 2 else []


def label_record(label: str) -> list[str]:
    """Return a table: ``blend`` on a label, by data set and lag."""
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


def _counts(lag: int) -> dict[str, Any]:
    """Return how ``blend`` did on the pairs of a lag: counts, means and worst values."""
    table = counted()
    blend = table[(table["model"] == "blend") & (table["lag"] == lag)]
    counts: dict[str, Any] = {"pairs": len(blend)}
    for score, name in (("brier", "skill_vs_ewma_nb"), ("log", "log_skill_vs_ewma_nb")):
        counts |= {
            f"{score}_above": int((blend[f"{name}_lower"] > 0).sum()),
            f"{score}_below": int((blend[f"{name}_upper"] < 0).sum()),
            f"{score}_mean": blend[name].mean(),
            f"{score}_worst": blend[name].min(),
        }
    return counts


def skill_table() -> list[str]:
    """Return a table of ``blend`` against the baseline, by lag."""
    no_lag, late = (_counts(lag) for lag in LAGS)
    rows = ["| `blend` against `ewma_nb` | lag 0 | lag 14 days |", "| --- | --- | --- |"]
    for score, title in (("brier", "Brier score"), ("log", "log score")):
        counts = [
            f"{c[f'{score}_above']} / {c[f'{score}_below']} of {c['pairs']}" for c in (no_lag, late)
        ]
        means = [f"{c[f'{score}_mean']:.1%} ({c[f'{score}_worst']:.1%})" for c in (no_lag, late)]
        rows.append(f"| {title}: interval above zero / below | {' | '.join(counts)} |")
        rows.append(f"| {title}: mean gain (worst) | {' | '.join(means)} |")
    return rows


def skill_limits() -> list[str]:
    """Return the pairs on which no difference is shown, by data set."""
    table = counted()
    blend = table[table["model"] == "blend"]
    open_pairs = blend[
        (blend["skill_vs_ewma_nb_lower"] <= 0) & (blend["skill_vs_ewma_nb_upper"] >= 0)
    ]
    lines = ["By Brier score, no difference is shown for:", ""]
    for data, pairs in open_pairs.groupby("data", sort=False):
        labels = ", ".join(f"`{row['target']}` (lag {row['lag']})" for _, row in pairs.iterrows())
        lines.append(f"- {NAMES.get(data, data)}: {labels}")
    return lines


def short() -> list[str]:
    """Return one sentence for the README."""
    counts = _counts(0)
    above, below, mean = (counts[f"brier_{name}"] for name in ("above", "below", "mean"))
    return [
        f"On four sets of real events, `blend` beats the baseline by Brier score on {above} of "
        f"{counts['pairs']} pairs of data set and label and is worse on {below or 'none'}, with an "
        f"average gain of {mean:.1%}."
    ]


def how_many() -> list[str]:
    """Return the summary of the expected counts: the last line of counts.md."""
    return [(RESULTS / "counts.md").read_text(encoding="utf-8").strip().splitlines()[-1]]


def skill_text() -> str:
    """Return the generated part of the page on how good it is."""
    text = (RESULTS / "skill.md").read_text(encoding="utf-8")
    table, _, rest = text.partition("\n\n")
    lines = [f"- {line}" for line in rest.splitlines() if line.startswith("lag")]
    return "\n".join([
        *skill_table(), "", *skill_limits(), "",
        "## Every model", "", *_models_table(), "", "## Every pair", "", table, "",
        "## In words", "", *lines, "",
    ])  # fmt: skip


def _models_table() -> list[str]:
    rows = ["| model | mean Brier skill, lag 0 | better / worse | lag 14 | better / worse |",
            "| --- | --- | --- | --- | --- |"]  # fmt: skip
    table = counted()
    means = table.groupby(["model", "lag"])["skill_vs_ewma_nb"].mean().unstack()
    for model in means.sort_values(0, ascending=False).index:
        cells = []
        for lag in LAGS:
            pairs = table[(table["model"] == model) & (table["lag"] == lag)]
            skill_of_pairs = pairs["skill_vs_ewma_nb"]
            above = int((pairs["skill_vs_ewma_nb_lower"] > 0).sum())
            below = int((pairs["skill_vs_ewma_nb_upper"] < 0).sum())
            cells += [percent(skill_of_pairs.mean()), f"{above} / {below} of {len(pairs)}"]
        rows.append(f"| [`{model}`](/made/models/{model}.md) | {' | '.join(cells)} |")
    return rows
