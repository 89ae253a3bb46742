"""Panels as they were known on each day, stacked so that one pass computes them all.

A unit's history is rewritten only on days when late news about it arrives: an event that is
reported later than the source's lag, an update, a retraction. Between two such days one panel row
serves every day, because what happened later lies to its right and causal features look left. So a
unit gets one row per stretch of days (its *vintage*), a family runs once over all rows, and
:meth:`Vintages.gather` picks for each unit and day the value of the row that was current.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from escalation import schema
from escalation.errors import InputError
from escalation.events.archive import EVENT_KEY as KEY
from escalation.events.archive import EventArchive, to_day
from escalation.panel.dense import Days, Panel, PanelSpec, day_range
from escalation.panel.versions import FOREVER, cells, spread, times

Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True)
class Vintages:
    """A stack of panel rows and which of them was current when.

    Parameters
    ----------
    stack : Panel
        One row per unit and vintage.
    units : tuple of str
        Each unit once, sorted.
    entry : ndarray of int64, shape (unit,)
        Index of the first day on which the unit was known (and had a frontier to look at).
    owner : ndarray of int64, shape (row,)
        Unit of each row, ascending.
    first : ndarray of int64, shape (row,)
        Index of the first day on which the row was current.
    lag : int
        Reporting lag in days: at day t a row is read at day t - lag, the frontier.
    """

    stack: Panel
    units: tuple[str, ...]
    entry: NDArray[np.int64]
    owner: NDArray[np.int64]
    first: NDArray[np.int64]
    lag: int

    @property
    def days(self) -> Days:
        """Issue days, the same axis as the stack's."""
        return self.stack.days

    @property
    def present(self) -> NDArray[np.bool_]:
        """Which (unit, day) exist: from the day on which the unit was first known."""
        return np.arange(len(self.days)) >= self.entry[:, None]

    def gather(self, values: NDArray[Scalar]) -> NDArray[Scalar]:
        """Values by row and event day to values by unit and issue day.

        Parameters
        ----------
        values : ndarray, shape (row, day)

        Returns
        -------
        ndarray, shape (unit, day)
            Before a unit's entry the values have no meaning.
        """
        count = len(self.days)
        columns = np.maximum(np.arange(count) - self.lag, 0)
        if len(self.owner) == len(self.units):
            return values if self.lag == 0 else values[:, columns]
        stretch = np.append(self.first[1:], 0)
        last_of_unit = np.append(self.owner[1:] != self.owner[:-1], True)
        lengths = np.where(last_of_unit, count, stretch) - self.first
        rows = np.repeat(np.arange(len(self.owner)), lengths).reshape(len(self.units), count)
        return values[rows, columns]

    def each(
        self, compute: Callable[[Panel], dict[str, NDArray[np.generic]]]
    ) -> dict[str, NDArray[np.generic]]:
        """Run a causal function over the stack and gather each array that it returns."""
        return {name: self.gather(values) for name, values in compute(self.stack).items()}


def openings(archive: EventArchive, spec: PanelSpec, *, like: Vintages) -> pd.DataFrame:
    """The versions by which each unit of a stack entered, in the order in which they did.

    The first of a unit's says where the unit lies.

    Returns
    -------
    DataFrame
        ``unit``, :data:`KEY`, coordinates and country.
    """
    days = like.days
    table = spread(archive.until(days[-1]), spec)
    base = int(days[0].astype(np.int64))
    happened, _, ends, seen = times(table, base, len(days), like.lag)
    opening = spec.enters.mask(table) & (seen < ends)
    identity = [table[name].to_numpy(object) for name in reversed(KEY)]
    order = np.lexsort((*identity, happened, seen))
    columns = ["_unit", *KEY, schema.LATITUDE, schema.LONGITUDE, schema.COUNTRY]
    found = table.iloc[order[opening[order]]][columns]
    return found.rename(columns={"_unit": schema.UNIT}).reset_index(drop=True)


@dataclass(frozen=True, eq=False)
class History:
    """Versions by unit, not stacked yet: all units, or some, so that memory is bounded by those.

    Parameters
    ----------
    table : pandas.DataFrame
        Versions, each with its unit and its days as indices on the axis.
    code : ndarray of int64, shape (version,)
        Which unit, ascending.
    units : tuple of str
        Each unit once, sorted.
    days : ndarray of datetime64[D], shape (day,)
    spec : PanelSpec
    lag : int
    """

    table: pd.DataFrame
    code: NDArray[np.int64]
    units: tuple[str, ...]
    days: Days
    spec: PanelSpec
    lag: int

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the channels that the stack will have."""
        return tuple(channel.name for channel in self.spec.all_channels)

    def part(self, start: int, stop: int) -> History:
        """Some consecutive units, with their versions only."""
        low, high = np.searchsorted(self.code, [start, stop])
        return replace(
            self, table=self.table.iloc[low:high].reset_index(drop=True),
            code=self.code[low:high] - start, units=self.units[start:stop],
        )  # fmt: skip

    def stack(self, *, latest_only: bool = False) -> Vintages:
        """The panels as they were known on each day (see :func:`vintages`)."""
        table, unit, count = self.table, self.code, len(self.days)
        happened, known, ends, seen = (
            table[name].to_numpy() for name in ("_happened", "_known", "_ends", "_seen")
        )
        opening = table["_opening"].to_numpy()
        names = np.array(self.units, dtype=object)
        entry = np.full(len(names), FOREVER)
        np.minimum.at(entry, unit[opening], seen[opening])

        late = known > happened + self.lag
        ended = ends < count
        starts = np.concatenate(
            [np.arange(len(names)) * count,
             (unit * count + known)[late], (unit * count + ends)[ended]]
        )  # fmt: skip
        keys = np.unique(starts)
        owner, first = keys // count, keys % count
        last_row = np.searchsorted(keys, unit * count + count, "left")
        begin = np.searchsorted(keys, unit * count + known, "right") - 1
        finish = np.where(
            ended, np.searchsorted(keys, unit * count + np.minimum(ends, count - 1), "left"),
            last_row,
        )  # fmt: skip
        inside = (happened >= 0) & (happened < count)
        copies = np.where(inside, np.maximum(finish - begin, 0), 0)
        source = np.repeat(np.arange(len(unit)), copies)
        offset = np.arange(copies.sum()) - np.repeat(np.cumsum(copies) - copies, copies)
        row = begin[source] + offset
        if latest_only:
            newest = np.append(owner[1:] != owner[:-1], True)[: len(owner)]
            source, row = source[newest[row]], (np.cumsum(newest) - 1)[row[newest[row]]]
            keys, owner, first = keys[newest], owner[newest], first[newest]
        cell = row * count + happened[source]
        channels = {
            channel.name: cells(channel, table, source, cell, (len(keys), count))
            for channel in self.spec.all_channels
        }
        identity = [table[name].to_numpy(object) for name in reversed(KEY)]
        order = np.lexsort((*identity, happened, seen, ~opening, unit))
        place = table.iloc[order[np.searchsorted(unit[order], np.arange(len(names)))]]
        panel = Panel(
            units=tuple(names[owner]),
            days=self.days,
            channels=channels,
            latitude=place[schema.LATITUDE].to_numpy(dtype=float)[owner],
            longitude=place[schema.LONGITUDE].to_numpy(dtype=float)[owner],
            country=tuple(place[schema.COUNTRY].fillna("").to_numpy(object)[owner]),
        )
        return Vintages(panel, self.units, entry, owner, first, self.lag)


def history(
    archive: EventArchive,
    spec: PanelSpec,
    *,
    first_day: object = None,
    last_day: object = None,
    lag: int = 0,
) -> History:
    """Sort the versions of an archive by unit, ready to be stacked.

    Parameters and errors are those of :func:`vintages`.
    """
    start = to_day(first_day) if first_day is not None else archive.first_day
    stop = to_day(last_day) if last_day is not None else archive.covered_to
    if start > stop:
        raise InputError(
            "E-RANGE", f"expected a last day on or after {start}", column="last_day", value=stop
        )
    days = day_range(start, stop)
    base, count = int(start.astype(np.int64)), len(days)
    table = spread(archive.until(stop), spec)
    happened, known, ends, seen = times(table, base, count, lag)
    # A version that was replaced before the frontier reached it was never seen.
    opening = spec.enters.mask(table) & (seen < ends)
    member = table["_unit"].isin(set(table.loc[opening, "_unit"]))
    table = table.assign(
        _happened=happened, _known=known, _ends=ends, _seen=seen, _opening=opening
    )[member]
    codes, names = pd.factorize(table["_unit"], sort=True)
    order = np.argsort(codes, kind="stable")
    table = table.iloc[order].reset_index(drop=True)
    return History(table, codes[order].astype(np.int64), tuple(names), days, spec, lag)


def vintages(
    archive: EventArchive,
    spec: PanelSpec,
    *,
    first_day: object = None,
    last_day: object = None,
    lag: int = 0,
    latest_only: bool = False,
) -> Vintages:
    """Stack the panels of an archive as they were known on each day.

    Parameters
    ----------
    archive : EventArchive
    spec : PanelSpec
    first_day, last_day : date-like, optional
        Ends of the day axis; the archive's first event and last covered day by default.
    lag : int
        The source's reporting lag in days.
    latest_only : bool
        Keep the last vintage of each unit only: right for the last day, and for nothing else.

    Returns
    -------
    Vintages

    Raises
    ------
    InputError
        ``E-RANGE`` for an empty day axis, ``E-COVERAGE`` beyond the archive's last covered day,
        ``E-UNIT`` when units of two kinds share a name and would be counted together.
    """
    sorted_by_unit = history(archive, spec, first_day=first_day, last_day=last_day, lag=lag)
    return sorted_by_unit.stack(latest_only=latest_only)


def one_row_each(vintages: Vintages) -> Panel:
    """The units, one row each, without their channels: those differ from vintage to vintage."""
    head = np.searchsorted(vintages.owner, np.arange(len(vintages.units)))
    stack = vintages.stack
    country = tuple(stack.country[row] for row in head)
    return Panel(
        vintages.units, vintages.days, {}, stack.latitude[head], stack.longitude[head], country
    )
