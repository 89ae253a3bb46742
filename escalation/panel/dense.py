"""The panel: dense arrays [unit, day], one per channel."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from escalation import schema
from escalation.errors import UsageError
from escalation.events.units import normalised
from escalation.panel.late import Changes
from escalation.panel.series import Series

Days = NDArray[np.datetime64]
Measure = Literal["count", "killed", "severity"]


@dataclass(frozen=True)
class Where:
    """Which events: every condition must hold.

    Parameters
    ----------
    equal : mapping of str to tuple of str
        Column and the values allowed in it; for ``tags`` one of the words must be present. Sides
        are compared as units are: without case and outer blanks. A note only describes and decides
        nothing.
    rung : int
        Lowest severity allowed.

    Examples
    --------
    >>> where = Where({"actor": ("iran",)}, rung=3)
    >>> events = pd.DataFrame({"actor": ["iran", "Iran ", "isis"], "severity": [6, 1, 5]})
    >>> where.mask(events).tolist()
    [True, False, False]
    """

    equal: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rung: int = 0

    def __post_init__(self) -> None:
        known = [name for name in schema.TEXT_COLUMNS if name != schema.NOTE]
        unknown = sorted(set(self.equal) - set(known))
        if unknown:
            raise UsageError(
                "E-CONFIG",
                f"not a column to choose events by; those are {', '.join(known)}",
                column="where",
                value=unknown[0],
            )

    def mask(self, events: pd.DataFrame) -> NDArray[np.bool_]:
        """True where an event qualifies, shape (len(events),)."""
        keep = events[schema.SEVERITY].to_numpy() >= self.rung
        for column, allowed in self.equal.items():
            keep = keep & _among(events[column], column, allowed)
        return np.asarray(keep, dtype=bool)


def _among(cells: pd.Series, column: str, allowed: Collection[str]) -> NDArray[np.bool_]:
    """Rows that hold an allowed value; each distinct tag or side is looked at once."""
    if column == schema.TAGS:
        return _fitting(cells, set(allowed), str.split)
    if column in (schema.ACTOR, schema.TARGET):
        return _fitting(cells, {normalised(side) for side in allowed}, lambda s: [normalised(s)])
    return cells.isin(allowed).to_numpy(dtype=bool)


def _fitting(
    cells: pd.Series, wanted: set[str], parts: Callable[[str], list[str]]
) -> NDArray[np.bool_]:
    codes, texts = pd.factorize(cells)
    hits = [not wanted.isdisjoint(parts(str(text))) for text in texts]
    return np.array([*hits, False], dtype=bool)[codes]


@dataclass(frozen=True)
class Channel:
    """One number per unit and day: a count of events, of killed, or the day's highest rung.

    A row that stands for several events counts as many; its killed are those of all together.
    """

    name: str
    where: Where = field(default_factory=Where)
    measure: Measure = "count"

    def weights(self, events: pd.DataFrame) -> NDArray[np.float64]:
        """What each event adds to its day; zero where it does not qualify."""
        if self.measure == "count":
            value = events[schema.WEIGHT].to_numpy(dtype=np.float64)
        else:
            value = events[self.measure].fillna(0).to_numpy(dtype=np.float64)
        return np.where(self.where.mask(events), value, 0.0)


BASE_CHANNELS = (
    Channel("events"),
    Channel("killed", measure="killed"),
    Channel("severity", measure="severity"),
)
"""Always in the panel: all events, all killed, the day's highest rung."""


def pair_channel(actor: str, target: str) -> Channel:
    """Counts of violent acts (rung 3 and up) of one side against another: ``actor>target``.

    Parameters
    ----------
    actor, target : str
        Sides, as the archive's events name them.
    """
    where = Where({schema.ACTOR: (actor,), schema.TARGET: (target,)}, rung=3)
    return Channel(f"{actor}>{target}", where)


class RowsNeededError(Exception):
    """A channel's own row was asked for where only its series can answer."""


@dataclass(frozen=True)
class Panel:
    """Rows by days, one float32 array per channel. A missing event is a zero, never a gap.

    Parameters
    ----------
    units : tuple of str
        Key of each row's unit.
    days : ndarray of datetime64[D], shape (day,)
        Consecutive days.
    channels : mapping of str to ndarray of float32, shape (unit, day)
    latitude, longitude : ndarray of float64, shape (unit,)
        Where the unit was first seen, in degrees; NaN if unknown.
    country : tuple of str
        Country where the unit was first seen; empty if unknown.
    news : mapping of str to pair of Changes
        What came late or went, by channel; the channel's array then holds only what stays.
    whole : bool
        Whether the arrays are the rows themselves. A block of rows as known on each day has none:
        a day's value depends there on the day on which it is asked for.
    """

    units: tuple[str, ...]
    days: Days
    channels: Mapping[str, NDArray[np.float32]]
    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    country: tuple[str, ...]
    news: Mapping[str, tuple[Changes, Changes]] = field(default_factory=dict)
    whole: bool = True

    def __getitem__(self, channel: str) -> NDArray[np.float32]:
        """A channel's values, [row, day]."""
        values = self._values(channel)
        if not self.whole:
            raise RowsNeededError(channel)
        return values

    def series(self, channel: str) -> Series:
        """A channel to ask questions of, such as its sums over windows, as known on each day."""
        return Series(self._values(channel), *self.news.get(channel, ()))

    def _values(self, channel: str) -> NDArray[np.float32]:
        try:
            return self.channels[channel]
        except KeyError:
            raise UsageError(
                "E-CHANNEL",
                f"the panel has no such channel; it has {', '.join(self.channels)}",
                value=channel,
                fix="add it under [panel.channels] in the experiment file",
            ) from None

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and days."""
        return len(self.units), len(self.days)

    def take(self, rows: NDArray[np.int64]) -> Panel:
        """Some rows of a panel without late news, in the order given; a row may be repeated."""
        return replace(
            self,
            units=tuple(self.units[row] for row in rows),
            channels={name: self.channels[name][rows] for name in self.channels},
            latitude=self.latitude[rows],
            longitude=self.longitude[rows],
            country=tuple(self.country[row] for row in rows),
        )


def day_range(first: object, last: object) -> Days:
    """Consecutive days, both ends included.

    Parameters
    ----------
    first, last : date-like
        Whatever NumPy reads as a day.
    """
    ends = np.array([first, last], dtype="datetime64[D]")
    return np.arange(ends[0], ends[1] + 1, dtype="datetime64[D]")


PRIOGRID_DEGREES = 0.5


def priogrid(latitude: NDArray[np.float64], longitude: NDArray[np.float64]) -> NDArray[np.int64]:
    """PRIO-GRID cell number (0.5 degree, 720 columns from 180 W, rows from 90 S, first cell 1).

    Parameters
    ----------
    latitude, longitude : array of float, shape (place,)
        In degrees.

    References
    ----------
    Tollefsen, Strand & Buhaug (2012), doi:10.1177/0022343311431287.

    Examples
    --------
    >>> priogrid(np.array([33.355813]), np.array([43.786124])).tolist()
    [177568]
    """
    row = np.clip(np.floor((latitude + 90.0) / PRIOGRID_DEGREES), 0, 359).astype(np.int64)
    column = np.clip(np.floor((longitude + 180.0) / PRIOGRID_DEGREES), 0, 719).astype(np.int64)
    return row * 720 + column + 1


@dataclass(frozen=True)
class PanelSpec:
    """What a panel is made of.

    Parameters
    ----------
    kinds : sequence of unit kinds
        Several may lie side by side, such as every site and ``all``.
    channels : sequence of Channel
        Beyond :data:`BASE_CHANNELS`, which are always there.
    enters : Where
        A unit enters when an event of this kind is first known there.
    """

    kinds: Sequence[schema.UnitKind] = ("all",)
    channels: tuple[Channel, ...] = ()
    enters: Where = field(default_factory=Where)

    @property
    def columns(self) -> frozenset[str]:
        """Columns of the events that the panel is made from, besides identity and dates."""
        wheres = [self.enters, *(channel.where for channel in self.all_channels)]
        asked = {column for where in wheres for column in where.equal}
        measured = {c.measure for c in self.all_channels if c.measure != "count"}
        sides = {schema.ACTOR, schema.TARGET} if "dyad" in self.kinds else set()
        places = {schema.LATITUDE, schema.LONGITUDE, schema.COUNTRY, schema.ADMIN1, schema.SITE}
        return frozenset(asked | measured | sides | places | {schema.SEVERITY, schema.WEIGHT})

    @property
    def all_channels(self) -> tuple[Channel, ...]:
        """Base channels first, then the experiment's, each name once."""
        named = {channel.name: channel for channel in (*BASE_CHANNELS, *self.channels)}
        return tuple(named.values())
