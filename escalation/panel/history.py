"""Versions of events by unit: what panels as known on each day, or on one day, are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from escalation import schema
from escalation._util.compiled import compiled
from escalation.errors import InputError
from escalation.events.archive import EVENT_KEY, EventArchive, to_day
from escalation.events.units import UnitName, shown_names
from escalation.panel.dense import Days, Panel, PanelSpec, day_range
from escalation.panel.late import Changes
from escalation.panel.membership import members, written_name

Int32 = NDArray[np.int32]
_Unit = tuple[str, schema.UnitKind]
"""A unit's key and kind."""
_NAMING = [schema.COUNTRY, schema.ADMIN1, schema.SITE, schema.ACTOR, schema.TARGET]


@dataclass(frozen=True, eq=False, repr=False)
class History:
    """Versions of events by unit, sorted by unit and by the day on which they are seen.

    Parameters
    ----------
    code : ndarray of int32, shape (version,)
        Which unit, ascending.
    happened, known, ends : ndarray of int32, shape (version,)
        Days as indices on the axis: of the event, on which the version became known (0 where it
        was before the axis), on which it is replaced or retracted (the number of days if never).
    row : ndarray of int64, shape (version,)
        Position among the archive's versions.
    opening : ndarray of bool, shape (version,)
        Whether it lets its unit enter.
    weights : mapping of str to ndarray of float32, shape (version,)
        What it adds to each channel.
    highest : frozenset of str
        Channels that hold a day's highest value, not its sum.
    unit_names : tuple of UnitName
        Each unit once, sorted by key, with its name and country as the first version that was
        known of it writes them.
    units : tuple of str
        Their names for people, which depend on what other units there are.
    entry : ndarray of int64, shape (unit,)
        Index of the first day on which the unit was known.
    latitude, longitude : ndarray of float64, shape (unit,)
        Where the unit was first seen, in degrees; NaN if unknown.
    country : tuple of str
        Country where it was first seen; empty if unknown.
    days : ndarray of datetime64[D], shape (day,)
        Issue days.
    lag : int
        Reporting lag in days: features of day t look at events up to day t - lag.
    """

    code: Int32
    happened: Int32
    known: Int32
    ends: Int32
    row: NDArray[np.int64]
    opening: NDArray[np.bool_]
    weights: Mapping[str, NDArray[np.float32]]
    highest: frozenset[str]
    unit_names: tuple[UnitName, ...]
    units: tuple[str, ...]
    entry: NDArray[np.int64]
    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    country: tuple[str, ...]
    days: Days
    lag: int

    def __repr__(self) -> str:
        """Its size, in one line."""
        return f"History: {len(self.units)} units, {len(self.days)} days"

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the panel's channels."""
        return tuple(self.weights)

    @cached_property
    def unit_keys(self) -> tuple[str, ...]:
        """What identifies each unit, sorted."""
        return tuple(unit.key for unit in self.unit_names)

    @property
    def present(self) -> NDArray[np.bool_]:
        """Which (unit, day) exist: from the day on which the unit was first known."""
        return np.arange(len(self.days)) >= self.entry[:, None]

    @property
    def seen(self) -> Int32:
        """Index of the first day on which features may see each version."""
        return np.maximum(self.known, np.maximum(self.happened, 0) + np.int32(self.lag))

    def part(self, start: int, stop: int) -> History:
        """Some consecutive units, with their versions only.

        Parameters
        ----------
        start, stop : int
            First unit, and the one after the last.
        """
        low, high = np.searchsorted(self.code, [start, stop])
        some, units = slice(int(low), int(high)), slice(start, stop)
        return replace(
            self,
            code=self.code[some] - np.int32(start),
            happened=self.happened[some],
            known=self.known[some],
            ends=self.ends[some],
            row=self.row[some],
            opening=self.opening[some],
            weights={name: values[some] for name, values in self.weights.items()},
            unit_names=self.unit_names[units],
            units=self.units[units],
            entry=self.entry[units],
            latitude=self.latitude[units],
            longitude=self.longitude[units],
            country=self.country[units],
        )

    def panel(self) -> Panel:
        """Every unit's row as known on each day, by issue day: for questions to its series.

        The row's own values are not to be had from it, because a day's value depends on the day
        on which it is asked for.
        """
        count = len(self.days)
        day, seen = self.happened + np.int32(self.lag), self.seen
        inside = (self.happened >= 0) & (seen < self.ends) & (seen < count)
        steady = inside & (seen == day) & (self.ends >= count)
        moving = np.flatnonzero(inside & ~steady)
        goes = moving[self.ends[moving] < count]
        goes = goes[np.argsort(_order(self.code[goes], self.ends[goes], count), kind="stable")]
        stays = np.flatnonzero(steady)
        arrays = {
            name: self._filled(name, weight, stays, day) for name, weight in self.weights.items()
        }
        news = {}
        for name, weight in self.weights.items():
            came, went = moving[weight[moving] != 0], goes[weight[goes] != 0]
            if len(came):
                news[name] = (
                    self._changes(came, day, seen, weight),
                    self._changes(went, day, self.ends, weight),
                )
        return Panel(
            self.unit_keys,
            self.days - np.timedelta64(self.lag, "D"),
            arrays,
            self.latitude,
            self.longitude,
            self.country,
            news=news,
            whole=self.lag == 0 and not len(moving),
        )

    def panel_at(self, index: int) -> Panel:
        """The panel as known at the end of a day, by event day.

        Units that were not known by then are rows of zeros; days after it are zeros. A channel is
        made when it is asked for.

        Parameters
        ----------
        index : int
            Position of the day on the axis.
        """
        valid = np.flatnonzero(
            (self.known <= index)
            & (index < self.ends)
            & (self.happened >= 0)
            & (self.happened < len(self.days))
        )

        def make(name: str) -> NDArray[np.float32]:
            return self._filled(name, self.weights[name], valid, self.happened)

        arrays = _Lazy(self.channels, make)
        return Panel(self.unit_keys, self.days, arrays, self.latitude, self.longitude, self.country)

    def _filled(
        self, name: str, weight: NDArray[np.float32], some: NDArray[np.int64], day: Int32
    ) -> NDArray[np.float32]:
        """One channel from some versions, shape (unit, day)."""
        out = np.zeros((len(self.units), len(self.days)), np.float32)
        _fill(self.code, day, weight, some, name in self.highest, out)
        return out

    def _changes(
        self, some: NDArray[np.int64], day: Int32, time: Int32, weight: NDArray[np.float32]
    ) -> Changes:
        starts = np.searchsorted(self.code[some], np.arange(len(self.units) + 1))
        return Changes(
            starts.astype(np.int64),
            day[some].astype(np.int64),
            time[some].astype(np.int64),
            weight[some].astype(np.float64),
        )


class _Lazy(Mapping[str, NDArray[np.float32]]):
    """Channels by name, each made when it is first asked for."""

    def __init__(self, names: tuple[str, ...], make: Callable[[str], NDArray[np.float32]]) -> None:
        self._names, self._make = names, make
        self._made: dict[str, NDArray[np.float32]] = {}

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        if name not in self._names:
            raise KeyError(name)
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _order(code: NDArray[Any], day: NDArray[Any], count: int) -> NDArray[np.int64]:
    """One number to sort by unit, then by day; days past the axis alike."""
    return code.astype(np.int64) * (count + 1) + np.minimum(day, count)


@compiled
def _fill(
    code: Int32,
    day: Int32,
    weight: NDArray[np.float32],
    some: NDArray[np.int64],
    highest: bool,
    out: NDArray[np.float32],
) -> None:
    """Add versions up by unit and day, or take the highest of them."""
    for i in some:
        value = weight[i]
        if value == 0:
            continue
        if highest:
            out[code[i], day[i]] = max(out[code[i], day[i]], value)
        else:
            out[code[i], day[i]] += value


def history(
    archive: EventArchive,
    spec: PanelSpec,
    *,
    first_day: object = None,
    last_day: object = None,
    lag: int = 0,
) -> History:
    """Sort the versions of an archive by unit and by when they were seen.

    Parameters
    ----------
    archive : EventArchive
    spec : PanelSpec
    first_day, last_day : date-like, optional
        Ends of the day axis; the archive's first event and last covered day by default.
    lag : int
        The source's reporting lag in days.

    Returns
    -------
    History

    Raises
    ------
    InputError
        ``E-RANGE`` for an empty day axis, ``E-COVERAGE`` beyond the archive's last covered day,
        ``E-UNIT`` when units of two kinds share a key and would be counted together.
    """
    start = to_day(first_day) if first_day is not None else archive.first_day
    stop = to_day(last_day) if last_day is not None else archive.covered_to
    if start > stop:
        raise InputError(
            "E-RANGE", f"the last day must be {start} or later", column="last_day", value=stop
        )
    days = day_range(start, stop)
    then = archive.until(stop)
    versions = then.versions
    happened, known, ends = _days(then, int(start.astype(np.int64)), len(days))
    seen = np.maximum(known, np.maximum(happened, 0) + np.int32(lag))
    # A version that was replaced before it could be seen lets nobody enter.
    opening = spec.enters.mask(versions) & (seen < ends)
    alive = np.flatnonzero((versions[schema.OPERATION] != "retract").to_numpy())
    row, number, candidates = _by_unit(versions, spec, alive)
    number, units = _entered(number, candidates, opening[row])
    inside = number >= 0
    row, number = row[inside], number[inside]
    order = np.argsort(_order(number, seen[row], len(days)), kind="stable")
    row, code = row[order], number[order].astype(np.int32)
    first = _first(code, seen[row], happened[row], row, opening[row], len(units))
    names = _written(versions, units, code, happened[row], row)
    place = versions[[schema.LATITUDE, schema.LONGITUDE, schema.COUNTRY]].iloc[row[first]]
    return History(
        code=code,
        happened=happened[row],
        known=known[row],
        ends=ends[row],
        row=row,
        opening=opening[row],
        weights={c.name: c.weights(versions).astype(np.float32)[row] for c in spec.all_channels},
        highest=frozenset(c.name for c in spec.all_channels if c.measure == "severity"),
        unit_names=names,
        units=shown_names(names),
        entry=seen[row][first].astype(np.int64),
        latitude=place[schema.LATITUDE].to_numpy(dtype=np.float64),
        longitude=place[schema.LONGITUDE].to_numpy(dtype=np.float64),
        country=tuple(place[schema.COUNTRY].fillna("").to_numpy(object)),
        days=days,
        lag=lag,
    )


def _days(archive: EventArchive, base: int, count: int) -> tuple[Int32, Int32, Int32]:
    """Day indices of each version: happened, known, replaced or retracted."""
    happened, known = (
        archive.versions[name].to_numpy("datetime64[D]").astype(np.int64) - base
        for name in (schema.EVENT_DATE, schema.KNOWN_DATE)
    )
    event = archive.event_numbers
    replaced = np.append(event[1:] == event[:-1], False)[: len(event)]
    ends = np.where(replaced, np.append(known[1:], 0), count).clip(0, count)
    return happened.astype(np.int32), np.maximum(known, 0).astype(np.int32), ends.astype(np.int32)


def _by_unit(
    versions: pd.DataFrame, spec: PanelSpec, alive: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], list[_Unit]]:
    """Each version once per kind of unit that it belongs to: position, unit's number, units."""
    rows: list[NDArray[np.int64]] = []
    codes: list[NDArray[np.int64]] = []
    units: dict[str, schema.UnitKind] = {}
    for kind in dict.fromkeys(spec.kinds):
        code, keys = members(versions, kind)
        code = code[alive]
        if both := sorted(set(keys) & set(units)):
            raise InputError(
                "E-UNIT",
                "units of different kinds share a name",
                column=kind,
                value=both[0],
                fix="leave out one of the kinds or rename the unit at the source",
            )
        has = code >= 0
        rows.append(alive[has])
        codes.append(code[has] + len(units))
        units |= dict.fromkeys(keys, kind)
    return np.concatenate(rows), np.concatenate(codes), list(units.items())


def _entered(
    code: NDArray[np.int64], units: list[_Unit], opening: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], list[_Unit]]:
    """Numbers among the units that entered, sorted by key; -1 for those that never did."""
    entered = np.unique(code[opening]).tolist()
    kept = sorted(entered, key=lambda i: units[i][0])
    number = np.full(len(units), -1, np.int64)
    number[kept] = np.arange(len(kept))
    return number[code], [units[i] for i in kept]


def _written(
    versions: pd.DataFrame,
    units: list[_Unit],
    code: Int32,
    happened: Int32,
    row: NDArray[np.int64],
) -> tuple[UnitName, ...]:
    """Names as the first version known of each unit writes them: later news rename nothing."""
    known = versions[schema.KNOWN_DATE].to_numpy("datetime64[D]").astype(np.int32)[row]
    first = _first(code, known, happened, row, np.ones(len(row), dtype=bool), len(units))
    columns = versions.columns.intersection(_NAMING)
    events = versions[columns].iloc[row[first]].to_dict("records")
    return tuple(
        written_name(event, kind, key) for event, (key, kind) in zip(events, units, strict=True)
    )


@compiled
def _first(
    code: Int32,
    since: Int32,
    happened: Int32,
    row: NDArray[np.int64],
    allowed: NDArray[np.bool_],
    units: int,
) -> NDArray[np.int64]:
    """First of the allowed versions of each unit: by a day, then the oldest, then by identifier."""
    first = np.full(units, -1, np.int64)
    for i in range(len(code)):
        if not allowed[i]:
            continue
        best = first[code[i]]
        if best < 0:
            first[code[i]] = i
            continue
        mine, other = (since[i], happened[i], row[i]), (since[best], happened[best], row[best])
        if mine < other:
            first[code[i]] = i
    return first


def openings(archive: EventArchive, past: History) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The version by which each unit entered, and the first of another event that opens it too.

    Parameters
    ----------
    archive : EventArchive
        What the history was made from.
    past : History

    Returns
    -------
    first, other : DataFrame
        Source and identifier, coordinates and country, by the position of the unit. Where a unit
        lies is said by the first; the second holds only units that have another.
    """
    order = np.lexsort((past.row, past.happened, past.seen))
    order = order[past.opening[order]]
    versions = archive.until(past.days[-1]).versions
    unit, row = past.code[order], past.row[order]
    units, at = np.unique(unit, return_index=True)
    source, name = (pd.factorize(versions[column])[0].astype(np.int64) for column in EVENT_KEY)
    event = (source + 1) * (len(versions) + 1) + name
    opened = np.full(len(past.units), -1, dtype=np.int64)
    opened[units] = event[row[at]]
    differs = np.flatnonzero(event[row] != opened[unit])
    others, other_at = np.unique(unit[differs], return_index=True)
    columns = [*EVENT_KEY, schema.LATITUDE, schema.LONGITUDE, schema.COUNTRY]
    first = versions[columns].iloc[row[at]].set_axis(units)
    return first, versions[columns].iloc[row[differs[other_at]]].set_axis(others)
