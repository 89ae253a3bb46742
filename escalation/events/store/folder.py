"""The archive on disk: append-only, atomic, and able to answer as of any day.

A folder holds one Parquet part per file that added versions, and a listing of the valid parts.
Repeats are found by hash, across files too, without reading text again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds

from escalation import schema
from escalation._util.files import LOCK_SECONDS, locked, make_folder
from escalation._util.owners import ARCHIVE, note_begun, note_ended
from escalation.errors import InputError, StorageError
from escalation.events.archive import EventArchive, covered_day
from escalation.events.store.intake import ROWS_PER_SHARE, Index, Intake, take_in
from escalation.events.store.listing import FileRecord, Listing, placing, read_listing
from escalation.events.store.parts import (
    EVENT_HASH,
    HASH_COLUMNS,
    VERSION_SCHEMA,
    alive_rows,
    open_parts,
    rewrite,
    to_frame,
)
from escalation.events.versions import sort_versions

_LOCK = "archive"


class ArchiveStore:
    """Every version of every event on disk, each with the day on which it became known.

    One command writes at a time; reading needs no lock, since a part never changes.

    Parameters
    ----------
    folder : Path
        Created by the first :meth:`append`.
    wait : float
        Seconds to wait for another command that is writing.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from escalation.events.source import EVENT_SCHEMA
    >>> day = dt.date(2020, 3, 11)
    >>> row = {"event_id": "camp-taji", "event_type": "rocket_attack", "source": "example",
    ...     "event_date": day, "known_date": day, "severity": 5, "killed": 3}
    >>> events = pa.Table.from_pylist([row], EVENT_SCHEMA)
    >>> with TemporaryDirectory() as folder:
    ...     store = ArchiveStore(Path(folder))
    ...     file = FileRecord("example.csv", "0" * 64, "example", "observed")
    ...     first, again = store.append([events], file=file), store.append([events], file=file)
    ...     len(store.as_of("2020-03-11")), first.added, again.duplicates
    (1, 1, 1)
    """

    def __init__(self, folder: Path, *, wait: float = LOCK_SECONDS) -> None:
        self.folder, self.wait = Path(folder), wait
        self._cached_index: tuple[tuple[str, ...], Index] | None = None

    def append(
        self, tables: Iterable[pa.Table], *, file: FileRecord | Callable[[], FileRecord]
    ) -> FileRecord:
        """Add the versions of one file, or none of them.

        Adding the same file again changes nothing. A version is what a source reported about an
        event on a day: repeated, it is a duplicate; known on another day, it is a further version.

        Parameters
        ----------
        tables : iterable of pyarrow.Table
            Of ``EVENT_SCHEMA``, with ``operation`` unless every row is an ``add``. An exception
            from the iterable leaves the archive unchanged.
        file : FileRecord or callable
            Description of the file; a callable is called after the last table.

        Returns
        -------
        FileRecord
            With the counts of rows that were added, updated, retracted and already present.

        Raises
        ------
        InputError
            ``E-CONFLICT`` for two different versions of an event known on the same day.
        BusyError
            ``E-BUSY`` if another command writes for too long.
        StorageError
            ``E-STORAGE`` without space or permission, ``E-ARCHIVE`` if the folder is damaged.
        """
        with self._writing() as listing:
            index = self._index(listing)
            with placing(self.folder / listing.next_part) as part:
                intake = take_in(tables, index, part)
                record = _with_counts(file() if callable(file) else file, intake)
                if not record.accepted:
                    part.unlink()
                else:
                    record = replace(record, part=listing.next_part)
                    if len(intake.repeats):
                        rewrite(part, intake.repeats)
            if record.accepted or not listing.has(record):
                listing = Listing((*listing.files, record))
                listing.write(self.folder)
            self._cached_index = self._extended_index(listing, record, index)
        return record

    def files(self) -> list[FileRecord]:
        """The files that were added, in that order."""
        return list(self._listing().files)

    def summary(self) -> dict[str, object]:
        """The archive's digest, coverage and files, for JSON.

        Raises
        ------
        InputError
            ``E-EMPTY`` if no file was added.
        """
        listing = self._listing()
        if not listing.files:
            raise self._empty()
        return {
            "digest": listing.digest,
            "versions": listing.versions,
            "covered_to": str(listing.covered_to),
            "known_basis": listing.known_basis,
            "files": [file.as_dict() for file in listing.files],
        }

    @property
    def digest(self) -> str:
        """SHA-256 of all versions in any order, and of the last day covered."""
        return self._listing().digest

    def archive(self, *, columns: Collection[str] | None = None) -> EventArchive:
        """Every version, in memory.

        Parameters
        ----------
        columns : collection of str, optional
            Columns that will be needed; all by default. With a few, a large archive takes a
            fraction of the memory.
        """
        listing = self._filled()
        always = {schema.EVENT_ID, schema.SOURCE, schema.OPERATION, *schema.DATE_COLUMNS}
        selected = VERSION_SCHEMA.names if columns is None else always.union(columns)
        names = [name for name in VERSION_SCHEMA.names if name in selected]
        with _reading(self.folder):
            versions = to_frame(self._open(listing.parts).to_table(columns=names))
        # Repeats and conflicts were refused by append.
        return EventArchive(sort_versions(versions), _covered(listing), listing.known_basis)

    def as_of(self, day: object) -> pd.DataFrame:
        """The events as they were known at the end of a day, like ``EventArchive.as_of``.

        Reads only what was known by then.

        Raises
        ------
        InputError
            ``E-COVERAGE`` beyond the last day covered, ``E-EMPTY`` if the archive has no event.
        """
        frame = to_frame(self.snapshot(day))
        order = [schema.EVENT_DATE, schema.SOURCE, schema.EVENT_ID]
        return frame.sort_values(order, ignore_index=True)

    def snapshot(
        self,
        day: object = None,
        *,
        source: str | None = None,
        columns: Sequence[str] = schema.EVENT_COLUMNS,
    ) -> pa.Table:
        """Like :meth:`as_of`, as an unsorted Arrow table.

        Parameters
        ----------
        day : date-like, optional
            The last day covered by default.
        source : str, optional
            Only events of this source.
        columns : sequence of str, optional
        """
        listing = self._filled()
        covered = _covered(listing)
        when = covered_day(covered if day is None else day, covered)
        selected = ds.field(schema.KNOWN_DATE) <= when.astype(object)
        if source is not None:
            selected &= ds.field(schema.SOURCE) == source
        keys = [EVENT_HASH, schema.KNOWN_DATE, schema.OPERATION]
        with _reading(self.folder):
            parts = self._open(listing.parts)
            alive = alive_rows(parts.to_table(columns=keys, filter=selected))
            batches, start = [], 0
            for batch in parts.to_batches(columns=list(columns), filter=selected):
                keep = alive[start : start + batch.num_rows]
                batches.append(batch.filter(pa.array(keep)))
                start += batch.num_rows
        return pa.Table.from_batches(
            batches, pa.schema([VERSION_SCHEMA.field(name) for name in columns])
        )

    def clear(self) -> None:
        """Remove leftovers of a killed command from the folder."""
        with self._writing():
            pass

    @contextmanager
    def _writing(self) -> Iterator[Listing]:
        """Hold the lock; yield the listing; remove leftovers before, and after an error."""
        place = str(self.folder.absolute())
        try:
            make_folder(self.folder)
            note_begun(ARCHIVE, place)
            with locked(self.folder / _LOCK, seconds=self.wait):
                listing = read_listing(self.folder)
                listing.clear_leftovers(self.folder)
                try:
                    yield listing
                except BaseException:
                    with suppress(OSError, StorageError):
                        read_listing(self.folder).clear_leftovers(self.folder)
                    raise
        except OSError as error:
            raise StorageError(
                "E-STORAGE",
                f"could not write the archive: {error.strerror or error}",
                where=str(self.folder),
                fix="free some space, or ask for permission, and run it again",
            ) from error
        finally:
            note_ended(ARCHIVE, place)

    def _listing(self) -> Listing:
        with _reading(self.folder):
            return read_listing(self.folder)

    def _filled(self) -> Listing:
        listing = self._listing()
        if not listing.versions:
            raise self._empty()
        return listing

    def _empty(self) -> InputError:
        return InputError(
            "E-EMPTY",
            "the archive has no events",
            where=str(self.folder),
            fix="ingest a file with `escalation ingest`",
        )

    def _open(self, parts: Iterable[str]) -> ds.Dataset:
        return open_parts([self.folder / part for part in parts])

    def _index(self, listing: Listing) -> Index:
        """Hashes of the parts; cached until another command adds a part."""
        if self._cached_index is None or self._cached_index[0] != listing.parts:
            self._cached_index = (listing.parts, self._read_index(listing.parts))
        return self._cached_index[1]

    def _read_index(self, parts: Iterable[str]) -> Index:
        return Index.of(self._open(parts).to_table(columns=HASH_COLUMNS[:3]))

    def _extended_index(
        self, listing: Listing, record: FileRecord, index: Index
    ) -> tuple[tuple[str, ...], Index] | None:
        """The index with a new file; None after a large file, which is seldom followed by more."""
        if record.accepted > ROWS_PER_SHARE:
            return None
        if record.accepted:
            index = index.plus(self._read_index([record.part]))
        return listing.parts, index


@contextmanager
def _reading(folder: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, pa.ArrowInvalid) as error:
        raise StorageError(
            "E-ARCHIVE",
            f"could not read the archive: {error}",
            where=str(folder),
            fix="restore the folder from a copy",
        ) from error


def _covered(listing: Listing) -> np.datetime64:
    return np.datetime64(listing.covered_to, "D")


def _with_counts(file: FileRecord, intake: Intake) -> FileRecord:
    first, last, known = (
        None if day is None else dt.date(1970, 1, 1) + dt.timedelta(days=day)
        for day in intake.days or (None, None, None)
    )
    return replace(
        file,
        covered_to=file.covered_to or known,
        rows=intake.rows + file.quarantined,
        accepted=intake.accepted,
        duplicates=intake.rows - intake.accepted,
        added=intake.added,
        updated=intake.accepted - intake.added - intake.retracted,
        retracted=intake.retracted,
        first_day=first,
        last_day=last,
        ingested=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        sums=intake.sums,
    )
