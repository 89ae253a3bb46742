"""ACLED weekly aggregates: a row per week, region and sub-event type, with a number of events.

============= ====================================================================================
event_id      week, country, ``ADMIN1``, event type and sub-event type, joined by slashes: together
              they identify a row, and don't change when ACLED revises its numbers
event_date    the last day of the week, six days after ``WEEK``, which is a Saturday
known_date    assumed: 7 days later
country       ``COUNTRY``, a name, as ISO 3166 alpha-3
admin1        ``ADMIN1``
event_type    as for event-level exports
killed        ``FATALITIES`` of the whole row, not per event
weight        ``EVENTS``
severity      from the ladder by killed
coordinates   ``CENTROID_LATITUDE``, ``CENTROID_LONGITUDE``
============= ====================================================================================

Sides and notes are not in the data. A row stands for many events whose exact days are unknown, so
use horizons and steps of whole weeks.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from escalation import schema
from escalation.events.columns import add_days, flags
from escalation.events.formats import acled_types, canonical
from escalation.events.formats.cells import Cells
from escalation.events.source import Converted, Options, Source, column_names

_NAME = "acled"
_LAG = 7
_SATURDAY = 5
_REQUIRED = column_names("WEEK, COUNTRY, ADMIN1, EVENT_TYPE, SUB_EVENT_TYPE, EVENTS, FATALITIES")
_OPTIONAL = column_names(
    "REGION, POPULATION_EXPOSURE, DISORDER_TYPE, ID, CENTROID_LATITUDE, CENTROID_LONGITUDE"
)
WEEKLY = "rows that stand for the events of a week, dated on its last day"


def _convert(block: pa.Table, options: Options) -> Converted:
    """Convert a block of weekly rows.

    Examples
    --------
    >>> row = {"WEEK": "2024-01-06", "COUNTRY": "Iraq", "ADMIN1": "Baghdad", "EVENTS": "7",
    ...     "EVENT_TYPE": "Battles", "SUB_EVENT_TYPE": "Armed clash", "FATALITIES": "3"}
    >>> event = canonical.convert_row(FORMAT, row)
    >>> str(event["event_date"]), str(event["known_date"]), event["weight"], event["killed"]
    ('2024-01-12', '2024-01-19', 7, 3)
    """
    cells = Cells(block, options)
    cells.require("WEEK", "COUNTRY", "EVENT_TYPE", "EVENTS")
    first = _first_day(cells)
    last, killed = add_days(first, 6), cells.count("FATALITIES")
    types = acled_types.event_types(cells, "EVENT_TYPE", "SUB_EVENT_TYPE")
    columns = {
        schema.EVENT_ID: _identifiers(cells, first),
        schema.EVENT_DATE: last,
        schema.KNOWN_DATE: cells.known_after(last, _LAG),
        schema.COUNTRY: cells.country("COUNTRY", COUNTRY="name"),
        schema.ADMIN1: cells.place("ADMIN1"),
        **cells.coordinates("CENTROID_LATITUDE", "CENTROID_LONGITUDE"),
        schema.EVENT_TYPE: types,
        schema.KILLED: killed,
        schema.WEIGHT: cells.count("EVENTS", least=1),
        schema.TAGS: acled_types.phrase_tags(cells, "SUB_EVENT_TYPE"),
    }
    return canonical.assemble(cells, _NAME, columns, {WEEKLY: len(block)})


def _first_day(cells: Cells) -> pa.Array:
    first = cells.day("WEEK")
    other_day = flags(pc.not_equal(pc.day_of_week(first), _SATURDAY))
    cells.refuse("Q-DATE", "WEEK", other_day, "a Saturday, on which ACLED's weeks begin")
    return first


def _identifiers(cells: Cells, first: pa.Array) -> pa.Array:
    columns = ("COUNTRY", "ADMIN1", "EVENT_TYPE", "SUB_EVENT_TYPE")
    names = (pc.fill_null(cells.text(column, longest=200), "") for column in columns)
    return pc.binary_join_element_wise(first.cast(pa.string()), *names, "/")


FORMAT = Source(
    name=_NAME,
    required=_REQUIRED,
    optional=_OPTIONAL,
    convert=_convert,
    known_basis="assumed",
    licence=acled_types.LICENCE,
    dates=("WEEK",),
)
