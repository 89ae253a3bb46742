"""Read a whole file of events into memory, with a report on its rows."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from escalation.errors import EscalationError, InputError
from escalation.events.archive import EventArchive
from escalation.events.reading.identity import suspicious_ids
from escalation.events.reading.quarantine import Quarantine
from escalation.events.reading.report import FileReport, Limits, unrated_types_message
from escalation.events.reading.validate import FileCheck
from escalation.events.source import EVENT_SCHEMA, Options, Source
from escalation.events.store.parts import to_frame

_ROWS_SHOWN = 3
_OPTION = re.compile("--([a-z]+(?:-[a-z]+)?)(?: (?=WORD))?")
_COLUMNS = re.compile("--columns (?:'[^']*'|[^ ,]+)(?: --columns (?:'[^']*'|[^ ,]+))*")


class LoadedFile(NamedTuple):
    """The events of a file.

    Parameters
    ----------
    archive : EventArchive
    report : FileReport
        Counts of its rows.
    options : Options
        As given, with the order of day and month if it was detected.
    """

    archive: EventArchive
    report: FileReport
    options: Options


def load_file(path: Path, source: Source, options: Options, limits: Limits) -> LoadedFile:
    """Read the events of a file.

    Parameters
    ----------
    path : Path
    source : Source
    options : Options
    limits : Limits

    Raises
    ------
    InputError
        If the file, or too many of its rows, can't be read.
    """
    check = FileCheck(path, source, options, limits, Quarantine(None))
    tables = [table for table, _ in check.tables()]
    check.raise_if_over_limit()
    if not tables:
        raise InputError(
            "E-EMPTY",
            "none of the rows can be read",
            where=str(path),
            fix="`escalation validate` gives the reason for each row",
        )
    rows = to_frame(pa.concat_tables([EVENT_SCHEMA.empty_table(), *tables]))
    archive = EventArchive.of(rows, known_basis=check.basis)
    check.add_remark(suspicious_ids(archive, check.layout))
    report = check.report(duplicates=len(rows) - len(archive.versions))
    return LoadedFile(archive, report, check.options)


def report_warnings(report: FileReport) -> Iterator[str]:
    """Yield what a user has to know about a file: assumptions made and rows left out."""
    yield from (f"{report.file}: {remark}" for remark in report.remarks)
    if report.unrated:
        yield f"{report.file}: {unrated_types_message(report.unrated)}"
    if report.quarantined:
        rows = "; ".join(
            f"line {row.line} {row.code} {row.column}={row.value!r}"
            for row in report.first[:_ROWS_SHOWN]
        )
        yield (
            f"{report.quarantined} of {report.records} rows of {report.file} were left out: {rows};"
            " `escalation validate` lists them"
        )


@contextmanager
def python_advice() -> Iterator[None]:
    """Name Python arguments instead of command-line options in the fix of an error."""
    try:
        yield
    except EscalationError as error:
        error.fix = _COLUMNS.sub(_as_mapping, error.fix)
        error.fix = _OPTION.sub(lambda option: f"{option[1].replace('-', '_')}=", error.fix)
        if "quarantine" in error.fix:
            error.fix = "fix the rows (`escalation validate` lists them), or raise max_bad="
        raise


def _as_mapping(options: re.Match[str]) -> str:
    """Return the argument ``columns=`` for some options ``--columns``."""
    pairs = (text.rpartition("=") for text in shlex.split(options[0])[1::2])
    return f"columns={ {name: column for name, _, column in pairs} }"
