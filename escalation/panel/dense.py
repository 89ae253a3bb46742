"""The panel: one dense array per channel, by unit and day."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
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
    """A filter of events: every condition must hold.

    Parameters
    ----------
    equal : mapping of str to tuple of str
        Allowed values by column, any text column but the note. Of ``tags``, one must be among them.
        Sides are compared without case and outer blanks, as units are.
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
        columns = [name for name in schema.TEXT_COLUMNS if name != schema.NOTE]
        unknown = sorted(set(self.equal) - set(columns))
        if unknown:
            raise UsageError(
                "E-CONFIG",
                f"events can't be selected by this column; use one of {', '.join(columns)}",
                column="where",
                value=unknown[0],
            )

    def mask(self, events: pd.DataFrame) -> NDArray[np.bool_]:
        """Whether each event qualifies, shape (event,)."""
        keep = events[schema.SEVERITY].to_numpy() >= self.rung
        for column, allowed in self.equal.items():
            keep = keep & _is_allowed(events[column], column, allowed)
        return np.asarray(keep, dtype=bool)


def _is_allowed(cells: pd.Series, column: str, allowed: Collection[str]) -> NDArray[np.bool_]:
    """Whether each cell holds an allowed value; distinct tags and sides are compared once."""
    if column not in (schema.TAGS, schema.ACTOR, schema.TARGET):
        return cells.isin(allowed).to_numpy(dtype=bool)
    codes, texts = pd.factorize(cells)
    if column == schema.TAGS:
        hits = [not set(allowed).isdisjoint(str(text).split()) for text in texts]
    else:
        sides = {normalised(side) for side in allowed}
        hits = [normalised(str(text)) in sides for text in texts]
    return np.array([*hits, False], dtype=bool)[codes]


@dataclass(frozen=True)
class Channel:
    """One number per unit and day: a count of events, of killed, or the day's highest rung.

    A row that stands for several events counts as that many; its ``killed`` is their total.
    """

    name: str
    where: Where = field(default_factory=Where)
    measure: Measure = "count"

    def weights(self, events: pd.DataFrame) -> NDArray[np.float64]:
        """Contribution of each event to its day, zero unless it qualifies."""
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
"""Channels of every panel: all events, all killed, the day's highest rung."""


def pair_channel(actor: str, target: str) -> Channel:
    """Counts of violent acts (rung 3 and up) by one side against another: ``actor>target``.

    Parameters
    ----------
    actor, target : str
        Sides, as named in the events.
    """
    where = Where({schema.ACTOR: (actor,), schema.TARGET: (target,)}, rung=3)
    return Channel(f"{actor}>{target}", where)


class RowsNeededError(Exception):
    """The rows of a channel were requested from a panel that has only series."""


@dataclass(frozen=True)
class Panel:
    """One float32 array of rows by days per channel, zero without events.

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
    news : mapping of str to Changes
        Late additions and removals by channel. The arrays hold only what never changes.
    whole : bool
        Whether the arrays are complete rows. A panel as known on each day has none, because the
        value of a past day depends on the day from which it is seen.
    """

    units: tuple[str, ...]
    days: Days
    channels: Mapping[str, NDArray[np.float32]]
    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    country: tuple[str, ...]
    news: Mapping[str, Changes] = field(default_factory=dict)
    whole: bool = True

    def __getitem__(self, channel: str) -> NDArray[np.float32]:
        """Values of a channel, shape (row, day)."""
        values = self._values(channel)
        if not self.whole:
            raise RowsNeededError(channel)
        return values

    def series(self, channel: str) -> Series:
        """Statistics of a channel, such as its sums over windows, as known on each day."""
        return Series(self._values(channel), self.news.get(channel))

    def _values(self, channel: str) -> NDArray[np.float32]:
        try:
            return self.channels[channel]
        except KeyError:
            raise UsageError(
                "E-CHANNEL",
                f"the panel has no such channel; channels: {', '.join(self.channels)}",
                value=channel,
                fix="add it under [panel.channels] in the experiment file",
            ) from None

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and days."""
        return len(self.units), len(self.days)

    def take(self, rows: NDArray[np.int64]) -> Panel:
        """Some rows of a panel without late news, in that order; rows may be repeated."""
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
    """Definition of a panel.

    Parameters
    ----------
    kinds : sequence of unit kinds
        Several can be combined, such as every site and ``all``.
    channels : sequence of Channel
        In addition to :data:`BASE_CHANNELS`.
    enters : Where
        A unit enters when such an event is first known there.
    """

    kinds: Sequence[schema.UnitKind] = ("all",)
    channels: tuple[Channel, ...] = ()
    enters: Where = field(default_factory=Where)

    @property
    def columns(self) -> frozenset[str]:
        """Columns of the events that the panel needs, besides identity and dates."""
        wheres = [self.enters, *(channel.where for channel in self.all_channels)]
        filtered = {column for where in wheres for column in where.equal}
        measured = {c.measure for c in self.all_channels if c.measure != "count"}
        sides = {schema.ACTOR, schema.TARGET} if "dyad" in self.kinds else set()
        places = {schema.LATITUDE, schema.LONGITUDE, schema.COUNTRY, schema.ADMIN1, schema.SITE}
        return frozenset(filtered | measured | sides | places | {schema.SEVERITY, schema.WEIGHT})

    @property
    def all_channels(self) -> tuple[Channel, ...]:
        """Base channels first, then the others, each name once."""
        return tuple({c.name: c for c in (*BASE_CHANNELS, *self.channels)}.values())
