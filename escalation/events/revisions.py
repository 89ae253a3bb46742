"""How late events are reported, and how tolls are revised after the first report.

Both follow from the versions of an archive. The *first report* is the first version of an event;
its lateness is the number of days from the event to the day that version became known. A toll is
*changed* if the last report differs from the first: the number went up or down, was added later,
or was withdrawn.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import numpy as np
import pandas as pd

from escalation import schema
from escalation.errors import InputError
from escalation.events.archive import EventArchive, to_day
from escalation.events.versions import EVENT_KEY

WITHIN_DAYS: Final = (0, 1, 3, 7, 14, 30)
"""Limits, in days after the event, for the share of events reported by then."""
ENOUGH_REPORTS: Final = 0.9
"""Share of first reports that a suggested lag has to cover."""
LAG_RULE: Final = (
    f"the fewest whole days within which at least {ENOUGH_REPORTS:.0%} of first reports arrived"
)
TOLLS: Final = (schema.KILLED, schema.WOUNDED)
LATE, VERSIONS, RETRACTED = "days_late", "versions", "retracted"

GroupKind = Literal["all", "source", "event_type"]
BREAKDOWNS: Final[tuple[GroupKind, ...]] = ("source", "event_type")


@dataclass(frozen=True)
class Lateness:
    """Days from events to their first reports.

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
    """Changes of a toll from the first to the last report of events.

    Parameters
    ----------
    changed : float
        Share of events whose last report differs from the first, 0 to 1.
    raised, lowered, told_later, withdrawn : int
        Events whose number rose, fell, was missing only in the first report, or only in the last.
    median : float or None
        Median size of rises and falls, in people; None without any.
    largest : int or None
        The largest rise, or fall (negative), in people.
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
    """Lateness and revisions of all events, or of one source or event type.

    Parameters
    ----------
    kind : str
        ``all``, ``source`` or ``event_type``.
    name : str
        The source or the event type; empty for all events.
    events : int
    lateness : Lateness or None
        None if report dates are unknown.
    revised, retracted : float
        Share of events with a later version, and of those retracted at least once, 0 to 1.
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
    """Lateness and revisions of an archive.

    Parameters
    ----------
    groups : tuple of RevisionGroup
        All events, then sources, then event types, each by decreasing number of events.
    known_basis : str
        How ``known_date`` was obtained; lateness is a measurement only if it was observed.
    first_day, last_day : numpy.datetime64
        Days of the earliest and the latest event.
    covered_to : numpy.datetime64
        Last day that the archive covers.
    suggested_lag : int or None
        In days, by :data:`LAG_RULE`; None if lateness is assumed or unknown.
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
        """Return the groups of a kind."""
        return tuple(group for group in self.groups if group.kind == kind)

    def shown_groups(self, n_types: int) -> list[RevisionGroup]:
        """Return all events, the sources and the most frequent types, if there are several."""
        sources, types = self.of("source"), self.of("event_type")
        return [
            self.total,
            *(sources if len(sources) > 1 else ()),
            *(types[:n_types] if len(types) > 1 else ()),
        ]

    def as_dict(self) -> dict[str, Any]:
        """Return a dictionary for JSON: days as text, shares from 0 to 1."""
        days = ("first_day", "last_day", "covered_to")
        record = asdict(self) | {name: str(getattr(self, name)) for name in days}
        return {**record, "lag_rule": LAG_RULE, "within_days": list(WITHIN_DAYS)}


def summarise_revisions(
    archive: EventArchive, *, first_day: object = None, last_day: object = None
) -> Revisions:
    """Summarise the lateness of first reports and later changes of tolls, by source and type.

    Sources and types are those of the first report. An event of last week can't have been reported
    a month late yet, so an archive of recent events alone makes reports look faster than they are.
    There is no lateness if ``known_basis`` is ``event_date``.

    Parameters
    ----------
    archive : EventArchive
    first_day, last_day : date-like, optional
        Period, both ends included: only events on these days by their first report, with all of
        their versions.

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
        by_name = events.groupby(kind, sort=True)
        kind_groups = [_group(kind, str(name), rows, measured) for name, rows in by_name]
        groups += sorted(kind_groups, key=lambda group: -group.events)
    observed = archive.known_basis in ("observed", "overwritten")
    lag = suggested_lag(events[LATE]) if observed else None
    days = events[schema.EVENT_DATE].to_numpy("datetime64[D]")
    return Revisions(
        tuple(groups), archive.known_basis, days.min(), days.max(), archive.covered_to, lag
    )


def events_reported(archive: EventArchive) -> pd.DataFrame:
    """Return one row per event, with its lateness and the tolls of its first and last report.

    Returns
    -------
    DataFrame
        ``source``, ``event_id``, ``event_date`` and ``event_type`` of the first report;
        ``days_late`` (whole days), ``versions`` (number, with retractions), ``retracted`` (whether
        it ever was); ``killed_first``, ``killed_last``, ``wounded_first``, ``wounded_last``
        (nullable). An event with nothing but retractions has no row.
    """
    versions = archive.versions
    retractions = versions[schema.OPERATION] == "retract"
    by_event = versions.assign(**{RETRACTED: retractions}).groupby(EVENT_KEY, sort=False)[RETRACTED]
    counts = by_event.agg(**{VERSIONS: "size", RETRACTED: "any"})
    reports = versions[~retractions]
    first = reports[~reports.duplicated(EVENT_KEY)]
    last = reports[~reports.duplicated(EVENT_KEY, keep="last")]
    table = first[[*EVENT_KEY, schema.EVENT_DATE, schema.EVENT_TYPE]].reset_index(drop=True)
    table[LATE] = (first[schema.KNOWN_DATE] - first[schema.EVENT_DATE]).dt.days.array
    for toll in TOLLS:
        table[f"{toll}_first"] = first[toll].astype("Int64").array
        table[f"{toll}_last"] = last[toll].astype("Int64").array
    return table.join(counts, on=EVENT_KEY)


def suggested_lag(days_late: pd.Series) -> int:
    """Return the fewest whole days within which at least 90% of first reports arrived."""
    return int(np.quantile(days_late, ENOUGH_REPORTS, method="inverted_cdf"))


def _in_period(events: pd.DataFrame, first_day: object, last_day: object) -> pd.DataFrame:
    days = events[schema.EVENT_DATE]
    first = days.min() if first_day is None else to_day(first_day)
    last = days.max() if last_day is None else to_day(last_day)
    selected = events[days.between(first, last)]
    if selected.empty:
        raise InputError(
            "E-EMPTY",
            f"no event happened from {first_day or 'the start'} to {last_day or 'the end'}",
            fix="choose another period, or other events",
        )
    return selected


def _group(kind: GroupKind, name: str, events: pd.DataFrame, measured: bool) -> RevisionGroup:
    lateness = None
    if measured:
        days = events[LATE].to_numpy()
        within = tuple(float((days <= limit).mean()) for limit in WITHIN_DAYS)
        lateness = Lateness(within, float(np.median(days)), int(days.max()))
    return RevisionGroup(
        kind,
        name,
        len(events),
        lateness,
        revised=float((events[VERSIONS] > 1).mean()),
        retracted=float(events[RETRACTED].mean()),
        killed=_toll_change(events[f"{schema.KILLED}_first"], events[f"{schema.KILLED}_last"]),
        wounded=_toll_change(events[f"{schema.WOUNDED}_first"], events[f"{schema.WOUNDED}_last"]),
    )


def _toll_change(first: pd.Series, last: pd.Series) -> TollChange:
    difference = (last - first).dropna().to_numpy(np.int64)
    changes = difference[difference != 0]
    sizes = np.abs(changes)
    added = int((first.isna() & last.notna()).sum())
    withdrawn = int((first.notna() & last.isna()).sum())
    return TollChange(
        changed=(len(changes) + added + withdrawn) / len(first),
        raised=int((changes > 0).sum()),
        lowered=int((changes < 0).sum()),
        told_later=added,
        withdrawn=withdrawn,
        median=float(np.median(sizes)) if len(changes) else None,
        largest=int(changes[sizes.argmax()]) if len(changes) else None,
    )
