"""Recognise columns of your own tables by obvious names."""

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
"""By canonical column, likelier names first. ``known_date`` is never guessed."""
_OBVIOUS = frozenset(name for names in _NAMES.values() for name in names.split(", "))
_MOST_WORDS = 3
_SIMILAR = 0.6


@lru_cache(4096)
def name_key(name: str) -> str:
    """Reduce a column name to lower-case words, to compare it with others.

    Examples
    --------
    >>> name_key(" Event.Date")
    'event_date'
    """
    return re.sub("[^0-9a-z]+", "_", name.casefold()).strip("_")


def obvious_columns(header: Sequence[str], known: Collection[str]) -> dict[str, str]:
    """Map columns of a file with obvious names to canonical columns.

    Parameters
    ----------
    header : sequence of str
        Column names of the file.
    known : collection of str
        Canonical columns to look for; those that the file has are skipped.

    Examples
    --------
    >>> obvious_columns(["ID", "Date", "kind", "event_type", "Province"], schema.EVENT_COLUMNS)
    {'ID': 'event_id', 'Date': 'event_date', 'Province': 'admin1'}
    """
    by_key = {name_key(name): name.strip() for name in reversed(header)}
    if date_parts(header):
        del by_key["day"]
    columns = {}
    for column, keys in _NAMES.items():
        name = next((by_key[key] for key in keys.split(", ") if key in by_key), None)
        if name is not None and column in known and column not in by_key:
            columns[name] = column
    return columns


def date_parts(header: Sequence[str]) -> list[str]:
    """Return the columns of a date that is split into year, month and day, if it is.

    Examples
    --------
    >>> date_parts(["Day", "City", "Month", "Year"]), date_parts(["day", "year"])
    (['Year', 'Month', 'Day'], [])
    """
    by_key = {name_key(name): name.strip() for name in reversed(header)}
    parts = [by_key[key] for key in ("year", "month", "day") if key in by_key]
    return parts if len(parts) == 3 else []


def similar_columns(
    header: Sequence[str], missing: Sequence[str], known: Collection[str]
) -> dict[str, str]:
    """Map columns of a file to the missing columns that may be meant, for a person to judge.

    Obvious names come first, then misspelt ones, then short names with the same last word.

    Parameters
    ----------
    header : sequence of str
        Column names of the file.
    missing : sequence of str
        Required columns that the file lacks.
    known : collection of str
        Columns of the format, which are never suggested for another one.

    Examples
    --------
    >>> similar_columns(["When", "Incident Date", "Evnt Type"], ["event_date", "event_type"], [])
    {'Incident Date': 'event_date', 'Evnt Type': 'event_type'}
    >>> similar_columns(["Type of Gun - Detailed", "Date of Report"], ["event_type"], [])
    {}
    """
    columns = obvious_columns(header, missing)
    unused = {
        name_key(name): name.strip()
        for name in header
        if name.strip() and name_key(name) not in (*known, *_OBVIOUS)
    }
    pairs = sorted((_similarity(key, name), key, name) for key in unused for name in missing)
    for similarity, key, column in reversed(pairs):
        if similarity >= _SIMILAR and key in unused and column not in columns.values():
            columns[unused.pop(key)] = column
    return columns


def _similarity(key: str, column: str) -> float:
    """Return a similarity, 0 to 1, that just suffices for short names with the same last word."""
    words = key.split("_")
    same_end = len(words) <= _MOST_WORDS and words[-1] == column.rpartition("_")[2]
    return max(difflib.SequenceMatcher(None, column, key).ratio(), _SIMILAR if same_end else 0)


def added_columns(
    similar: Mapping[str, str], missing: Sequence[str], parts: Sequence[str] = ()
) -> str:
    """Return command-line advice on missing columns; empty if there is nothing to go by.

    Parameters
    ----------
    similar : mapping of str to str
        Missing column by the column of the file that may be meant.
    missing : sequence of str
        All missing columns.
    parts : sequence of str, optional
        Columns of a split date, of ``date_parts``.

    Examples
    --------
    >>> added_columns({"Kind of event": "event_type"}, ["event_type", "event_date"])
    "add --columns 'Kind of event=event_type', and map a column to event_date as well"
    """
    rest = [name for name in missing if name not in similar.values()]
    advice = []
    if parts and schema.EVENT_DATE in rest:
        rest.remove(schema.EVENT_DATE)
        advice.append(f"join {', '.join(parts)} into one column event_date, as YYYY-MM-DD")
    if similar:
        pairs = [shlex.quote(f"{old}={new}") for old, new in similar.items()]
        advice.append(" ".join(["add", *(f"--columns {pair}" for pair in pairs)]))
    if advice and rest:
        advice.append(f"map a column to {', '.join(rest)} as well")
    return ", and ".join(advice)
