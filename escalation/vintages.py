"""Panels as they were known on each day, stacked so that one pass computes them all.

A unit's history is rewritten only on days when late news about it arrives: an event that is
reported later than the source's lag, an update, a retraction. Between two such days one panel row
serves every day, because what happened later lies to its right and causal features look left. So a
unit gets one row per stretch of days (its *vintage*), a family runs once over all rows, and
:meth:`Vintages.gather` picks for each unit and day the value of the row that was current.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from escalation import schema
from escalation.errors import InputError
from escalation.events.archive import KEY, EventArchive, to_day
from escalation.panel import Days, Panel, PanelSpec, day_range, unit_of

FOREVER = np.iinfo(np.int64).max // 4

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


def _spread(archive: EventArchive, spec: PanelSpec) -> pd.DataFrame:
    """Versions by unit, each with the half-open stretch of days in which it was the valid one."""
    versions = archive.versions
    same = versions.duplicated(KEY, keep="last").to_numpy()
    known = versions[schema.KNOWN_DATE].to_numpy("datetime64[D]").astype(np.int64)
    ends = np.where(same, np.append(known[1:], 0), FOREVER)
    table = versions.assign(_known=known, _ends=ends)
    table = table[table[schema.OPERATION] != "retract"]
    return _by_unit(table, spec)


def _by_unit(table: pd.DataFrame, spec: PanelSpec) -> pd.DataFrame:
    """Each row once per kind of unit that it belongs to, with the unit in ``_unit``."""
    named = {kind: unit_of(table, kind) for kind in dict.fromkeys(spec.kinds)}
    seen: set[str] = set()
    for kind, units in named.items():
        names = set(units.dropna())
        if both := sorted(seen & names):
            raise InputError(
                "E-UNIT",
                "expected different names for units of different kinds",
                column=kind,
                value=both[0],
                fix="leave out one of the kinds or rename the unit at the source",
            )
        seen |= names
    parts = [table.assign(_unit=units) for units in named.values()]
    return pd.concat(parts, ignore_index=True).dropna(subset=["_unit"])


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
    start = to_day(first_day) if first_day is not None else archive.first_day
    stop = to_day(last_day) if last_day is not None else archive.covered_to
    if start > stop:
        raise InputError(
            "E-RANGE", f"expected a last day on or after {start}", column="last_day", value=stop
        )
    archive = archive.until(stop)
    days = day_range(start, stop)
    base, count = int(start.astype(np.int64)), len(days)
    table = _spread(archive, spec)
    happened = table[schema.EVENT_DATE].to_numpy("datetime64[D]").astype(np.int64) - base
    known = np.maximum(table["_known"].to_numpy() - base, 0)
    ends = np.where(table["_ends"] >= FOREVER, count, table["_ends"] - base).clip(0, count)
    seen = np.maximum(known, np.maximum(happened, 0) + lag)
    # A version that was replaced before the frontier reached it was never seen.
    opening = spec.enters.mask(table) & (seen < ends)
    member = table["_unit"].isin(set(table.loc[opening, "_unit"])).to_numpy(dtype=bool)
    table, happened, known, ends, seen, opening = (
        table[member].reset_index(drop=True), happened[member], known[member], ends[member],
        seen[member], opening[member],
    )  # fmt: skip
    codes, names = pd.factorize(table["_unit"], sort=True)
    unit = codes.astype(np.int64)
    entry = np.full(len(names), FOREVER)
    np.minimum.at(entry, unit[opening], seen[opening])

    late = known > happened + lag
    ended = ends < count
    starts = np.concatenate(
        [np.arange(len(names)) * count, (unit * count + known)[late], (unit * count + ends)[ended]]
    )
    keys = np.unique(starts)
    owner, first = keys // count, keys % count
    last_row = np.searchsorted(keys, unit * count + count, "left")
    begin = np.searchsorted(keys, unit * count + known, "right") - 1
    finish = np.where(
        ended, np.searchsorted(keys, unit * count + np.minimum(ends, count - 1), "left"), last_row
    )
    inside = (happened >= 0) & (happened < count)
    copies = np.where(inside, np.maximum(finish - begin, 0), 0)
    source = np.repeat(np.arange(len(unit)), copies)
    offset = np.arange(copies.sum()) - np.repeat(np.cumsum(copies) - copies, copies)
    row = begin[source] + offset
    if latest_only:
        newest = np.append(owner[1:] != owner[:-1], True)
        source, row = source[newest[row]], (np.cumsum(newest) - 1)[row[newest[row]]]
        keys, owner, first = keys[newest], owner[newest], first[newest]
    cell = row * count + happened[source]

    channels = {}
    for channel in spec.all_channels:
        weight = channel.weights(table)[source]
        if channel.measure == "severity":
            flat: NDArray[Any] = np.zeros(len(keys) * count, np.float32)
            np.maximum.at(flat, cell, weight.astype(np.float32))
        else:
            flat = np.bincount(cell, weights=weight, minlength=len(keys) * count)
        channels[channel.name] = flat.astype(np.float32).reshape(len(keys), count)

    identity = [table[name].to_numpy(object) for name in reversed(KEY)]
    order = np.lexsort((*identity, happened, seen, ~opening, unit))
    where_first = order[np.searchsorted(unit[order], np.arange(len(names)))]
    place = table.iloc[where_first]
    panel = Panel(
        units=tuple(names[owner]),
        days=days,
        channels=channels,
        latitude=place[schema.LATITUDE].to_numpy(dtype=float)[owner],
        longitude=place[schema.LONGITUDE].to_numpy(dtype=float)[owner],
        country=tuple(place[schema.COUNTRY].fillna("").to_numpy(object)[owner]),
    )
    return Vintages(panel, tuple(names), entry, owner, first, lag)


def snapshot(archive: EventArchive, spec: PanelSpec, *, at: object, like: Vintages) -> Panel:
    """The panel as known at the end of one day, with the units and days of a stack.

    Units that were not known by then are rows of zeros; days after ``at`` are zeros.
    """
    events = archive.as_of(at)
    count = len(like.days)
    table = _by_unit(events, spec)
    row = pd.Index(like.units, dtype="str").get_indexer(table["_unit"])
    happened = (table[schema.EVENT_DATE].to_numpy("datetime64[D]") - like.days[0]).astype(np.int64)
    inside = (row >= 0) & (happened >= 0) & (happened < count)
    table, cell = table[inside], row[inside] * count + happened[inside]
    channels = {}
    for channel in spec.all_channels:
        weight = channel.weights(table)
        flat = np.zeros(len(like.units) * count, np.float64)
        (np.maximum if channel.measure == "severity" else np.add).at(flat, cell, weight)
        channels[channel.name] = flat.astype(np.float32).reshape(len(like.units), count)
    head = np.searchsorted(like.owner, np.arange(len(like.units)))
    stack = like.stack
    country = tuple(stack.country[index] for index in head)
    return Panel(
        like.units, like.days, channels, stack.latitude[head], stack.longitude[head], country
    )
