"""Resolved forecasts, from which meta-estimators learn, and the track records they give."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from escalation import schema
from escalation._util.arrays import Array
from escalation.backtest.intervals import NO_RECORD, TrackRecord, track_record
from escalation.backtest.table import Prepared, Rows, positions
from escalation.models import ResolvedForecasts
from escalation.targets import Labels

_GROWTH = 1.25
"""Track records are fitted again when their length may have grown by this factor."""


def _resolved_rows(
    rows: Rows, names: tuple[str, ...], probability: Array, labels: Labels, *, at: int
) -> ResolvedForecasts:
    """Resolved rows with a forecast of every model, sorted by day, then unit."""
    units, days = rows
    outcome = labels.outcome[units, days]
    mask = ~np.isnan(outcome) & labels.at_risk[units, days] & (days <= at)
    mask &= ~np.isnan(probability).any(axis=1)
    order = np.flatnonzero(mask)
    order = order[np.lexsort((units[order], days[order]))]
    wide = np.ascontiguousarray(probability[order])  # sums depend on the memory layout
    return ResolvedForecasts(names, wide, outcome[order], days[order], units[order])


def resolved_forecasts(
    prepared: Prepared, forecasts: pd.DataFrame, labels: Labels, *, at: int
) -> ResolvedForecasts:
    """Forecasts issued and resolved by a day, for rows with a forecast of every model.

    Parameters
    ----------
    prepared : Prepared
        Source of the forecasts.
    forecasts : DataFrame
        Of one label, with the columns of a forecast file.
    labels : Labels
        As known on that day.
    at : int
        Index of the day.

    Returns
    -------
    ResolvedForecasts
        Sorted by day, then unit.
    """
    key = [schema.UNIT_KEY, schema.DAY]
    wide = forecasts.pivot(index=key, columns="model", values="probability")
    rows = positions(prepared.unit_keys, prepared.days, wide.index.to_frame(index=False))
    return _resolved_rows(rows, tuple(wide.columns), wide.to_numpy(np.float64), labels, at=at)


def records_of(
    record: ResolvedForecasts, names: tuple[str, ...], *, horizon: int
) -> dict[str, TrackRecord]:
    """Track records of models; ``NO_RECORD`` for those that the record lacks.

    Parameters
    ----------
    record : ResolvedForecasts
    names : tuple of str
    horizon : int
        In days.
    """
    units = np.zeros(len(record.outcome), dtype=np.int64) if record.unit is None else record.unit
    with threadpool_limits(limits=1):  # the same order of sums on every machine
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
    """Forecasts issued so far.

    Parameters
    ----------
    names : tuple of str
        Models.
    rows : list of pair of ndarray of int, shape (row,)
        Unit and day index of each forecast, by batch.
    probability : list of ndarray, shape (row, model)
        By batch.
    """

    names: tuple[str, ...]
    rows: list[Rows] = field(default_factory=list)
    probability: list[Array] = field(default_factory=list)

    def add(self, rows: Rows, probability: Mapping[str, Array]) -> None:
        """Add a batch of forecasts.

        Parameters
        ----------
        rows : pair of ndarray of int, shape (row,)
        probability : mapping of str to ndarray, shape (row,)
            By model.
        """
        self.rows.append(rows)
        self.probability.append(np.column_stack([probability[name] for name in self.names]))

    def resolved(self, labels: Labels, *, at: int) -> ResolvedForecasts:
        """Those that have resolved; of no model before anything was added.

        Parameters
        ----------
        labels, at
            As for :func:`resolved_forecasts`.
        """
        if not self.rows:
            no_day = np.zeros(0, dtype=np.int64)
            return ResolvedForecasts((), np.zeros((0, 0)), np.zeros(0), no_day)
        units, days = (np.concatenate(batches) for batches in zip(*self.rows, strict=True))
        probability = np.concatenate(self.probability)
        return _resolved_rows((units, days), self.names, probability, labels, at=at)


@dataclass
class RecordSchedule:
    """Track records of all models, fitted again whenever the days forecast grow by a quarter.

    Parameters
    ----------
    records : dict of str to TrackRecord
        By model.
    origins : int
        Origins so far.
    due : int
        Number of origins at which records are fitted again.
    """

    records: dict[str, TrackRecord] = field(default_factory=dict)
    origins: int = 0
    due: int = 0

    def spans(self, origins: NDArray[np.int64]) -> Iterator[tuple[bool, NDArray[np.int64]]]:
        """Split origins into spans with the same records, each with whether to fit them first."""
        while len(origins):
            is_due = self.origins >= self.due
            if is_due:
                self.due = max(self.origins + 1, int(self.origins * _GROWTH))
            span, origins = np.split(origins, [self.due - self.origins])
            self.origins += len(span)
            yield is_due, span
