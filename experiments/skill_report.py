"""Write the skill table as CSV, Markdown and a figure, and summarise it in sentences."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

MODEL = "blend"
BASELINE = "ewma_nb"
FEWEST = 100
"""Pairs with fewer positives are shown but not counted."""
PAIR = ["data", "target", "lag"]
COLUMNS = [
    "data",
    "lag",
    "target",
    "horizon",
    "model",
    "rows",
    "positives",
    "units",
    "dates",
    "brier",
    "log_score",
    "skill_vs_ewma_nb",
    "skill_vs_ewma_nb_lower",
    "skill_vs_ewma_nb_upper",
    "log_skill_vs_ewma_nb",
    "log_skill_vs_ewma_nb_lower",
    "log_skill_vs_ewma_nb_upper",
    "average_precision",
    "auc",
    "miscalibration",
    "discrimination",
    "uncertainty",
    "ratio_if_calibrated",
    "recoverable",
    "brier_over_best_lower",
    "log_score_over_best_lower",
    "verdict",
]


def against_best(table: pd.DataFrame) -> pd.DataFrame:
    """Return per pair the best other model and the blend's excess over its scores."""
    others = table[table["model"] != MODEL]
    blend = table[table["model"] == MODEL].set_index(PAIR)
    for score in ("brier", "log_score"):
        best = others.loc[others.groupby(PAIR)[score].idxmin()].set_index(PAIR)
        blend[f"best_{score}"] = best["model"]
        blend[f"{score}_over_best"] = blend[score] / best[score] - 1.0
    return blend.reset_index()


def counted(table: pd.DataFrame) -> pd.DataFrame:
    """Return the pairs with enough positives."""
    return table[table["positives"] >= FEWEST]


def sentences(table: pd.DataFrame, *, seconds: float) -> str:
    """Summarise the table in sentences."""
    lines = []
    for lag, rows in counted(against_best(table)).groupby("lag"):
        for name, title in (("skill", "Brier"), ("log_skill", "log score")):
            value = rows[f"{name}_vs_{BASELINE}"]
            above = (rows[f"{name}_vs_{BASELINE}_lower"] > 0).sum()
            below = (rows[f"{name}_vs_{BASELINE}_upper"] < 0).sum()
            lines.append(
                f"lag {lag}, {title}: {MODEL} better than {BASELINE} on {above} of {len(rows)} "
                f"pairs, worse on {below}; mean gain {value.mean():.1%}, worst {value.min():.1%}"
            )
        for score, title in (("brier", "Brier"), ("log_score", "log score")):
            over = rows[f"{score}_over_best"]
            lines.append(
                f"lag {lag}, {title}: {MODEL} more than 1% worse than the best single model on "
                f"{(over > 0.01).sum()} of {len(rows)} pairs, at worst {over.max():.1%}; by the "
                f"whole interval on {(rows[f'{score}_over_best_lower'] > 0.01).sum()}"
            )
        share = rows["miscalibration"] / rows["discrimination"]
        lines.append(
            f"lag {lag}: miscalibration is at most a tenth of discrimination on "
            f"{(share <= 0.1).sum()} of {len(rows)} pairs, at worst {share.max():.2f} times; if "
            f"the forecasts were calibrated, on {(rows['ratio_if_calibrated'] <= 0.1).sum()}"
        )
        gained = rows["recoverable"] / rows["discrimination"]
        lines.append(
            f"lag {lag}: recalibration learnt on other dates gains nothing on "
            f"{(gained <= 0).sum()} of {len(rows)} pairs, at most a tenth of discrimination on "
            f"{(gained <= 0.1).sum()}, at worst {gained.max():.2f}"
        )
    spent = table.drop_duplicates(PAIR)[["seconds", "inside"]].sum()
    lines.append(
        f"{seconds / 60:.1f} minutes; total time over time inside fit and predict: "
        f"{spent['seconds'] / spent['inside']:.2f}"
    )
    return "\n".join(lines) + "\n"


def markdown(table: pd.DataFrame) -> str:
    """Return a table with a line per pair: the blend, the baseline, the best other model."""
    head = [
        "data",
        "target",
        "lag",
        "positives",
        "Brier skill [95%]",
        "log skill [95%]",
        "best other (its Brier skill)",
        "verdict",
    ]
    lines = ["| " + " | ".join(head) + " |", "| " + " | ".join("---" for _ in head) + " |"]
    skills = table.set_index([*PAIR, "model"])[f"skill_vs_{BASELINE}"]
    for row in against_best(table).to_dict("records"):
        best = skills[(row["data"], row["target"], row["lag"], row["best_brier"])]
        cells = [
            row["data"],
            row["target"],
            str(row["lag"]),
            str(row["positives"]),
            _with_ends(row, "skill"),
            _with_ends(row, "log_skill"),
            f"`{row['best_brier']}` ({_percent(best)})",
            row["verdict"],
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _percent(value: object) -> str:
    return "-" if pd.isna(value) else f"{float(value):+.1%}"  # type: ignore[arg-type]


def _with_ends(row: dict, name: str) -> str:
    value, low, high = (row[f"{name}_vs_{BASELINE}{end}"] for end in ("", "_lower", "_upper"))
    ends = "" if pd.isna(low) else f" [{100 * low:+.1f}, {100 * high:+.1f}]"
    return f"{_percent(value)}{ends}"


def figure(table: pd.DataFrame) -> Figure:
    """Draw the blend's skill on every pair with its interval, and the other models as dots."""
    pairs = counted(against_best(table)).reset_index(drop=True)
    chart = Figure(figsize=(9.0, 1.2 + 0.24 * len(pairs)), layout="constrained")
    ax = chart.subplots()
    places = {tuple(pair): place for place, pair in enumerate(pairs[PAIR].to_numpy().tolist())}
    others = table[~table["model"].isin([MODEL, BASELINE])]
    at = [places.get(tuple(pair), -1) for pair in others[PAIR].to_numpy().tolist()]
    others = others.assign(at=at)[lambda rows: rows["at"] >= 0]
    ax.scatter(
        others[f"skill_vs_{BASELINE}"].astype(float),
        others["at"],
        s=9,
        color="#b9b4a8",
        label="other models",
        zorder=2,
    )
    value = pairs[f"skill_vs_{BASELINE}"].astype(float)
    ends = [
        (value - pairs[f"skill_vs_{BASELINE}_lower"]).astype(float),
        (pairs[f"skill_vs_{BASELINE}_upper"] - value).astype(float),
    ]
    ax.errorbar(value, pairs.index, xerr=ends, fmt="o", ms=5, color="#1f5a93", label=MODEL)
    ax.axvline(0.0, color="#333333", lw=0.8)
    names = pairs["data"] + ", " + pairs["target"] + ", lag " + pairs["lag"].astype(str)
    ax.set_yticks(pairs.index, names, fontsize=8)
    ax.invert_yaxis()
    ax.set_xlim(max(min(-0.2, ax.get_xlim()[0]), -0.5), ax.get_xlim()[1])
    ax.set_xlabel(f"Brier skill against {BASELINE} (0 is as good), with 95% intervals")
    ax.legend(loc="lower right", fontsize=8, frameon=False)
    return chart


def write_report(table: pd.DataFrame, folder: Path, *, seconds: float) -> str:
    """Write skill.csv, skill.md and skill.png; return the summary."""
    summary = sentences(table, seconds=seconds)
    rounded = table[COLUMNS].copy()
    numbers = rounded.select_dtypes("Float64").columns
    rounded[numbers] = rounded[numbers].round(6)
    rounded.to_csv(folder / "skill.csv", index=False)
    (folder / "skill.md").write_text(f"{markdown(table)}\n{summary}", encoding="utf-8")
    if len(counted(against_best(table))):
        figure(table).savefig(folder / "skill.png", dpi=130)
    return summary
