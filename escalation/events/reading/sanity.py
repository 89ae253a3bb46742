"""What can't be true of an event, whatever its source."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pyarrow.compute as pc

from escalation import schema
from escalation.events.columns import Mask, add_days, flags
from escalation.events.source import Options, Problem

_NOTICED: tuple[schema.KnownBasis, ...] = ("observed", "overwritten")
"""Where somebody noted the day on which it was known, it can't lie in the future."""


def check_sanity(
    events: pa.Table, basis: schema.KnownBasis, options: Options, latest: dt.date
) -> tuple[pa.Table, list[Problem]]:
    """Canonical events whose ``known_date`` is filled in, and what can't be true of them.

    Parameters
    ----------
    events : pyarrow.Table
        Of ``EVENT_SCHEMA``.
    basis : str
        How ``known_date`` came about; where nobody noted it, it follows from the event's day.
    options : Options
        Its lag.
    latest : datetime.date
        The last day that can have happened.

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
    if basis in _NOTICED:
        refuse("Q-REQUIRED", schema.KNOWN_DATE, flags(pc.is_null(known)), "a value")
    elif known.null_count:
        known = pc.coalesce(known, add_days(happened, options.lag or 0))
        place = events.schema.get_field_index(schema.KNOWN_DATE)
        events = events.set_column(place, events.schema.field(place), known)
    today = pa.scalar(latest, pa.date32())
    refuse(
        "Q-FUTURE", schema.EVENT_DATE, flags(pc.greater(happened, today)), f"a day up to {latest}"
    )
    refuse(
        "Q-KNOWN-EARLY",
        schema.KNOWN_DATE,
        flags(pc.less(known, happened)),
        "a day on or after the event",
    )
    if basis in _NOTICED:
        refuse(
            "Q-KNOWN-FUTURE",
            schema.KNOWN_DATE,
            flags(pc.greater(known, today)),
            f"a day up to {latest}",
        )
    return events, problems
