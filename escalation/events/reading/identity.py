"""Identifiers of rows that have none of their own, and identifiers that name several events."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from escalation import schema
from escalation.events.archive import EventArchive
from escalation.events.columns import trimmed
from escalation.events.reading.blocks import Block
from escalation.events.reading.layout import Layout
from escalation.events.store.hashing import Hashes, row_hashes

NO_ID_REMARK = (
    "no {column}: every row is taken as an event, named by what it says; a row that is corrected "
    "later would be another event"
)
_CORRECTED = 0.05
"""Share of the events that may move to another day or place where the source says when it knew."""
_PLACE = (schema.COUNTRY, schema.ADMIN1, schema.SITE)


def needs_ids(layout: Layout) -> bool:
    """Whether rows of a file need an identifier."""
    column = layout.source.content_id
    return bool(column) and column not in layout.columns


def has_ids(layout: Layout) -> bool:
    """Whether a user named the events of a table of their own."""
    return bool(layout.source.content_id) and not needs_ids(layout)


def _filled(block: Block, column: str, value: str) -> Block:
    return _with(block, column, pc.fill_null(trimmed(block.cells[column]), value))


def _with(block: Block, column: str, values: pa.Array) -> Block:
    """The rows with other values in a column."""
    place = block.cells.column_names.index(column)
    return Block(block.cells.set_column(place, column, values), block.lines, block.rejected)


def with_identifiers(
    blocks: Iterator[Block], layout: Layout, event_type: str | None = None
) -> Iterator[Block]:
    """The same rows with the event type that a user declared, and each with an identifier.

    A row is named by what its known columns say, a repeated row by its number too. The name
    depends on nothing else, so that a longer file of the same events gives them the same names.

    Parameters
    ----------
    blocks : iterator of Block
    layout : Layout
    event_type : str, optional
        Of rows that have none.
    """
    if event_type is not None:
        blocks = (_filled(block, schema.EVENT_TYPE, event_type) for block in blocks)
    if not needs_ids(layout):
        yield from blocks
        return
    seen: dict[int, int] = {}
    column = layout.source.content_id
    for block in blocks:
        names = [_name(hashed, seen) for hashed in _contents(block.cells, column).tolist()]
        yield _with(block, column, pa.array(names, pa.string()))


def _contents(cells: pa.Table, column: str) -> Hashes:
    names = sorted(set(cells.column_names) - {column})
    batch = pa.record_batch({name: trimmed(cells[name]).cast(pa.string()) for name in names})
    return row_hashes(batch, names)


def _name(hashed: int, seen: dict[int, int]) -> str:
    """A name of 16 digits, with a number from the second row on that says the same.

    Examples
    --------
    >>> seen = {}
    >>> _name(255, seen), _name(255, seen)
    ('row-00000000000000ff', 'row-00000000000000ff-2')
    """
    seen[hashed] = number = seen.get(hashed, 0) + 1
    return f"row-{hashed:016x}" + (f"-{number}" if number > 1 else "")


@dataclass
class RepeatedIds:
    """Looks for identifiers that stand in rows of several days or places, while blocks go by.

    Parameters
    ----------
    events, days, places : list of ndarray
        By block: hashes of the identifiers and of the places, and days since 1970.
    """

    events: list[Hashes] = field(default_factory=list)
    days: list[NDArray[np.int32]] = field(default_factory=list)
    places: list[Hashes] = field(default_factory=list)

    def add(self, batch: pa.RecordBatch, events: Hashes) -> None:
        """Look at some rows that were taken.

        Parameters
        ----------
        batch : pyarrow.RecordBatch
        events : ndarray of uint64, shape (row,)
            As of :func:`event_hashes`.
        """
        self.events.append(events)
        days = batch.column(schema.EVENT_DATE).cast(pa.int32())
        self.days.append(days.to_numpy(zero_copy_only=False))
        self.places.append(row_hashes(batch, _PLACE))

    def remark(self, layout: Layout, basis: schema.KnownBasis) -> str | None:
        """What to say where identifiers are suspicious; nothing where they are not.

        Parameters
        ----------
        layout : Layout
        basis : str
            How known dates came about. Where the source gave them, some corrections are usual.
        """
        if not self.events:
            return None
        events = np.concatenate(self.events)
        order = np.argsort(events, kind="stable")
        values = [np.concatenate(one)[order] for one in (self.days, self.places)]
        several, total = _of_several(events[order], values)
        return _remark(several, total, layout, basis)


def suspicious_ids(archive: EventArchive, layout: Layout) -> str | None:
    """What to say where identifiers of a file that was read whole are suspicious.

    Parameters
    ----------
    archive : EventArchive
    layout : Layout
    """
    if not has_ids(layout):
        return None
    numbers = archive.event_numbers
    again = np.flatnonzero(numbers[1:] == numbers[:-1])
    rows = np.union1d(again, again + 1)
    if not len(rows):
        return None
    days = archive.versions[schema.EVENT_DATE].to_numpy()[rows].astype(np.int64)
    places = archive.versions[list(_PLACE)].iloc[rows]
    codes = places.groupby(list(_PLACE), dropna=False, sort=False).ngroup().to_numpy()
    several, _ = _of_several(numbers[rows], [days, codes])
    return _remark(several, int(numbers[-1]) + 1, layout, archive.known_basis)


def _of_several(events: NDArray[Any], values: Sequence[NDArray[Any]]) -> tuple[int, int]:
    """How many events have several values of any kind, and how many there are; rows by event."""
    starts = np.flatnonzero(np.append(True, events[1:] != events[:-1]))
    differs = np.zeros(len(starts), np.bool_)
    for one in values:
        differs |= np.minimum.reduceat(one, starts) != np.maximum.reduceat(one, starts)
    return int(differs.sum()), len(starts)


def _remark(several: int, total: int, layout: Layout, basis: schema.KnownBasis) -> str | None:
    if several <= (_CORRECTED * total if basis == "observed" else 0):
        return None
    column = layout.source.content_id
    own = next((old for old, new in layout.source.aliases.items() if new == column), column)
    return (
        f"{several} of {total} identifiers stand in rows of several days or places; such rows are "
        "taken as versions of one event. If each is an event of its own, read the column as a "
        f"note: --columns {shlex.quote(f'{own}=note')}"
    )
