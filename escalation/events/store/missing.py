"""Events that an archive has and a later file of the same source lacks."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from escalation import schema
from escalation.errors import GateError
from escalation.events.columns import Mask, add_days, one_array
from escalation.events.source import EVENT_SCHEMA
from escalation.events.store.folder import ArchiveStore
from escalation.events.store.hashing import event_hashes

MOST_RETRACTED = 0.1
"""Share of the events that a file could speak of; more than that are hardly all withdrawn."""
_NO_HASH = np.empty(0, np.uint64)
_Span = tuple[dt.date, dt.date]


@dataclass(frozen=True)
class MissingEvents:
    """Events of the archive that a file lacks, among those that it could speak of.

    Parameters
    ----------
    events : pyarrow.Table
        Canonical, as last known.
    expected : int
        Events of the archive between each country's first and last day in the file.
    """

    events: pa.Table
    expected: int

    def refuse_if_many(self, where: str) -> None:
        """Refuse to retract more than :data:`MOST_RETRACTED`.

        Raises
        ------
        GateError
            ``E-RETRACT`` with both numbers.
        """
        if len(self.events) > MOST_RETRACTED * self.expected:
            raise GateError(
                "E-RETRACT",
                f"{len(self.events)} of the {self.expected} events that the archive has in the "
                "file's countries and days would be retracted: is the file complete?",
                where=where,
                fix="add --yes if they are all withdrawn, or leave out --retract-missing",
            )


class Mentioned:
    """Which events a file speaks of, and between which days in which countries.

    Parameters
    ----------
    store : ArchiveStore
        As it is before the file goes in.
    """

    def __init__(self, store: ArchiveStore) -> None:
        self._store = store
        self._any = any(file.accepted for file in store.files())
        self._sources: set[str] = set()
        self._events: list[NDArray[np.uint64]] = []
        self._spans: dict[str | None, _Span] = {}
        self._last: pa.Scalar = pa.scalar(None, pa.date32())

    def add(self, table: pa.Table) -> None:
        """Remember the events of a block, and the last day on which one became known."""
        self.mention(table)
        self._last = pc.max_element_wise(self._last, pc.max(table[schema.KNOWN_DATE]))

    def mention(self, table: pa.Table) -> None:
        """Remember events; one whose row was refused is not missing either."""
        if self._any:
            table = table.filter(pc.is_valid(table[schema.EVENT_ID]))
            self._sources.update(pc.unique(table[schema.SOURCE].drop_null()).to_pylist())
            self._events.extend(_event_hashes(table))
            self._widen(table)

    def _widen(self, table: pa.Table) -> None:
        days = table.group_by(schema.COUNTRY).aggregate([(schema.EVENT_DATE, "min_max")])
        for row in days.to_pylist():
            first, last = row[f"{schema.EVENT_DATE}_min_max"].values()
            if first is not None:
                known = self._spans.get(row[schema.COUNTRY], (first, last))
                self._spans[row[schema.COUNTRY]] = min(known[0], first), max(known[1], last)

    def missing(self) -> MissingEvents:
        """Events of the same sources, in the file's countries and days, that the file lacks."""
        tables, expected = [EVENT_SCHEMA.empty_table()], 0
        mentioned = np.sort(np.concatenate(self._events)) if self._events else _NO_HASH
        for name in sorted(self._sources):
            held = self._store.snapshot(source=name).combine_chunks()
            held = held.filter(pa.array(self._within(held)))
            hashes = [_NO_HASH, *_event_hashes(held)]
            expected += len(held)
            tables.append(held.filter(pa.array(~np.isin(np.concatenate(hashes), mentioned))))
        return MissingEvents(pa.concat_tables(tables), expected)

    def _within(self, held: pa.Table) -> Mask:
        """Events between the first and the last day that the file has of their country."""
        encoded = one_array(held[schema.COUNTRY]).dictionary_encode()
        countries = [*encoded.dictionary.to_pylist(), None]
        none = (dt.date.max, dt.date.min)
        spans = np.array([self._spans.get(name, none) for name in countries], "datetime64[D]")
        place = pc.fill_null(encoded.indices, len(countries) - 1).to_numpy()
        day = one_array(held[schema.EVENT_DATE]).to_numpy(zero_copy_only=False)
        return (spans[place, 0] <= day) & (day <= spans[place, 1])

    def retractions(self, missing: pa.Table) -> pa.Table:
        """Their retraction, known on the file's last day, or the day after what it takes back."""
        known = missing[schema.KNOWN_DATE].combine_chunks()
        when = pc.max_element_wise(add_days(known, 1), self._last)
        place = missing.schema.get_field_index(schema.KNOWN_DATE)
        table = missing.set_column(place, missing.schema.field(place), when)
        return table.append_column(schema.OPERATION, pa.repeat("retract", len(table)))


def _event_hashes(table: pa.Table) -> list[NDArray[np.uint64]]:
    keys = table.select([schema.SOURCE, schema.EVENT_ID]).combine_chunks()
    return [event_hashes(batch) for batch in keys.to_batches()]
