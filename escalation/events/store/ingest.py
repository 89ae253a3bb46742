"""Validate files, and ingest them into an archive: each completely, or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from escalation import schema
from escalation.errors import InputError
from escalation.events.reading.identity import RepeatedIds, has_ids
from escalation.events.reading.quarantine import Quarantine
from escalation.events.reading.report import FileReport, Limits
from escalation.events.reading.validate import FileCheck
from escalation.events.source import Options, Source
from escalation.events.store.folder import ArchiveStore
from escalation.events.store.hashing import (
    Hashes,
    content_hashes,
    event_hashes,
    repeated_rows,
    version_hashes,
)
from escalation.events.store.intake import ROWS_PER_SHARE, conform
from escalation.events.store.listing import FileRecord
from escalation.events.store.missing import MentionedEvents
from escalation.events.store.parts import known_days
from escalation.events.versions import CONFLICT_ADVICE

OnRows = Callable[[int], None]
_MISSING_SHOWN = 20


def validate_files(
    source: Source,
    paths: Sequence[Path],
    *,
    options: Options | None = None,
    limits: Limits | None = None,
    quarantine: Path | None = None,
    on_rows: OnRows = lambda rows: None,
) -> list[FileReport]:
    """Check every row of some files without storing any.

    Parameters
    ----------
    source : Source
    paths : sequence of Path
    options : Options, optional
    limits : Limits, optional
    quarantine : Path, optional
        CSV file for the rejected rows.
    on_rows : callable, optional
        Called with the number of rows of the file read so far.

    Raises
    ------
    InputError
        For the first file that can't be read; a file with too many rejected rows is reported.

    Examples
    --------
    >>> from escalation.events import SOURCES
    >>> from escalation._util.resources import bundled
    >>> (report,) = validate_files(SOURCES["iraq_crisis"], [bundled("iraq_crisis_events.csv")])
    >>> report.records, report.accepted, report.quarantined, report.duplicates
    (355, 355, 0, 0)
    """
    options, limits = options or Options(), limits or Limits()
    rejected = Quarantine(quarantine)
    try:
        return [
            _validate(FileCheck(path, source, options, limits, rejected), on_rows) for path in paths
        ]
    finally:
        rejected.save()


def _validate(check: FileCheck, on_rows: OnRows) -> FileReport:
    """The report of a file; repeats and conflicts are found by hash, a share of them at a time."""
    lines: list[NDArray[np.uint32]] = []
    versions: list[Hashes] = []
    contents: list[Hashes] = []
    repeated_ids = RepeatedIds()
    for table, line_numbers in check.tables(on_rows):
        for batch in conform(table).combine_chunks().to_batches():
            events = event_hashes(batch)
            if has_ids(check.layout):
                repeated_ids.add(batch, events)
            versions.append(version_hashes(events, known_days(batch)))
            contents.append(content_hashes(batch))
        lines.append(line_numbers.astype(np.uint32))
    duplicates = 0
    shares = -(-check.records // ROWS_PER_SHARE)
    for share in range(shares):
        rows = [np.flatnonzero(block % np.uint64(shares) == share) for block in versions]
        later, conflicting = repeated_rows(_picked(versions, rows), _picked(contents, rows))
        duplicates += len(later)
        if len(conflicting):
            line = int(_picked(lines, rows)[conflicting].min())
            raise InputError(
                "E-CONFLICT",
                "an earlier row has a different version of the same event, known on the same day",
                where=f"{check.path}:{line}",
                column=schema.EVENT_ID,
                fix=CONFLICT_ADVICE,
            )
    check.add_remark(repeated_ids.remark(check.layout, check.basis))
    return check.report(duplicates=duplicates)


def _picked(blocks: list[NDArray], rows: list[NDArray[np.intp]]) -> NDArray:
    if not blocks:
        return np.empty(0, np.uint64)
    return np.concatenate([block[at] for block, at in zip(blocks, rows, strict=True)])


def ingest_files(
    source: Source,
    paths: Sequence[Path],
    store: ArchiveStore,
    *,
    options: Options | None = None,
    limits: Limits | None = None,
    quarantine: Path | None = None,
    retract_missing: bool = False,
    force: bool = False,
    on_rows: OnRows = lambda rows: None,
) -> list[FileReport]:
    """Add files to an archive, one after another, each completely or not at all.

    Parameters
    ----------
    source : Source
    paths : sequence of Path
    store : ArchiveStore
    options : Options, optional
    limits : Limits, optional
    quarantine : Path, optional
        CSV file for rejected rows; by default one per file, in a folder next to the archive.
    retract_missing : bool, optional
        Retract events of the same source that a file lacks although it has events of their
        country before and after them. They are reported in any case.
    force : bool, optional
        Retract them even if they are more than a tenth of the events that the file should have.
    on_rows : callable, optional
        Called with the number of rows of the file read so far.

    Raises
    ------
    InputError
        For the first file that is refused; those before it are in the archive.
    GateError
        ``E-RETRACT`` if more than a tenth would be retracted.
    """
    options, limits = options or Options(), limits or Limits()
    shared = Quarantine(quarantine) if quarantine else None
    default = store.folder.with_name(f"{store.folder.name}.quarantine")
    reports = []
    for path in paths:
        rejected = shared or Quarantine(default / f"{path.name}.csv")
        check = FileCheck(path, source, options, limits, rejected)
        try:
            reports.append(_ingest(check, store, retract_missing, force, on_rows))
        finally:
            rejected.save()
    return reports


def _ingest(
    check: FileCheck, store: ArchiveStore, retract: bool, force: bool, on_rows: OnRows
) -> FileReport:
    mentioned = MentionedEvents(store)
    digest = file_digest(check.path)
    repeated_ids = RepeatedIds()

    def tables() -> Iterator[pa.Table]:
        for table, _ in check.tables(on_rows, mentioned.mention):
            mentioned.add(table)
            if has_ids(check.layout):
                for batch in table.combine_chunks().to_batches():
                    repeated_ids.add(batch, event_hashes(batch))
            yield table
        check.raise_if_over_limit()
        check.add_remark(repeated_ids.remark(check.layout, check.basis))
        if retract:
            yield from mentioned.retractions(str(check.path), force=force)

    def describe() -> FileRecord:
        return FileRecord(
            check.path.name,
            digest,
            check.source.name,
            check.basis,
            licence=check.source.licence,
            quarantined=check.quarantined,
        )

    record = store.append(tables(), file=describe)
    missing = [] if retract else mentioned.missing()[0][schema.EVENT_ID].to_pylist()
    return replace(
        check.report(duplicates=record.duplicates),
        added=record.added,
        updated=record.updated,
        retracted=record.retracted,
        missing=tuple(sorted(missing)[:_MISSING_SHOWN]),
        missing_count=len(missing),
    )


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes on disk."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
