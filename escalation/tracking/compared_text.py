"""What a comparison of two runs says: a line, a section of a description, a page."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from escalation.tracking.two_runs import RunComparison

SHORT = 8
"""Letters of a run's ID that tell it from others."""
SAME = "the same"
_MOST_TOLD = 3
_STYLE = (
    "<style>body{font:13px/1.45 system-ui,sans-serif;margin:1em;max-width:70em;color:#222}"
    "h3{margin:0}table{border-collapse:collapse;margin:.8em 0;font:inherit}"
    "td,th{padding:.25em .9em .25em 0;text-align:left;"
    "border-bottom:1px solid #ddd;vertical-align:top}"
    "td.verdict{white-space:nowrap}td.better{color:#0a6b2d;font-weight:600}"
    "td.worse{color:#a3201d;font-weight:600}code{white-space:pre-wrap}</style>"
)


def one_line(table: pd.DataFrame) -> str:
    """What a comparison says of the models that differ, in a line."""
    rows = [row for row in table.to_dict("records") if row["verdict"] != SAME]
    told = [f"{row['model']} {_skill(row)}, {row['verdict']}" for row in rows[:_MOST_TOLD]]
    equal = len(table) - len(rows)
    more = [f"{len(rows) - _MOST_TOLD} more below"] if len(rows) > _MOST_TOLD else []
    return "; ".join([*told, *more, *([f"{equal} the same"] if equal else [])])


def by_chance(seen: int) -> str:
    """How far several comparisons may be trusted.

    Examples
    --------
    >>> by_chance(1)
    'This is the first comparison of this experiment.'
    >>> by_chance(14)[:82]
    'This experiment has seen 14 comparisons: if no run were better than another, one o'
    """
    if seen == 1:
        return "This is the first comparison of this experiment."
    chance = 1.0 - 0.95**seen
    return (
        f"This experiment has seen {seen} comparisons: if no run were better than another, one or "
        f"more would still look real with a chance of up to {chance:.0%}."
    )


def markdown_section(done: RunComparison) -> str:
    """A section of a run's description."""
    heads, keys = _headings(done)
    differs = [keys, *done.differences.to_numpy().tolist()]
    return "\n\n".join(
        [
            f"`{done.after}` against `{done.before}`: {_facts(done.table)}. "
            f"Skill above 0: `{done.after[:SHORT]}` is better.",
            markdown_table([heads, *_rows(done.table)]),
            "What differs between them:" if len(done.differences) else "Their settings are equal.",
            markdown_table(differs) if len(done.differences) else "",
            by_chance(done.seen),
        ]
    ).replace("\n\n\n\n", "\n\n")


def html_page(done: RunComparison) -> str:
    """A page that MLflow shows among the artifacts of a run."""
    rows = [_cells(row, tag="td", verdict=True) for row in _rows(done.table)]
    keys = [_cells(row, tag="td") for row in done.differences.to_numpy().tolist()]
    heads = [_cells(one, tag="th") for one in _headings(done)]
    changed = (
        f"<h3>What differs between them</h3><table>{heads[1]}{''.join(keys)}</table>"
        if keys
        else "<p>Their settings are equal.</p>"
    )
    return (
        f"<meta charset='utf-8'>{_STYLE}<h3>{html.escape(done.after)}<br>against "
        f"{html.escape(done.before)}</h3><p>On the same labels, units and days: "
        f"{_facts(done.table)}. Skill above 0: {done.after[:SHORT]} is better. Brackets hold 95% "
        "intervals over blocks of whole dates; a difference is real where both ends are on one "
        f"side of 0.</p><table>{heads[0]}{''.join(rows)}</table>{changed}"
        f"<p>{html.escape(by_chance(done.seen))}</p>"
    )


def _headings(done: RunComparison) -> tuple[list[str], list[str]]:
    """Of the scores and of the differences: the runs by the start of their IDs."""
    old, new = done.before[:SHORT], done.after[:SHORT]
    scores = ["label", "model", f"Brier {old}", f"Brier {new}", f"skill of {new} [95%]", "verdict"]
    return scores, ["key", old, new]


def _facts(table: pd.DataFrame) -> str:
    first = table.drop_duplicates("label")
    return "; ".join(
        f"{row['label']}: {row['rows']:,} forecasts on {row['dates']:,} dates, "
        f"{row['positives']:,} positive"
        for row in first.to_dict("records")
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


def markdown_table(lines: list[list[Any]]) -> str:
    """Lines of cells as a table, the names of the columns first."""
    lines = [lines[0], ["---"] * len(lines[0]), *lines[1:]]
    return "\n".join(
        "| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines
    )


def _cells(row: Any, *, tag: str, verdict: bool = False) -> str:
    cells = [f"<{tag}>{html.escape(str(cell))}</{tag}>" for cell in row]
    if verdict:
        last = html.escape(str(row[-1]))
        cells[-1] = f"<{tag} class='verdict {last}'>{last}</{tag}>"
    return f"<tr>{''.join(cells)}</tr>"
