"""GDELT event files: 2.0 (61 columns), 1.0 (58), and 1.0 before April 2013 (57, without a link).

Tab-separated without a header; or with a header and any separator, as BigQuery and gdeltPyR write
it. All codes are text.

============= ====================================================================================
event_id      ``GLOBALEVENTID``
event_date    ``SQLDATE``, yyyymmdd. It may be decades before the article; such events are kept,
              and those more than 365 days late are counted in the notes.
known_date    observed: the day (UTC) of ``DATEADDED``
country       ``ActionGeo_CountryCode``, FIPS 10-4, as ISO 3166 alpha-3 (IZ is IRQ). Codes without
              a country, such as OS for the oceans, give null and are counted in the notes.
admin1        ``ActionGeo_ADM1Code``
site          ``ActionGeo_FullName`` of cities (``ActionGeo_Type`` 3 and 4, or no type)
coordinates   ``ActionGeo_Lat``, ``ActionGeo_Long``. If only the country is known (type 1) they are
              its centre: then coordinates and admin1 are null, and the events are counted in
              the notes.
event_type    ``EventCode`` by the table of :mod:`escalation.events.formats.cameo`. Programs that
              parse codes as numbers drop their leading zeros: they are restored and counted in
              the notes if ``EventRootCode`` makes it certain; otherwise the row is refused.
actor, target country (or known group) and first type: ``USA_MIL``, ``IRQ_GOV``, ``USA``, ``REB``;
              the whole code if it has none of them
severity      from the ladder; 6 if a government (GOV) or military (MIL) attacks the military of
              another country
killed        null: GDELT counts no casualties
confidence    ``high`` with 3 or more sources (``NumSources``), ``medium`` with 2 sources or 5 or
              more mentions (``NumMentions``), else ``low``
tags          ``cameo_`` and the code; ``root_event`` if ``IsRootEvent``
============= ====================================================================================
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from escalation import schema
from escalation.events.columns import Mask, became_null, blanked, flags, is_one_of, looked_up
from escalation.events.countries import to_iso3
from escalation.events.formats import cameo, canonical
from escalation.events.formats.cells import Cells, whole
from escalation.events.source import Converted, Options, Source, column_names

_NAME = "gdelt"
_ACTOR = column_names(
    """
    Code, Name, CountryCode, KnownGroupCode, EthnicCode, Religion1Code, Religion2Code,
    Type1Code, Type2Code, Type3Code
    """
)
_GEO = column_names("Type, FullName, CountryCode, ADM1Code, ADM2Code, Lat, Long, FeatureID")
_COUNTS = column_names(
    """
    IsRootEvent, EventCode, EventBaseCode, EventRootCode, QuadClass, GoldsteinScale, NumMentions,
    NumSources, NumArticles, AvgTone
    """
)
COLUMNS_2 = (
    *column_names("GLOBALEVENTID, SQLDATE, MonthYear, Year, FractionDate"),
    *(f"{side}{name}" for side in ("Actor1", "Actor2") for name in _ACTOR),
    *_COUNTS,
    *(f"{place}Geo_{name}" for place in ("Actor1", "Actor2", "Action") for name in _GEO),
    *column_names("DATEADDED, SOURCEURL"),
)
"""Columns of version 2.0."""
COLUMNS_1 = tuple(name for name in COLUMNS_2 if not name.endswith("ADM2Code"))
"""Columns of version 1.0, which has no second-order administrative codes."""
_REQUIRED = ("GLOBALEVENTID", "SQLDATE", "EventCode", "DATEADDED")
_DATE_FORM = r"^([0-9]{4})([0-9]{2})([0-9]{2})(?:\.0+)?$"
_TIME = "(?:[01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]"
_STAMP_FORM = rf"^([0-9]{{4}})([0-9]{{2}})([0-9]{{2}})(?:{_TIME})?(?:\.0+)?$"
_LATE_DAYS = 365
LATE_KEPT = f"events that became known more than {_LATE_DAYS} days after they happened, kept"
COUNTRY_ONLY = "events located only by country, kept without coordinates"


def _convert(block: pa.Table, options: Options) -> Converted:
    """Convert a block of GDELT rows.

    Examples
    --------
    >>> row = {"GLOBALEVENTID": "900", "SQLDATE": "20200103", "EventCode": "1952",
    ...     "Actor1CountryCode": "USA", "Actor1Type1Code": "MIL", "Actor2CountryCode": "IRN",
    ...     "ActionGeo_CountryCode": "IZ", "DATEADDED": "20200103004500"}
    >>> event = canonical.convert_row(FORMAT, row)
    >>> event["event_type"], event["actor"], event["target"], event["country"], event["killed"]
    ('drone_strike', 'USA_MIL', 'IRN', 'IRQ', None)
    """
    cells = Cells(block, options)
    cells.require(*_REQUIRED)
    day, known = _days(cells)
    country = to_iso3(cells.raw("ActionGeo_CountryCode"), code="fips")
    codes, restored = _codes(cells)
    types = looked_up(codes, cameo.event_type)
    cells.refuse("Q-TYPE", "EventCode", became_null(codes, types), cameo.EXPECTED)
    columns = {
        schema.EVENT_ID: whole(cells.text("GLOBALEVENTID")),
        schema.EVENT_DATE: day,
        schema.KNOWN_DATE: known,
        schema.COUNTRY: country,
        **_place(cells),
        schema.EVENT_TYPE: types,
        schema.ACTOR: _side(cells, "Actor1"),
        schema.TARGET: _side(cells, "Actor2"),
        schema.CONFIDENCE: _confidence(cells),
        schema.TAGS: _tags(cells, codes),
    }
    outside = became_null(cells.raw("ActionGeo_CountryCode"), country)
    late = pc.greater(pc.subtract(known.cast(pa.int32()), day.cast(pa.int32())), _LATE_DAYS)
    notes = {
        LATE_KEPT: flags(late).sum(),
        COUNTRY_ONLY: _country_only(cells).sum(),
        canonical.NO_COUNTRY: outside.sum(),
        cameo.RESTORED: restored,
    }
    return canonical.assemble(cells, _NAME, columns, notes, interstate=_interstate(cells))


def _codes(cells: Cells) -> tuple[pa.Array, int]:
    """CAMEO codes, and the number of restored leading zeros."""
    code, base, root = (
        whole(cells.raw(name)) for name in ("EventCode", "EventBaseCode", "EventRootCode")
    )
    codes, restored, contradictory = cameo.with_zeros(code, base=base, root=root)
    expected = "a code that agrees with EventBaseCode and EventRootCode, with its leading zero"
    cells.refuse("Q-TYPE", "EventCode", contradictory, expected)
    return codes, int(restored.sum())


def _days(cells: Cells) -> tuple[pa.Array, pa.Array]:
    day = cells.day("SQLDATE", form=_DATE_FORM, shown="yyyymmdd")
    known = cells.day(
        "DATEADDED", form=_STAMP_FORM, shown="yyyymmdd or yyyymmddhhmmss", declared=False
    )
    early = flags(pc.less(known, day))
    cells.refuse("Q-KNOWN-EARLY", "DATEADDED", early, "a day on or after SQLDATE")
    return day, known


def _country_only(cells: Cells) -> Mask:
    return is_one_of(whole(cells.raw("ActionGeo_Type")), ["1"])


def _place(cells: Cells) -> dict[str, pa.Array]:
    kind = whole(cells.raw("ActionGeo_Type"))
    country_only = pa.array(_country_only(cells))
    region_only = pa.array(is_one_of(kind, ["1", "2", "5"]))
    columns = {schema.ADMIN1: cells.place("ActionGeo_ADM1Code")}
    site = blanked(cells.place("ActionGeo_FullName"), region_only)
    columns |= cells.coordinates("ActionGeo_Lat", "ActionGeo_Long")
    columns = {name: blanked(column, country_only) for name, column in columns.items()}
    return columns | {schema.SITE: site}


def _side(cells: Cells, actor: str) -> pa.Array:
    group = pc.coalesce(cells.text(f"{actor}CountryCode"), cells.text(f"{actor}KnownGroupCode"))
    kind = cells.text(f"{actor}Type1Code")
    both = pc.binary_join_element_wise(group, kind, "_")
    return pc.coalesce(both, group, kind, cells.text(f"{actor}Code"))


def _interstate(cells: Cells) -> Mask:
    foreign = pc.not_equal(cells.raw("Actor1CountryCode"), cells.raw("Actor2CountryCode"))
    state = is_one_of(cells.raw("Actor1Type1Code"), ["GOV", "MIL"])
    return flags(foreign) & state & is_one_of(cells.raw("Actor2Type1Code"), ["MIL"])


def _confidence(cells: Cells) -> pa.Array:
    sources, mentions = cells.count("NumSources"), cells.count("NumMentions")
    medium = flags(pc.greater_equal(sources, 2)) | flags(pc.greater_equal(mentions, 5))
    level = pc.if_else(pa.array(medium), "medium", "low")
    level = pc.if_else(pa.array(flags(pc.greater_equal(sources, 3))), "high", level)
    return blanked(level, pc.and_(pc.is_null(sources), pc.is_null(mentions)))


def _tags(cells: Cells, codes: pa.Array) -> pa.Array:
    root = looked_up(whole(cells.raw("IsRootEvent")), {"1": "root_event"}.get)
    return canonical.join_tags(cameo.code_tags(codes), root)


FORMAT = Source(
    name=_NAME,
    required=_REQUIRED,
    optional=tuple(name for name in COLUMNS_2 if name not in _REQUIRED),
    convert=_convert,
    known_basis="observed",
    licence=(
        "GDELT may be used freely: cite the GDELT Project and link to https://www.gdeltproject.org"
    ),
    delimiter="\t",
    zoned=False,
    names=(COLUMNS_2, COLUMNS_1, COLUMNS_1[:-1]),
)
