"""Panel rows with single events removed or added."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from escalation import schema
from escalation._util.arrays import Array, Ints
from escalation.backtest.day import DayInputs
from escalation.panel.dense import Panel
from escalation.panel.membership import members

REMOVED = -1


@dataclass(frozen=True)
class Perturbations:
    """Changes to a day's events, each to be scored on its own.

    Parameters
    ----------
    event : ndarray of int64, shape (perturbation,)
        Row among the events known on the day.
    times : ndarray of int64, shape (perturbation,)
        :data:`REMOVED` removes the event; n adds n copies on the last day that features see.
    """

    event: Ints
    times: Ints

    def __len__(self) -> int:
        return len(self.event)


@dataclass(frozen=True)
class ChangedRows:
    """Panel rows that perturbations change.

    Parameters
    ----------
    perturbation : ndarray of int64, shape (row,)
        Position of the perturbation.
    unit, day : ndarray of int64, shape (row,)
        Indices of the changed cell.
    """

    perturbation: Ints
    unit: Ints
    day: Ints

    def __len__(self) -> int:
        return len(self.perturbation)


@dataclass(frozen=True)
class PerturbedRows:
    """A day's panel rows, and the events behind them as known on the day."""

    inputs: DayInputs
    events: pd.DataFrame

    @cached_property
    def event_day(self) -> Ints:
        """Day index of each event; negative before the start of the axis."""
        days = self.events[schema.EVENT_DATE].to_numpy("datetime64[D]")
        return (days - self.inputs.panel.days[0]).astype(np.int64)

    @cached_property
    def holders(self) -> Ints:
        """Units of each event, shape (event, kind of unit); -1 for none."""
        units = pd.Index(self.inputs.unit_keys, dtype="str")
        indices = []
        for kind in dict.fromkeys(self.inputs.spec.kinds):
            code, keys = members(self.events, kind)
            indices.append(np.append(units.get_indexer(list(keys)), -1)[code])
        return np.stack(indices, axis=1).astype(np.int64)

    @cached_property
    def weights(self) -> dict[str, Array]:
        """What each event adds to each channel, shape (event,)."""
        return {
            channel.name: channel.weights(self.events) for channel in self.inputs.spec.all_channels
        }

    def changed(self, perturbations: Perturbations) -> ChangedRows:
        """The rows that each perturbation changes."""
        removed = perturbations.times == REMOVED
        day = np.where(removed, self.event_day[perturbations.event], self.inputs.frontier)
        inside = (day >= 0) & (day < len(self.inputs.panel.days))
        units = self.holders[perturbations.event]
        number, kind = np.nonzero((units >= 0) & inside[:, None])
        return ChangedRows(number, units[number, kind], day[number])

    def perturbed(self, perturbations: Perturbations, changed: ChangedRows) -> Panel:
        """The changed rows, each with its perturbation applied.

        Parameters
        ----------
        perturbations : Perturbations
        changed : ChangedRows
            From :meth:`changed`.

        Returns
        -------
        Panel
            One unit per changed row, on the days of the panel.
        """
        event = perturbations.event[changed.perturbation]
        times = perturbations.times[changed.perturbation]
        rows, number = self.inputs.panel.take(changed.unit), np.arange(len(changed))
        for channel in self.inputs.spec.all_channels:
            values, weight = rows.channels[channel.name], self.weights[channel.name]
            cell = values[number, changed.day].astype(np.float64)
            if channel.measure == "severity":
                others = self._highest_other(event, changed, weight)
                cell = np.where(times == REMOVED, others, np.maximum(cell, weight[event]))
            else:
                cell = cell + times * weight[event]
            values[number, changed.day] = cell
        return rows

    @cached_property
    def _events_by_cell(self) -> tuple[Ints, Ints]:
        """Cell and event of each pair of the two, in order of cells."""
        event, kind = np.nonzero(self.holders >= 0)
        cell = self._cell(self.holders[event, kind], self.event_day[event])
        order = np.argsort(cell, kind="stable")
        return cell[order], event[order]

    def _cell(self, unit: Ints, day: Ints) -> Ints:
        """A number for each unit and day, including days before the axis."""
        return unit + len(self.inputs.unit_keys) * day

    def _highest_other(self, event: Ints, changed: ChangedRows, weight: Array) -> Array:
        """Highest weight of the other events in the same row on the same day."""
        cells, events = self._events_by_cell
        cell = self._cell(changed.unit, changed.day)
        start, stop = np.searchsorted(cells, cell), np.searchsorted(cells, cell, side="right")
        highest = np.zeros(len(changed))
        for row, removed in enumerate(event):
            others = events[start[row] : stop[row]]
            highest[row] = weight[others[others != removed]].max(initial=0.0)
        return highest
