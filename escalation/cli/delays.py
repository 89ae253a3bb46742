"""The command that tells how late reports come and how tolls change after the first one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from escalation.cli.common import (
    ExperimentFile,
    Json,
    print_json,
    read_archive,
    read_experiment,
)
from escalation.cli.reading import READING, Reading, reads_events
from escalation.errors import printable

if TYPE_CHECKING:
    from rich.table import Table

    from escalation.events.revisions import RevisionGroup, Revisions, TollChange

TYPES_SHOWN: Final = 12
OWN_EVENTS: Final = "own_data.toml"
Figure = Annotated[Path | None, typer.Option(help="Also draw it: .png or .svg.")]
CAUTIONS: Final = {
    "overwritten": "The source keeps only the day of the last change: first reports came sooner "
    "than shown, and earlier tolls are lost unless several of its files went into the archive.",
    "assumed": "When reports came was not observed but assumed, as the event's last day plus a "
    "fixed lag. Lateness below is that assumption, so no lag is suggested.",
    "event_date": "These events carry no day of report (known_date): each counts as known on the "
    "day it happened, so lateness can't be measured and no lag is suggested.",
}
"""What to know where ``known_date`` was not observed."""


@reads_events
def revisions_command(
    experiment: ExperimentFile = None,
    reading: Reading = READING,
    figure: Figure = None,
    as_json: Json = False,
) -> None:
    """Tell how late reports come, and how much tolls change after the first report."""
    from escalation._util.files import require_room
    from escalation._util.outputs import FIGURE_FORMATS, require_ending, write_figure
    from escalation.events.revisions import summarise_revisions

    require_ending(figure, *FIGURE_FORMATS)
    require_room(figure)
    chosen = read_experiment(_experiment(experiment, reading.events), reading=reading)
    data = chosen.data
    # What is to be measured is not assumed.
    measured = chosen.reading(lag=0) if reading.lag is None else chosen
    summary = summarise_revisions(
        read_archive(measured, reading), first_day=data.first_day, last_day=data.last_day
    )
    if figure is not None:
        from escalation.plots.lateness import lateness_figure

        write_figure(lateness_figure(summary), figure)
    lag = data.lag if "lag" in data.model_fields_set else None
    if as_json:
        print_json({**summary.as_dict(), "experiment_lag": lag})
    else:
        _print(summary, lag)


def _experiment(path: Path | None, events: Path | None) -> Path | None:
    """Events of the user's own are not cut to the days of the bundled experiment."""
    from escalation._util.resources import bundled

    return bundled(OWN_EVENTS) if path is None and events is not None else path


def _print(summary: Revisions, lag: int | None) -> None:
    from escalation.cli import console

    out = console.console()
    out.print(
        f"{summary.total.events:,} events from {summary.first_day} to {summary.last_day}; reports "
        f"up to {summary.covered_to}; known dates: {summary.known_basis}."
    )
    if summary.known_basis in CAUTIONS:
        out.print(CAUTIONS[summary.known_basis])
    if summary.total.lateness is not None:
        out.print(_late_table(summary))
    if summary.total.revised:
        out.print(_toll_table(summary))
    for line in _remarks(summary, lag):
        out.print(line)


def _remarks(summary: Revisions, lag: int | None) -> list[str]:
    """What to make of the tables."""
    from escalation.events.revisions import LAG_RULE

    left_out = len(summary.of("event_type")) - TYPES_SHOWN
    tables = summary.total.lateness or summary.total.revised
    lines = []
    if tables and left_out > 0:
        lines.append(f"{left_out} further event types: --json lists them.")
    if not summary.total.revised:
        lines.append(
            "No event has a second version, so these data can't tell whether tolls change after "
            "the first report."
        )
    if summary.suggested_lag is not None:
        lines.append(f"Suggested: [data] lag = {summary.suggested_lag}, {LAG_RULE}.")
    if lag is not None:
        lines.append(f"The experiment sets: [data] lag = {lag}.")
    return lines


def _table(title: str, caption: str, *columns: str) -> Table:
    from escalation.cli import console

    table = console.left_table(title, caption=caption)
    for column in ("", "events", *columns):
        table.add_column(column, justify="right" if column else "left")
    return table


def _name(group: RevisionGroup) -> str:
    if group.kind == "all":
        return "all events"
    return printable(f"source {group.name}" if group.kind == "source" else group.name)


def _share(part: float) -> str:
    """A share that says 0% and 100% only of none and of all.

    Examples
    --------
    >>> _share(0.0), _share(0.001), _share(0.5), _share(0.999), _share(1.0)
    ('0%', '<1%', '50%', '>99%', '100%')
    """
    if 0.0 < part < 0.01:
        return "<1%"
    return ">99%" if 0.99 < part < 1.0 else f"{part:.0%}"


def _late_table(summary: Revisions) -> Table:
    from escalation.events.revisions import WITHIN_DAYS

    days = ("same\nday", *(f"within\n{day} d" for day in WITHIN_DAYS[1:]))
    table = _table(
        "How late is the first report of an event?",
        "Share of events reported within so many days after the event; median and slowest in days.",
        *days,
        "median",
        "slowest",
    )
    for group in summary.shown_groups(TYPES_SHOWN):
        if (late := group.lateness) is not None:
            table.add_row(
                _name(group),
                f"{group.events:,}",
                *map(_share, late.within),
                f"{late.median:g}",
                f"{late.slowest:,}",
            )
    return table


def _toll_table(summary: Revisions) -> Table:
    changes = ("changed", "median", "largest")
    table = _table(
        "How does it change after the first report?",
        "Share of events with a later version; with another number in the last report than in the "
        "first, or one told only later; and taken back. Median size and largest change in people.",
        "later\nversion",
        *(f"killed\n{change}" for change in changes),
        *(f"wounded\n{change}" for change in changes),
        "taken\nback",
    )
    for group in summary.shown_groups(TYPES_SHOWN):
        table.add_row(
            _name(group),
            f"{group.events:,}",
            _share(group.revised),
            *_change(group.killed),
            *_change(group.wounded),
            _share(group.retracted),
        )
    return table


def _change(toll: TollChange) -> tuple[str, str, str]:
    """Share of events that changed, median size and largest change."""
    if toll.median is None or toll.largest is None:
        return _share(toll.changed), "-", "-"
    return _share(toll.changed), f"{toll.median:g}", f"{toll.largest:+,}"
