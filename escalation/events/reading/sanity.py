"""Find events that can't be true, whatever their source."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pyarrow.compute as pc

from escalation import schema
from escalation.events.columns import Mask, add_days, flags
from escalation.events.source import Options, Problem

_RECORDED: tuple[schema.KnownBasis, ...] = ("observed", "overwritten")
"""Bases for which the source records ``known_date``, so it can't be missing or in the future."""


def check_sanity(
    events: pa.Table, basis: schema.KnownBasis, options: Options, latest: dt.date
) -> tuple[pa.Table, list[Problem]]:
    """Fill in missing known dates, and find events that can't be true.

    Parameters
    ----------
    events : pyarrow.Table
        With ``EVENT_SCHEMA``.
    basis : str
        How ``known_date`` was obtained; if not recorded, it is the event date plus the lag.
    options : Options
        With the lag.
    latest : datetime.date
        The last day on which an event can have happened.

    Examples
    --------
    >>> day = dt.date(2020, 1, 2)
    >>> from escalation.events.source import EVENT_SCHEMA
    >>> events = pa.Table.from_pylist([{"event_id": "a", "event_date": day,
    ...     "event_type": "battle", "severity": 3}], EVENT_SCHEMA)
    >>> filled, problems = check_sanity(events, "assumed", Options(lag=3), dt.date(2020, 1, 1))
    >>> filled["known_date"][0].as_py().isoformat(), [problem.code for problem in problems]
    ('2020-01-05', ['Q-FUTURE'])
    """
    problems: list[Problem] = []

    def refuse(code: str, column: str, rows: Mask, expected: str) -> None:
        if rows.any():
            problems.append(Problem(code, column, rows, expected))

    for name in (schema.EVENT_ID, schema.EVENT_DATE, schema.EVENT_TYPE, schema.SEVERITY):
        refuse("Q-REQUIRED", name, flags(pc.is_null(events[name])), "a value")
    happened, known = (events[name].combine_chunks() for name in schema.DATE_COLUMNS)
    if basis in _RECORDED:
        refuse("Q-REQUIRED", schema.KNOWN_DATE, flags(pc.is_null(known)), "a value")
    elif known.null_count:
        known = pc.coalesce(known, add_days(happened, options.lag or 0))
        place = events.schema.get_field_index(schema.KNOWN_DATE)
        events = events.set_column(place, events.schema.field(place), known)
    today, expected = pa.scalar(latest, pa.date32()), f"a day up to {latest}"
    refuse("Q-FUTURE", schema.EVENT_DATE, flags(pc.greater(happened, today)), expected)
    early = flags(pc.less(known, happened))
    refuse("Q-KNOWN-EARLY", schema.KNOWN_DATE, early, "a day on or after the event")
    if basis in _RECORDED:
        refuse("Q-KNOWN-FUTURE", schema.KNOWN_DATE, flags(pc.greater(known, today)), expected)
    return events, problems
