"""POLECAT event files, the successor of ICEWS: 40 tab-separated columns with a header.

============= ====================================================================================
event_id      ``Event ID``
event_date    ``Event Date``
known_date    observed: ``Publication Date``, the day of the article
country       ``Country``, a code or a name, as ISO 3166 alpha-3. Names that are not a country
              give null and are counted in the notes.
admin1, site  ``Province``, ``City``
event_type    ``Event Type`` and ``Event Mode`` of PLOVER by ``MODES``, else the type by ``TYPES``
actor, target ``Actor Name``, ``Recipient Name``; if empty, country and primary sector
severity      from the ladder; 6 if a government or military attacks the military of another
              country
killed        null: POLECAT counts no casualties
tags          ``plover_`` and the type, the mode, and the contexts
============= ====================================================================================

``None`` and ``NA`` are missing values. Files are UTF-8 or Latin-1. Written from the codebook: its
40 columns match those of a published file, whose rows could not be tested.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from escalation import schema
from escalation.events.columns import Mask, became_null, flags, is_one_of, looked_up
from escalation.events.countries import to_iso3
from escalation.events.formats import canonical
from escalation.events.formats.cells import MISSING_WORDS, Cells, without_words
from escalation.events.source import Converted, Options, Source, column_names

_NAME = "polecat"
TYPES = {
    "AGREE": "agreement",
    "CONSULT": "statement",
    "SUPPORT": "cooperation",
    "CONCEDE": "cooperation",
    "COOPERATE": "cooperation",
    "AID": "cooperation",
    "RETREAT": "truce",
    "REQUEST": "statement",
    "ACCUSE": "statement",
    "REJECT": "statement",
    "THREATEN": "diplomatic_warning",
    "PROTEST": "protest",
    "SANCTION": "sanction",
    "MOBILIZE": "troop_movement",
    "COERCE": "coercion",
    "ASSAULT": "violence_against_civilians",
}
MODES = {
    ("PROTEST", "riot"): "riot",
    ("COERCE", "arrest"): "arrest",
    ("ASSAULT", "abduct"): "abduction",
    ("ASSAULT", "aerial"): "air_strike",
    ("ASSAULT", "assassinate"): "assassination",
    ("ASSAULT", "cleansing"): "mass_violence",
    ("ASSAULT", "crowd-control"): "protest_intervention",
    ("ASSAULT", "destroy"): "sabotage",
    ("ASSAULT", "drone"): "drone_strike",
    ("ASSAULT", "execute"): "killing",
    ("ASSAULT", "explosives"): "explosion",
    ("ASSAULT", "firearms"): "armed_clash",
    ("ASSAULT", "heavy-weapons"): "shelling",
    ("ASSAULT", "massacre"): "mass_violence",
    ("ASSAULT", "sexual"): "sexual_violence",
    ("ASSAULT", "suicide-attack"): "suicide_bombing",
}
_SIDES = tuple(
    name.format(side)
    for side in ("Actor", "Recipient")
    for name in column_names(
        """
        {} Name, {} Country, {} COW, Primary {} Sector, {} Sectors, {} Title, {} Name Raw,
        Wikipedia {} ID
        """
    )
)
_REQUIRED = column_names("Event ID, Event Date, Event Type, Country, Publication Date")
_OPTIONAL = (
    *column_names("Event Mode, Intensity, Quad Code, Contexts"),
    *_SIDES,
    *column_names(
        """
        Placename, City, District, Province, Latitude, Longitude, GeoNames ID, Raw Placename,
        Feature Type, Source, Story People, Story Organizations, Story Locations, Language, Version
        """
    ),
)
_STATE = ("GOV", "MIL", "Government", "Military")
_FORCES = ("MIL", "Military")


def _convert(block: pa.Table, options: Options) -> Converted:
    """Convert a block of POLECAT rows.

    Examples
    --------
    >>> row = {"Event ID": "7", "Event Date": "2023-05-01", "Event Type": "ASSAULT",
    ...     "Event Mode": "explosives", "Actor Name": "None", "Actor Country": "IRQ",
    ...     "Primary Actor Sector": "REB", "Country": "Iraq", "Publication Date": "2023-05-02"}
    >>> event = canonical.convert_row(FORMAT, row)
    >>> event["event_type"], event["actor"], event["country"], str(event["known_date"])
    ('explosion', 'IRQ_REB', 'IRQ', '2023-05-02')
    """
    cells = Cells(without_words(block, MISSING_WORDS), options)
    cells.require("Event ID", "Event Date", "Event Type", "Publication Date")
    place = cells.raw("Country")
    country = pc.coalesce(to_iso3(place, code="iso3"), to_iso3(place, code="name"))
    types = _types(cells)
    columns = {
        schema.EVENT_ID: cells.text("Event ID"),
        schema.EVENT_DATE: cells.day("Event Date"),
        schema.KNOWN_DATE: cells.day("Publication Date"),
        schema.COUNTRY: country,
        schema.ADMIN1: cells.place("Province"),
        schema.SITE: cells.place("City"),
        **cells.coordinates("Latitude", "Longitude"),
        schema.EVENT_TYPE: types,
        schema.ACTOR: _side(cells, "Actor"),
        schema.TARGET: _side(cells, "Recipient"),
        schema.TAGS: _tags(cells),
    }
    notes = {canonical.NO_COUNTRY: became_null(place, country).sum()}
    return canonical.assemble(cells, _NAME, columns, notes, interstate=_interstate(cells))


def _types(cells: Cells) -> pa.Array:
    types = cells.types("Event Type", TYPES, "a PLOVER type")
    both = pc.binary_join_element_wise(
        pc.utf8_upper(cells.raw("Event Type")), pc.utf8_lower(cells.raw("Event Mode")), "/"
    )
    finer = looked_up(both, lambda pair: MODES.get(_pair(pair)))
    return pc.coalesce(finer, types)


def _pair(joined: str) -> tuple[str, str]:
    kind, _, mode = joined.partition("/")
    return kind, mode.strip().replace(" ", "-")


def _side(cells: Cells, side: str) -> pa.Array:
    country, sector = cells.text(f"{side} Country"), cells.text(f"Primary {side} Sector")
    both = pc.binary_join_element_wise(country, sector, "_")
    return pc.coalesce(cells.text(f"{side} Name"), both, country, sector)


def _interstate(cells: Cells) -> Mask:
    foreign = pc.not_equal(cells.raw("Actor Country"), cells.raw("Recipient Country"))
    state = is_one_of(cells.raw("Primary Actor Sector"), _STATE)
    return flags(foreign) & state & is_one_of(cells.raw("Primary Recipient Sector"), _FORCES)


def _tags(cells: Cells) -> pa.Array:
    kind = looked_up(cells.note("Event Type"), lambda name: f"plover_{canonical.tag(name)}")
    mode = looked_up(cells.note("Event Mode"), canonical.tag)
    contexts = looked_up(cells.note("Contexts"), _words)
    return canonical.join_tags(kind, mode, contexts)


def _words(contexts: str) -> str:
    return " ".join(map(canonical.tag, filter(str.strip, contexts.replace(";", ",").split(","))))


FORMAT = Source(
    name=_NAME,
    required=_REQUIRED,
    optional=_OPTIONAL,
    convert=_convert,
    known_basis="observed",
    licence="POLECAT is published on Harvard's Dataverse: cite it, and see the terms there",
    delimiter="\t",
    dates=("Event Date", "Publication Date"),
    fallback_encoding="latin-1",
)
