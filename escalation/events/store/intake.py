"""Tables on their way into an archive on disk: told apart by hash, written as they come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from escalation import schema
from escalation.errors import InputError
from escalation.events.store.hashing import (
    RETRACT,
    Hashes,
    content_hashes,
    event_hashes,
    fold_words,
    version_hashes,
)
from escalation.events.store.parts import (
    CONTENT_HASH,
    EVENT_HASH,
    ROWS_PER_GROUP,
    VERSION_SCHEMA,
    event_id_at,
    keys_of,
    known_days,
    with_weights,
    writer,
)
from escalation.events.versions import OPERATIONS, conflict_error

ROWS_PER_SHARE = 500_000
_REQUIRED = (schema.EVENT_ID, schema.SOURCE, schema.EVENT_TYPE, *schema.DATE_COLUMNS)


@dataclass(frozen=True)
class Index:
    """What an archive holds already, by hash.

    Parameters
    ----------
    versions : ndarray of uint64, shape (version,)
        One per event and day, sorted.
    contents : ndarray of uint64, shape (version,)
        Hash of the content of each.
    events : ndarray of uint64, shape (event,)
        Sorted.
    """

    versions: Hashes
    contents: Hashes
    events: Hashes

    @classmethod
    def of(cls, events: Hashes, contents: Hashes, known: NDArray[np.int32]) -> Index:
        """Sort the hashes of versions.

        Parameters
        ----------
        events, contents : ndarray of uint64, shape (version,)
        known : ndarray of int32, shape (version,)
            Days since 1970.
        """
        versions = version_hashes(events, known)
        order = np.argsort(versions)
        return cls(versions[order], contents[order], unique(events))

    def plus(self, other: Index) -> Index:
        """Both together; they have no version in common."""
        versions = np.concatenate([self.versions, other.versions])
        order = np.argsort(versions, kind="stable")  # merges two sorted runs in one pass
        contents = np.concatenate([self.contents, other.contents])[order]
        return Index(versions[order], contents, np.union1d(self.events, other.events))

    def find(self, versions: Hashes) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
        """Whether each version is held, and where."""
        return member(self.versions, versions)


def unique(hashes: Hashes) -> Hashes:
    """Sorted, each once."""
    ordered = np.sort(hashes)
    first = np.ones(len(ordered), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    return ordered if first.all() else ordered[first]


def member(held: Hashes, wanted: Hashes) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
    """Whether each hash is among sorted ones, and where it is or would be.

    Parameters
    ----------
    held : ndarray of uint64
        Sorted.
    wanted : ndarray of uint64
    """
    if not len(held):
        return np.zeros(len(wanted), bool), np.zeros(len(wanted), np.intp)
    at = np.minimum(np.searchsorted(held, wanted), len(held) - 1)
    return held[at] == wanted, at


def conformed(table: pa.Table) -> pa.Table:
    """A table of canonical events as the archive keeps it.

    Raises
    ------
    InputError
        ``E-COLUMNS``, ``E-VALUE``, ``E-OPERATION`` or ``E-KNOWN``: a reader let something through.
    """
    table = _with_defaults(table)
    missing = [name for name in VERSION_SCHEMA.names if name not in table.column_names]
    if missing:
        raise InputError("E-COLUMNS", f"canonical columns are missing: {', '.join(missing)}")
    table = with_weights(table.select(VERSION_SCHEMA.names).cast(VERSION_SCHEMA))
    for name in _REQUIRED:
        if table.column(name).null_count:
            raise InputError("E-VALUE", "needs a value in every row", column=name)
    _refuse(
        table,
        pc.invert(pc.is_in(table.column(schema.OPERATION), pa.array(OPERATIONS))),
        "E-OPERATION",
        f"invalid value: must be one of {', '.join(OPERATIONS)}",
    )
    _refuse(table, pc.less(table[schema.WEIGHT], 1), "E-VALUE", "needs a weight of 1 or more")
    _refuse(
        table,
        pc.less(table.column(schema.KNOWN_DATE), table.column(schema.EVENT_DATE)),
        "E-KNOWN",
        "known_date is before event_date",
    )
    return table


def _with_defaults(table: pa.Table) -> pa.Table:
    """The table with what may be left out: every row is an ``add`` of one event."""
    rows = table.num_rows
    for name in schema.OPTIONAL_COLUMNS:
        if name not in table.column_names:
            table = table.append_column(name, pa.nulls(rows, VERSION_SCHEMA.field(name).type))
    if schema.OPERATION not in table.column_names:
        table = table.append_column(schema.OPERATION, pa.repeat("add", rows))
    return table


def _refuse(table: pa.Table, wrong: pa.ChunkedArray, code: str, message: str) -> None:
    at = pc.index(wrong, True).as_py()
    if at >= 0:
        value = table.column(schema.EVENT_ID)[at].as_py()
        raise InputError(code, message, column=schema.EVENT_ID, value=value)


def gathered(tables: Iterable[pa.Table]) -> Iterator[pa.RecordBatch]:
    """The same rows in batches of about :data:`ROWS_PER_GROUP`."""
    waiting: list[pa.Table] = []
    rows = 0
    for table in tables:
        waiting.append(conformed(table))
        rows += table.num_rows
        if rows >= ROWS_PER_GROUP:
            yield from _batches(waiting)
            waiting, rows = [], 0
    if waiting:
        yield from _batches(waiting)


def _batches(tables: list[pa.Table]) -> list[pa.RecordBatch]:
    return pa.concat_tables(tables).combine_chunks().to_batches(max_chunksize=ROWS_PER_GROUP)


@dataclass(frozen=True)
class Intake:
    """What was written of a file.

    Parameters
    ----------
    rows : int
        That came in, with those that the archive held.
    written : int
    days : tuple of int or None
        First and last day of an event, and last day on which something became known.
    """

    rows: int
    written: int
    days: tuple[int, int, int] | None


def take_in(tables: Iterable[pa.Table], index: Index, path: Path) -> Intake:
    """Write what the archive does not hold yet; memory does not grow with the file.

    Parameters
    ----------
    tables : iterable of pyarrow.Table
        Canonical versions.
    index : Index
        What the archive holds.
    path : Path
        The part to write.

    Raises
    ------
    InputError
        ``E-CONFLICT`` when a row contradicts what the archive holds; what ``conformed`` refuses.
    """
    rows, written, days = 0, 0, None
    with writer(path) as part:
        for batch in gathered(tables):
            rows += batch.num_rows
            days = _wider(days, batch)
            events, contents = event_hashes(batch), content_hashes(batch)
            held, at = index.find(version_hashes(events, known_days(batch)))
            if held.any():
                _refuse_change(batch, held, index.contents[at] != contents)
            batch = batch.append_column(EVENT_HASH, pa.array(events))
            batch = batch.append_column(CONTENT_HASH, pa.array(contents))
            new = batch.filter(pa.array(~held)) if held.any() else batch
            written += new.num_rows
            part.write_batch(new)
    return Intake(rows, written, days)


def _refuse_change(
    batch: pa.RecordBatch, held: NDArray[np.bool_], other: NDArray[np.bool_]
) -> None:
    changed = np.flatnonzero(held & other)
    if len(changed):
        raise conflict_error(batch.column(schema.EVENT_ID)[int(changed[0])].as_py())


def _wider(days: tuple[int, int, int] | None, batch: pa.RecordBatch) -> tuple[int, int, int]:
    happened = pc.min_max(batch.column(schema.EVENT_DATE).cast(pa.int32())).as_py()
    known = int(known_days(batch).max())
    first, last, latest = days or (happened["min"], happened["max"], known)
    return min(first, happened["min"]), max(last, happened["max"]), max(latest, known)


@dataclass(frozen=True)
class IntakeCounts:
    """What the rows of a part do to an archive.

    Parameters
    ----------
    accepted, added, retracted : int
        Versions that are no repeat, new events among them, retractions among them.
    repeats : ndarray of int
        Rows that repeat an earlier row of the part.
    sums : tuple of int
        Two sums over the accepted versions, modulo 2^64, that no order changes.
    """

    accepted: int
    added: int
    retracted: int
    repeats: NDArray[np.int64]
    sums: tuple[int, int]


def tally(path: Path, rows: int, index: Index) -> IntakeCounts:
    """Count what a part brings, one share of the events at a time, so that memory is bounded.

    Parameters
    ----------
    path : Path
        The part.
    rows : int
        How many it has.
    index : Index
        What the archive held before.

    Raises
    ------
    InputError
        ``E-CONFLICT`` when the part contradicts itself.
    """
    shares = max(1, -(-rows // ROWS_PER_SHARE))
    parts = [_tally_share(path, share, shares, index) for share in range(shares)]
    sums = [sum(part.sums[k] for part in parts) % 2**64 for k in (0, 1)]
    return IntakeCounts(
        sum(part.accepted for part in parts),
        sum(part.added for part in parts),
        sum(part.retracted for part in parts),
        np.concatenate([part.repeats for part in parts]),
        (sums[0], sums[1]),
    )


def _tally_share(path: Path, share: int, shares: int, index: Index) -> IntakeCounts:
    at, events, contents, known, retracts = _share(path, share, shares)
    versions = version_hashes(events, known)
    order = np.argsort(versions, kind="stable")
    same = versions[order[1:]] == versions[order[:-1]]
    later, earlier = order[1:][same], order[:-1][same]
    wrong = later[contents[later] != contents[earlier]]
    if len(wrong):
        raise conflict_error(event_id_at(path, int(at[wrong].min())))
    keep = np.ones(len(events), bool)
    keep[later] = False
    fresh = unique(events[keep & ~retracts])
    mixed = versions[keep]
    fold_words(mixed, np.ones(len(mixed), bool), contents[keep])
    return IntakeCounts(
        int(keep.sum()),
        len(fresh) - int(member(index.events, fresh)[0].sum()),
        int(retracts[keep].sum()),
        at[later],
        (int(contents[keep].sum()), int(mixed.sum())),
    )


def _share(
    path: Path, share: int, shares: int
) -> tuple[NDArray[np.int64], Hashes, Hashes, NDArray[np.int32], NDArray[np.bool_]]:
    """Row, hashes, day and kind of every version whose event falls into a share."""
    picked = []
    start = 0
    for batch in keys_of(path):
        events = batch.column(EVENT_HASH).to_numpy()
        rows = np.flatnonzero(events % np.uint64(shares) == np.uint64(share))
        contents = batch.column(CONTENT_HASH).to_numpy()
        retracts = pc.equal(batch.column(schema.OPERATION), RETRACT).to_numpy(zero_copy_only=False)
        picked.append(
            (rows + start, events[rows], contents[rows], known_days(batch)[rows], retracts[rows])
        )
        start += batch.num_rows
    kinds = (np.int64, np.uint64, np.uint64, np.int32, np.bool_)
    empty = tuple(np.empty(0, kind) for kind in kinds)
    columns = [np.concatenate(column) for column in zip(*picked, empty, strict=True)]
    return columns[0], columns[1], columns[2], columns[3], columns[4]
