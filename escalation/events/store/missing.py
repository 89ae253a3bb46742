"""Find events that an archive holds and a later file of the same source lacks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from escalation import schema
from escalation.errors import GateError
from escalation.events.columns import Mask, add_days, one_array
from escalation.events.source import EVENT_SCHEMA
from escalation.events.store.folder import ArchiveStore
from escalation.events.store.hashing import RETRACT, event_hashes

MOST_RETRACTED = 0.1
"""Share of a file's expected events; if more are missing, the file is probably incomplete."""
_NO_HASH = np.empty(0, np.uint64)


class MentionedEvents:
    """The events that a file mentions, and the range of days it covers in each country.

    Parameters
    ----------
    store : ArchiveStore
        As it is before the file is added.
    """

    def __init__(self, store: ArchiveStore) -> None:
        self._store = store
        self._store_has_events = any(file.accepted for file in store.files())
        self._sources: set[str] = set()
        self._hashes: list[NDArray[np.uint64]] = []
        self._spans: dict[str | None, tuple[dt.date, dt.date]] = {}
        self._last_known: pa.Scalar = pa.scalar(None, pa.date32())

    def add(self, table: pa.Table) -> None:
        """Record the accepted events of a block, and the last day on which one became known."""
        self.mention(table)
        self._last_known = pc.max_element_wise(self._last_known, pc.max(table[schema.KNOWN_DATE]))

    def mention(self, table: pa.Table) -> None:
        """Record events, including those of quarantined rows: they are not missing either."""
        if self._store_has_events:
            table = table.filter(pc.is_valid(table[schema.EVENT_ID]))
            self._sources.update(pc.unique(table[schema.SOURCE].drop_null()).to_pylist())
            self._hashes.extend(_event_hashes(table))
            self._widen_spans(table)

    def _widen_spans(self, table: pa.Table) -> None:
        days = table.group_by(schema.COUNTRY).aggregate([(schema.EVENT_DATE, "min_max")])
        for row in days.to_pylist():
            country = row[schema.COUNTRY]
            first, last = row[f"{schema.EVENT_DATE}_min_max"].values()
            if first is not None:
                span = self._spans.get(country, (first, last))
                self._spans[country] = min(span[0], first), max(span[1], last)

    def missing(self) -> tuple[pa.Table, int]:
        """Events of the archive that the file lacks although it covers their country and day.

        Returns
        -------
        pyarrow.Table, int
            The missing events, as last known, and the number of events that it should have.
        """
        tables, expected = [EVENT_SCHEMA.empty_table()], 0
        mentioned = np.sort(np.concatenate([_NO_HASH, *self._hashes]))
        for source in sorted(self._sources):
            events = self._store.snapshot(source=source).combine_chunks()
            events = events.filter(pa.array(self._covered(events)))
            hashes = np.concatenate([_NO_HASH, *_event_hashes(events)])
            expected += len(events)
            tables.append(events.filter(pa.array(~np.isin(hashes, mentioned))))
        return pa.concat_tables(tables), expected

    def _covered(self, events: pa.Table) -> Mask:
        """Which events lie between the first and the last day of their country in the file."""
        encoded = one_array(events[schema.COUNTRY]).dictionary_encode()
        countries = [*encoded.dictionary.to_pylist(), None]
        never = (dt.date.max, dt.date.min)
        spans = np.array([self._spans.get(name, never) for name in countries], "datetime64[D]")
        place = pc.fill_null(encoded.indices, len(countries) - 1).to_numpy()
        day = one_array(events[schema.EVENT_DATE]).to_numpy(zero_copy_only=False)
        return (spans[place, 0] <= day) & (day <= spans[place, 1])

    def retractions(self, where: str, *, force: bool) -> Iterator[pa.Table]:
        """Retract the missing events on the file's last day, or a day after they became known.

        Parameters
        ----------
        where : str
            The file, for the message.
        force : bool
            Retract more than :data:`MOST_RETRACTED` too.

        Raises
        ------
        GateError
            ``E-RETRACT`` with both numbers.
        """
        missing, expected = self.missing()
        if len(missing) > MOST_RETRACTED * expected and not force:
            raise GateError(
                "E-RETRACT",
                f"{len(missing)} of the {expected} events that the archive has in the file's "
                "countries and days would be retracted: is the file complete?",
                where=where,
                fix="add --yes if they have all been withdrawn, or drop --retract-missing",
            )
        if len(missing):
            known = missing[schema.KNOWN_DATE].combine_chunks()
            retracted_on = pc.max_element_wise(add_days(known, 1), self._last_known)
            place = missing.schema.get_field_index(schema.KNOWN_DATE)
            table = missing.set_column(place, missing.schema.field(place), retracted_on)
            yield table.append_column(schema.OPERATION, pa.repeat(RETRACT, len(table)))


def _event_hashes(table: pa.Table) -> list[NDArray[np.uint64]]:
    keys = table.select([schema.SOURCE, schema.EVENT_ID]).combine_chunks()
    return [event_hashes(batch) for batch in keys.to_batches()]
