"""Obvious names of the columns in a table of one's own."""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache

from escalation import schema

_NAMES = {
    schema.EVENT_ID: "id, eventid, event_no, event_number, event_id_cnty, incident_id, "
    "incident_no, incident_number, caseid, case_id, case_number, record_id",
    schema.EVENT_DATE: "date, day, event_day, date_of_event, incident_date, date_of_incident",
    schema.EVENT_TYPE: "type, kind, category, event_kind, event_category, incident_type, "
    "type_of_event, type_of_incident, conflict_type, crisis_type, attack_type, violence_type",
    schema.COUNTRY: "country_name, nation, iso3, country_code",
    schema.ADMIN1: "adm1, adm_1, admin_1, province, governorate, oblast, state, region",
    schema.SITE: "city, town, village, locality, community, city_or_county, location, place",
    schema.LATITUDE: "lat",
    schema.LONGITUDE: "lon, lng, long",
    schema.ACTOR: "actor1, actor_1, side_a",
    schema.TARGET: "actor2, actor_2, side_b",
    schema.KILLED: "fatalities, deaths, dead, n_killed, nkill, number_killed, number_of_deaths, "
    "total_killed, total_deaths, total_fatalities, total_number_of_fatalities",
    schema.WOUNDED: "injured, injuries, n_injured, n_wounded, nwound, number_injured, "
    "injured_victims, total_injured, total_wounded",
}
"""The likelier name first. The day on which an event was known is never guessed."""
_OBVIOUS = frozenset(name for names in _NAMES.values() for name in names.split(", "))
_MOST_WORDS = 3
_NEAR = 0.6


@lru_cache(4096)
def name_key(name: str) -> str:
    """The name of a column without case and punctuation, by which two are compared.

    Examples
    --------
    >>> name_key(" Event.Date")
    'event_date'
    """
    return re.sub("[^0-9a-z]+", "_", name.casefold()).strip("_")


def obvious_columns(header: Sequence[str], known: Collection[str]) -> dict[str, str]:
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
    >>> obvious_columns(["ID", "Date", "kind", "event_type", "Province"], schema.EVENT_COLUMNS)
    {'ID': 'event_id', 'Date': 'event_date', 'Province': 'admin1'}
    """
    own = {name_key(name): name.strip() for name in reversed(header)}
    found = {}
    for column, names in _NAMES.items():
        spelled = next((own[name] for name in names.split(", ") if name in own), None)
        if spelled is not None and column in known and column not in own:
            found[spelled] = column
    return found


def similar_columns(
    header: Sequence[str], missing: Sequence[str], known: Collection[str]
) -> dict[str, str]:
    """Columns that may be the missing ones, for a person to judge.

    Obvious names first, then misspelt ones, then short names with the same last word.

    Parameters
    ----------
    header : sequence of str
        As the file has it.
    missing : sequence of str
        Columns that are needed.
    known : collection of str
        Columns of the format; one that the file has is proposed for nothing else.

    Returns
    -------
    dict of str to str
        The missing column by the file's own name.

    Examples
    --------
    >>> similar_columns(["When", "Incident Date", "Evnt Type"], ["event_date", "event_type"], [])
    {'Incident Date': 'event_date', 'Evnt Type': 'event_type'}
    >>> similar_columns(["Type of Gun - Detailed", "Date of Report"], ["event_type"], [])
    {}
    """
    found = obvious_columns(header, missing)
    own = {
        name_key(name): name.strip()
        for name in header
        if name.strip() and name_key(name) not in (*known, *_OBVIOUS)
    }
    nearest = sorted((_likeness(key, name), key, name) for key in own for name in missing)
    for likeness, key, column in reversed(nearest):
        if likeness >= _NEAR and key in own and column not in found.values():
            found[own.pop(key)] = column
    return found


def _likeness(key: str, column: str) -> float:
    """From 0 to 1; just near enough for short names with the same last word.

    Examples
    --------
    >>> _likeness("day_of_attack", "event_date") < _likeness("attack_date", "event_date")
    True
    """
    words = key.split("_")
    same = len(words) <= _MOST_WORDS and words[-1] == column.rpartition("_")[2]
    return max(difflib.SequenceMatcher(None, column, key).ratio(), _NEAR if same else 0)


def columns_options(columns: Mapping[str, str]) -> str:
    """What to add to a command so that it reads columns by these names.

    Parameters
    ----------
    columns : mapping of str to str
        The format's names by the file's own.

    Examples
    --------
    >>> print(columns_options({"Incident Date": "event_date", "kind": "event_type"}))
    --columns 'Incident Date=event_date' --columns kind=event_type
    """
    return " ".join(f"--columns {shlex.quote(f'{old}={new}')}" for old, new in columns.items())
