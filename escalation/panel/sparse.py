"""A panel on disk, by unit and only the days with events; dense a chunk of units at a time.

:mod:`escalation.panel.aggregate` makes one from very many events.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from escalation import schema
from escalation.errors import InputError
from escalation.panel.dense import Days, Panel, day_range
from escalation.panel.vintages import Vintages

CELLS, UNITS, ABOUT = "cells.parquet", "units.parquet", "panel.json"
CODE, BEGIN, END, ENTRY = "code", "begin", "end", "entry"
"""A unit's position; its first row and the one after its last among the cells; its first day."""


@dataclass(frozen=True, eq=False)
class SparsePanel:
    """Days with events, on disk by unit; a :class:`escalation.features.stream.Source`.

    Parameters
    ----------
    folder : Path
    units : tuple of str
        Sorted.
    days : ndarray of datetime64[D], shape (day,)
    channels : tuple of str
    lag : int
        Reporting lag in days.
    start : int
        Position of the first unit among all that lie in the folder.
    """

    folder: Path
    units: tuple[str, ...]
    days: Days
    channels: tuple[str, ...]
    lag: int
    start: int = 0

    @classmethod
    def read(cls, folder: Path) -> SparsePanel:
        """The panel that :func:`aggregate` wrote.

        Raises
        ------
        InputError
            ``E-FILE`` where there is none.
        """
        try:
            about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
            units = pq.read_table(folder / UNITS, columns=[schema.UNIT])[schema.UNIT]
        except OSError as error:
            raise InputError("E-FILE", f"expected an aggregated panel: {error}",
                             where=str(folder)) from None  # fmt: skip
        days = day_range(about["first_day"], about["last_day"])
        channels = tuple(about["channels"])
        return cls(folder, tuple(units.to_pylist()), days, channels, about["lag"])

    def part(self, start: int, stop: int) -> SparsePanel:
        """Some consecutive units; nothing is read."""
        return replace(self, units=self.units[start:stop], start=self.start + start)

    def stack(self) -> Vintages:
        """Dense panels of these units: one row each, because nothing was known late."""
        count = len(self.units)
        table = pq.read_table(self.folder / UNITS).slice(self.start, count)
        channels = {name: np.zeros((count, len(self.days)), np.float32) for name in self.channels}
        if count:
            cells = self._cells(table[BEGIN][0].as_py(), table[END][-1].as_py())
            row = cells[CODE].to_numpy().astype(np.int64) - self.start
            day = cells[schema.DAY].to_numpy()
            for name, values in channels.items():
                values[row, day] = cells[name].to_numpy()
        panel = Panel(
            self.units, self.days, channels, table[schema.LATITUDE].to_numpy(),
            table[schema.LONGITUDE].to_numpy(), tuple(table[schema.COUNTRY].to_pylist()),
        )  # fmt: skip
        each = np.arange(count)
        return Vintages(panel, self.units, table[ENTRY].to_numpy(), each, each * 0, self.lag)

    def _cells(self, begin: int, end: int) -> pa.Table:
        """Some rows of the cells' file, from as few row groups as hold them."""
        file = pq.ParquetFile(self.folder / CELLS)
        sizes = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
        starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        first = int(np.searchsorted(starts, begin, "right")) - 1
        last = int(np.searchsorted(starts, end, "left"))
        found = file.read_row_groups(list(range(first, last)), use_threads=False)
        return found.slice(begin - int(starts[first]), end - begin)
