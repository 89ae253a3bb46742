"""Forecasts whose outcome is known by now: what some models learn from, and intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from escalation import schema
from escalation.backtest.intervals import NO_RECORD, TrackRecord, track_record
from escalation.backtest.table import Prepared, Rows
from escalation.models import Matured
from escalation.targets import Labels


def matured(
    rows: Rows, names: tuple[str, ...], probability: NDArray[np.float64], known: Labels, *, at: int
) -> Matured:
    """Forecasts issued by day index ``at`` whose outcome is known, where every model gave one.

    Parameters
    ----------
    rows : pair of ndarray
        Unit and day of each forecast.
    names : tuple of str
    probability : ndarray, shape (row, model)
    known : Labels
        As they were on that day.
    """
    units, days = rows
    outcome = known.outcome[units, days]
    keep = ~np.isnan(outcome) & known.at_risk[units, days] & (days <= at)
    keep &= ~np.isnan(probability).any(axis=1)
    order = np.flatnonzero(keep)
    order = order[np.lexsort((units[order], days[order]))]
    wide = np.ascontiguousarray(probability[order])  # sums depend on how it lies in memory
    return Matured(names, wide, outcome[order], days[order], units[order])


def matured_in(prepared: Prepared, forecasts: pd.DataFrame, known: Labels, *, at: int) -> Matured:
    """The same from a table of forecasts."""
    wide = forecasts.pivot(index=[schema.UNIT, schema.DAY], columns="model", values="probability")
    units = pd.Index(prepared.units).get_indexer(wide.index.get_level_values(0))
    issued = wide.index.get_level_values(1).to_numpy("datetime64[D]")
    days = (issued - prepared.days[0]).astype(np.int64)
    rows = units.astype(np.int64), days
    return matured(rows, tuple(wide.columns), wide.to_numpy(np.float64), known, at=at)


def record_of(record: Matured, name: str, *, horizon: int) -> TrackRecord:
    """Track record of one model."""
    if name not in record.names:
        return NO_RECORD
    probability = record.probability[:, record.names.index(name)]
    return track_record(
        probability, record.outcome, record.day // (2 * horizon),
        unit=record.unit, day=record.day, horizon=horizon,
    )  # fmt: skip


@dataclass
class Issued:
    """Forecasts so far, probabilities by model."""

    names: tuple[str, ...]
    rows: list[Rows] = field(default_factory=list)
    parts: list[NDArray[np.float64]] = field(default_factory=list)

    def add(self, rows: Rows, probability: Mapping[str, NDArray[np.float64]]) -> None:
        """Keep the forecasts of some rows."""
        self.rows.append(rows)
        self.parts.append(np.column_stack([probability[name] for name in self.names]))

    def matured(self, known: Labels, *, at: int) -> Matured:
        """Those that have matured; see :func:`matured`."""
        if not self.parts:
            nothing = np.zeros(0, dtype=np.int64)
            return Matured((), np.zeros((0, 0)), np.zeros(0), nothing)
        units, days = (np.concatenate(part) for part in zip(*self.rows, strict=True))
        return matured((units, days), self.names, np.concatenate(self.parts), known, at=at)
