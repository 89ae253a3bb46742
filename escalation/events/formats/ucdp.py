"""UCDP: Georeferenced Event Dataset (GED) and Candidate events.

Reads the yearly releases with 41, 45 and 49 columns, the variant with a second header line of HXL
tags, and the monthly Candidate files. Only the columns in ``_REQUIRED`` are needed.

============= ====================================================================================
event_id      ``id``, a whole number. ``214797.0``, as tables with gaps write it, is read as
              ``214797``; so are counts such as ``4.0``.
event_date    ``date_start``. An event that spans days is put on its first day and counted in the
              notes; with ``spans="refuse"`` it is quarantined.
known_date    assumed: ``date_end`` plus a lag, by default 30 days, the average delay of the monthly
              Candidate files. Yearly releases appear in the middle of the next year; if you use
              only those, declare a longer lag. ``source_date`` is not used: it is the date of the
              first of several articles, and contains years such as 1753 and 2919.
country       ISO 3166 alpha-3 from ``iso3``, else ``country_id`` (a number of Gleditsch and Ward),
              else the name.
admin1, site  ``adm_1``, ``where_coordinates``
event_type    ``type_of_violence``: 1 state_based_conflict, 2 non_state_conflict,
              3 one_sided_violence
actor, target ``side_a``, ``side_b``; side A of one-sided violence is the attacker
killed        ``best``, which may be 0. Rows that violate low <= best <= high are kept and counted
              in the notes. Wounded are not in the data: null.
severity      from the ladder by killed; 6 if both sides are a ``Government of ...``
confidence    ``high`` if ``event_clarity`` is 1 and no check is pending, ``medium`` if a check is
              pending (``code_status`` other than Clear), ``low`` if ``event_clarity`` is 2
tags          ``code_status`` as a word: ``clear``, ``check_dyad``
============= ====================================================================================

Dates known within ``coarsest`` days are accepted: ``date_prec`` 1 is a day, 2 a week (7 days), 3
and 4 a month (31), 5 a year (366); by default 3 and up are quarantined.

``gwnoa`` and ``gwnob`` are not read: a cell such as ``2;200;900`` is three countries.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from escalation import schema
from escalation.events.columns import Mask, flags, looked_up
from escalation.events.formats import canonical
from escalation.events.formats.cells import Cells, whole
from escalation.events.source import Converted, Options, Source, column_names

_NAME = "ucdp"
_LAG = 30
_KINDS = ("state_based_conflict", "non_state_conflict", "one_sided_violence")
_TYPES = {f"{code}{zero}": kind for code, kind in enumerate(_KINDS, start=1) for zero in ("", ".0")}
_PRECISION_DAYS = {1: 1, 2: 7, 3: 31, 4: 31, 5: 366}
_REQUIRED = column_names(
    """
    id, date_start, date_end, date_prec, type_of_violence, side_a, side_b, country, latitude,
    longitude, best
    """
)
_OPTIONAL = column_names(
    """
    relid, year, active_year, start_year, end_year, code_status, conflict_dset_id,
    conflict_new_id, conflict_name, dyad_dset_id, dyad_new_id, dyad_name, side_a_dset_id,
    side_a_new_id, side_b_dset_id, side_b_new_id, number_of_sources, source_article,
    source_office, source_date, source_headline, source_original, where_prec, where_coordinates,
    where_description, adm_1, adm_2, geom_wkt, priogrid_gid, country_id, iso3, region,
    event_clarity, deaths_a, deaths_b, deaths_civilians, deaths_unknown, high, low, gwnoa, gwnob
    """
)
_NEEDED = ("id", "date_start", "date_prec", "type_of_violence", "side_a", "side_b", "country")
"""Columns that need a value in every row."""
_GOVERNMENT = "Government of "
SPANS = "events that span several days, dated on the first"
BEYOND = "events whose best estimate is not between low and high, kept anyway"


def _convert(block: pa.Table, options: Options) -> Converted:
    """Convert a block of UCDP rows.

    Examples
    --------
    >>> row = {"id": "7.0", "date_start": "2020-01-03", "date_end": "2020-01-04", "date_prec": "2",
    ...     "type_of_violence": "1", "side_a": "Government of Iraq", "side_b": "IS",
    ...     "country": "Iraq", "country_id": "645", "latitude": "33.3", "longitude": "44.4",
    ...     "best": "4.0"}
    >>> event = canonical.convert_row(FORMAT, row)
    >>> event["event_id"], event["country"], event["killed"], event["severity"]
    ('7', 'IRQ', 4, 5)
    """
    cells = Cells(block, options)
    cells.require(*_NEEDED)
    first, last, spans = _days(cells)
    cells.check_precision("date_prec", _PRECISION_DAYS)
    types = cells.types("type_of_violence", _TYPES, "1, 2 or 3")
    actor, target = cells.text("side_a"), cells.text("side_b")
    killed = cells.count("best")
    columns = {
        schema.EVENT_ID: _ids(cells),
        schema.EVENT_DATE: first,
        schema.KNOWN_DATE: cells.known_after(last, _LAG),
        # From three columns, because each release lacks some.
        schema.COUNTRY: cells.country("country", iso3="iso3", country_id="gw", country="name"),
        schema.ADMIN1: cells.place("adm_1"),
        schema.SITE: cells.place("where_coordinates"),
        **cells.coordinates("latitude", "longitude"),
        schema.EVENT_TYPE: types,
        schema.ACTOR: actor,
        schema.TARGET: target,
        schema.KILLED: killed,
        schema.CONFIDENCE: _confidence(cells),
        schema.TAGS: looked_up(cells.note("code_status"), canonical.tag),
    }
    notes = {SPANS: spans, BEYOND: _beyond(cells, killed)}
    return canonical.assemble(cells, _NAME, columns, notes, interstate=_states(actor, target))


def _days(cells: Cells) -> tuple[pa.Array, pa.Array, int]:
    """First and last day, and the number of events with more than one day."""
    first = cells.day("date_start")
    last = pc.coalesce(cells.day("date_end"), first)
    cells.refuse("Q-SPAN", "date_end", flags(pc.less(last, first)), "a day on or after date_start")
    spans = flags(pc.greater(last, first))
    if cells.options.spans == "refuse":
        cells.refuse("Q-SPAN", "date_end", spans, "an event on a single day")
    return first, last, int(spans.sum())


def _ids(cells: Cells) -> pa.Array:
    ids = whole(cells.raw("id"))
    invalid = flags(pc.invert(pc.match_substring_regex(ids, "^[0-9]{1,15}$")))
    cells.refuse("Q-ID", "id", invalid, "a whole number")
    return ids


def _states(actor: pa.Array, target: pa.Array) -> Mask:
    return flags(pc.starts_with(actor, _GOVERNMENT)) & flags(pc.starts_with(target, _GOVERNMENT))


def _confidence(cells: Cells) -> pa.Array:
    clarity = whole(cells.raw("event_clarity"))
    pending = flags(pc.not_equal(cells.raw("code_status"), "Clear"))
    clear = pc.if_else(pa.array(pending), "medium", "high")
    none = pa.scalar(None, pa.string())
    level = pc.if_else(pc.equal(clarity, "1"), clear, none)
    return pc.if_else(pc.equal(clarity, "2"), "low", level)


def _beyond(cells: Cells, best: pa.Array) -> int:
    low, high = cells.count("low"), cells.count("high")
    return int((flags(pc.less(best, low)) | flags(pc.greater(best, high))).sum())


FORMAT = Source(
    name=_NAME,
    required=_REQUIRED,
    optional=_OPTIONAL,
    convert=_convert,
    known_basis="assumed",
    licence=(
        "UCDP data are licensed under CC BY 4.0: cite the data set, its version and the articles "
        "named at https://ucdp.uu.se/downloads"
    ),
    skip_hxl=True,
    dates=("date_start", "date_end"),
)
