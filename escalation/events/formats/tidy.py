"""The project's canonical columns in a file: the format for your own tables.

``event_date`` and ``event_type`` are required. If the file has a place or two sides, every row
needs one of them: ``country``, ``admin1``, ``site``, ``latitude`` with ``longitude``, or ``actor``
with ``target``. All other columns of the canonical table are optional. Names are used as written,
without surrounding blanks; an ``admin1`` or ``site`` that is only a word for a missing value, such
as ``NA``, is null (as a country, NA is Namibia).

============ =====================================================================================
event_id     needed in every row if the file has the column; else derived from the row's content
known_date   observed if the file has the column, then needed in every row; else the event's day
             plus the declared lag (assumed), or without a lag the event's own day (event_date)
severity     as given, 0 to 6, else from the ladder by event type, sides, killed and wounded. A
             custom event type without a rung gets 3, 4 or 5 by its casualties.
weight       as given, 1 or more, else 1
hour         of the day, 0 to 23, if given
attribution  claimed, blamed or unknown, if given
source       as given, else ``tidy``
============ =====================================================================================

Dates are ISO days, or in the format that ``date_format`` declares. A time stamp is refused unless
its time zone is declared.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from escalation import schema
from escalation.events.columns import flags
from escalation.events.formats.cells import Cells
from escalation.events.reading import checks
from escalation.events.severity import between_states, severity_of, unrated
from escalation.events.source import EVENT_SCHEMA, Converted, Options, Source

_NAME = "tidy"
_REQUIRED = (schema.EVENT_DATE, schema.EVENT_TYPE)
_OPTIONAL = tuple(name for name in schema.EVENT_COLUMNS if name not in _REQUIRED)
_PLACES = (
    (schema.COUNTRY,),
    (schema.ADMIN1,),
    (schema.SITE,),
    (schema.LATITUDE, schema.LONGITUDE),
    (schema.ACTOR, schema.TARGET),
)
_NAMED_PLACES = (schema.ADMIN1, schema.SITE)
_NAMES = (schema.EVENT_ID, schema.COUNTRY, schema.EVENT_TYPE, schema.ACTOR, schema.TARGET)
_DESCRIPTIONS = (schema.SOURCE, schema.CONFIDENCE, schema.TAGS, schema.CONDITION)
_LONGEST_NAME = 200


def _known_basis(columns: Collection[str], options: Options) -> schema.KnownBasis:
    """How ``known_date`` is obtained in a file with these columns.

    Examples
    --------
    >>> _known_basis(["known_date"], Options(lag=3)), _known_basis([], Options(lag=3))
    ('observed', 'assumed')
    """
    if schema.KNOWN_DATE in columns:
        return "observed"
    return "event_date" if options.lag is None else "assumed"


def _convert(block: pa.Table, options: Options, *, placed: bool = True) -> Converted:
    """Convert a block; ``known_date`` stays null if the file has none.

    Examples
    --------
    >>> row = {"event_id": "007", "event_date": "2020-03-11", "event_type": "rocket_attack",
    ...     "admin1": "Baghdad", "killed": "3"}
    >>> from escalation.events.formats.canonical import convert_row
    >>> event = convert_row(FORMAT, row)
    >>> event["event_id"], event["killed"], event["wounded"], event["severity"]
    ('007', 3, None, 5)
    """
    cells = Cells(block, options)
    cells.require(schema.EVENT_ID, *_REQUIRED)
    columns = {name: cells.text(name, longest=_LONGEST_NAME) for name in _NAMES}
    columns |= {name: cells.place(name, longest=_LONGEST_NAME) for name in _NAMED_PLACES}
    columns |= {name: cells.note(name, longest=_LONGEST_NAME) for name in _DESCRIPTIONS}
    columns[schema.NOTE] = cells.note(schema.NOTE)
    columns |= {name: cells.day(name) for name in schema.DATE_COLUMNS}
    columns |= {name: cells.count(name) for name in (*schema.COUNT_COLUMNS, schema.MUNITIONS)}
    columns[schema.ATTRIBUTION] = cells.one_of(schema.ATTRIBUTION, schema.ATTRIBUTIONS)
    columns[schema.WEIGHT] = pc.fill_null(cells.count(schema.WEIGHT, least=1), 1)
    columns[schema.HOUR] = cells.count(schema.HOUR, most=23)
    columns |= cells.coordinates(schema.LATITUDE, schema.LONGITUDE)
    columns[schema.SOURCE] = pc.fill_null(columns[schema.SOURCE], _NAME)
    if placed:
        _check_place(cells)
    severity, invalid = checks.whole_numbers(
        cells.without_na(schema.SEVERITY), most=schema.HIGHEST_RUNG
    )
    cells.refuse("Q-NUMBER", schema.SEVERITY, invalid, f"a rung from 0 to {schema.HIGHEST_RUNG}")
    by_ladder = severity_of(
        columns[schema.EVENT_TYPE],
        ladder=options.ladder,
        killed=columns[schema.KILLED],
        wounded=columns[schema.WOUNDED],
        interstate=between_states(columns[schema.ACTOR], columns[schema.TARGET]),
    )
    columns[schema.SEVERITY] = pc.coalesce(severity.cast(pa.int8()), by_ladder)
    events = pa.table({name: columns[name] for name in EVENT_SCHEMA.names}).cast(EVENT_SCHEMA)
    without_rung = unrated(columns[schema.EVENT_TYPE], ladder=options.ladder)
    without_rung &= flags(pc.is_null(severity))
    return Converted(events, tuple(cells.problems), cells.notes, unrated=without_rung)


def _check_place(cells: Cells) -> None:
    """Every row needs a place or two sides; latitude and longitude come in pairs."""
    present = {
        name: flags(pc.is_valid(cells.present(name) if name in _NAMED_PLACES else cells.raw(name)))
        for group in _PLACES
        for name in group
    }
    half = present[schema.LATITUDE] != present[schema.LONGITUDE]
    cells.refuse("Q-PLACE", schema.LATITUDE, half, "both latitude and longitude, or none")
    placed = np.logical_or.reduce(
        [np.logical_and.reduce([present[name] for name in group]) for group in _PLACES]
    )
    cells.refuse("Q-PLACE", schema.COUNTRY, ~placed & ~half, "a place, or an actor and a target")


FORMAT = Source(
    name=_NAME,
    required=_REQUIRED,
    optional=_OPTIONAL,
    convert=_convert,
    known_basis="event_date",
    licence="your own",
    one_of=_PLACES,
    basis=_known_basis,
    dates=schema.DATE_COLUMNS,
    unplaced=partial(_convert, placed=False),
    content_id=schema.EVENT_ID,
)
