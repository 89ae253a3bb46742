"""Panels as they were known at the end of single days, for labels that had matured by then.

What a version adds, and where, is worked out once for all days; a day then takes a sum over the
versions that were valid on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from escalation import schema
from escalation.events.archive import EventArchive, within
from escalation.panel.dense import Panel, PanelSpec
from escalation.panel.versions import spread
from escalation.panel.vintages import Vintages, one_row_each


@dataclass(frozen=True, eq=False)
class Snapshots:
    """Panels with the units and days of a stack.

    Parameters
    ----------
    archive : EventArchive
    spec : PanelSpec
    like : Vintages
        Whose units and days they have.
    """

    archive: EventArchive
    spec: PanelSpec
    like: Vintages

    def at(self, day: object) -> Panel:
        """The panel as known at the end of a day.

        Units that were not known by then are rows of zeros; days after ``day`` are zeros. A channel
        is summed up when it is asked for.

        Raises
        ------
        InputError
            ``E-COVERAGE`` beyond what the archive covers.
        """
        when = within(day, self.archive.covered_to).astype(np.int64)
        known, ends = (self._table[name].to_numpy() for name in ("_known", "_ends"))
        valid = np.flatnonzero((known <= when) & (when < ends))
        return replace(
            self._empty, channels=_Channels(self._weights, lambda name: self._summed(name, valid))
        )

    @cached_property
    def _table(self) -> pd.DataFrame:
        """Versions that lie in a unit and on a day of the stack, with their cell."""
        table, days = spread(self.archive, self.spec), self.like.days
        row = pd.Index(self.like.units, dtype="str").get_indexer(table["_unit"])
        happened = table[schema.EVENT_DATE].to_numpy("datetime64[D]") - days[0]
        day = happened.astype(np.int64)
        inside = (row >= 0) & (day >= 0) & (day < len(days))
        return table.assign(_cell=row * len(days) + day)[inside]

    @cached_property
    def _weights(self) -> dict[str, NDArray[np.float64]]:
        """What each version adds to each channel."""
        return {channel.name: channel.weights(self._table) for channel in self.spec.all_channels}

    @cached_property
    def _highest(self) -> frozenset[str]:
        """Channels that hold the highest value of a day, not a sum."""
        return frozenset(c.name for c in self.spec.all_channels if c.measure == "severity")

    @cached_property
    def _empty(self) -> Panel:
        return one_row_each(self.like)

    def _summed(self, name: str, valid: NDArray[np.int64]) -> NDArray[np.float32]:
        shape = len(self.like.units), len(self.like.days)
        cell, weight = self._table["_cell"].to_numpy()[valid], self._weights[name][valid]
        if name not in self._highest:
            sums = np.bincount(cell, weights=weight, minlength=shape[0] * shape[1])
            return sums.astype(np.float32).reshape(shape)
        highest = np.zeros(shape[0] * shape[1], np.float32)
        np.maximum.at(highest, cell, weight.astype(np.float32))
        return highest.reshape(shape)


class _Channels(Mapping[str, NDArray[np.float32]]):
    """Channels by name, each made when it is first asked for."""

    def __init__(
        self, names: Mapping[str, object], make: Callable[[str], NDArray[np.float32]]
    ) -> None:
        self._names, self._make = names, make
        self._made: dict[str, NDArray[np.float32]] = {}

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        if name not in self._made:
            if name not in self._names:
                raise KeyError(name)
            self._made[name] = self._make(name)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
