"""The command that reports how late reports come and how tolls change after the first one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from escalation.cli.common import (
    ExperimentFile,
    Figure,
    Json,
    check_outputs,
    print_json,
    read_archive,
    read_experiment,
    show,
)
from escalation.cli.reading import READING, Reading, reads_events
from escalation.errors import printable

if TYPE_CHECKING:
    from rich.table import Table

    from escalation.events.revisions import RevisionGroup, Revisions, TollChange

TYPES_SHOWN: Final = 12
USER_DATA_EXPERIMENT: Final = "own_data.toml"
CAUTIONS: Final = {
    "overwritten": "The source keeps only the day of the last change: first reports came sooner "
    "than shown, and earlier tolls are lost unless several of its files were ingested.",
    "assumed": "The day of each report was not observed but assumed: the event's last day plus a "
    "fixed lag. Lateness below is that assumption, so no lag is suggested.",
    "event_date": "These events have no day of report (known_date): each counts as known on the "
    "day it happened, so lateness can't be measured and no lag is suggested.",
}
"""Cautions for events whose ``known_date`` was not observed."""


@reads_events
def revisions_command(
    experiment: ExperimentFile = None,
    reading: Reading = READING,
    figure: Figure = None,
    as_json: Json = False,
) -> None:
    """Show how late reports come, and how much tolls change after the first report."""
    check_outputs(figure=figure)
    from escalation._util.outputs import write_figure
    from escalation.events.revisions import summarise_revisions

    chosen = read_experiment(_experiment(experiment, reading.events), reading=reading)
    data = chosen.data
    # Lateness is to be measured, so the experiment's lag is not assumed.
    without_lag = chosen.reading(lag=0) if reading.lag is None else chosen
    summary = summarise_revisions(
        read_archive(without_lag, reading), first_day=data.first_day, last_day=data.last_day
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
    """Avoid limiting the user's events to the days of the bundled experiment."""
    from escalation._util.resources import bundled

    return bundled(USER_DATA_EXPERIMENT) if path is None and events is not None else path


def _print(summary: Revisions, lag: int | None) -> None:
    show(
        f"{summary.total.events:,} events from {summary.first_day} to {summary.last_day}; reports "
        f"up to {summary.covered_to}; known dates: {summary.known_basis}."
    )
    if summary.known_basis in CAUTIONS:
        show(CAUTIONS[summary.known_basis])
    if summary.total.lateness is not None:
        show(_lateness_table(summary))
    if summary.total.revised:
        show(_toll_table(summary))
    show(*_remarks(summary, lag))


def _remarks(summary: Revisions, lag: int | None) -> list[str]:
    from escalation.events.revisions import LAG_RULE

    left_out = len(summary.of("event_type")) - TYPES_SHOWN
    tables = summary.total.lateness or summary.total.revised
    lines = []
    if tables and left_out > 0:
        lines.append(f"{left_out} more event types: --json lists them.")
    if not summary.total.revised:
        lines.append(
            "No event has a second version, so these data can't show whether tolls change after "
            "the first report."
        )
    if summary.suggested_lag is not None:
        lines.append(f"Suggested: [data] lag = {summary.suggested_lag}, {LAG_RULE}.")
    if lag is not None:
        lines.append(f"The experiment sets: [data] lag = {lag}.")
    return lines


def _table(title: str, caption: str, *columns: str) -> Table:
    from escalation.cli.console import left_table, right

    return left_table(title, "", *map(right, ("events", *columns)), caption=caption)


def _name(group: RevisionGroup) -> str:
    if group.kind == "all":
        return "all events"
    return printable(f"source {group.name}" if group.kind == "source" else group.name)


def _share(share: float) -> str:
    """A share in percent; 0% and 100% are exact.

    Examples
    --------
    >>> _share(0.0), _share(0.001), _share(0.5), _share(0.999), _share(1.0)
    ('0%', '<1%', '50%', '>99%', '100%')
    """
    if 0.0 < share < 0.01:
        return "<1%"
    return ">99%" if 0.99 < share < 1.0 else f"{share:.0%}"


def _lateness_table(summary: Revisions) -> Table:
    from escalation.events.revisions import WITHIN_DAYS

    table = _table(
        "How late is the first report of an event?",
        "Share of events reported within so many days of the event; median and longest delay in "
        "days.",
        "same\nday",
        *(f"within\n{day} d" for day in WITHIN_DAYS[1:]),
        "median",
        "longest",
    )
    for group in summary.shown_groups(TYPES_SHOWN):
        if (lateness := group.lateness) is not None:
            table.add_row(
                _name(group),
                f"{group.events:,}",
                *map(_share, lateness.within),
                f"{lateness.median:g}",
                f"{lateness.slowest:,}",
            )
    return table


def _toll_table(summary: Revisions) -> Table:
    changes = ("changed", "median", "largest")
    table = _table(
        "How do events change after the first report?",
        "Share of events with a later version; with a different number in the last report than in "
        "the first, or one that only a later report has; and retracted. Median size and largest "
        "change in people.",
        "later\nversion",
        *(f"killed\n{change}" for change in changes),
        *(f"wounded\n{change}" for change in changes),
        "retracted",
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
