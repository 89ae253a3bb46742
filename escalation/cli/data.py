"""Commands that check files of events and store them in an archive."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from escalation.cli.common import Json, print_json, show
from escalation.cli.reading import INTAKE_READING, IntakeReading, reads
from escalation.errors import printable

if TYPE_CHECKING:
    from escalation.events.reading.report import FileReport

Files = Annotated[
    list[Path], typer.Argument(help="CSV, also as .gz or .zip; Parquet, xlsx or JSON.")
]
FormatName = Annotated[str, typer.Option(help="Format of the files, such as tidy or acled.")]
Strict = Annotated[
    bool, typer.Option("--strict", help="Refuse unknown columns, and event types without a rung.")
]
QuarantineFile = Annotated[
    Path | None, typer.Option(help="Where to write the rows that were refused.")
]


@reads(IntakeReading)
def validate_command(
    files: Files,
    source: FormatName,
    strict: Strict = False,
    reading: IntakeReading = INTAKE_READING,
    quarantine: QuarantineFile = None,
    as_json: Json = False,
) -> None:
    """Check every row of some files; nothing is stored."""
    from escalation._util.files import require_room
    from escalation.cli import console
    from escalation.events import Limits, source_named
    from escalation.events.store.ingest import validate_files

    require_room(quarantine)
    with console.row_counter() as on_rows:
        reports = validate_files(
            source_named(source),
            files,
            options=reading.options,
            limits=Limits(max_bad=reading.max_bad, strict=strict),
            quarantine=quarantine,
            on_rows=on_rows,
        )
    _print(reports, as_json)
    for report in reports:
        if report.refusal is not None:
            raise report.refusal


@reads(IntakeReading)
def ingest_command(
    files: Files,
    source: FormatName,
    archive: Annotated[Path, typer.Option(help="Folder of the archive; created if need be.")],
    strict: Strict = False,
    reading: IntakeReading = INTAKE_READING,
    retract_missing: Annotated[
        bool,
        typer.Option(
            "--retract-missing",
            help="Retract events that a file lacks although it covers their countries and days.",
        ),
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Retract even more than a tenth of them.")
    ] = False,
    quarantine: QuarantineFile = None,
    as_json: Json = False,
) -> None:
    """Add files to an archive; each is added completely or not at all."""
    from escalation._util.files import require_room
    from escalation.cli import console
    from escalation.events import Limits, source_named
    from escalation.events.store.folder import ArchiveStore
    from escalation.events.store.ingest import ingest_files

    for path in (quarantine, archive / "archive.jsonl"):
        require_room(path)
    with console.row_counter() as on_rows:
        reports = ingest_files(
            source_named(source),
            files,
            ArchiveStore(archive),
            options=reading.options,
            limits=Limits(max_bad=reading.max_bad, strict=strict),
            quarantine=quarantine,
            retract_missing=retract_missing,
            force=yes,
            on_rows=on_rows,
        )
    _print(reports, as_json)
    if retract_missing and not as_json:
        for report in reports:
            print(f"{printable(report.file)}: {report.retracted} events were retracted")


def _print(reports: list[FileReport], as_json: bool) -> None:
    from escalation.cli import result_tables

    for report in reports:
        if report.unknown:
            names = ", ".join(map(printable, report.unknown))
            show(f"warning: {printable(report.file)}: columns left out: {names}", stderr=True)
    if as_json:
        print_json(
            [
                {
                    **asdict(replace(report, refusal=None)),
                    "refusal": report.refusal and str(report.refusal),
                }
                for report in reports
            ]
        )
        return
    show(result_tables.intake_table(reports))
    if any(report.first for report in reports):
        show(result_tables.refused_table(reports))
    for report in reports:
        show(*(f"{report.file}: {remark}" for remark in _remarks(report)))


def _remarks(report: FileReport) -> list[str]:
    """Remarks of the reader, and the events that the file lacks."""
    from escalation.events.reading.report import unrated_types_message

    remarks = [*report.remarks, *(f"{count} {text}" for text, count in report.notes.items())]
    if report.unrated:
        remarks.append(unrated_types_message(report.unrated))
    if report.missing_count:
        examples = ", ".join(report.missing[:5])
        remarks.append(
            f"lacks {report.missing_count} events that the archive has in its countries and days "
            f"({examples}); nothing was removed; to retract them, add --retract-missing"
        )
    return remarks
