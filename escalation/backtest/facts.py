"""Facts about an archive that decide which experiments suit it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from escalation import schema
from escalation.events.archive import EventArchive
from escalation.events.revisions import LATE, events_reported, suggested_lag
from escalation.events.severity import unrated
from escalation.events.type_words import rungs_of_types
from escalation.panel.membership import members

ENOUGH = 10
"""Events that a unit needs to be worth learning from."""
LONGEST_LAG = 30
"""Maximum lag, in days, for overwritten known dates, which are those of the last change."""
_KINDS: tuple[schema.UnitKind, ...] = ("country", "admin1", "site", "dyad")
_OUTLIERS = 0.01
_FEWEST_WEEKS = 8


@dataclass(frozen=True)
class Units:
    """Units of one kind.

    Parameters
    ----------
    count : int
    enough : int
        Units with at least :data:`ENOUGH` events.
    events : int
        Events that belong to a unit.
    """

    count: int
    enough: int
    events: int


@dataclass(frozen=True)
class Facts:
    """Contents of an archive.

    Parameters
    ----------
    events : int
        Rows of events, as known at the end.
    first_day, last_day : numpy.datetime64
        Of the events.
    start : numpy.datetime64
        The first day, ignoring a few events that are far older than all others.
    weekly : bool
        Whether all events are dated on the same weekday, so that each stands for a week.
    units : mapping of str to Units
        By kind; absent kinds are left out.
    types : mapping of str to int
        Events by type, most frequent first.
    unrated_types : mapping of str to Rungs or None
        Types missing from the ladder, with the rungs that their words suggest.
    severity_range : mapping of str to tuple of int
        Lowest and highest severity of the events of each type.
    rungs : mapping of int to int
        Events by severity.
    actors, targets : mapping of str to int
        Events by side, most frequent first.
    killed : int or None
        Total killed; None if unknown for all events.
    known_basis : str
    lag : int
        Reporting lag in days that the archive suggests.
    """

    events: int
    first_day: np.datetime64
    last_day: np.datetime64
    start: np.datetime64
    weekly: bool
    units: Mapping[str, Units]
    types: Mapping[str, int]
    unrated_types: Mapping[str, schema.Rungs | None]
    severity_range: Mapping[str, tuple[int, int]]
    rungs: Mapping[int, int]
    actors: Mapping[str, int]
    targets: Mapping[str, int]
    killed: int | None
    known_basis: schema.KnownBasis
    lag: int

    @property
    def days(self) -> int:
        """Days from the start to the last event."""
        return int((self.last_day - self.start).astype(int)) + 1

    def at_least(self, rung: int) -> int:
        """Events at or above a rung."""
        return sum(count for severity, count in self.rungs.items() if severity >= rung)

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON, with days as text."""
        return {
            "events": self.events,
            "first_day": str(self.first_day),
            "last_day": str(self.last_day),
            "weekly": self.weekly,
            "units": {kind: units.__dict__ for kind, units in self.units.items()},
            "types": dict(self.types),
            "types_without_rung": {
                t: rungs and list(rungs) for t, rungs in self.unrated_types.items()
            },
            "severity": {str(rung): count for rung, count in self.rungs.items()},
            "actors": dict(self.actors),
            "targets": dict(self.targets),
            "killed": self.killed,
            "known_basis": self.known_basis,
            "lag": self.lag,
        }


def facts_of(archive: EventArchive, *, ladder: Mapping[str, schema.Rungs]) -> Facts:
    """Collect the facts about an archive.

    Parameters
    ----------
    archive : EventArchive
    ladder : mapping of str to Rungs

    Examples
    --------
    >>> from escalation.events import load_events
    >>> facts = facts_of(load_events("iraq_crisis"), ladder=schema.SEVERITY_LADDER)
    >>> facts.units["country"].count, next(iter(facts.types)), facts.known_basis
    (4, 'rocket_attack', 'observed')
    """
    events = archive.as_of(archive.covered_to)
    days = np.sort(events[schema.EVENT_DATE].to_numpy("datetime64[D]"))
    types = _counts(events[schema.EVENT_TYPE])
    names = pa.array(list(types), pa.string())
    without_rung = names.filter(pa.array(unrated(names, ladder=ladder))).to_pylist()
    ranges = _severity_range(events)
    killed = events[schema.KILLED].dropna()
    rungs = events[schema.SEVERITY].astype(int).value_counts().sort_index()
    return Facts(
        events=len(events),
        first_day=days[0],
        last_day=days[-1],
        start=_start(days),
        weekly=_is_weekly(days),
        units=_units(events),
        types=types,
        unrated_types=rungs_of_types(
            types, without_rung, violent=_violent(events, without_rung, ranges)
        ),
        severity_range=ranges,
        rungs={int(rung): int(count) for rung, count in rungs.items()},
        actors=_counts(events[schema.ACTOR]),
        targets=_counts(events[schema.TARGET]),
        killed=int(killed.sum()) if len(killed) else None,
        known_basis=archive.known_basis,
        lag=_lag(archive),
    )


def _counts(column: pd.Series) -> dict[str, int]:
    counts = column.dropna().value_counts()
    pairs = sorted(counts.items(), key=lambda pair: (-pair[1], str(pair[0])))
    return {str(name): int(count) for name, count in pairs}


def _severity_range(events: pd.DataFrame) -> dict[str, tuple[int, int]]:
    spans = events.groupby(schema.EVENT_TYPE)[schema.SEVERITY].agg(["min", "max"]).astype(int)
    return {str(name): (int(low), int(high)) for name, low, high in spans.itertuples()}


def _violent(
    events: pd.DataFrame, without_rung: Collection[str], ranges: Mapping[str, tuple[int, int]]
) -> bool:
    """Whether anybody is reported hurt, or a type on the ladder is violent."""
    hurt = events[[schema.KILLED, schema.WOUNDED]].fillna(0).to_numpy().any()
    highest = (high for name, (_, high) in ranges.items() if name not in without_rung)
    return bool(hurt) or any(high >= schema.VIOLENCE.nobody_hurt for high in highest)


def _units(events: pd.DataFrame) -> dict[str, Units]:
    units = {}
    for kind in _KINDS:
        code, keys = members(events, kind)
        if keys:
            counts = np.bincount(code[code >= 0], minlength=len(keys))
            units[str(kind)] = Units(len(keys), int((counts >= ENOUGH).sum()), int(counts.sum()))
    return units


def _start(days: np.ndarray[Any, Any]) -> np.datetime64:
    """The first day, without the oldest hundredth if that spans more than half of the time."""
    early = days[int(len(days) * _OUTLIERS)]
    return early if (early - days[0]) * 2 > days[-1] - days[0] else days[0]


def _is_weekly(days: np.ndarray[Any, Any]) -> bool:
    distinct = np.unique(days)
    return len(distinct) >= _FEWEST_WEEKS and len(np.unique(distinct.astype(int) % 7)) == 1


def _lag(archive: EventArchive) -> int:
    if archive.known_basis == "event_date":
        return 0
    lag = suggested_lag(events_reported(archive)[LATE])
    return min(lag, LONGEST_LAG if archive.known_basis == "overwritten" else 365)
