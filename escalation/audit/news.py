"""Other futures: news that becomes known after a day, events on a day, other names."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from escalation import schema
from escalation.events.archive import EventArchive
from escalation.events.units import normalised
from escalation.experiment import Experiment

_MOST_TEMPLATES = 120
"""Templates that are cloned; a poisoned build should cost little more than a plain one."""
_PLACE = [schema.COUNTRY, schema.ADMIN1, schema.SITE]
_KIND = [*_PLACE, schema.EVENT_TYPE, schema.ACTOR, schema.TARGET, schema.TAGS]
_SIDES = [schema.ACTOR, schema.TARGET]
_ONE_DAY = np.timedelta64(1, "D")


def prompt_news(
    archive: EventArchive, at: np.datetime64, *, lag: int = 0, seed: int = 0
) -> pd.DataFrame:
    """New events of every place and kind, known on the day after as soon as the lag allows.

    They come without :func:`late_news`, because that has a unit's history written anew, and what is
    written anew no longer shows a look ahead.

    Parameters
    ----------
    archive : EventArchive
        Templates come from all of it.
    at : datetime64[D]
    lag : int
        The source's reporting lag in days.
    seed : int

    Returns
    -------
    DataFrame
        Versions to be added to ``archive.until(at)``.
    """
    tomorrow = at + _ONE_DAY
    days = [tomorrow - k * _ONE_DAY for k in dict.fromkeys((0, lag))]
    some = _templates(archive, seed)
    return _new(pd.concat([_clones(some, day) for day in days]), tomorrow)


def late_news(
    archive: EventArchive, at: np.datetime64, *, lag: int = 0, seed: int = 0
) -> pd.DataFrame:
    """Late reports, corrections and retractions, all known on the day after; and unheard-of places.

    Parameters and result as in :func:`prompt_news`.
    """
    tomorrow = at + _ONE_DAY
    some = _templates(archive, seed)
    late = _clones(some, tomorrow - (lag + 3) * _ONE_DAY)
    elsewhere = _clones(some, at)
    for column in (schema.ADMIN1, schema.SITE):
        elsewhere[column] = elsewhere[column] + " (never heard of)"
    elsewhere[schema.LATITUDE] = (elsewhere[schema.LATITUDE] + 1.0).clip(upper=90.0)
    known = archive.as_of(at)
    changed = known.sample(n=min(_MOST_TEMPLATES, len(known)), random_state=seed)
    odd = np.arange(len(changed)) % 2 == 1
    changed = changed.assign(
        **{
            schema.OPERATION: np.where(odd, "retract", "update"),
            schema.KNOWN_DATE: tomorrow,
            schema.KILLED: changed[schema.KILLED].fillna(0) + 9,
            schema.SEVERITY: schema.HIGHEST_RUNG,
        }
    )
    return pd.concat([_new(pd.concat([late, elsewhere]), tomorrow), changed], ignore_index=True)


def _new(events: pd.DataFrame, known: np.datetime64) -> pd.DataFrame:
    """Events with identifiers of their own, known on a day."""
    names = [f"audit {number}" for number in range(len(events))]
    return events.assign(**{schema.EVENT_ID: names, schema.KNOWN_DATE: known})


def events_on(
    archive: EventArchive, day: np.datetime64, *, known: np.datetime64, seed: int = 0
) -> EventArchive:
    """The archive with one more event of every place and kind on a day, known on another.

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
    """Some events: every kind of them if there is room."""
    mixed = archive.versions.sample(frac=1.0, random_state=seed)
    chosen = pd.concat([mixed.drop_duplicates(_PLACE), mixed.drop_duplicates(_KIND)])
    return chosen[~chosen.index.duplicated()].head(_MOST_TEMPLATES)


def _clones(events: pd.DataFrame, day: np.datetime64) -> pd.DataFrame:
    """Copies of events, all on one day."""
    return events.assign(**{schema.EVENT_DATE: day, schema.OPERATION: "add"})


def other_names(archive: EventArchive, experiment: Experiment) -> dict[str, dict[str, str]]:
    """New names, in reverse order, for whatever gives units their names.

    A name that the experiment itself mentions stays, because there it means something. Spellings of
    one name get one new name, in whatever column it stands.

    Parameters
    ----------
    archive : EventArchive
    experiment : Experiment
        Its units say which columns give names.

    Returns
    -------
    dict of str to dict of str to str
        New names by column and old name; empty where no name can be changed.
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
    """New names by column and old name: the same in every column for what is called the same."""
    plain = {
        column: {value: normalised(value) for value in set(archive.versions[column].dropna())}
        for column in columns
    }
    names = {name for table in plain.values() for name in table.values()} - mentioned
    new = {name: f"{word} {place:06d}" for place, name in enumerate(sorted(names, reverse=True))}
    return {
        column: {value: new[name] for value, name in table.items() if name in new}
        for column, table in plain.items()
    }


def _texts(value: object) -> list[str]:
    """Every text within nested tables and lists."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        value = [*value, *value.values()]
    return [text for part in value for text in _texts(part)] if isinstance(value, list) else []
