"""Make identifiers for rows without one, and find identifiers of several events."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace
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
    "no {column}: every row counts as an event, identified by its content; if a row is corrected "
    "later, it becomes another event"
)
_CORRECTED_SHARE = 0.05
"""Share of events that may move to another day or place, if the source dates its versions."""
_PLACE = (schema.COUNTRY, schema.ADMIN1, schema.SITE)


def needs_ids(layout: Layout) -> bool:
    """Return whether the rows of a file need made-up identifiers."""
    column = layout.source.content_id
    return bool(column) and column not in layout.columns


def has_ids(layout: Layout) -> bool:
    """Return whether a user's own table has identifiers."""
    return bool(layout.source.content_id) and not needs_ids(layout)


def _with_column(block: Block, column: str, values: pa.Array) -> Block:
    place = block.cells.column_names.index(column)
    return replace(block, cells=block.cells.set_column(place, column, values))


def with_identifiers(
    blocks: Iterator[Block], layout: Layout, event_type: str | None = None
) -> Iterator[Block]:
    """Fill in the event type that a user gave, and made-up identifiers if there are none.

    The identifier of a row is a hash of its known columns, plus a number for a repeated row. It
    depends on nothing else, so that a longer file with the same events has the same identifiers.

    Parameters
    ----------
    blocks : iterator of Block
    layout : Layout
    event_type : str, optional
        Type of rows without one.
    """
    count_by_hash: dict[int, int] = {}
    column = layout.source.content_id
    for block in blocks:
        if event_type is not None:
            types = trimmed(block.cells[schema.EVENT_TYPE])
            block = _with_column(block, schema.EVENT_TYPE, pc.fill_null(types, event_type))
        if needs_ids(layout):
            hashes = _content_hashes(block.cells, column).tolist()
            names = [_row_id(content, count_by_hash) for content in hashes]
            block = _with_column(block, column, pa.array(names, pa.string()))
        yield block


def _content_hashes(cells: pa.Table, id_column: str) -> Hashes:
    names = sorted(set(cells.column_names) - {id_column})
    batch = pa.record_batch({name: trimmed(cells[name]).cast(pa.string()) for name in names})
    return row_hashes(batch, names)


def _row_id(content: int, count_by_hash: dict[int, int]) -> str:
    """Return an identifier for a row by its hash, with a number from its second occurrence on."""
    count_by_hash[content] = number = count_by_hash.get(content, 0) + 1
    return f"row-{content:016x}" + (f"-{number}" if number > 1 else "")


class RepeatedIds:
    """Identifiers that occur on several days or in several places, collected block by block."""

    def __init__(self) -> None:
        self._blocks: list[tuple[Hashes, NDArray[np.int32], Hashes]] = []

    def add(self, batch: pa.RecordBatch, events: Hashes) -> None:
        """Add some accepted rows.

        Parameters
        ----------
        batch : pyarrow.RecordBatch
        events : ndarray of uint64, shape (row,)
            From :func:`event_hashes`.
        """
        days = batch.column(schema.EVENT_DATE).cast(pa.int32()).to_numpy(zero_copy_only=False)
        self._blocks.append((events, days, row_hashes(batch, _PLACE)))

    def remark(self, layout: Layout, basis: schema.KnownBasis) -> str | None:
        """Return a remark if the identifiers look suspicious.

        Parameters
        ----------
        layout : Layout
        basis : str
            How ``known_date`` was obtained; if it was observed, some corrections are normal.
        """
        if not self._blocks:
            return None
        events, days, places = map(np.concatenate, zip(*self._blocks, strict=True))
        order = np.argsort(events, kind="stable")
        n_ambiguous, n_events = _count_ambiguous(events[order], [days[order], places[order]])
        return _remark(n_ambiguous, n_events, layout, basis)


def suspicious_ids(archive: EventArchive, layout: Layout) -> str | None:
    """Return a remark if the identifiers of a whole file look suspicious.

    Parameters
    ----------
    archive : EventArchive
    layout : Layout
    """
    if not has_ids(layout):
        return None
    numbers = archive.event_numbers
    repeated = np.flatnonzero(numbers[1:] == numbers[:-1])
    rows = np.union1d(repeated, repeated + 1)
    if not len(rows):
        return None
    days = archive.versions[schema.EVENT_DATE].to_numpy()[rows].astype(np.int64)
    places = archive.versions[list(_PLACE)].iloc[rows]
    codes = places.groupby(list(_PLACE), dropna=False, sort=False).ngroup().to_numpy()
    n_ambiguous, _ = _count_ambiguous(numbers[rows], [days, codes])
    return _remark(n_ambiguous, int(numbers[-1]) + 1, layout, archive.known_basis)


def _count_ambiguous(events: NDArray[Any], values: Sequence[NDArray[Any]]) -> tuple[int, int]:
    """Count the events with several values of any kind, and all events, of rows sorted by event."""
    starts = np.flatnonzero(np.append(True, events[1:] != events[:-1]))
    differs = np.zeros(len(starts), np.bool_)
    for array in values:
        differs |= np.minimum.reduceat(array, starts) != np.maximum.reduceat(array, starts)
    return int(differs.sum()), len(starts)


def _remark(
    n_ambiguous: int, n_events: int, layout: Layout, basis: schema.KnownBasis
) -> str | None:
    if n_ambiguous <= (_CORRECTED_SHARE * n_events if basis == "observed" else 0):
        return None
    column = layout.source.content_id
    name = next((old for old, new in layout.source.aliases.items() if new == column), column)
    return (
        f"{n_ambiguous} of {n_events} identifiers occur on several days or in several places; such "
        "rows count as versions of one event. If each row is a separate event, read the column as "
        f"a note: --columns {shlex.quote(f'{name}=note')}"
    )
