"""The bundled chronology of the Iraq crisis: ``data/iraq_crisis_events.csv``.

A row is a version of an event: what was known at the end of ``reported_date``, the day on which a
cited page was published, so ``known_date`` is observed. Events whose toll or attacker became known
later have several rows. The tag ``installation_attack`` marks events that press tallies count.

The archive ends on the last day on which anything was reported; later days were not checked, so
they can't be assumed to be quiet.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from escalation import schema
from escalation.events.columns import blanked, flags, is_one_of
from escalation.events.formats import canonical
from escalation.events.formats.cells import Cells
from escalation.events.severity import between_states, unrated
from escalation.events.source import Converted, Options, Source, column_names

_NAME = "iraq_crisis"
INSTALLATION_ATTACK = "installation_attack"
_COLUMNS = column_names(
    """
    event_id, event_date, reported_date, country, admin1, site, latitude, longitude, event_type,
    actor, target, killed, wounded, counts_as_installation_attack, confidence, notes
    """
)
_OPTIONAL = column_names("attribution, event_time, munitions_count, condition")
_FOR_PEOPLE = column_names(
    """
    location, actor_name, killed_us, killed_coalition, killed_low, killed_high, source_url,
    version_note
    """
)
"""Columns that are ignored."""
_TIME = "^([01][0-9]|2[0-3]):[0-5][0-9]$"


def _convert(block: pa.Table, options: Options) -> Converted:
    """Convert a block of the chronology.

    Examples
    --------
    >>> row = {"event_id": "A", "event_date": "2020-03-11", "reported_date": "2020-03-12",
    ...     "event_type": "rocket_attack", "confidence": "high", "wounded": "12",
    ...     "counts_as_installation_attack": "1"}
    >>> event = canonical.convert_row(FORMAT, row)
    >>> event["known_date"].isoformat(), event["severity"], event["tags"]
    ('2020-03-12', 4, 'installation_attack')
    """
    cells = Cells(block, options)
    cells.require("event_id", "event_date", "reported_date", "event_type", "confidence")
    texts = ("event_id", "country", "admin1", "site", "event_type", "actor", "target", "confidence")
    is_counted = is_one_of(cells.raw("counts_as_installation_attack"), ["1"])
    columns = {name: cells.text(name) for name in texts} | {
        schema.EVENT_DATE: cells.day("event_date"),
        schema.KNOWN_DATE: cells.day("reported_date"),
        **cells.coordinates("latitude", "longitude"),
        schema.KILLED: cells.count("killed"),
        schema.WOUNDED: cells.count("wounded"),
        schema.ATTRIBUTION: cells.one_of("attribution", schema.ATTRIBUTIONS),
        schema.HOUR: _hour(cells),
        schema.MUNITIONS: cells.count("munitions_count"),
        schema.CONDITION: cells.text("condition"),
        schema.TAGS: pc.if_else(pa.array(is_counted), INSTALLATION_ATTACK, ""),
        schema.NOTE: cells.note("notes"),
    }
    interstate = between_states(columns[schema.ACTOR], columns[schema.TARGET])
    without_rung = unrated(columns[schema.EVENT_TYPE], ladder=options.ladder)
    return canonical.assemble(
        cells, _NAME, columns, {}, interstate=interstate, unrated=without_rung
    )


def _hour(cells: Cells) -> pa.Array:
    times = cells.raw("event_time")
    invalid = pc.invert(pc.match_substring_regex(times, _TIME))
    cells.refuse("Q-TIME", "event_time", flags(invalid), "a time of day as HH:MM")
    return blanked(pc.utf8_slice_codeunits(times, 0, 2), invalid).cast(pa.int8())


FORMAT = Source(
    name=_NAME,
    required=_COLUMNS,
    optional=_OPTIONAL + _FOR_PEOPLE,
    convert=_convert,
    known_basis="observed",
    licence="the project's own",
)
