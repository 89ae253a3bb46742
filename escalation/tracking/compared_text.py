"""The result of comparing two runs as a line, a section of a description, and an HTML page."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from escalation.tracking.two_runs import RunComparison

SHORT = 8
"""Letters of a run's ID that are shown."""
SAME = "the same"
_MODELS_SHOWN = 3
_STYLE = (
    "<style>body{font:13px/1.45 system-ui,sans-serif;margin:1em;max-width:70em;color:#222}"
    "h3{margin:0}table{border-collapse:collapse;margin:.8em 0;font:inherit}"
    "td,th{padding:.25em .9em .25em 0;text-align:left;"
    "border-bottom:1px solid #ddd;vertical-align:top}"
    "td.verdict{white-space:nowrap}td.better{color:#0a6b2d;font-weight:600}"
    "td.worse{color:#a3201d;font-weight:600}code{white-space:pre-wrap}</style>"
)


def one_line(table: pd.DataFrame) -> str:
    """Skill and verdict of the models that differ, in one line."""
    rows = [row for row in table.to_dict("records") if row["verdict"] != SAME]
    results = [f"{row['model']} {_skill(row)}, {row['verdict']}" for row in rows[:_MODELS_SHOWN]]
    if len(rows) > _MODELS_SHOWN:
        results.append(f"{len(rows) - _MODELS_SHOWN} more below")
    if n_same := len(table) - len(rows):
        results.append(f"{n_same} the same")
    return "; ".join(results)


def by_chance(n_comparisons: int) -> str:
    """How likely a significant result is by chance after so many comparisons.

    Examples
    --------
    >>> by_chance(1)
    'This is the first comparison of this experiment.'
    >>> by_chance(14)[:40], by_chance(14)[-4:]
    ('This experiment has seen 14 comparisons:', '51%.')
    """
    if n_comparisons == 1:
        return "This is the first comparison of this experiment."
    chance = 1.0 - 0.95**n_comparisons
    return (
        f"This experiment has seen {n_comparisons} comparisons: if no run were better than "
        "another, one or more would still look significant with a probability of up to "
        f"{chance:.0%}."
    )


def markdown_section(comparison: RunComparison) -> str:
    """A section of a run's description."""
    scores, keys = _headings(comparison)
    paragraphs = [
        f"`{comparison.after}` against `{comparison.before}`: {_counts(comparison.table)}. "
        f"Skill above 0: `{comparison.after[:SHORT]}` is better.",
        markdown_table([scores, *_rows(comparison.table)]),
        "Their settings are equal.",
        by_chance(comparison.seen),
    ]
    if differences := comparison.differences.to_numpy().tolist():
        paragraphs[2:3] = ["Differences between them:", markdown_table([keys, *differences])]
    return "\n\n".join(paragraphs)


def html_page(comparison: RunComparison) -> str:
    """A page that MLflow shows among the artifacts of a run."""
    scores, keys = (_cells(heading, tag="th") for heading in _headings(comparison))
    rows = [_cells(row, tag="td", verdict=True) for row in _rows(comparison.table)]
    differences = [_cells(row, tag="td") for row in comparison.differences.to_numpy().tolist()]
    changes = (
        f"<h3>Differences between them</h3><table>{keys}{''.join(differences)}</table>"
        if differences
        else "<p>Their settings are equal.</p>"
    )
    return (
        f"<meta charset='utf-8'>{_STYLE}<h3>{html.escape(comparison.after)}<br>against "
        f"{html.escape(comparison.before)}</h3><p>On the same labels, units and days: "
        f"{_counts(comparison.table)}. Skill above 0: {comparison.after[:SHORT]} is better. "
        "Brackets hold 95% intervals over blocks of whole dates; a difference is significant if "
        f"both ends are on one side of 0.</p><table>{scores}{''.join(rows)}</table>{changes}"
        f"<p>{html.escape(by_chance(comparison.seen))}</p>"
    )


def _headings(comparison: RunComparison) -> tuple[list[str], list[str]]:
    """Headings of the scores and of the differences; runs are named by the start of their IDs."""
    old, new = comparison.before[:SHORT], comparison.after[:SHORT]
    scores = ["label", "model", f"Brier {old}", f"Brier {new}", f"skill of {new} [95%]", "verdict"]
    return scores, ["key", old, new]


def _counts(table: pd.DataFrame) -> str:
    return "; ".join(
        f"{row['label']}: {row['rows']:,} forecasts on {row['dates']:,} dates, "
        f"{row['positives']:,} positive"
        for row in table.drop_duplicates("label").to_dict("records")
    )


def _rows(table: pd.DataFrame) -> list[list[str]]:
    return [
        [
            str(row["label"]),
            str(row["model"]),
            f"{row['brier_before']:.4f}",
            f"{row['brier_after']:.4f}",
            _skill(row),
            str(row["verdict"]),
        ]
        for row in table.to_dict("records")
    ]


def _skill(row: Any) -> str:
    value, low, high = row["skill"], row["skill_lower"], row["skill_upper"]
    if pd.isna(value):
        return "unknown"
    if row["verdict"] == SAME:
        return "0%"
    return f"{value:+z.1%}" if pd.isna(low) else f"{value:+z.1%} [{low:+.1%}, {high:+.1%}]"


def markdown_table(rows: list[list[Any]]) -> str:
    """Rows of cells as a Markdown table; the first row holds the column names."""
    lines = [rows[0], ["---"] * len(rows[0]), *rows[1:]]
    return "\n".join(
        "| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines
    )


def _cells(row: list[Any], *, tag: str, verdict: bool = False) -> str:
    cells = [f"<{tag}>{html.escape(str(cell))}</{tag}>" for cell in row]
    if verdict:
        last = html.escape(str(row[-1]))
        cells[-1] = f"<{tag} class='verdict {last}'>{last}</{tag}>"
    return f"<tr>{''.join(cells)}</tr>"
