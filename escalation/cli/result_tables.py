"""Tables of model results and of files, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from rich.table import Column, Table

from escalation.cli.console import left_table, right
from escalation.errors import printable

if TYPE_CHECKING:
    from escalation.events.reading.report import FileReport
    from escalation.events.store.listing import FileRecord
    from escalation.tracking.two_runs import RunComparison

_folded = partial(Column, overflow="fold")
_INTERVALS = "[95% intervals over blocks of dates]"
_COUNTS = ("records", "accepted", "quarantined", "duplicates")


def _number(value: object, digits: int = 3) -> str:
    return "-" if pd.isna(value) else f"{value:.{digits}f}"


def _with_interval(row: pd.Series, name: str, *, percent: bool = False) -> str:
    if pd.isna(row[name]):
        return "-"
    scale, digits, sign = (100, 1, "%") if percent else (1, 4, "")
    number = f"{row[name] * scale:z.{digits}f}{sign}"
    low, high = row[f"{name}_lower"], row[f"{name}_upper"]
    if pd.isna(low) or pd.isna(high):
        return number
    return f"{number} [{low * scale:.{digits}f}, {high * scale:.{digits}f}]"


def comparison_tables(comparison: RunComparison) -> list[Table]:
    """The scores of two runs, and the differences between them."""
    old, new = comparison.before[:8], comparison.after[:8]
    table = left_table(
        f"{comparison.after} against {comparison.before}",
        "label",
        "model",
        *map(right, ("rows", "positive", f"Brier {old}", f"Brier {new}", f"skill of {new}")),
        "verdict",
        caption=f"On the same labels, units and days. Skill above 0: {new} is better. {_INTERVALS}",
    )
    for _, row in comparison.table.iterrows():
        table.add_row(
            row["label"],
            row["model"],
            str(row["rows"]),
            str(row["positives"]),
            _number(row["brier_before"], 4),
            _number(row["brier_after"], 4),
            _with_interval(row, "skill", percent=True),
            row["verdict"],
        )
    if comparison.differences.empty:
        return [table]
    differences = left_table("Differences between them", *map(_folded, ("key", old, new)))
    for cells in comparison.differences.to_numpy().tolist():
        differences.add_row(*cells)
    return [table, differences]


def model_table(summary: pd.DataFrame, *, title: str) -> Table:
    """The scores of each model with 95% intervals, best Brier score first."""
    from escalation.metrics import custom_metrics

    first, custom = summary.iloc[0], custom_metrics()
    scores = ("Brier", "skill vs ewma_nb", "skill vs climatology")
    table = left_table(
        title,
        Column("model", no_wrap=True),
        *(right(name, no_wrap=True) for name in scores),
        *map(right, ("AUC", *custom)),
        "verdict",
        caption=f"{first['rows']} forecasts on {first['dates']} dates, {first['positives']} "
        "positive. Brier: lower is better. Skill: share of the reference's Brier score "
        f"saved; above 0 is better. {_INTERVALS}",
    )
    for _, row in summary.sort_values("brier").iterrows():
        table.add_row(
            row["model"],
            _with_interval(row, "brier"),
            _with_interval(row, "skill_vs_ewma_nb", percent=True),
            _with_interval(row, "skill_vs_climatology", percent=True),
            _number(row["auc"], 2),
            *(_number(row[name]) for name in custom),
            str(row["verdict"]),
        )
    return table


def ablation_table(ablation: pd.DataFrame, *, title: str) -> Table:
    """The value of each feature family with 95% intervals, most valuable first."""
    table = left_table(
        f"{title}: {ablation['model'].iloc[0]} without each feature family",
        "without",
        *map(right, ("columns", "Brier", "increase")),
        caption=f"Brier: lower is better. Increase: above 0 the family helps. {_INTERVALS}",
    )
    for _, row in ablation.iterrows():
        table.add_row(
            row["without"],
            str(row["columns"]),
            _number(row["brier_without"]),
            _with_interval(row, "increase", percent=True),
        )
    return table


def archive_table(files: Sequence[FileRecord], summary: Mapping[str, object]) -> Table:
    """The files of an archive."""
    table = left_table(
        None,
        *map(_folded, ("file", "source", "SHA-256")),
        *map(right, _COUNTS),
        *(Column(name, no_wrap=True) for name in ("days", "known_date")),
        caption=f"{summary['versions']:,} versions, covered to {summary['covered_to']}, "
        f"known dates {summary['known_basis']}; digest {summary['digest']}",
    )
    for file in files:
        counts = (file.rows, file.accepted, file.quarantined, file.duplicates)
        table.add_row(
            printable(file.name),
            file.source,
            file.sha256[:12],
            *(f"{count:,}" for count in counts),
            f"{file.first_day} to {file.last_day}" if file.first_day else "-",
            file.known_basis,
        )
    return table


def intake_table(reports: Sequence[FileReport]) -> Table:
    """Rows of files that were accepted, quarantined, and repeated."""
    table = left_table(
        None,
        _folded("file"),
        *map(right, _COUNTS),
        "reasons",
        "known_date",
        caption="accepted + quarantined + duplicates = records",
    )
    for report in reports:
        counts = (report.records, report.accepted, report.quarantined, report.duplicates)
        reasons = ", ".join(f"{count} {code}" for code, count in report.reasons.items())
        table.add_row(
            printable(report.file),
            *(f"{count:,}" for count in counts),
            reasons or "-",
            f"{report.known_basis} ({report.zone})" if report.zone else report.known_basis,
        )
    return table


def refused_table(reports: Sequence[FileReport]) -> Table:
    """The first rows that were refused, and why."""
    table = left_table(
        "First rows that were refused",
        _folded("file"),
        _folded("line", justify="right"),
        *map(_folded, ("code", "column", "value", "expected")),
    )
    for report in reports:
        for row in report.first:
            cells = (Path(report.file).name, str(row.line), row.code, row.column)
            table.add_row(*map(printable, (*cells, row.value, row.expected)))
    return table
