"""Rows of a panel with single events taken away from them or added."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from escalation import schema
from escalation.backtest.day import DayInputs
from escalation.panel.dense import Panel, unit_of

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
REMOVED = -1


@dataclass(frozen=True)
class Perturbations:
    """Changes to score, each by itself.

    Parameters
    ----------
    event : ndarray of int64, shape (perturbation,)
        Row among the events that were known on the day.
    times : ndarray of int64, shape (perturbation,)
        -1 takes the event away; n adds n more like it on the last day that features see.
    """

    event: Ints
    times: Ints

    def __len__(self) -> int:
        return len(self.event)


@dataclass(frozen=True)
class ChangedRows:
    """Rows that change: which perturbation, which unit, which day."""

    perturbation: Ints
    unit: Ints
    day: Ints

    def __len__(self) -> int:
        return len(self.perturbation)


@dataclass(frozen=True)
class PerturbedRows:
    """A day's rows, and the events that they are made of.

    Parameters
    ----------
    inputs : DayInputs
    events : DataFrame
        As they were known on the day.
    """

    inputs: DayInputs
    events: pd.DataFrame

    @property
    def panel(self) -> Panel:
        """One row per unit."""
        return self.inputs.panel

    @cached_property
    def happened(self) -> Ints:
        """Day index of each event; outside the axis where it is before it."""
        days = self.events[schema.EVENT_DATE].to_numpy("datetime64[D]")
        return (days - self.panel.days[0]).astype(np.int64)

    @cached_property
    def holders(self) -> Ints:
        """Units that hold each event, shape (event, kind of unit); -1 for none."""
        units = pd.Index(self.inputs.units, dtype="str")
        kinds = dict.fromkeys(self.inputs.spec.kinds)
        named = [units.get_indexer(unit_of(self.events, kind)) for kind in kinds]
        return np.stack(named, axis=1).astype(np.int64)

    @cached_property
    def weights(self) -> dict[str, Floats]:
        """What each event adds to each channel."""
        channels = self.inputs.spec.all_channels
        return {channel.name: channel.weights(self.events) for channel in channels}

    def pairs(self, perturbations: Perturbations) -> ChangedRows:
        """The rows that each perturbation changes."""
        day = np.where(
            perturbations.times == REMOVED, self.happened[perturbations.event], self.inputs.frontier
        )
        inside = (day >= 0) & (day < len(self.panel.days))
        units = self.holders[perturbations.event]
        perturbation, kind = np.nonzero((units >= 0) & inside[:, None])
        return ChangedRows(perturbation, units[perturbation, kind], day[perturbation])

    def perturbed(self, perturbations: Perturbations, pairs: ChangedRows) -> Panel:
        """The units' rows, each with its perturbation made."""
        event, times = (
            perturbations.event[pairs.perturbation],
            perturbations.times[pairs.perturbation],
        )
        rows, each = self.panel.take(pairs.unit), np.arange(len(pairs))
        for channel in self.inputs.spec.all_channels:
            values, weight = rows.channels[channel.name], self.weights[channel.name]
            cell = values[each, pairs.day].astype(np.float64)
            if channel.measure == "severity":
                rest = self._highest_besides(event, pairs, weight)
                cell = np.where(times == REMOVED, rest, np.maximum(cell, weight[event]))
            else:
                cell = cell + times * weight[event]
            values[each, pairs.day] = cell
        return rows

    @cached_property
    def _together(self) -> dict[tuple[int, int], list[int]]:
        """Events by the unit and the day that hold them."""
        found: dict[tuple[int, int], list[int]] = {}
        for event, units in enumerate(self.holders.tolist()):
            for unit in units:
                found.setdefault((unit, int(self.happened[event])), []).append(event)
        return found

    def _highest_besides(self, event: Ints, pairs: ChangedRows, weight: Floats) -> Floats:
        """Highest weight of the other events in the same row on the same day."""
        rest = np.zeros(len(pairs))
        for row, (one, unit, day) in enumerate(zip(event, pairs.unit, pairs.day, strict=True)):
            beside = [i for i in self._together.get((int(unit), int(day)), []) if i != one]
            rest[row] = max((weight[i] for i in beside), default=0.0)
        return rest
