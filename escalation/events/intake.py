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
from escalation.events.archive import OPERATIONS
from escalation.events.hashing import (
    Hashes,
    content_hashes,
    event_hashes,
    fold_words,
    version_hashes,
)
from escalation.events.parts import (
    CONTENT_HASH,
    EVENT_HASH,
    ROWS_PER_GROUP,
    VERSION_SCHEMA,
    event_id_at,
    rewrite,
    writer,
)

REQUIRED = (schema.EVENT_ID, schema.SOURCE, schema.EVENT_TYPE, *schema.DATE_COLUMNS)


@dataclass(frozen=True)
class Index:
    """What an archive holds already, by hash.

    Parameters
    ----------
    versions : ndarray of uint64, shape (version,)
        One per event and day, sorted.
    contents : ndarray of uint64, shape (version,)
        What each of them said.
    events : ndarray of uint64, shape (event,)
        Sorted.
    """

    versions: Hashes
    contents: Hashes
    events: Hashes

    @classmethod
    def of(cls, events: Hashes, contents: Hashes, known: NDArray[np.int32]) -> Index:
        """Sort the hashes of versions."""
        versions = version_hashes(events, known)
        order = np.argsort(versions)
        return cls(versions[order], contents[order], unique(events))

    def plus(self, other: Index) -> Index:
        """Both together; they have no version in common."""
        versions = np.concatenate([self.versions, other.versions])
        order = np.argsort(versions)
        contents = np.concatenate([self.contents, other.contents])[order]
        return Index(versions[order], contents, np.union1d(self.events, other.events))

    def find(self, versions: Hashes) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
        """Whether each version is held, and where."""
        return member(self.versions, versions)


def unique(hashes: Hashes) -> Hashes:
    """Sorted, each once; takes no more memory than a sort in place."""
    ordered = np.sort(hashes)
    first = np.ones(len(ordered), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    return ordered if first.all() else ordered[first]


def member(held: Hashes, wanted: Hashes) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
    """Whether each hash is among sorted ones, and where it is or would be."""
    at = np.searchsorted(held, wanted)
    if not len(held):
        return np.zeros(len(wanted), bool), at
    at = np.minimum(at, len(held) - 1)
    return held[at] == wanted, at


@dataclass(frozen=True)
class Intake:
    """What was written of a file, by hash, in the order of the rows written.

    Parameters
    ----------
    events, contents : ndarray of uint64, shape (row,)
    known : ndarray of int32, shape (row,)
        Days since 1970.
    retracts : ndarray of bool, shape (row,)
    rows : int
        Rows that came in, with those that the archive had.
    days : tuple of int or None
        First and last day of an event, and last day on which something became known.
    """

    events: Hashes
    contents: Hashes
    known: NDArray[np.int32]
    retracts: NDArray[np.bool_]
    rows: int
    days: tuple[int, int, int] | None

    def keep(self) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
        """Rows that are no repeat of an earlier one, and rows that contradict another.

        Returns
        -------
        keep : ndarray of bool, shape (row,)
        clashes : ndarray of int
            Rows about an event and day of which another row says something else.
        """
        versions = version_hashes(self.events, self.known)
        order = np.argsort(versions, kind="stable")
        versions = versions[order]
        same = versions[1:] == versions[:-1]
        keep = np.ones(len(order), bool)
        keep[order[1:][same]] = False
        later, earlier = order[1:][same], order[:-1][same]
        return keep, later[self.contents[later] != self.contents[earlier]]

    def sums(self) -> tuple[int, int]:
        """Two sums over the versions, modulo 2^64, that no order changes."""
        both = version_hashes(self.events, self.known)
        fold_words(both, np.ones(len(both), bool), self.contents)
        return int(self.contents.sum()), int(both.sum())

    def kept(self, keep: NDArray[np.bool_]) -> Intake:
        """Only some of the rows, as written; what came in stays counted."""
        return Intake(
            self.events[keep], self.contents[keep], self.known[keep], self.retracts[keep],
            self.rows, self.days,
        )  # fmt: skip


def conformed(table: pa.Table) -> pa.Table:
    """A table of canonical events as the archive keeps it.

    Raises
    ------
    InputError
        ``E-COLUMNS``, ``E-VALUE``, ``E-OPERATION`` or ``E-KNOWN``: a reader let something through.
    """
    if schema.OPERATION not in table.column_names:
        table = table.append_column(schema.OPERATION, pa.repeat("add", table.num_rows))
    missing = [name for name in VERSION_SCHEMA.names if name not in table.column_names]
    if missing:
        raise InputError("E-COLUMNS", f"expected canonical columns, without {', '.join(missing)}")
    table = table.select(VERSION_SCHEMA.names).cast(VERSION_SCHEMA)
    for name in REQUIRED:
        if table.column(name).null_count:
            raise InputError("E-VALUE", "expected a value in every row", column=name)
    _refuse(table, pc.invert(pc.is_in(table.column(schema.OPERATION), pa.array(OPERATIONS))),
            "E-OPERATION", f"expected one of {', '.join(OPERATIONS)}")  # fmt: skip
    _refuse(table, pc.less(table.column(schema.KNOWN_DATE), table.column(schema.EVENT_DATE)),
            "E-KNOWN", "expected known_date on or after event_date")  # fmt: skip
    return table


def _refuse(table: pa.Table, wrong: pa.ChunkedArray, code: str, message: str) -> None:
    at = pc.index(wrong, True).as_py()
    if at >= 0:
        value = table.column(schema.EVENT_ID)[at].as_py()
        raise InputError(code, message, column=schema.EVENT_ID, value=value)


def clash(event_id: object) -> InputError:
    """The refusal of two different versions of an event on the same day."""
    return InputError(
        "E-CONFLICT", "expected one version of an event per day, this one differs from another",
        column=schema.EVENT_ID, value=event_id,
        fix="give the later version its own known_date",
    )  # fmt: skip


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


def take_in(tables: Iterable[pa.Table], index: Index, path: Path) -> Intake:
    """Write what the archive does not hold yet.

    Raises
    ------
    InputError
        ``E-CONFLICT`` when a row contradicts what the archive holds; what ``conformed`` refuses.
    """
    taken: list[tuple[Hashes, Hashes, NDArray[np.int32], NDArray[np.bool_]]] = []
    rows, days = 0, None
    with writer(path) as part:
        for batch in gathered(tables):
            rows += batch.num_rows
            days = _wider(days, batch)
            events, contents = event_hashes(batch), content_hashes(batch)
            known = batch.column(schema.KNOWN_DATE).cast(pa.int32()).to_numpy()
            held, at = index.find(version_hashes(events, known))
            if held.any():
                _refuse_change(batch, held, index.contents[at] != contents)
            new = ~held
            retracts = pc.equal(batch.column(schema.OPERATION), "retract")
            taken.append(
                (events[new], contents[new], known[new],
                 retracts.to_numpy(zero_copy_only=False)[new])
            )  # fmt: skip
            batch = batch.append_column(EVENT_HASH, pa.array(events))
            batch = batch.append_column(CONTENT_HASH, pa.array(contents))
            part.write_batch(batch.filter(pa.array(new)))
    return _joined(taken, rows, days)


def _refuse_change(
    batch: pa.RecordBatch, held: NDArray[np.bool_], other: NDArray[np.bool_]
) -> None:
    changed = np.flatnonzero(held & other)
    if len(changed):
        raise clash(batch.column(schema.EVENT_ID)[int(changed[0])].as_py())


def _wider(days: tuple[int, int, int] | None, batch: pa.RecordBatch) -> tuple[int, int, int]:
    happened = pc.min_max(batch.column(schema.EVENT_DATE).cast(pa.int32())).as_py()
    known = pc.max(batch.column(schema.KNOWN_DATE).cast(pa.int32())).as_py()
    first, last, latest = days or (happened["min"], happened["max"], known)
    return min(first, happened["min"]), max(last, happened["max"]), max(latest, known)


def _joined(
    taken: list[tuple[Hashes, Hashes, NDArray[np.int32], NDArray[np.bool_]]],
    rows: int,
    days: tuple[int, int, int] | None,
) -> Intake:
    kinds = (np.uint64, np.uint64, np.int32, bool)
    columns = [
        np.concatenate([block[k] for block in taken]) if taken else np.empty(0, kind)
        for k, kind in enumerate(kinds)
    ]
    return Intake(columns[0], columns[1], columns[2], columns[3], rows, days)


def without_repeats(intake: Intake, part: Path) -> Intake:
    """The intake less what the file said twice; the part is written again where that matters.

    Raises
    ------
    InputError
        ``E-CONFLICT`` when the file contradicts itself.
    """
    keep, clashes = intake.keep()
    if len(clashes):
        raise clash(event_id_at(part, int(clashes.min())))
    if keep.all():
        return intake
    shorter = part.with_name(part.name.removesuffix(".part"))
    rewrite(part, shorter, keep)
    shorter.replace(part)
    return intake.kept(keep)
