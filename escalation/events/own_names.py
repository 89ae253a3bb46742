"""Obvious names of the columns in a table of one's own."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from escalation import schema
from escalation.events.reading.layout import name_key

_NAMES = {
    schema.EVENT_ID: "id, eventid, event_no, event_number, incident_id, caseid, case_id, record_id",
    schema.EVENT_DATE: "date, day, event_day, date_of_event, incident_date",
    schema.EVENT_TYPE: "type, kind, category, event_kind, event_category, incident_type",
    schema.COUNTRY: "country_name, nation, iso3, country_code",
    schema.ADMIN1: "adm1, adm_1, admin_1, province, governorate, oblast, state, region",
    schema.SITE: "city, town, village, locality, location, place",
    schema.LATITUDE: "lat",
    schema.LONGITUDE: "lon, lng, long",
    schema.ACTOR: "actor1, actor_1, side_a",
    schema.TARGET: "actor2, actor_2, side_b",
    schema.KILLED: "fatalities, deaths, dead",
    schema.WOUNDED: "injured, injuries",
}
"""The likelier name first. The day on which an event was known is never guessed."""


def own_columns(header: Sequence[str], known: Collection[str]) -> dict[str, str]:
    """Columns whose name says what they are, though it is not the project's.

    Parameters
    ----------
    header : sequence of str
        As the file has it.
    known : collection of str
        Columns of the project; one that the file has is not sought.

    Returns
    -------
    dict of str to str
        The project's name by the file's own.

    Examples
    --------
    >>> own_columns(["ID", "Date", "kind", "event_type", "Province"], schema.EVENT_COLUMNS)
    {'ID': 'event_id', 'Date': 'event_date', 'Province': 'admin1'}
    """
    own = {name_key(name): name.strip() for name in reversed(header)}
    found = {}
    for column, names in _NAMES.items():
        spelled = next((own[name] for name in names.split(", ") if name in own), None)
        if spelled is not None and column in known and column not in own:
            found[spelled] = column
    return found
