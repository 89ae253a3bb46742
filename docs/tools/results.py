"""Records of the models: what experiments/results holds, as tables."""

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
"""Positives from which a pair of data set and label counts, as in experiments/skill_report.py."""

LAGS = (0, 14)


@cache
def bundled_comparison() -> pd.DataFrame:
    """experiments/results/iraq_crisis.csv, best Brier score first, from `escalation train`."""
    return pd.read_csv(RESULTS / "iraq_crisis.csv").sort_values("brier")


def bundled_table() -> list[str]:
    """How each model did on the bundled experiment."""
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
    """What the table comes to, in a sentence."""
    table = bundled_comparison()
    better = table[table["skill_vs_ewma_nb_lower"] > 0]["model"].tolist()
    first = table.iloc[0]
    says = f"{', '.join(better)} beat it" if better else "none of them is shown to beat it"
    half = pd.read_csv(RESULTS / "iraq_crisis_half.csv").iloc[0]
    gains = (interval(half, f"{score}_vs_ewma_nb") for score in ("skill", "log_skill"))
    return [
        f"{first['rows']:,} forecasts on {first['dates']:,} days, {first['positives']:,} positive: "
        f"{says}. The plain mean of `ewma_nb` and `prior`, which is none of them, is at "
        f"{next(gains)} by Brier score and {next(gains)} by log score."
    ]


@cache
def replayed() -> pd.DataFrame:
    """experiments/results/iraq_crisis_march_2020.csv, from `escalation replay`."""
    return pd.read_csv(RESULTS / "iraq_crisis_march_2020.csv", parse_dates=["day"])


def replay_table() -> list[str]:
    """Forecasts of five days of March 2020, and whether it happened."""
    return _by_day({("any_7d", "all"): "anywhere", ("any_7d", "taji"): "Taji",
                    ("any_7d", "green_zone"): "Green Zone"})  # fmt: skip


def replay_labels_table() -> list[str]:
    """What the other labels said on these days, of all places together."""
    return _by_day({("deadly_14d", "all"): "militias kill, 14 days",
                    ("us_strike_14d", "all"): "the US strike militias, 14 days",
                    ("climb_7d", "all"): "graver than in four weeks, 7 days"})  # fmt: skip


def _by_day(names: dict[tuple[str, str], str]) -> list[str]:
    rows = ["| day | " + " | ".join(names.values()) + " |", "| --- " * (1 + len(names)) + "|"]
    for day, held in replayed().groupby("day"):
        said = held.set_index(["target", "unit"])
        cells = [_forecast(said.loc[key]) for key in names]
        rows.append(f"| {day:%-d %B} | {' | '.join(cells)} |")
    return rows


def _forecast(row: pd.Series) -> str:
    came = "yes" if row["outcome"] == 1 else "no"
    if pd.isna(row["probability"]):
        return f"- {came}"
    return f"{row['probability']:.0%} [{row['lower']:.0%}, {row['upper']:.0%}] {came}"


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
        means = [
            percent(held[name].mean()) for name in ("skill_vs_ewma_nb", "log_skill_vs_ewma_nb")
        ]
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


def _counts(lag: int) -> dict[str, Any]:
    """What the pairs of a lag come to for ``blend``."""
    table = counted()
    blend = table[(table["model"] == "blend") & (table["lag"] == lag)]
    found: dict[str, Any] = {"pairs": len(blend)}
    for score, name in (("brier", "skill_vs_ewma_nb"), ("log", "log_skill_vs_ewma_nb")):
        found |= {
            f"{score}_above": int((blend[f"{name}_lower"] > 0).sum()),
            f"{score}_below": int((blend[f"{name}_upper"] < 0).sum()),
            f"{score}_mean": blend[name].mean(),
            f"{score}_worst": blend[name].min(),
        }
    return found


def skill_table() -> list[str]:
    """``blend`` against the baseline on all pairs with enough positives, by lag."""
    no_lag, late = (_counts(lag) for lag in LAGS)
    rows = ["| `blend` against `ewma_nb` | lag 0 | lag 14 days |", "| --- | --- | --- |"]
    for score, words in (("brier", "Brier score"), ("log", "log score")):
        counts = [
            f"{c[f'{score}_above']} / {c[f'{score}_below']} of {c['pairs']}" for c in (no_lag, late)
        ]
        means = [f"{c[f'{score}_mean']:.1%} ({c[f'{score}_worst']:.1%})" for c in (no_lag, late)]
        rows.append(f"| {words}: interval above zero / below | {' | '.join(counts)} |")
        rows.append(f"| {words}: mean gain (worst) | {' | '.join(means)} |")
    return rows


def skill_limits() -> list[str]:
    """Where nothing is shown, and how far the best model in hindsight was ahead."""
    table = counted()
    blend = table[table["model"] == "blend"]
    open_pairs = blend[
        (blend["skill_vs_ewma_nb_lower"] <= 0) & (blend["skill_vs_ewma_nb_upper"] >= 0)
    ]
    lines = ["By Brier score nothing is shown for:", ""]
    for data, held in open_pairs.groupby("data", sort=False):
        named = ", ".join(f"`{row['target']}` (lag {row['lag']})" for _, row in held.iterrows())
        lines.append(f"- {NAMES.get(data, data)}: {named}")
    return lines


def short() -> list[str]:
    """One sentence for a first page."""
    found = _counts(0)
    above, below, mean = (found[f"brier_{name}"] for name in ("above", "below", "mean"))
    return [
        f"On four sets of real events `blend` beats the baseline by Brier score on {above} of "
        f"{found['pairs']} pairs of data set and label, is worse on {below}, and gains {mean:.1%} "
        "on average."
    ]


def how_many() -> list[str]:
    """What is known of the counts: the last line of the page of their experiment."""
    return [(RESULTS / "counts.md").read_text(encoding="utf-8").strip().splitlines()[-1]]


def skill_text() -> str:
    """The body of the page that says how good it is."""
    whole = (RESULTS / "skill.md").read_text(encoding="utf-8")
    table, _, rest = whole.partition("\n\n")
    lines = [f"- {line}" for line in rest.splitlines() if line.startswith("lag")]
    return "\n".join([
        *skill_table(), "", *skill_limits(), "",
        "## Every model", "", *_models_table(), "", "## Every pair", "", table, "",
        "## In sentences", "", *lines, "",
    ])  # fmt: skip


def _models_table() -> list[str]:
    rows = ["| model | mean Brier skill, lag 0 | better / worse | lag 14 | better / worse |",
            "| --- | --- | --- | --- | --- |"]  # fmt: skip
    table = counted()
    means = table.groupby(["model", "lag"])["skill_vs_ewma_nb"].mean().unstack()
    for model in means.sort_values(0, ascending=False).index:
        cells = []
        for lag in LAGS:
            held = table[(table["model"] == model) & (table["lag"] == lag)]
            above = int((held["skill_vs_ewma_nb_lower"] > 0).sum())
            below = int((held["skill_vs_ewma_nb_upper"] < 0).sum())
            cells += [percent(held["skill_vs_ewma_nb"].mean()), f"{above} / {below} of {len(held)}"]
        rows.append(f"| [`{model}`](/made/models/{model}.md) | {' | '.join(cells)} |")
    return rows
