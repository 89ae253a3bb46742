"""ACLED: event-level exports with 35 columns, and older ones; upper or lower case.

Weekly aggregates are another layout: :mod:`escalation.events.formats.acled_weekly`.

============= ====================================================================================
event_id      ``event_id_cnty``
event_date    ``event_date``, ``2025-05-16``, or with the name of the month
known_date    overwritten: the day (UTC) of ``timestamp``, when the row was last changed; ACLED does
              not keep when it was first published. A row without one is assumed to be known 7
              days after the event (releases are weekly), and counted in the notes; then the
              whole file counts as assumed.
country       ``iso`` (numeric) as ISO 3166 alpha-3, else ``iso3`` of older exports, else the name
admin1, site  ``admin1``, ``location``
event_type    ``sub_event_type`` by ``SUB_EVENTS``; if empty, ``event_type`` by ``EVENTS``, which
              includes the types of exports before 2019. Their single type ``Riots/Protests`` is
              read as a protest.
actor, target ``actor1``, ``actor2``
killed        ``fatalities``. Wounded are not in the data: null.
severity      from the ladder by killed; 6 if the military of one state fights that of another
              (both sides ``Military Forces of ...``)
confidence    null
tags          the sub-event, ``civilian_targeting``, and ``tags``, each as one word
note          ``notes``
============= ====================================================================================

Dates known within ``coarsest`` days are accepted: ``time_precision`` 1 is a day, 2 a week (7 days),
3 a month (31); by default 3 is quarantined. An event has one date, so there are no spans.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from escalation import schema
from escalation.errors import InputError
from escalation.events.columns import Mask, flags, looked_up
from escalation.events.formats import acled_types, acled_weekly, canonical
from escalation.events.formats.cells import Cells
from escalation.events.source import Converted, Options, Source, column_names

_NAME = "acled"
_LAG = 7
_PRECISION_DAYS = {1: 1, 2: 7, 3: 31}
_REQUIRED = column_names(
    """
    event_id_cnty, event_date, event_type, actor1, country, latitude, longitude, fatalities
    """
)
_OPTIONAL = column_names(
    """
    data_id, event_id_no_cnty, iso3, year, time_precision, disorder_type, sub_event_type,
    assoc_actor_1, inter1, actor2, assoc_actor_2, inter2, interaction, civilian_targeting, iso,
    region, admin1, admin2, admin3, location, geo_precision, source, source_scale, notes, tags,
    timestamp, population_1km, population_2km, population_5km, population_best
    """
)
_ACTOR_BASED = frozenset({"actor1", "assoc_actor_1", "inter1", "interaction"})
_OTHER_SIDE = frozenset({"actor2", "assoc_actor_2", "inter2"})
_NEEDED = ("event_id_cnty", "event_date", "event_type", "country")
"""Columns that need a value in every row."""
_LATEST_SECOND = 2_147_483_647
_DAY_SECONDS = 86_400
_MILITARY = re.compile(r"Military Forces of (?P<state>[^(:]+)")
ASSUMED = "events without a timestamp, whose known_date is assumed"


def _convert(block: pa.Table, options: Options) -> Converted:
    """Convert a block of ACLED rows.

    Examples
    --------
    >>> row = {"event_id_cnty": "IRQ7", "event_date": "16 May 2025", "iso": "368",
    ...     "event_type": "Explosions/Remote violence", "sub_event_type": "Air/drone strike",
    ...     "country": "Iraq", "fatalities": "2", "timestamp": "1747785600"}
    >>> event = canonical.convert_row(FORMAT, row)
    >>> event["event_type"], event["country"], event["severity"], str(event["known_date"])
    ('air_strike', 'IRQ', 5, '2025-05-21')
    """
    cells = Cells(block, options)
    cells.require(*_NEEDED)
    day = cells.day("event_date")
    known, assumed = _known(cells, day)
    cells.check_precision("time_precision", _PRECISION_DAYS)
    actor, target = cells.text("actor1"), cells.text("actor2")
    types = acled_types.event_types(cells, "event_type", "sub_event_type")
    killed = cells.count("fatalities")
    columns = {
        schema.EVENT_ID: cells.text("event_id_cnty"),
        schema.EVENT_DATE: day,
        schema.KNOWN_DATE: known,
        schema.COUNTRY: cells.country("country", iso="numeric", iso3="iso3", country="name"),
        schema.ADMIN1: cells.place("admin1"),
        schema.SITE: cells.place("location"),
        **cells.coordinates("latitude", "longitude"),
        schema.EVENT_TYPE: types,
        schema.ACTOR: actor,
        schema.TARGET: target,
        schema.KILLED: killed,
        schema.TAGS: acled_types.phrase_tags(cells, "sub_event_type", "civilian_targeting", "tags"),
        schema.NOTE: cells.note("notes"),
    }
    basis: schema.KnownBasis | None = "assumed" if assumed else None
    notes, interstate = {ASSUMED: assumed}, _states(actor, target)
    return canonical.assemble(
        cells, _NAME, columns, notes, interstate=interstate, known_basis=basis
    )


def _known(cells: Cells, day: pa.Array) -> tuple[pa.Array, int]:
    """The day of the last change, and the number of rows for which it had to be assumed."""
    stamp = cells.count("timestamp", most=_LATEST_SECOND)
    last_change = pc.divide(stamp, _DAY_SECONDS).cast(pa.int32()).cast(pa.date32())
    early = flags(pc.less(last_change, day))
    cells.refuse("Q-KNOWN-EARLY", "timestamp", early, "seconds since 1970, from event_date on")
    missing = pc.is_null(cells.without_na("timestamp"))
    known = pc.if_else(missing, cells.known_after(day, _LAG), last_change)
    return known, int(flags(missing).sum())


def _states(actor: pa.Array, target: pa.Array) -> Mask:
    return flags(pc.not_equal(looked_up(actor, _state), looked_up(target, _state)))


def _state(name: str) -> str | None:
    match = _MILITARY.match(name)
    return match["state"].strip() if match else None


def _known_basis(columns: Collection[str], _: Options) -> schema.KnownBasis:
    return "overwritten" if "timestamp" in columns else "assumed"


def _refuse_columns(path: Path, columns: Collection[str]) -> None:
    if set(columns) >= _ACTOR_BASED and not _OTHER_SIDE & set(columns):
        raise InputError(
            "E-COLUMNS",
            "this is an actor-based ACLED export: a row is one side of an event",
            where=f"{path}:1",
            column="actor1",
            fix="export the data by event, with actor1 and actor2 in one row",
        )


FORMAT = Source(
    name=_NAME,
    required=_REQUIRED,
    optional=_OPTIONAL,
    convert=_convert,
    known_basis="overwritten",
    basis=_known_basis,
    dates=("event_date",),
    variants=(acled_weekly.FORMAT,),
    refuse_columns=_refuse_columns,
    licence=acled_types.LICENCE,
)
