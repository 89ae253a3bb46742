"""Write new versions of events to a part, skipping by hash what the archive has already."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from escalation import schema
from escalation.errors import InputError
from escalation.events.store.hashing import (
    RETRACT,
    Hashes,
    content_hashes,
    event_hashes,
    fold_words,
    repeated_rows,
    version_hashes,
)
from escalation.events.store.parts import (
    CONTENT_HASH,
    EVENT_HASH,
    HASH_COLUMNS,
    ROWS_PER_GROUP,
    VERSION_SCHEMA,
    known_days,
    with_weights,
    writer,
)
from escalation.events.versions import OPERATIONS, conflict_error

ROWS_PER_SHARE = 500_000
_REQUIRED = (schema.EVENT_ID, schema.SOURCE, schema.EVENT_TYPE, *schema.DATE_COLUMNS)


@dataclass(frozen=True)
class Index:
    """Hashes of the versions in an archive.

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
    def of(cls, keys: pa.Table) -> Index:
        """Build an index from the hashes and known days of versions."""
        events, contents = (keys.column(name).to_numpy() for name in (EVENT_HASH, CONTENT_HASH))
        versions = version_hashes(events, known_days(keys))
        order = np.argsort(versions)
        return cls(versions[order], contents[order], unique(events))

    def plus(self, other: Index) -> Index:
        """Merge with an index that has no version in common."""
        versions = np.concatenate([self.versions, other.versions])
        order = np.argsort(versions, kind="stable")  # merges two sorted runs in one pass
        contents = np.concatenate([self.contents, other.contents])[order]
        return Index(versions[order], contents, np.union1d(self.events, other.events))


def unique(hashes: Hashes) -> Hashes:
    """Sorted distinct hashes; for large arrays a hundred times faster than ``np.unique``."""
    ordered = np.sort(hashes)
    first = np.ones(len(ordered), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    return ordered if first.all() else ordered[first]


def _member(ordered: Hashes, hashes: Hashes) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
    """Whether each hash is among sorted ones, and its index or that of a neighbour."""
    if not len(ordered):
        return np.zeros(len(hashes), bool), np.zeros(len(hashes), np.intp)
    at = np.minimum(np.searchsorted(ordered, hashes), len(ordered) - 1)
    return ordered[at] == hashes, at


def conform(table: pa.Table) -> pa.Table:
    """A table of canonical events with the archive's columns and types, validated.

    Raises
    ------
    InputError
        ``E-COLUMNS``, ``E-VALUE``, ``E-OPERATION`` or ``E-KNOWN`` if a reader missed an error.
    """
    table = _with_defaults(table)
    missing = [name for name in VERSION_SCHEMA.names if name not in table.column_names]
    if missing:
        raise InputError("E-COLUMNS", f"canonical columns are missing: {', '.join(missing)}")
    table = with_weights(table.select(VERSION_SCHEMA.names).cast(VERSION_SCHEMA))
    for name in _REQUIRED:
        if table.column(name).null_count:
            raise InputError("E-VALUE", "needs a value in every row", column=name)
    operations = pc.is_in(table.column(schema.OPERATION), pa.array(OPERATIONS))
    early = pc.less(table.column(schema.KNOWN_DATE), table.column(schema.EVENT_DATE))
    checks = (
        (
            pc.invert(operations),
            "E-OPERATION",
            f"invalid value: must be one of {', '.join(OPERATIONS)}",
        ),
        (pc.less(table[schema.WEIGHT], 1), "E-VALUE", "needs a weight of 1 or more"),
        (early, "E-KNOWN", "known_date is before event_date"),
    )
    for invalid, code, message in checks:
        row = pc.index(invalid, True).as_py()
        if row >= 0:
            event = table.column(schema.EVENT_ID)[row].as_py()
            raise InputError(code, message, column=schema.EVENT_ID, value=event)
    return table


def _with_defaults(table: pa.Table) -> pa.Table:
    """Add optional columns: unknown values, and the operation ``add``."""
    rows = table.num_rows
    for name in schema.OPTIONAL_COLUMNS:
        if name not in table.column_names:
            table = table.append_column(name, pa.nulls(rows, VERSION_SCHEMA.field(name).type))
    if schema.OPERATION not in table.column_names:
        table = table.append_column(schema.OPERATION, pa.repeat("add", rows))
    return table


def _gathered(tables: Iterable[pa.Table]) -> Iterator[pa.RecordBatch]:
    """The same rows in batches of about :data:`ROWS_PER_GROUP`."""
    pending: list[pa.Table] = []
    rows = 0
    for table in tables:
        pending.append(conform(table))
        rows += table.num_rows
        if rows >= ROWS_PER_GROUP:
            yield from _batches(pending)
            pending, rows = [], 0
    if pending:
        yield from _batches(pending)


def _batches(tables: list[pa.Table]) -> list[pa.RecordBatch]:
    return pa.concat_tables(tables).combine_chunks().to_batches(max_chunksize=ROWS_PER_GROUP)


@dataclass(frozen=True)
class Intake:
    """What a file adds to an archive.

    Parameters
    ----------
    rows : int
        All rows of the file, including those that the archive had.
    days : tuple of int or None
        First and last day of an event, and last day on which something became known.
    accepted, added, retracted : int
        New versions, new events among them, and retractions among them.
    repeats : ndarray of int
        Rows of the part that repeat an earlier one.
    sums : tuple of int
        Two sums over the accepted versions, modulo 2^64, independent of their order.
    """

    rows: int
    days: tuple[int, int, int] | None
    accepted: int
    added: int
    retracted: int
    repeats: NDArray[np.int64]
    sums: tuple[int, int]


def take_in(tables: Iterable[pa.Table], index: Index, path: Path) -> Intake:
    """Write versions that the archive does not have; memory does not grow with the file.

    Parameters
    ----------
    tables : iterable of pyarrow.Table
        Canonical versions.
    index : Index
        Of the archive.
    path : Path
        The part to write.

    Raises
    ------
    InputError
        ``E-CONFLICT`` if a row contradicts the archive or another row; whatever
        :func:`conform` refuses.
    """
    rows, written, days = 0, 0, None
    with writer(path) as part:
        for batch in _gathered(tables):
            rows += batch.num_rows
            days = _widened(days, batch)
            events, contents = event_hashes(batch), content_hashes(batch)
            repeats, at = _member(index.versions, version_hashes(events, known_days(batch)))
            if repeats.any():
                conflicts = np.flatnonzero(repeats & (index.contents[at] != contents))
                if len(conflicts):
                    raise conflict_error(batch.column(schema.EVENT_ID)[int(conflicts[0])].as_py())
            batch = batch.append_column(EVENT_HASH, pa.array(events))
            batch = batch.append_column(CONTENT_HASH, pa.array(contents))
            new = batch.filter(pa.array(~repeats)) if repeats.any() else batch
            written += new.num_rows
            part.write_batch(new)
    shares = max(1, -(-written // ROWS_PER_SHARE))
    tallies = [_tally_share(path, share, shares, index) for share in range(shares)]
    accepted, added, retracted, *sums = (
        sum(counts) for counts in zip(*(counts for counts, _ in tallies), strict=True)
    )
    repeated = np.concatenate([rows for _, rows in tallies])
    return Intake(
        rows, days, accepted, added, retracted, repeated, (sums[0] % 2**64, sums[1] % 2**64)
    )


def _widened(days: tuple[int, int, int] | None, batch: pa.RecordBatch) -> tuple[int, int, int]:
    happened = pc.min_max(batch.column(schema.EVENT_DATE).cast(pa.int32())).as_py()
    known = int(known_days(batch).max())
    first, last, latest = days or (happened["min"], happened["max"], known)
    return min(first, happened["min"]), max(last, happened["max"]), max(latest, known)


def _tally_share(
    path: Path, share: int, shares: int, index: Index
) -> tuple[tuple[int, int, int, int, int], NDArray[np.int64]]:
    """Count a share of a part's events, which bounds memory: three counts, two sums, repeats."""
    rows, events, contents, known, retracts = _share(path, share, shares)
    versions = version_hashes(events, known)
    later, conflicting = repeated_rows(versions, contents)
    if len(conflicting):
        raise conflict_error(_event_id(path, int(rows[conflicting].min())))
    keep = np.ones(len(events), bool)
    keep[later] = False
    reported = unique(events[keep & ~retracts])
    added = len(reported) - int(_member(index.events, reported)[0].sum())
    mixed = versions[keep]
    fold_words(mixed, np.ones(len(mixed), bool), contents[keep])
    sums = int(contents[keep].sum()), int(mixed.sum())
    return (int(keep.sum()), added, int(retracts[keep].sum()), *sums), rows[later]


def _share(
    path: Path, share: int, shares: int
) -> tuple[NDArray[np.int64], Hashes, Hashes, NDArray[np.int32], NDArray[np.bool_]]:
    """Row, both hashes, known day and retraction flag of every version of the share's events."""
    kinds = (np.int64, np.uint64, np.uint64, np.int32, np.bool_)
    blocks = [tuple(np.empty(0, kind) for kind in kinds)]
    start = 0
    for batch in _keys(path):
        events = batch.column(EVENT_HASH).to_numpy()
        rows = np.flatnonzero(events % np.uint64(shares) == np.uint64(share))
        contents = batch.column(CONTENT_HASH).to_numpy()
        retracts = pc.equal(batch.column(schema.OPERATION), RETRACT).to_numpy(zero_copy_only=False)
        blocks.append(
            (rows + start, events[rows], contents[rows], known_days(batch)[rows], retracts[rows])
        )
        start += batch.num_rows
    rows, *columns = (np.concatenate(column) for column in zip(*blocks, strict=True))
    return rows, columns[0], columns[1], columns[2], columns[3]


def _keys(path: Path) -> Iterator[pa.RecordBatch]:
    """The ``HASH_COLUMNS`` of a part, in batches."""
    with pq.ParquetFile(path) as part:
        yield from part.iter_batches(ROWS_PER_GROUP, columns=HASH_COLUMNS, use_threads=False)


def _event_id(path: Path, row: int) -> str:
    """The event identifier in a row of a part."""
    with pq.ParquetFile(path) as part:
        for batch in part.iter_batches(ROWS_PER_GROUP, columns=[schema.EVENT_ID]):
            if row < batch.num_rows:
                return str(batch.column(0)[row].as_py())
            row -= batch.num_rows
    raise IndexError(row)
