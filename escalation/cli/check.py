"""The command that looks for leaks."""

from __future__ import annotations

from typing import Annotated

import typer

from escalation.cli.common import (
    Json,
    NeededExperiment,
    Plugin,
    print_json,
    read_archive,
    read_experiment,
    show,
)
from escalation.cli.reading import READING, Reading, reads_events


@reads_events
def audit_command(
    experiment: NeededExperiment,
    reading: Reading = READING,
    plugin: Plugin = None,
    seeds: Annotated[int, typer.Option(min=1, help="How often to shuffle the outcomes.")] = 3,
    cuts: Annotated[int, typer.Option(min=1, help="How many days to test as the present.")] = 6,
    as_json: Json = False,
) -> None:
    """Look for leaks: does anything use what was not yet known?"""
    from escalation.audit import audit
    from escalation.cli.console import left_table, progress_bar, right

    chosen = read_experiment(experiment, plugin, reading)
    archive = read_archive(chosen, reading)
    with progress_bar("audit") as progress:
        report = audit(archive, chosen, seeds=seeds, cuts=cuts, progress=progress)
    if as_json:
        print_json(report.as_dict())
    else:
        columns = ("check", right("comparisons"), right("leaks"), "note")
        table = left_table(f"Leak audit of {report.experiment}", *columns)
        for check in report.checks:
            table.add_row(check.check, str(check.compared), str(len(check.findings)), check.note)
        show(table)
        for finding in report.findings:
            show(f"{finding.check}: {finding.says}", soft_wrap=True)
    report.require_clean()
