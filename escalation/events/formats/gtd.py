"""Global Terrorism Database: the workbook or CSV of 135 columns.

============= ====================================================================================
event_id      ``eventid``, 12 digits that begin with the day
event_date    ``iyear``, ``imonth``, ``iday``. A day or month of 0 is unknown: the first one is
              used, and the event is accepted only if its date is known within ``coarsest`` days
known_date    assumed: 365 days after the event, because releases are yearly at best
country       ``country_txt``, a name, as ISO 3166 alpha-3. Names of countries that no longer
              exist give null and are counted in the notes.
admin1, site  ``provstate``, ``city``; ``Unknown`` is missing
event_type    ``attacktype1_txt`` by ``ATTACKS``; bombings with ``suicide`` are suicide_bombing,
              armed assaults on the military or the police armed_clash
actor, target ``gname`` (``Unknown`` is missing), ``targtype1_txt``
attribution   claimed if ``claimed`` is 1; else blamed if the group is named, or unknown
killed        ``nkill``; wounded ``nwound``. -9 and -99 are unknown.
severity      from the ladder
confidence    ``low`` if ``doubtterr`` is 1 (doubtful as terrorism); ``high`` if it is 0
tags          the attack type; ``suicide``; ``failed`` if ``success`` is 0
note          ``summary``
============= ====================================================================================

Files are UTF-8 or Latin-1. Tested with the first 1,209 rows (1970 to 1972) of a CSV of the 2018
release, not with a published workbook.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from escalation import schema
from escalation.events.columns import became_null, blanked, flags, is_one_of, looked_up
from escalation.events.countries import to_iso3
from escalation.events.formats import canonical
from escalation.events.formats.cells import Cells, whole
from escalation.events.reading import checks
from escalation.events.source import Converted, Options, Source, column_names

_NAME = "gtd"
_LAG = 365
ATTACKS = {
    "assassination": "assassination",
    "armed assault": "violence_against_civilians",
    "bombing/explosion": "explosion",
    "hijacking": "abduction",
    "hostage taking (barricade incident)": "abduction",
    "hostage taking (kidnapping)": "abduction",
    "facility/infrastructure attack": "sabotage",
    "unarmed assault": "violence_against_civilians",
    "unknown": "attack",
}
_REQUIRED = column_names("eventid, iyear, imonth, iday, country_txt, attacktype1_txt, gname, nkill")
_OPTIONAL = column_names(
    """
    approxdate, extended, provstate, city, latitude, longitude, summary, doubtterr, success,
    suicide, targtype1_txt, nwound, claimed
    """
)
_IGNORED = column_names(
    """
    resolution, country, region, region_txt, specificity, vicinity, location, crit1, crit2, crit3,
    alternative, alternative_txt, multiple, attacktype1, attacktype2, attacktype2_txt, attacktype3,
    attacktype3_txt, targtype1, targsubtype1, targsubtype1_txt, corp1, target1, natlty1,
    natlty1_txt, targtype2, targtype2_txt, targsubtype2, targsubtype2_txt, corp2, target2, natlty2,
    natlty2_txt, targtype3, targtype3_txt, targsubtype3, targsubtype3_txt, corp3, target3, natlty3,
    natlty3_txt, gsubname, gname2, gsubname2, gname3, gsubname3, motive, guncertain1, guncertain2,
    guncertain3, individual, nperps, nperpcap, claimmode, claimmode_txt, claim2, claimmode2,
    claimmode2_txt, claim3, claimmode3, claimmode3_txt, compclaim, weaptype1, weaptype1_txt,
    weapsubtype1, weapsubtype1_txt, weaptype2, weaptype2_txt, weapsubtype2, weapsubtype2_txt,
    weaptype3, weaptype3_txt, weapsubtype3, weapsubtype3_txt, weaptype4, weaptype4_txt,
    weapsubtype4, weapsubtype4_txt, weapdetail, nkillus, nkillter, nwoundus, nwoundte, property,
    propextent, propextent_txt, propvalue, propcomment, ishostkid, nhostkid, nhostkidus, nhours,
    ndays, divert, kidhijcountry, ransom, ransomamt, ransomamtus, ransompaid, ransompaidus,
    ransomnote, hostkidoutcome, hostkidoutcome_txt, nreleased, addnotes, scite1, scite2, scite3,
    dbsource, INT_LOG, INT_IDEO, INT_MISC, INT_ANY, related
    """
)
_DAYS = (1, 31, 366)
"""Precision in days of a known day, month or year."""


def _convert(block: pa.Table, options: Options) -> Converted:
    """Convert a block of GTD rows.

    Examples
    --------
    >>> row = {"eventid": "201401010001", "iyear": "2014", "imonth": "1", "iday": "1",
    ...     "country_txt": "Iraq", "city": "Baghdad", "attacktype1_txt": "Bombing/Explosion",
    ...     "gname": "Unknown", "nkill": "2", "nwound": "-9", "suicide": "0", "claimed": "0"}
    >>> event = canonical.convert_row(FORMAT, row)
    >>> str(event["event_date"]), event["event_type"], event["killed"], event["wounded"]
    ('2014-01-01', 'explosion', 2, None)
    """
    cells = Cells(block, options)
    cells.require("eventid", "iyear", "imonth", "iday", "attacktype1_txt")
    day = _day(cells)
    country = to_iso3(cells.raw("country_txt"), code="name")
    types, group = _types(cells), _named(cells, "gname")
    killed, wounded = _toll(cells, "nkill"), _toll(cells, "nwound")
    columns = {
        schema.EVENT_ID: _identifiers(cells),
        schema.EVENT_DATE: day,
        schema.KNOWN_DATE: cells.known_after(day, _LAG),
        schema.COUNTRY: country,
        schema.ADMIN1: _named(cells, "provstate"),
        schema.SITE: _named(cells, "city"),
        **cells.coordinates("latitude", "longitude"),
        schema.EVENT_TYPE: types,
        schema.ACTOR: group,
        schema.TARGET: _named(cells, "targtype1_txt"),
        schema.ATTRIBUTION: _attribution(cells, group),
        schema.KILLED: killed,
        schema.WOUNDED: wounded,
        schema.CONFIDENCE: looked_up(whole(cells.raw("doubtterr")), {"0": "high", "1": "low"}.get),
        schema.TAGS: _tags(cells),
        schema.NOTE: cells.note("summary"),
    }
    notes = {canonical.NO_COUNTRY: became_null(cells.present("country_txt"), country).sum()}
    return canonical.assemble(cells, _NAME, columns, notes)


def _identifiers(cells: Cells) -> pa.Array:
    numbers = whole(cells.raw("eventid"))
    invalid = flags(pc.invert(pc.match_substring_regex(numbers, "^[0-9]{12,13}$")))
    cells.refuse("Q-ID", "eventid", invalid, "a number of 12 digits")
    return numbers


def _day(cells: Cells) -> pa.Array:
    """The day, or the first possible one."""
    year, month, day = (whole(cells.raw(name)) for name in ("iyear", "imonth", "iday"))
    no_month, no_day = is_one_of(month, ["0", "00"]), is_one_of(day, ["0", "00"])
    month, day = (
        pc.utf8_lpad(pc.if_else(pa.array(unknown), "1", number), 2, "0")
        for number, unknown in ((month, no_month), (day, no_day | no_month))
    )
    days, invalid = checks.dates(pc.binary_join_element_wise(year, month, day, "-"))
    cells.refuse("Q-DATE", "iday", invalid, "a calendar day, or 0")
    coarsest, (_, of_month, of_year) = cells.options.coarsest, _DAYS
    coarse = (no_month & (of_year > coarsest)) | (no_day & ~no_month & (of_month > coarsest))
    cells.refuse("Q-PRECISION", "iday", coarse, f"a date known within {coarsest} days")
    return days


def _types(cells: Cells) -> pa.Array:
    types = cells.types("attacktype1_txt", ATTACKS, "a GTD attack type")
    suicide = flags(pc.equal(whole(cells.raw("suicide")), "1")) & flags(
        pc.equal(types, "explosion")
    )
    armed = flags(pc.equal(pc.utf8_lower(cells.raw("attacktype1_txt")), "armed assault"))
    forces = is_one_of(cells.raw("targtype1_txt"), ["Military", "Police"])
    types = pc.if_else(pa.array(suicide), "suicide_bombing", types)
    return pc.if_else(pa.array(armed & forces), "armed_clash", types)


def _named(cells: Cells, column: str) -> pa.Array:
    names = cells.place(column)
    return blanked(names, pc.equal(names, "Unknown"))


def _toll(cells: Cells, column: str) -> pa.Array:
    values = whole(pc.replace_substring_regex(cells.raw(column), r"^-99?(\.0+)?$", "NA"))
    return cells.count(column, values=values)


def _attribution(cells: Cells, group: pa.Array) -> pa.Array:
    claimed = flags(pc.equal(whole(cells.raw("claimed")), "1"))
    unclaimed = pc.if_else(pc.is_valid(group), "blamed", "unknown")
    return pc.if_else(pa.array(claimed), "claimed", unclaimed)


def _tags(cells: Cells) -> pa.Array:
    kind = looked_up(cells.note("attacktype1_txt"), canonical.tag)
    suicide = looked_up(whole(cells.raw("suicide")), {"1": "suicide"}.get)
    failed = looked_up(whole(cells.raw("success")), {"0": "failed"}.get)
    return canonical.join_tags(kind, suicide, failed)


FORMAT = Source(
    name=_NAME,
    required=_REQUIRED,
    optional=_OPTIONAL,
    ignored=_IGNORED,
    convert=_convert,
    known_basis="assumed",
    fallback_encoding="latin-1",
    licence="GTD's end user licence of the University of Maryland (START): cite it, and do not "
    "redistribute the data",
)
