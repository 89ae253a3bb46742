"""What models did, and what became of files, as tables for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from rich.table import Table

from escalation.cli.console import left_table
from escalation.errors import printable

if TYPE_CHECKING:
    from escalation.events.reading.report import FileReport
    from escalation.events.store.listing import FileRecord
    from escalation.tracking.two_runs import RunComparison


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


def comparison_tables(done: RunComparison) -> list[Table]:
    """How one run does against another, and what differs between them."""
    old, new = done.before[:8], done.after[:8]
    table = left_table(
        f"{done.after} against {done.before}",
        caption=f"On the same labels, units and days. Skill above 0: {new} is better. "
        "[95% intervals over blocks of dates]",
    )
    words, numbers = ("label", "model"), ("rows", "positive", f"Brier {old}", f"Brier {new}")
    for name in (*words, *numbers, f"skill of {new}", "verdict"):
        table.add_column(name, justify="left" if name in {*words, "verdict"} else "right")
    for _, row in done.table.iterrows():
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
    if done.differences.empty:
        return [table]
    differs = left_table("What differs between them")
    for name in ("key", old, new):
        differs.add_column(name, overflow="fold")
    for cells in done.differences.to_numpy().tolist():
        differs.add_row(*cells)
    return [table, differs]


def model_table(summary: pd.DataFrame, *, title: str) -> Table:
    """How each model did, best Brier score first, with 95% intervals."""
    from escalation.metrics import custom_metrics

    first = summary.iloc[0]
    table = left_table(
        title,
        caption=f"{first['rows']} forecasts on {first['dates']} dates, {first['positives']} "
        "positive. Brier: lower is better. Skill: share of the reference's Brier score "
        "removed; above 0 is better. [95% intervals over blocks of dates]",
    )
    for name in ("model", "Brier", "skill vs ewma_nb", "skill vs climatology"):
        table.add_column(name, justify="left" if name == "model" else "right", no_wrap=True)
    more = custom_metrics()
    for name in ("AUC", *more):
        table.add_column(name, justify="right")
    table.add_column("verdict")
    for _, row in summary.sort_values("brier").iterrows():
        table.add_row(
            row["model"],
            _with_interval(row, "brier"),
            _with_interval(row, "skill_vs_ewma_nb", percent=True),
            _with_interval(row, "skill_vs_climatology", percent=True),
            _number(row["auc"], 2),
            *(_number(row[name]) for name in more),
            str(row["verdict"]),
        )
    return table


def ablation_table(ablation: pd.DataFrame, *, title: str) -> Table:
    """What each feature family is worth, the dearest first, with 95% intervals.

    Parameters
    ----------
    ablation : DataFrame
        Of :func:`escalation.backtest.ablation.family_ablation`.
    title : str
        The label.
    """
    table = left_table(
        f"{title}: {ablation['model'].iloc[0]} without each feature family",
        caption="Brier: lower is better. Increase: above 0 the family helps. "
        "[95% intervals over blocks of dates]",
    )
    for name in ("without", "columns", "Brier", "increase"):
        table.add_column(name, justify="left" if name == "without" else "right")
    for _, row in ablation.iterrows():
        table.add_row(
            row["without"],
            str(row["columns"]),
            _number(row["brier_without"]),
            _with_interval(row, "increase", percent=True),
        )
    return table


def archive_table(files: Sequence[FileRecord], summary: Mapping[str, object]) -> Table:
    """The files that an archive took in."""
    table = left_table(
        None,
        caption=f"{summary['versions']:,} versions, covered to {summary['covered_to']}, "
        f"known dates {summary['known_basis']}; digest {summary['digest']}",
    )
    for name in ("file", "source", "SHA-256"):
        table.add_column(name, overflow="fold")
    for name in ("records", "accepted", "quarantined", "duplicates"):
        table.add_column(name, justify="right")
    for name in ("days", "known_date"):
        table.add_column(name, no_wrap=True)
    for file in files:
        counts = (file.rows, file.accepted, file.quarantined, file.duplicates)
        days = f"{file.first_day} to {file.last_day}" if file.first_day else "-"
        table.add_row(
            printable(file.name),
            file.source,
            file.sha256[:12],
            *(f"{count:,}" for count in counts),
            days,
            file.known_basis,
        )
    return table


def intake_table(reports: Sequence[FileReport]) -> Table:
    """What became of the rows of some files."""
    table = left_table(None, caption="accepted + quarantined + duplicates = records")
    table.add_column("file", overflow="fold")
    for name in ("records", "accepted", "quarantined", "duplicates"):
        table.add_column(name, justify="right")
    for name in ("reasons", "known_date"):
        table.add_column(name)
    for report in reports:
        reasons = ", ".join(f"{count} {code}" for code, count in report.reasons.items())
        known = f"{report.known_basis} ({report.zone})" if report.zone else report.known_basis
        counts = (report.records, report.accepted, report.quarantined, report.duplicates)
        table.add_row(
            printable(report.file), *(f"{count:,}" for count in counts), reasons or "-", known
        )
    return table


def refused_table(reports: Sequence[FileReport]) -> Table:
    """The first rows that were refused, and why."""
    table = left_table("First rows that were refused")
    for name in ("file", "line", "code", "column", "value", "expected"):
        table.add_column(name, justify="right" if name == "line" else "left", overflow="fold")
    for report in reports:
        for row in report.first:
            cells = (Path(report.file).name, str(row.line), row.code, row.column)
            table.add_row(*map(printable, (*cells, row.value, row.expected)))
    return table
