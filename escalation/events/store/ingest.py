"""Files checked, and files taken into an archive: each whole, or not at all."""

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
from escalation.events.store.hashing import Hashes, content_hashes, event_hashes, version_hashes
from escalation.events.store.intake import ROWS_PER_SHARE, conformed
from escalation.events.store.listing import FileRecord
from escalation.events.store.missing import Mentioned
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
    """Check every row of some files and keep none.

    Parameters
    ----------
    source : Source
    paths : sequence of Path
    options : Options, optional
    limits : Limits, optional
    quarantine : Path, optional
        CSV file for the rows that did not pass.
    on_rows : callable, optional
        Told how many rows of the file were read.

    Raises
    ------
    InputError
        For the first file that can't be read; one with too many unfit rows is reported.

    Examples
    --------
    >>> from escalation.events import SOURCES
    >>> from escalation._util.resources import bundled
    >>> (report,) = validate_files(SOURCES["iraq_crisis"], [bundled("iraq_crisis_events.csv")])
    >>> report.records, report.accepted, report.quarantined, report.duplicates
    (355, 355, 0, 0)
    """
    held = Quarantine(quarantine)
    try:
        return [
            _checked(
                FileCheck(path, source, options or Options(), limits or Limits(), held), on_rows
            )
            for path in paths
        ]
    finally:
        held.save()


def _checked(check: FileCheck, on_rows: OnRows) -> FileReport:
    """The report of a file; repeats and contradictions are found by hash."""
    lines: list[NDArray[np.uint32]] = []
    versions: list[Hashes] = []
    contents: list[Hashes] = []
    repeated = RepeatedIds()
    for table, at in check.tables(on_rows):
        for batch in conformed(table).combine_chunks().to_batches():
            events = event_hashes(batch)
            if has_ids(check.layout):
                repeated.add(batch, events)
            versions.append(version_hashes(events, known_days(batch)))
            contents.append(content_hashes(batch))
        lines.append(at.astype(np.uint32))
    repeats = 0
    shares = -(-check.records // ROWS_PER_SHARE)
    for share in range(shares):
        rows = [np.flatnonzero(block % np.uint64(shares) == share) for block in versions]
        count, conflicts = _repeats(_picked(versions, rows), _picked(contents, rows))
        repeats += count
        if len(conflicts):
            line = int(_picked(lines, rows)[conflicts].min())
            raise InputError(
                "E-CONFLICT",
                "an earlier row has a different version of the same event, known on the same day",
                where=f"{check.path}:{line}",
                column=schema.EVENT_ID,
                fix=CONFLICT_ADVICE,
            )
    check.remark(repeated.remark(check.layout, check.basis))
    return check.report(duplicates=repeats)


def _picked(blocks: list[NDArray], rows: list[NDArray[np.intp]]) -> NDArray:
    if not blocks:
        return np.empty(0, np.uint64)
    return np.concatenate([block[at] for block, at in zip(blocks, rows, strict=True)])


def _repeats(versions: Hashes, contents: Hashes) -> tuple[int, NDArray[np.intp]]:
    """How many rows repeat an earlier one, and rows that contradict an earlier one."""
    order = np.argsort(versions, kind="stable")
    ordered = versions[order]
    same = ordered[1:] == ordered[:-1]
    later, earlier = order[1:][same], order[:-1][same]
    return int(same.sum()), later[contents[later] != contents[earlier]]


def ingest_files(
    source: Source,
    paths: Sequence[Path],
    store: ArchiveStore,
    *,
    options: Options | None = None,
    limits: Limits | None = None,
    quarantine: Path | None = None,
    retract_missing: bool = False,
    certain: bool = False,
    on_rows: OnRows = lambda rows: None,
) -> list[FileReport]:
    """Take files into an archive, one after the other, each whole or not at all.

    Parameters
    ----------
    source : Source
    paths : sequence of Path
    store : ArchiveStore
    options : Options, optional
    limits : Limits, optional
    quarantine : Path, optional
        CSV file for rows that did not pass; by default one per file, in a folder beside the
        archive.
    retract_missing : bool, optional
        Retract the events of the same source that a file lacks although it has events of their
        country before and after them. They are listed in any case.
    certain : bool, optional
        Retract them even where they are more than a tenth of what the file could speak of.
    on_rows : callable, optional
        Told how many rows of the file were read.

    Raises
    ------
    InputError
        For the first file that can't be taken; those before it are in the archive.
    GateError
        ``E-RETRACT`` where more than a tenth would be retracted.
    """
    reports = []
    shared = Quarantine(quarantine) if quarantine else None
    for path in paths:
        held = shared or Quarantine(_beside(store.folder, path))
        check = FileCheck(path, source, options or Options(), limits or Limits(), held)
        try:
            reports.append(_taken(check, store, retract_missing, certain, on_rows))
        finally:
            held.save()
    return reports


def _beside(folder: Path, path: Path) -> Path:
    return folder.with_name(f"{folder.name}.quarantine") / f"{path.name}.csv"


def _taken(
    check: FileCheck, store: ArchiveStore, retract: bool, certain: bool, on_rows: OnRows
) -> FileReport:
    mentioned = Mentioned(store)
    digest = file_digest(check.path)

    repeated = RepeatedIds()

    def tables() -> Iterator[pa.Table]:
        for table, _ in check.tables(on_rows, mentioned.mention):
            mentioned.add(table)
            if has_ids(check.layout):
                for batch in table.combine_chunks().to_batches():
                    repeated.add(batch, event_hashes(batch))
            yield table
        check.raise_if_over_limit()
        check.remark(repeated.remark(check.layout, check.basis))
        if retract:
            missing = mentioned.missing()
            if not certain:
                missing.refuse_if_many(str(check.path))
            if len(missing.events):
                yield mentioned.retractions(missing.events)

    def record() -> FileRecord:
        return FileRecord(
            check.path.name,
            digest,
            check.source.name,
            check.basis,
            licence=check.source.licence,
            quarantined=check.quarantined,
        )

    listed = store.append(tables(), file=record)
    lacking = [] if retract else mentioned.missing().events[schema.EVENT_ID].to_pylist()
    report = check.report(duplicates=listed.duplicates)
    return replace(
        report,
        added=listed.added,
        updated=listed.updated,
        retracted=listed.retracted,
        missing=tuple(sorted(lacking)[:_MISSING_SHOWN]),
        missing_count=len(lacking),
    )


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes as they lie on disk."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
