"""Rows of a panel with single events taken away from them or added."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from escalation import schema
from escalation.backtest.table import Prepared
from escalation.panel.dense import Panel, unit_of
from escalation.panel.vintages import Vintages

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
    """The last day's rows of a stack, and the events that they are made of.

    Parameters
    ----------
    prepared : Prepared
        Right for its last day.
    events : DataFrame
        As they were known on that day.
    """

    prepared: Prepared
    events: pd.DataFrame

    @property
    def stack(self) -> Panel:
        """One row per unit."""
        return self.prepared.vintages.stack

    @cached_property
    def frontier(self) -> int:
        """Index of the last day that features see."""
        return max(len(self.stack.days) - 1 - self.prepared.lag, 0)

    @cached_property
    def happened(self) -> Ints:
        """Day index of each event; outside the axis where it is before it."""
        days = self.events[schema.EVENT_DATE].to_numpy("datetime64[D]")
        return (days - self.stack.days[0]).astype(np.int64)

    @cached_property
    def holders(self) -> Ints:
        """Units that hold each event, shape (event, kind of unit); -1 for none."""
        units = pd.Index(self.prepared.vintages.units, dtype="str")
        kinds = dict.fromkeys(self.prepared.spec.kinds)
        named = [units.get_indexer(unit_of(self.events, kind)) for kind in kinds]
        return np.stack(named, axis=1).astype(np.int64)

    @cached_property
    def weights(self) -> dict[str, Floats]:
        """What each event adds to each channel."""
        channels = self.prepared.spec.all_channels
        return {channel.name: channel.weights(self.events) for channel in channels}

    def pairs(self, perturbations: Perturbations) -> ChangedRows:
        """The rows that each perturbation changes."""
        day = np.where(
            perturbations.times == REMOVED, self.happened[perturbations.event], self.frontier
        )
        inside = (day >= 0) & (day < len(self.stack.days))
        units = self.holders[perturbations.event]
        perturbation, kind = np.nonzero((units >= 0) & inside[:, None])
        return ChangedRows(perturbation, units[perturbation, kind], day[perturbation])

    def perturbed(self, perturbations: Perturbations, pairs: ChangedRows) -> Vintages:
        """The units' rows, each with its perturbation made."""
        event, times, rows = (
            perturbations.event[pairs.perturbation],
            perturbations.times[pairs.perturbation],
            np.arange(len(pairs)),
        )
        channels = {}
        for channel in self.prepared.spec.all_channels:
            values, weight = self.stack[channel.name][pairs.unit], self.weights[channel.name]
            cell = values[rows, pairs.day].astype(np.float64)
            if channel.measure == "severity":
                rest = self._highest_besides(event, pairs, weight)
                cell = np.where(times == REMOVED, rest, np.maximum(cell, weight[event]))
            else:
                cell = cell + times * weight[event]
            values[rows, pairs.day] = cell
            channels[channel.name] = values
        stack = self.stack
        panel = Panel(
            tuple(stack.units[unit] for unit in pairs.unit),
            stack.days,
            channels,
            stack.latitude[pairs.unit],
            stack.longitude[pairs.unit],
            tuple(stack.country[unit] for unit in pairs.unit),
        )
        start = np.zeros(len(pairs), np.int64)
        names = tuple(str(row) for row in rows)
        return Vintages(panel, names, start, rows, start, self.prepared.lag)

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
