"""Forecasts whose outcome is known by now: what some models learn from, and intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from escalation import schema
from escalation._util.arrays import Array
from escalation.backtest.intervals import NO_RECORD, TrackRecord, track_record
from escalation.backtest.table import Prepared, Rows, positions
from escalation.models import ResolvedForecasts
from escalation.targets import Labels


def resolved(
    rows: Rows, names: tuple[str, ...], probability: Array, known: Labels, *, at: int
) -> ResolvedForecasts:
    """Forecasts issued by a day whose outcome is known on it, where every model gave one.

    Parameters
    ----------
    rows : pair of ndarray of int, shape (row,)
        Unit and day index of each forecast.
    names : tuple of str
        Models.
    probability : ndarray, shape (row, model)
    known : Labels
        As they were on that day.
    at : int
        Index of the day.

    Returns
    -------
    ResolvedForecasts
        By day, then unit.
    """
    units, days = rows
    outcome = known.outcome[units, days]
    keep = ~np.isnan(outcome) & known.at_risk[units, days] & (days <= at)
    keep &= ~np.isnan(probability).any(axis=1)
    order = np.flatnonzero(keep)
    order = order[np.lexsort((units[order], days[order]))]
    wide = np.ascontiguousarray(probability[order])  # sums depend on how it lies in memory
    return ResolvedForecasts(names, wide, outcome[order], days[order], units[order])


def resolved_forecasts(
    prepared: Prepared, forecasts: pd.DataFrame, known: Labels, *, at: int
) -> ResolvedForecasts:
    """The same from a table of forecasts.

    Parameters
    ----------
    prepared : Prepared
        What the forecasts were made from.
    forecasts : DataFrame
        Of one label, in the columns of a forecast file.
    known, at
        As for :func:`resolved`.
    """
    key = [schema.UNIT_KEY, schema.DAY]
    wide = forecasts.pivot(index=key, columns="model", values="probability")
    rows = positions(prepared.unit_keys, prepared.days, wide.index.to_frame(index=False))
    return resolved(rows, tuple(wide.columns), wide.to_numpy(np.float64), known, at=at)


def record_of(record: ResolvedForecasts, name: str, *, horizon: int) -> TrackRecord:
    """Track record of one model.

    Parameters
    ----------
    record : ResolvedForecasts
    name : str
    horizon : int
        In days.

    Returns
    -------
    TrackRecord
        Without the model in the record, the one of nothing resolved.
    """
    return records_of(record, (name,), horizon=horizon)[name]


def records_of(
    record: ResolvedForecasts, names: tuple[str, ...], *, horizon: int
) -> dict[str, TrackRecord]:
    """Track record of each model: see :func:`record_of`."""
    units = np.zeros(len(record.outcome), dtype=np.int64) if record.unit is None else record.unit
    with threadpool_limits(limits=1):  # sums in one order, whatever the machine
        return {
            name: track_record(
                record.probability[:, record.names.index(name)],
                record.outcome,
                unit=units,
                day=record.day,
                horizon=horizon,
            )
            if name in record.names
            else NO_RECORD
            for name in names
        }


@dataclass
class IssuedForecasts:
    """Forecasts so far, probabilities by model.

    Parameters
    ----------
    names : tuple of str
        Models.
    rows : list of pair of ndarray of int, shape (row,)
        Unit and day index of each forecast, a pair for each time that some were added.
    parts : list of ndarray, shape (row, model)
    """

    names: tuple[str, ...]
    rows: list[Rows] = field(default_factory=list)
    parts: list[Array] = field(default_factory=list)

    def add(self, rows: Rows, probability: Mapping[str, Array]) -> None:
        """Keep the forecasts of some rows.

        Parameters
        ----------
        rows : pair of ndarray of int, shape (row,)
        probability : mapping of str to ndarray, shape (row,)
            By model.
        """
        self.rows.append(rows)
        self.parts.append(np.column_stack([probability[name] for name in self.names]))

    def resolved(self, known: Labels, *, at: int) -> ResolvedForecasts:
        """Those that have resolved.

        Parameters
        ----------
        known, at
            As for :func:`resolved`.

        Returns
        -------
        ResolvedForecasts
            Of no model before anything was added.
        """
        if not self.parts:
            nothing = np.zeros(0, dtype=np.int64)
            return ResolvedForecasts((), np.zeros((0, 0)), np.zeros(0), nothing)
        units, days = (np.concatenate(part) for part in zip(*self.rows, strict=True))
        return resolved((units, days), self.names, np.concatenate(self.parts), known, at=at)
