"""The listing of an archive on disk: which files it was built from, and which parts hold them.

The listing decides. It is written last, to a temporary file, and renamed into place; a part that it
does not name is a leftover of an interrupted command.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from escalation import schema
from escalation.errors import StorageError
from escalation.events.archive import weakest_basis

_LISTING = "archive.jsonl"
_FORMAT = {"format": "escalation archive", "version": 2}
_LEFTOVER = re.compile(r"part-[0-9]{6}\.parquet(\.part)?|archive\.jsonl\.part")


@dataclass(frozen=True)
class FileRecord:
    """A file that was added to an archive.

    Parameters
    ----------
    name : str
        File name without folders.
    sha256 : str
        Of its bytes on disk.
    source : str
        Format that it was read as.
    known_basis : str
        How its ``known_date`` was obtained.
    licence : str
    quarantined : int
        Rows that were rejected.
    covered_to : datetime.date, optional
        Last day that the file covers; by default the last day on which something became known.
    rows, accepted, duplicates : int
        Rows of the file, new versions among them, and repeats of versions that the archive or the
        file had. The accepted, duplicate and quarantined rows add up to the rows.
    added, updated, retracted : int
        The accepted versions by effect: new events, later versions of events, retractions.
    first_day, last_day : datetime.date, optional
        Earliest and latest day of an event.
    ingested : str
        Time in UTC; not part of the archive's digest.
    part : str
        File in the archive that holds the accepted versions; empty if there are none.
    sums : tuple of int
        Sums of the accepted versions' hashes, modulo 2^64.
    """

    name: str
    sha256: str
    source: str
    known_basis: schema.KnownBasis
    licence: str = ""
    quarantined: int = 0
    covered_to: dt.date | None = None
    rows: int = 0
    accepted: int = 0
    duplicates: int = 0
    added: int = 0
    updated: int = 0
    retracted: int = 0
    first_day: dt.date | None = None
    last_day: dt.date | None = None
    ingested: str = ""
    part: str = ""
    sums: tuple[int, int] = (0, 0)

    def as_dict(self) -> dict[str, object]:
        """The record for JSON, with days as ISO text."""
        cells = asdict(self)
        days = {name: str(cells[name]) for name in _DAYS if cells[name] is not None}
        return {**cells, **days, "sums": [f"{total:016x}" for total in self.sums]}


_DAYS = ("covered_to", "first_day", "last_day")


def _record(line: str) -> FileRecord:
    cells = json.loads(line)
    days = {name: dt.date.fromisoformat(cells[name]) for name in _DAYS if cells[name] is not None}
    first, second = cells["sums"]
    return FileRecord(**{**cells, **days, "sums": (int(first, 16), int(second, 16))})


@dataclass(frozen=True)
class Listing:
    """The files of an archive, in the order in which they were added."""

    files: tuple[FileRecord, ...] = ()

    @property
    def parts(self) -> tuple[str, ...]:
        """File names of the parts."""
        return tuple(file.part for file in self.files if file.part)

    @property
    def next_part(self) -> str:
        """An unused file name for a part."""
        return f"part-{max((int(part[5:11]) for part in self.parts), default=0) + 1:06d}.parquet"

    @property
    def versions(self) -> int:
        """Number of versions of events."""
        return sum(file.accepted for file in self.files)

    @property
    def covered_to(self) -> dt.date | None:
        """The last day that any file covers."""
        return max((file.covered_to for file in self.files if file.covered_to), default=None)

    @property
    def known_basis(self) -> schema.KnownBasis:
        """The weakest basis of ``known_date`` among files that added versions."""
        new = [file for file in self.files if file.accepted]
        return weakest_basis(file.known_basis for file in new or self.files)

    @property
    def digest(self) -> str:
        """SHA-256 of all versions in any order, and of the last day covered."""
        sums = [sum(file.sums[k] for file in self.files) % 2**64 for k in (0, 1)]
        text = f"{self.versions} {sums[0]:016x}{sums[1]:016x} {self.covered_to}"
        return sha256(text.encode()).hexdigest()

    def has(self, file: FileRecord) -> bool:
        """Whether the same bytes were added before, as the same format, covering as much."""
        return any(
            (earlier.sha256, earlier.source) == (file.sha256, file.source)
            and (earlier.covered_to or dt.date.min) >= (file.covered_to or dt.date.min)
            for earlier in self.files
        )

    def write(self, folder: Path) -> None:
        """Replace the listing of a folder."""
        records = [_FORMAT, *(file.as_dict() for file in self.files)]
        lines = "".join(f"{json.dumps(record)}\n" for record in records)
        with placing(folder / _LISTING) as part:
            part.write_text(lines, encoding="utf-8")

    def clear_leftovers(self, folder: Path) -> None:
        """Remove files of interrupted commands: parts that the listing does not name."""
        parts = set(self.parts)
        for path in folder.iterdir():
            if _LEFTOVER.fullmatch(path.name) and path.name not in parts:
                path.unlink()


def read_listing(folder: Path) -> Listing:
    """The listing of a folder; empty if the folder has none.

    Raises
    ------
    StorageError
        ``E-ARCHIVE`` if it can't be parsed, or names a part that is missing.
    """
    path = folder / _LISTING
    if not path.exists():
        return Listing()
    first, *lines = path.read_text(encoding="utf-8").splitlines() or [""]
    try:
        if json.loads(first) != _FORMAT:
            raise ValueError(f"its first line is not {json.dumps(_FORMAT)}")
        listing = Listing(tuple(_record(line) for line in lines))
    except (ValueError, KeyError, TypeError) as error:
        raise StorageError(
            "E-ARCHIVE",
            f"could not parse the listing of the archive: {error}",
            where=str(path),
            fix="restore it from a copy, or ingest the files into a new folder",
        ) from error
    missing = [part for part in listing.parts if not (folder / part).is_file()]
    if missing:
        raise StorageError(
            "E-ARCHIVE",
            f"{len(missing)} of the parts that the listing names are missing",
            where=str(folder / missing[0]),
            fix="restore the folder from a copy",
        )
    return listing


@contextmanager
def placing(path: Path) -> Iterator[Path]:
    """A temporary path next to ``path``, flushed to disk and renamed to it after the block.

    Nothing is renamed if nothing was written. Use it only while holding the lock: the temporary
    name is fixed so that leftovers are recognised.
    """
    part = path.with_name(path.name + ".part")
    try:
        yield part
        if part.exists():
            _flush(part)
            os.replace(part, path)
            _flush(path.parent)
    finally:
        part.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
