"""Versions of events by unit, from which panels are made as known on each day or on one day."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from escalation._util.compiled import compiled
from escalation.events.units import UnitName
from escalation.panel.dense import Days, Panel
from escalation.panel.late import Changes

Int32 = NDArray[np.int32]


@dataclass(frozen=True, eq=False, repr=False)
class History:
    """Versions of events, sorted by unit and by the first day on which features see them.

    Parameters
    ----------
    code : ndarray of int32, shape (version,)
        Index of the unit, ascending.
    event_day, known_day, end_day : ndarray of int32, shape (version,)
        Day indices: of the event, when the version became known (0 if before the axis), and when
        it is replaced or retracted (the number of days if never).
    row : ndarray of int64, shape (version,)
        Position among the archive's versions.
    opening : ndarray of bool, shape (version,)
        Whether the version lets its unit enter.
    weights : mapping of str to ndarray of float32, shape (version,)
        Contribution to each channel.
    highest : frozenset of str
        Channels of a day's highest value instead of its sum.
    unit_names : tuple of UnitName
        The units, sorted by key, with name and country as spelled by the first version known.
    units : tuple of str
        Display names, which depend on the other units.
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
    event_day: Int32
    known_day: Int32
    end_day: Int32
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
        return f"History: {len(self.units)} units, {len(self.days)} days"

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the panel's channels."""
        return tuple(self.weights)

    @cached_property
    def unit_keys(self) -> tuple[str, ...]:
        """Keys of the units, sorted."""
        return tuple(unit.key for unit in self.unit_names)

    @property
    def present(self) -> NDArray[np.bool_]:
        """Whether each unit exists on each day, from its entry on; shape (unit, day)."""
        return np.arange(len(self.days)) >= self.entry[:, None]

    @property
    def visible_from(self) -> Int32:
        """Index of the first day on which features see each version."""
        return np.maximum(self.known_day, np.maximum(self.event_day, 0) + np.int32(self.lag))

    def part(self, start: int, stop: int) -> History:
        """Some consecutive units with their versions.

        Parameters
        ----------
        start, stop : int
            First unit, and the one after the last.
        """
        low, high = np.searchsorted(self.code, [start, stop])
        rows, units = slice(int(low), int(high)), slice(start, stop)
        return replace(
            self,
            code=self.code[rows] - np.int32(start),
            event_day=self.event_day[rows],
            known_day=self.known_day[rows],
            end_day=self.end_day[rows],
            row=self.row[rows],
            opening=self.opening[rows],
            weights={name: values[rows] for name, values in self.weights.items()},
            unit_names=self.unit_names[units],
            units=self.units[units],
            entry=self.entry[units],
            latitude=self.latitude[units],
            longitude=self.longitude[units],
            country=self.country[units],
        )

    def panel(self) -> Panel:
        """Every unit's series as known on each day, by issue day.

        The rows themselves are not available, because the value of a past day depends on the day
        from which it is seen.
        """
        count = len(self.days)
        day, visible = self.event_day + np.int32(self.lag), self.visible_from
        inside = (self.event_day >= 0) & (visible < self.end_day) & (visible < count)
        steady = inside & (visible == day) & (self.end_day >= count)
        added = np.flatnonzero(inside & ~steady)
        removed = added[self.end_day[added] < count]
        changed = np.concatenate([added, removed])
        time = np.concatenate([visible[added], self.end_day[removed]])
        sign = np.repeat(np.array([1, -1], np.float32), [len(added), len(removed)])
        order = np.argsort(order_by(self.code[changed], time, count), kind="stable")
        changed, time, sign = changed[order], time[order], sign[order]
        stays = np.flatnonzero(steady)
        arrays, news = {}, {}
        for name, weight in self.weights.items():
            arrays[name] = self._filled(name, weight, stays, day)
            value = sign * weight[changed]
            nonzero = np.flatnonzero(value)
            if len(nonzero):
                rows = changed[nonzero]
                starts = np.searchsorted(self.code[rows], np.arange(len(self.units) + 1))
                news[name] = Changes(
                    starts.astype(np.int64),
                    day[rows].astype(np.int64),
                    time[nonzero].astype(np.int64),
                    value[nonzero].astype(np.float64),
                )
        return Panel(
            self.unit_keys,
            self.days - np.timedelta64(self.lag, "D"),
            arrays,
            self.latitude,
            self.longitude,
            self.country,
            news=news,
            whole=self.lag == 0 and not len(added),
        )

    def panel_at(self, index: int) -> Panel:
        """The panel as known at the end of a day, given by its index, by event day.

        Units not known by then are rows of zeros, and so are later days. Channels are computed on
        first use.
        """
        valid = np.flatnonzero(
            (self.known_day <= index)
            & (index < self.end_day)
            & (self.event_day >= 0)
            & (self.event_day < len(self.days))
        )

        def make(name: str) -> NDArray[np.float32]:
            return self._filled(name, self.weights[name], valid, self.event_day)

        arrays = _LazyChannels(self.channels, make)
        return Panel(self.unit_keys, self.days, arrays, self.latitude, self.longitude, self.country)

    def _filled(
        self, name: str, weight: NDArray[np.float32], rows: NDArray[np.int64], day: Int32
    ) -> NDArray[np.float32]:
        """One channel from some versions, shape (unit, day)."""
        out = np.zeros((len(self.units), len(self.days)), np.float32)
        _fill(self.code, day, weight, rows, name in self.highest, out)
        return out


class _LazyChannels(Mapping[str, NDArray[np.float32]]):
    """Channels by name, each computed on first use."""

    def __init__(self, names: tuple[str, ...], make: Callable[[str], NDArray[np.float32]]) -> None:
        self._names, self._make = names, cache(make)

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        if name not in self._names:
            raise KeyError(name)
        return self._make(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def order_by(code: NDArray[Any], day: NDArray[Any], count: int) -> NDArray[np.int64]:
    """Keys that sort by unit, then by day; days beyond the axis are equal.

    Parameters
    ----------
    code, day : array of int, shape (version,)
    count : int
        Number of days of the axis.
    """
    return code.astype(np.int64) * (count + 1) + np.minimum(day, count)


@compiled
def _fill(
    code: Int32,
    day: Int32,
    weight: NDArray[np.float32],
    rows: NDArray[np.int64],
    highest: bool,
    out: NDArray[np.float32],
) -> None:
    """Sum the versions by unit and day, or take the highest of them."""
    for i in rows:
        value = weight[i]
        if value == 0:
            continue
        if highest:
            out[code[i], day[i]] = max(out[code[i], day[i]], value)
        else:
            out[code[i], day[i]] += value
