"""What the command line prints: tables for people, progress on a terminal only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table
from rich.text import Text

from escalation._util.text import percent, toll
from escalation.errors import printable, printable_line

if TYPE_CHECKING:
    from escalation._util.progress import Progress as Reporter
    from escalation.events.reading.report import FileReport
    from escalation.events.store.listing import FileRecord
    from escalation.scoring.explain import Driver
    from escalation.scoring.score import Score
    from escalation.tracking.two_runs import RunComparison

WIDTH_IN_PIPE = 120
RIGHT = ("probability", "came true", "change", "how many")
"""Columns of numbers in the watch list."""


class _PlainConsole(Console):
    """Text is shown as it is: what it holds is no markup, no emoji and no order to a terminal."""

    def render_str(self, text: str, **options: Any) -> Text:
        """Every text on its way to a terminal or a pipe, cells and titles of tables included."""
        plain = "\n".join(map(printable_line, text.split("\n")))
        return super().render_str(plain, **{**options, "markup": False, "emoji": False})


def console(*, stderr: bool = False) -> Console:
    """A console; as wide as its terminal, or fixed in a pipe."""
    made = _PlainConsole(stderr=stderr, highlight=False)
    return (
        made
        if made.is_terminal
        else _PlainConsole(stderr=stderr, highlight=False, width=WIDTH_IN_PIPE)
    )


@contextmanager
def progress_bar(doing: str = "backtest") -> Iterator[Reporter]:
    """A progress bar on standard error; nothing in a pipe."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns, console=(out := console(stderr=True)), transient=True, disable=not out.is_terminal
    ) as bar:
        tasks: dict[str, Any] = {}

        def report(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(f"{doing} {printable(what)}", total=total)
            bar.update(tasks[what], completed=done, total=total)

        yield report


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
    table = Table(
        title=f"{done.after} against {done.before}",
        title_justify="left",
        title_style="bold",
        caption_justify="left",
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
    differs = Table(title="What differs between them", title_justify="left", title_style="bold")
    for name in ("key", old, new):
        differs.add_column(name, overflow="fold")
    for cells in done.differences.to_numpy().tolist():
        differs.add_row(*cells)
    return [table, differs]


def model_table(summary: pd.DataFrame, *, title: str) -> Table:
    """How each model did, best Brier score first, with 95% intervals."""
    from escalation.metrics import added

    first = summary.iloc[0]
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        caption_justify="left",
        caption=f"{first['rows']} forecasts on {first['dates']} dates, {first['positives']} "
        "positive. Brier: lower is better. Skill: share of the reference's Brier score "
        "removed; above 0 is better. [95% intervals over blocks of dates]",
    )
    for name in ("model", "Brier", "skill vs ewma_nb", "skill vs climatology"):
        table.add_column(name, justify="left" if name == "model" else "right", no_wrap=True)
    more = added()
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
        Of :func:`escalation.backtest.ablation.ablated`.
    title : str
        The label.
    """
    table = Table(
        title=f"{title}: {ablation['model'].iloc[0]} without each feature family",
        title_justify="left",
        title_style="bold",
        caption_justify="left",
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


def _points(change: float) -> str:
    """A change in whole points of percent, with its sign.

    Examples
    --------
    >>> _points(-0.012), _points(-0.001), _points(0.2)
    ('-1', '0', '+20')
    """
    points = round(100.0 * change)
    return f"{points:+d}" if points else "0"


def watch_list_table(scores: Sequence[Score]) -> Table:
    """The watch list: what is up against its own usual level first, each part by probability."""
    from escalation.scoring.usual import against_usual, how_many, up_first

    first = scores[0]
    table = Table(
        title=f"Watch list of {first.day}: {first.target}, model "
        f"{first.provenance['model']} ({first.provenance['family']})",
        title_justify="left",
        title_style="bold",
        caption_justify="left",
        caption=_legend(scores),
    )
    for name in ("unit", "probability", "came true", "against its usual", "change", "how many"):
        justify: Literal["left", "right"] = "right" if name in RIGHT else "left"
        table.add_column(name, justify=justify, no_wrap=True)
    table.add_column("events that carry it")
    for part in up_first(scores):
        for score in part:
            name = printable(score.unit)
            table.add_row(
                Text(f"! {name}", style="bold") if score.alert else name,
                percent(score.probability),
                _came_true(score),
                against_usual(score),
                "-" if score.change is None else _points(score.change),
                how_many(score) or "-",
                _reasons(score),
            )
        table.add_section()
    return table


def other_labels_table(lists: Sequence[Sequence[Score]]) -> Table:
    """A line a unit for what else was asked: a column for each label."""
    names = [scores[0].target for scores in lists]
    table = Table(
        title="Other labels",
        title_justify="left",
        title_style="bold",
        caption="In brackets: how often it happened when the model said so.",
        caption_justify="left",
    )
    for name in ("unit", *names):
        table.add_column(name, justify="left" if name == "unit" else "right", no_wrap=True)
    by_unit = [{score.unit_key: score for score in scores} for scores in lists]
    units = {key: score.unit for scores in by_unit for key, score in scores.items()}
    for key, unit in units.items():
        cells = (_chance(scores[key]) if key in scores else "-" for scores in by_unit)
        table.add_row(printable(unit), *cells)
    return table


def _chance(score: Score) -> str:
    """A probability and what came true when it was said."""
    if score.probability is None:
        return "-"
    return f"{percent(score.probability)} ({_came_true(score)})"


def _came_true(score: Score) -> str:
    from escalation.scoring.usual import span

    if score.lower is None or score.upper is None:
        return "-"
    return span(score.lower, score.upper)


def _reasons(score: Score) -> str:
    from escalation.scoring.status import in_words, of_the_unit

    if score.probability is None:
        return in_words(score.status)
    events = "; ".join(_driver(driver) for driver in score.drivers)
    status = in_words(of_the_unit(score.status))
    return "; ".join(filter(None, [status, events or "none stands out"]))


def _driver(driver: Driver) -> str:
    what = f"{driver.date} {driver.event_type.replace('_', ' ')}"
    words = filter(
        None,
        [
            printable(what),
            driver.place and printable(driver.place),
            toll(driver.killed, driver.wounded),
        ],
    )
    return f"{', '.join(words)} ({driver.contribution:+.2f})"


def _legend(scores: Sequence[Score]) -> str:
    from escalation.scoring.usual import LEAST_UP, UP, record_in_words

    text = (
        f"{record_in_words(scores)} First what is at {LEAST_UP:.0%} or more and {UP:g} times its "
        "usual level, its whole interval above it. Usual: how often it happened there. How many: "
        "expected, and the range of 80%. Events with what each adds in log-odds."
    ).lstrip()
    if any(score.alert for score in scores):
        text = f"! raises an alert. {text}"
    if supposed := scores[0].provenance.get("supposed"):
        events = "; ".join(map(printable, supposed))
        change = "Change: in points of percent against the same day without it."
        return f"Supposed, and nothing of it stored: {events}. {change} {text}"
    days = sorted({score.changed_since for score in scores if score.changed_since})
    return f"{text} Change: in points of percent since {', '.join(days)}." if days else text


@contextmanager
def row_counter() -> Iterator[Callable[[int], None]]:
    """Rows read so far on standard error; nothing in a pipe."""
    columns = (TextColumn("{task.completed:,.0f} rows"), TimeElapsedColumn())
    with Progress(
        *columns, console=(out := console(stderr=True)), transient=True, disable=not out.is_terminal
    ) as bar:
        task = bar.add_task("rows", total=None)
        yield lambda rows: bar.update(task, completed=rows)


@contextmanager
def byte_counter() -> Iterator[Callable[[str, int, int], None]]:
    """Bytes of the file that is being fetched, on standard error; nothing in a pipe."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    with Progress(
        *columns, console=(out := console(stderr=True)), transient=True, disable=not out.is_terminal
    ) as bar:
        task = bar.add_task("", total=None)
        yield lambda name, done, total: bar.update(
            task, description=printable(name), completed=done, total=total or None
        )


def archive_table(files: Sequence[FileRecord], summary: Mapping[str, object]) -> Table:
    """The files that an archive took in."""
    table = Table(
        caption=f"{summary['versions']:,} versions, covered to {summary['covered_to']}, "
        f"known dates {summary['known_basis']}; digest {summary['digest']}",
        caption_justify="left",
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
    table = Table(caption="accepted + quarantined + duplicates = records", caption_justify="left")
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
    table = Table(title="First rows that were refused", title_justify="left", title_style="bold")
    for name in ("file", "line", "code", "column", "value", "expected"):
        table.add_column(name, justify="right" if name == "line" else "left", overflow="fold")
    for report in reports:
        for row in report.first:
            cells = (Path(report.file).name, str(row.line), row.code, row.column)
            table.add_row(*map(printable, (*cells, row.value, row.expected)))
    return table
