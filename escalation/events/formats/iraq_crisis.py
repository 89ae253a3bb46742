"""The bundled chronology of the Iraq crisis: ``data/iraq_crisis_events.csv``.

``reported_date`` is the day on which a page that the row cites was published, so ``known_date`` is
observed; casualty figures that became known later still are the exception that the data card names.
Tag ``installation_attack`` marks what press tallies count.

The archive covers up to the last day on which anything was reported. Nobody looked after it, so a
quiet day later than that is not known to have been quiet.
"""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from escalation import schema
from escalation.events.columns import among
from escalation.events.formats.canonical import converted
from escalation.events.formats.cells import Cells
from escalation.events.severity import between_states, severity_of, unrated
from escalation.events.source import Converted, Options, Source, column_names

_NAME = "iraq_crisis"
INSTALLATION_ATTACK = "installation_attack"
_COLUMNS = column_names(
    """
    event_id, event_date, reported_date, country, admin1, site, latitude, longitude, event_type,
    actor, target, killed, wounded, counts_as_installation_attack, confidence, notes
    """
)
"""Columns that are read; the others are for people."""
_FOR_PEOPLE = column_names(
    """
    event_time, location, actor_name, attribution, munitions_count, killed_us, killed_coalition,
    killed_low, killed_high, source_url
    """
)


def _convert(block: pa.Table, options: Options) -> Converted:
    """Canonical events of a block of the chronology.

    Examples
    --------
    >>> row = {"event_id": "A", "event_date": "2020-03-11", "reported_date": "2020-03-12",
    ...     "event_type": "rocket_attack", "confidence": "high", "wounded": "12",
    ...     "counts_as_installation_attack": "1"}
    >>> block = pa.table({name: pa.array([row.get(name)], pa.string())
    ...     for name in _COLUMNS + _FOR_PEOPLE})
    >>> event = _convert(block, Options()).events.to_pylist()[0]
    >>> event["known_date"].isoformat(), event["severity"], event["tags"]
    ('2020-03-12', 4, 'installation_attack')
    """
    cells = Cells(block, options)
    cells.require("event_id", "event_date", "reported_date", "event_type", "confidence")
    same = ("event_id", "country", "admin1", "site", "event_type", "actor", "target", "confidence")
    counted = among(cells.raw("counts_as_installation_attack"), ["1"])
    columns = {name: cells.text(name) for name in same} | {
        schema.EVENT_DATE: cells.day("event_date"),
        schema.KNOWN_DATE: cells.day("reported_date"),
        schema.LATITUDE: cells.degrees("latitude", limit=90),
        schema.LONGITUDE: cells.degrees("longitude", limit=180),
        schema.KILLED: cells.count("killed"),
        schema.WOUNDED: cells.count("wounded"),
        schema.TAGS: pc.if_else(pa.array(counted), INSTALLATION_ATTACK, ""),
        schema.NOTE: cells.note("notes"),
    }
    columns[schema.SEVERITY] = severity_of(
        columns[schema.EVENT_TYPE],
        ladder=options.ladder,
        killed=columns[schema.KILLED],
        wounded=columns[schema.WOUNDED],
        interstate=between_states(columns[schema.ACTOR], columns[schema.TARGET]),
    )
    own = unrated(columns[schema.EVENT_TYPE], ladder=options.ladder)
    return replace(converted(cells, _NAME, columns, {}), unrated=own)


FORMAT = Source(
    name=_NAME,
    required=_COLUMNS,
    optional=_FOR_PEOPLE,
    convert=_convert,
    known_basis="observed",
    licence="the project's own",
)
