"""The table of features by name, unit and day."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from escalation import schema
from escalation.panel.dense import Days


@dataclass(frozen=True, eq=False)
class Features:
    """Features by name, unit and day.

    Parameters
    ----------
    names : tuple of str
        Columns, each name once.
    values : ndarray of float32, shape (feature, unit, day)
        Read-only; 0 before a unit is present.
    units, unit_keys : tuple of str
        Names and keys of the units.
    days : ndarray of datetime64[D], shape (day,)
        Issue days.
    present : ndarray of bool, shape (unit, day)
        True from the unit's entry on.
    """

    names: tuple[str, ...]
    values: NDArray[np.float32]
    units: tuple[str, ...]
    unit_keys: tuple[str, ...]
    days: Days
    present: NDArray[np.bool_]

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        """One column, shape (unit, day)."""
        return self.values[self.names.index(name)]

    def rows(self, unit_idx: NDArray[np.int64], day_idx: NDArray[np.int64]) -> NDArray[np.float32]:
        """Some rows of the table, shape (row, feature).

        Parameters
        ----------
        unit_idx, day_idx : array of int, shape (row,)
            Indices of units and days.
        """
        return self.values[:, unit_idx, day_idx].T

    def without(self, names: Collection[str]) -> Features:
        """The table without some columns."""
        remaining = [i for i, name in enumerate(self.names) if name not in names]
        columns = tuple(self.names[i] for i in remaining)
        return replace(self, names=columns, values=read_only(self.values[remaining]))

    def _index(self, names: tuple[str, ...]) -> pd.MultiIndex:
        """Unit, by name or key, and day of each present row, unit by unit."""
        units, days = self.present.shape
        if self.present.all():
            unit = np.repeat(np.arange(units, dtype=np.int32), days)
            day = np.tile(np.arange(days, dtype=np.int32), units)
        else:
            unit, day = (codes.astype(np.int32) for codes in np.nonzero(self.present))
        return pd.MultiIndex(
            [pd.Index(names, dtype="str"), pd.DatetimeIndex(self.days)],
            [unit, day],
            names=[schema.UNIT, schema.DAY],
            verify_integrity=False,
        )

    def frame(self, *, by_key: bool = False) -> pd.DataFrame:
        """The present rows indexed by unit and day, unit by unit.

        Not copied if every unit is present on every day.

        Parameters
        ----------
        by_key : bool
            Index by unit key instead of name.
        """
        flat = self.values.reshape(len(self.names), self.present.size)
        if not self.present.all():
            flat = flat[:, self.present.ravel()]
        index = self._index(self.unit_keys if by_key else self.units)
        return pd.DataFrame(flat.T, index=index, columns=list(self.names), copy=False)


def read_only(array: NDArray[np.float32]) -> NDArray[np.float32]:
    """A view that can't be written to."""
    view = array.view()
    view.flags.writeable = False
    return view
