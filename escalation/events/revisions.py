"""How late reports come, and how tolls change after the first one.

Both are read off the versions of an archive. A *first report* is the first version of an event, and
it comes as many days late as lie between the day of the event and the day on which that version
became known. A toll is *changed* when the last report differs from the first: a number that moved,
one that was told only later, or one that was withdrawn.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from escalation import schema
from escalation.errors import InputError
from escalation.events.archive import EventArchive, to_day
from escalation.events.versions import EVENT_KEY

WITHIN_DAYS: Final = (0, 1, 3, 7, 14, 30)
"""Days after the event by which shares of first reports are counted."""
ENOUGH_REPORTS: Final = 0.9
"""Share of first reports that have to be in before a lag counts as long enough."""
LAG_RULE: Final = (
    f"the fewest whole days within which at least {ENOUGH_REPORTS:.0%} of first reports had come"
)
TOLLS: Final = (schema.KILLED, schema.WOUNDED)
LATE, VERSIONS, RETRACTED = "days_late", "versions", "retracted"

GroupKind = Literal["all", "source", "event_type"]
BREAKDOWNS: Final[tuple[GroupKind, ...]] = ("source", "event_type")


@dataclass(frozen=True)
class Lateness:
    """How many days after the event first reports came.

    Parameters
    ----------
    within : tuple of float
        Share of events reported within each of :data:`WITHIN_DAYS`, 0 to 1.
    median : float
        In days.
    slowest : int
        In days.
    """

    within: tuple[float, ...]
    median: float
    slowest: int


@dataclass(frozen=True)
class TollChange:
    """How a toll changed from the first to the last report of an event.

    Parameters
    ----------
    changed : float
        Share of events whose last report differs from the first, 0 to 1.
    raised, lowered, told_later, withdrawn : int
        Events whose number rose or fell, was null in the first report, or null in the last.
    median : float or None
        Of the sizes of all rises and falls, in people; None without any.
    largest : int or None
        Rise (or fall, below 0) of the largest size, in people.
    """

    changed: float
    raised: int
    lowered: int
    told_later: int
    withdrawn: int
    median: float | None
    largest: int | None


@dataclass(frozen=True)
class RevisionGroup:
    """Reports of all events, of one source's, or of one event type's.

    Parameters
    ----------
    kind : str
        ``all``, ``source`` or ``event_type``.
    name : str
        The source or the event type; empty for all events.
    events : int
    lateness : Lateness or None
        None where the archive does not know when reports came.
    revised, retracted : float
        Share of events with a later version, and of those taken back at least once, 0 to 1.
    killed, wounded : TollChange
    """

    kind: GroupKind
    name: str
    events: int
    lateness: Lateness | None
    revised: float
    retracted: float
    killed: TollChange
    wounded: TollChange


@dataclass(frozen=True)
class Revisions:
    """What an archive tells of lateness and revisions.

    Parameters
    ----------
    groups : tuple of RevisionGroup
        All events first, then sources, then event types, those with the most events first.
    known_basis : str
        How ``known_date`` was obtained; lateness is measured only where it was observed.
    first_day, last_day : numpy.datetime64
        Days of the earliest and the latest event.
    covered_to : numpy.datetime64
        Last day that the archive covers.
    suggested_lag : int or None
        In days, by :data:`LAG_RULE`; None where lateness is assumed or not known.
    """

    groups: tuple[RevisionGroup, ...]
    known_basis: schema.KnownBasis
    first_day: np.datetime64
    last_day: np.datetime64
    covered_to: np.datetime64
    suggested_lag: int | None

    @property
    def total(self) -> RevisionGroup:
        """The group of all events."""
        return self.groups[0]

    def of(self, kind: GroupKind) -> tuple[RevisionGroup, ...]:
        """The groups of a kind."""
        return tuple(group for group in self.groups if group.kind == kind)

    def shown_groups(self, types: int) -> list[RevisionGroup]:
        """All events, the sources where there are several, and so many of the frequent types."""
        sources, of_types = self.of("source"), self.of("event_type")
        return [
            self.total,
            *(sources if len(sources) > 1 else ()),
            *(of_types[:types] if len(of_types) > 1 else ()),
        ]

    def as_dict(self) -> dict[str, Any]:
        """For JSON: days as text, shares from 0 to 1."""
        days = ("first_day", "last_day", "covered_to")
        record = asdict(self) | {name: str(getattr(self, name)) for name in days}
        return {**record, "lag_rule": LAG_RULE, "within_days": list(WITHIN_DAYS)}


def summarise_revisions(
    archive: EventArchive, *, first_day: object = None, last_day: object = None
) -> Revisions:
    """How late first reports came and how tolls changed after them, by source and event type.

    Sources and types are those of the first report. An event of last week can't have been reported
    a month late yet, so an archive of recent events alone makes reports look quicker than they are.

    Parameters
    ----------
    archive : EventArchive
    first_day, last_day : date-like, optional
        Only events that were first reported to have happened from the one to the other, with all
        of their versions.

    Returns
    -------
    Revisions
        Without lateness if ``known_basis`` is ``event_date``, which is no knowledge of reports.

    Raises
    ------
    InputError
        ``E-EMPTY`` without an event in the period.

    Examples
    --------
    >>> from escalation.events import load_events
    >>> crisis = summarise_revisions(load_events("iraq_crisis"), last_day="2020-12-31")
    >>> crisis.known_basis, crisis.total.lateness.median
    ('observed', 0.0)
    """
    events = _in_period(events_reported(archive), first_day, last_day)
    measured = archive.known_basis != "event_date"
    groups = [_group("all", "", events, measured)]
    for kind in BREAKDOWNS:
        rows = events.groupby(kind, sort=True)
        parts = [_group(kind, str(name), part, measured) for name, part in rows]
        groups += sorted(parts, key=lambda part: -part.events)
    observed = archive.known_basis in ("observed", "overwritten")
    lag = suggested_lag(events[LATE]) if observed else None
    days = events[schema.EVENT_DATE].to_numpy("datetime64[D]")
    return Revisions(
        tuple(groups), archive.known_basis, days.min(), days.max(), archive.covered_to, lag
    )


def events_reported(archive: EventArchive) -> pd.DataFrame:
    """One row per event: how late its first report was, and the tolls of its first and last.

    Returns
    -------
    DataFrame
        ``source``, ``event_id``, ``event_date`` and ``event_type`` of the first report;
        ``days_late`` (whole days), ``versions`` (retractions included), ``retracted`` (whether it
        ever was); ``killed_first``, ``killed_last``, ``wounded_first``, ``wounded_last``
        (nullable). An event that was only ever retracted has no row.
    """
    versions = archive.versions
    retractions = versions[schema.OPERATION] == "retract"
    by_event = versions.assign(**{RETRACTED: retractions}).groupby(EVENT_KEY, sort=False)[RETRACTED]
    whole = by_event.agg(**{VERSIONS: "size", RETRACTED: "any"})
    reports = versions[~retractions]
    first = reports[~reports.duplicated(EVENT_KEY)]
    last = reports[~reports.duplicated(EVENT_KEY, keep="last")]
    table = first[[*EVENT_KEY, schema.EVENT_DATE, schema.EVENT_TYPE]].reset_index(drop=True)
    table[LATE] = (first[schema.KNOWN_DATE] - first[schema.EVENT_DATE]).dt.days.array
    for toll in TOLLS:
        table[f"{toll}_first"] = first[toll].astype("Int64").array
        table[f"{toll}_last"] = last[toll].astype("Int64").array
    return table.join(whole, on=EVENT_KEY)


def suggested_lag(days_late: pd.Series) -> int:
    """The fewest whole days within which at least nine in ten first reports had come.

    Examples
    --------
    >>> suggested_lag(pd.Series([0, 0, 0, 0, 0, 0, 0, 1, 2, 30]))
    2
    """
    return int(np.quantile(days_late, ENOUGH_REPORTS, method="inverted_cdf"))


def _in_period(events: pd.DataFrame, first_day: object, last_day: object) -> pd.DataFrame:
    days = events[schema.EVENT_DATE].to_numpy("datetime64[D]")
    keep = np.ones(len(days), dtype=bool)
    if first_day is not None:
        keep &= days >= to_day(first_day)
    if last_day is not None:
        keep &= days <= to_day(last_day)
    if not keep.any():
        raise InputError(
            "E-EMPTY",
            f"no event happened from {first_day or 'the start'} to {last_day or 'the end'}",
            fix="choose another period, or other events",
        )
    return events[keep]


def _group(kind: GroupKind, name: str, events: pd.DataFrame, measured: bool) -> RevisionGroup:
    return RevisionGroup(
        kind,
        name,
        len(events),
        _lateness(events[LATE].to_numpy()) if measured else None,
        revised=float((events[VERSIONS] > 1).mean()),
        retracted=float(events[RETRACTED].mean()),
        killed=_toll_change(events[f"{schema.KILLED}_first"], events[f"{schema.KILLED}_last"]),
        wounded=_toll_change(events[f"{schema.WOUNDED}_first"], events[f"{schema.WOUNDED}_last"]),
    )


def _lateness(days: NDArray[np.int64]) -> Lateness:
    within = tuple(float((days <= limit).mean()) for limit in WITHIN_DAYS)
    return Lateness(within, float(np.median(days)), int(days.max()))


def _toll_change(first: pd.Series, last: pd.Series) -> TollChange:
    rise = (last - first).dropna().to_numpy(np.int64)
    moved = rise[rise != 0]
    sizes = np.abs(moved)
    later = int((first.isna() & last.notna()).sum())
    gone = int((first.notna() & last.isna()).sum())
    return TollChange(
        changed=(len(moved) + later + gone) / len(first),
        raised=int((moved > 0).sum()),
        lowered=int((moved < 0).sum()),
        told_later=later,
        withdrawn=gone,
        median=float(np.median(sizes)) if len(moved) else None,
        largest=int(moved[sizes.argmax()]) if len(moved) else None,
    )
