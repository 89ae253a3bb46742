"""The command that looks for leaks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from escalation.cli.common import (
    Json,
    NeededExperiment,
    Plugin,
    print_json,
    read_archive,
    read_experiment,
)
from escalation.cli.reading import READING, Reading, reads_events

if TYPE_CHECKING:
    from rich.table import Table

    from escalation.audit import AuditReport


@reads_events
def audit_command(
    experiment: NeededExperiment,
    reading: Reading = READING,
    plugin: Plugin = None,
    seeds: Annotated[int, typer.Option(min=1, help="Shuffles of the outcomes.")] = 3,
    cuts: Annotated[int, typer.Option(min=1, help="Days to look from.")] = 6,
    as_json: Json = False,
) -> None:
    """Look for leaks: does anything use what was not known yet?"""
    from escalation.audit import audit as look
    from escalation.cli import console

    chosen = read_experiment(experiment, plugin, reading)
    archive = read_archive(chosen, reading)
    with console.progress_bar("audit") as progress:
        report = look(archive, chosen, seeds=seeds, cuts=cuts, progress=progress)
    if as_json:
        print_json(report.as_dict())
    else:
        console.console().print(_table(report))
        for finding in report.findings:
            console.console().print(f"{finding.check}: {finding.says}", soft_wrap=True)
    report.require_clean()


def _table(report: AuditReport) -> Table:
    from escalation.cli import console

    table = console.left_table(f"Leak audit of {report.experiment}")
    for name in ("check", "made", "leaks", "note"):
        table.add_column(name, justify="right" if name in ("made", "leaks") else "left")
    for check in report.checks:
        table.add_row(check.check, str(check.compared), str(len(check.findings)), check.note)
    return table
