"""ICEWS event files: 20 tab-separated columns with a header.

============= ====================================================================================
event_id      ``Event ID`` and ``Event Date``, joined by a hyphen: the number alone is not unique
event_date    ``Event Date``
known_date    assumed: 7 days after the event by default, because releases were weekly at best
country       ``Country`` of the place, a name, as ISO 3166 alpha-3. Names that are not a country
              give null and are counted in the notes.
admin1, site  ``Province``, ``City``
event_type    ``CAMEO Code`` by the table of :mod:`escalation.events.formats.cameo`. A code of two
              digits has lost its leading zero: restored if that is certain, else refused.
actor, target ``Source Name``, ``Target Name``
severity      from the ladder; 6 if a source with the sector Government or Military attacks a
              target with the sector Military of another country
killed        null: ICEWS counts no casualties
confidence    null
tags          ``cameo_`` and the code
note          ``Event Text``
============= ====================================================================================

These files were written by R, so unlike in other sources ``NA`` is a missing value in every column.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from escalation import schema
from escalation.events.columns import Mask, became_null, flags, looked_up
from escalation.events.countries import to_iso3
from escalation.events.formats import cameo, canonical
from escalation.events.formats.cells import Cells, whole, without_words
from escalation.events.source import Converted, Options, Source, column_names

_NAME = "icews"
_LAG = 7
_REQUIRED = column_names(
    """
    Event ID, Event Date, Source Name, CAMEO Code, Target Name, Province, Country, Latitude,
    Longitude
    """
)
_OPTIONAL = column_names(
    """
    Source Sectors, Source Country, Event Text, Intensity, Target Sectors, Target Country, Story
    ID, Sentence Number, Publisher, City, District
    """
)


def _convert(block: pa.Table, options: Options) -> Converted:
    """Convert a block of ICEWS rows.

    Examples
    --------
    >>> row = {"Event ID": "7", "Event Date": "2018-06-01", "Source Name": "Police (India)",
    ...     "CAMEO Code": "193", "Target Name": "Women (India)", "City": "NA", "Country": "India"}
    >>> event = canonical.convert_row(FORMAT, row)
    >>> event["event_id"], event["event_type"], event["country"], event["site"]
    ('7-2018-06-01', 'armed_clash', 'IND', None)
    """
    cells = Cells(without_words(block, ["NA"]), options)
    cells.require("Event ID", "Event Date", "CAMEO Code")
    day = cells.day("Event Date")
    country = to_iso3(cells.raw("Country"), code="name")
    codes, restored = _codes(cells)
    types = looked_up(codes, cameo.event_type)
    cells.refuse("Q-TYPE", "CAMEO Code", became_null(codes, types), cameo.EXPECTED)
    columns = {
        schema.EVENT_ID: pc.binary_join_element_wise(
            cells.text("Event ID"), day.cast(pa.string()), "-"
        ),
        schema.EVENT_DATE: day,
        schema.KNOWN_DATE: cells.known_after(day, _LAG),
        schema.COUNTRY: country,
        schema.ADMIN1: cells.place("Province"),
        schema.SITE: cells.place("City"),
        **cells.coordinates("Latitude", "Longitude"),
        schema.EVENT_TYPE: types,
        schema.ACTOR: cells.text("Source Name"),
        schema.TARGET: cells.text("Target Name"),
        schema.TAGS: cameo.code_tags(codes),
        schema.NOTE: cells.note("Event Text"),
    }
    outside = became_null(cells.raw("Country"), country)
    notes = {canonical.NO_COUNTRY: outside.sum(), cameo.RESTORED: restored}
    return canonical.assemble(cells, _NAME, columns, notes, interstate=_interstate(cells))


def _codes(cells: Cells) -> tuple[pa.Array, int]:
    """CAMEO codes, and the number of restored leading zeros."""
    codes, none = whole(cells.raw("CAMEO Code")), pa.nulls(len(cells.block), pa.string())
    codes, restored, ambiguous = cameo.with_zeros(codes, base=none, root=none)
    cells.refuse(
        "Q-TYPE", "CAMEO Code", ambiguous, "a code of three or four digits, with its leading zero"
    )
    return codes, int(restored.sum())


def _interstate(cells: Cells) -> Mask:
    foreign = pc.not_equal(cells.raw("Source Country"), cells.raw("Target Country"))
    state = _has_sector(cells.raw("Source Sectors"), "Government|Military")
    return flags(foreign) & state & _has_sector(cells.raw("Target Sectors"), "Military")


def _has_sector(sectors: pa.Array, names: str) -> Mask:
    return flags(pc.match_substring_regex(sectors, f"(^|,)({names})(,|$)"))


FORMAT = Source(
    name=_NAME,
    required=_REQUIRED,
    optional=_OPTIONAL,
    convert=_convert,
    known_basis="assumed",
    licence="see the terms of the site you got the file from; cite the ICEWS Coded Event Data",
    delimiter="\t",
    dates=("Event Date",),
)
