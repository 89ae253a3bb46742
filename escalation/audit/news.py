"""Invented data for the audit: later news, more events on a day, other names."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from escalation import schema
from escalation.events.archive import EventArchive
from escalation.events.units import normalised
from escalation.experiment import Experiment

_MAX_TEMPLATES = 120
"""Events to clone: few, so that a poisoned build costs little more than a plain one."""
_PLACE = [schema.COUNTRY, schema.ADMIN1, schema.SITE]
_KIND = [*_PLACE, schema.EVENT_TYPE, schema.ACTOR, schema.TARGET, schema.TAGS]
_SIDES = [schema.ACTOR, schema.TARGET]
_ONE_DAY = np.timedelta64(1, "D")


def prompt_news(
    archive: EventArchive, at: np.datetime64, *, lag: int = 0, seed: int = 0
) -> pd.DataFrame:
    """New events of every place and kind, of the next day and of a lag before it, known on it.

    Kept apart from :func:`late_news`, which rewrites a unit's history: a rewritten history no
    longer shows a look ahead.

    Parameters
    ----------
    archive : EventArchive
        Source of the events that are cloned.
    at : datetime64[D]
    lag : int
        The source's reporting lag in days.
    seed : int

    Returns
    -------
    DataFrame
        Versions to add to ``archive.until(at)``.
    """
    tomorrow = at + _ONE_DAY
    days = [tomorrow - k * _ONE_DAY for k in dict.fromkeys((0, lag))]
    templates = _templates(archive, seed)
    return _new(pd.concat([_clones(templates, day) for day in days]), tomorrow)


def late_news(
    archive: EventArchive, at: np.datetime64, *, lag: int = 0, seed: int = 0
) -> pd.DataFrame:
    """Late reports, corrections, retractions and new places, all known on the next day.

    Parameters and result as in :func:`prompt_news`.
    """
    tomorrow = at + _ONE_DAY
    templates = _templates(archive, seed)
    late = _clones(templates, tomorrow - (lag + 3) * _ONE_DAY)
    elsewhere = _clones(templates, at)
    for column in (schema.ADMIN1, schema.SITE):
        elsewhere[column] = elsewhere[column] + " (new place)"
    elsewhere[schema.LATITUDE] = (elsewhere[schema.LATITUDE] + 1.0).clip(upper=90.0)
    known = archive.as_of(at)
    revised = known.sample(n=min(_MAX_TEMPLATES, len(known)), random_state=seed)
    is_odd = np.arange(len(revised)) % 2 == 1
    revised = revised.assign(
        **{
            schema.OPERATION: np.where(is_odd, "retract", "update"),
            schema.KNOWN_DATE: tomorrow,
            schema.KILLED: revised[schema.KILLED].fillna(0) + 9,
            schema.SEVERITY: schema.HIGHEST_RUNG,
        }
    )
    return pd.concat([_new(pd.concat([late, elsewhere]), tomorrow), revised], ignore_index=True)


def _new(events: pd.DataFrame, known: np.datetime64) -> pd.DataFrame:
    """Events with new identifiers, known on a day."""
    names = [f"audit {number}" for number in range(len(events))]
    return events.assign(**{schema.EVENT_ID: names, schema.KNOWN_DATE: known})


def events_on(
    archive: EventArchive, day: np.datetime64, *, known: np.datetime64, seed: int = 0
) -> EventArchive:
    """The archive with one more event of every place and kind on a day.

    Parameters
    ----------
    archive : EventArchive
    day : datetime64[D]
        When the events happen.
    known : datetime64[D]
        When they become known.
    seed : int, optional
    """
    return archive.plus(_new(_clones(_templates(archive, seed), day), known))


def _templates(archive: EventArchive, seed: int) -> pd.DataFrame:
    """A sample of events with every place, and every kind of event if there is room."""
    shuffled = archive.versions.sample(frac=1.0, random_state=seed)
    sample = pd.concat([shuffled.drop_duplicates(_PLACE), shuffled.drop_duplicates(_KIND)])
    return sample[~sample.index.duplicated()].head(_MAX_TEMPLATES)


def _clones(events: pd.DataFrame, day: np.datetime64) -> pd.DataFrame:
    """Copies of events, all on one day."""
    return events.assign(**{schema.EVENT_DATE: day, schema.OPERATION: "add"})


def other_names(archive: EventArchive, experiment: Experiment) -> dict[str, dict[str, str]]:
    """New names, in reverse order, for the places and sides that name units.

    Names that the experiment mentions stay, because there they have a meaning. All spellings of a
    name get the same new name, in every column.

    Parameters
    ----------
    archive : EventArchive
    experiment : Experiment
        Its units determine which columns give names.

    Returns
    -------
    dict of str to dict of str to str
        New names by column and old name; empty if no name can change.
    """
    kinds = experiment.panel.units
    places = [kind for kind in _PLACE if kind in kinds]
    texts = _texts(experiment.model_dump(mode="json"))
    mentioned = {normalised(text) for text in texts} | {schema.ALL_UNIT}
    rename = _numbered(archive, places, "place", mentioned)
    if "dyad" in kinds:
        rename |= _numbered(archive, _SIDES, "side", mentioned)
    return {column: table for column, table in rename.items() if table}


def _numbered(
    archive: EventArchive, columns: Sequence[str], word: str, mentioned: set[str]
) -> dict[str, dict[str, str]]:
    """New names by column and old name, the same in every column."""
    plain_names = {
        column: {value: normalised(value) for value in set(archive.versions[column].dropna())}
        for column in columns
    }
    names = {name for table in plain_names.values() for name in table.values()} - mentioned
    new = {name: f"{word} {number:06d}" for number, name in enumerate(sorted(names, reverse=True))}
    return {
        column: {value: new[name] for value, name in table.items() if name in new}
        for column, table in plain_names.items()
    }


def _texts(value: object) -> list[str]:
    """All strings within nested tables and lists."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        value = [*value, *value.values()]
    return [text for item in value for text in _texts(item)] if isinstance(value, list) else []
