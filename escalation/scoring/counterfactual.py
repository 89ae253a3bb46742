"""Scores of a day with single events removed or added, for many events at once.

Scoring from scratch once per event gives the same numbers and takes a hundred times as long. Here,
a perturbed event changes one day in the rows of its units; the rows of all events form one stack,
through which every family runs once. Families across units get one column per event instead of one
per day. If more would change, such as a unit's location, the day is scored from scratch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from escalation import schema
from escalation._util.arrays import Array, Bools, Ints
from escalation.backtest.day import across_columns, look_back_on
from escalation.backtest.table import row_index
from escalation.events.versions import EVENT_KEY
from escalation.features import ACROSS
from escalation.features.build import on_one_day, unit_places
from escalation.panel.by_unit import openings
from escalation.panel.dense import Panel
from escalation.scoring.perturbation import REMOVED, ChangedRows, Perturbations, PerturbedRows
from escalation.scoring.scorer import Scorer, ScoringInputs

_BLOCK_BYTES = 64 * 2**20
"""Largest array of features in memory at a time."""


@dataclass(frozen=True)
class Counterfactual:
    """Scores of a day if single events had not happened, or more like them had."""

    scorer: Scorer
    inputs: ScoringInputs

    @cached_property
    def events(self) -> pd.DataFrame:
        """Events as known on the day."""
        return self.inputs.archive.as_of(self.inputs.day)

    @cached_property
    def rows(self) -> PerturbedRows:
        """The panel rows to perturb."""
        return PerturbedRows(self.inputs, self.events)

    @cached_property
    def _introduced(self) -> dict[tuple[str, str], list[tuple[int, bool]]]:
        """By event: units that it introduced, and whether they vanish without it.

        Units that another event introduced at the same location don't change and are left out.
        """
        first, other = openings(self.inputs.archive, self.inputs.past)
        place = [schema.LATITUDE, schema.LONGITUDE, schema.COUNTRY]
        same = _same(first.loc[other.index, place], other[place])
        unchanged = set(other.index[same])
        vanishing = set(first.index.difference(other.index))
        units: dict[tuple[str, str], list[tuple[int, bool]]] = {}
        for unit, source, name in first[EVENT_KEY].itertuples(name=None):
            if unit not in unchanged:
                key = (str(source), str(name))
                units.setdefault(key, []).append((int(unit), unit in vanishing))
        return units

    @cached_property
    def _first_of_axis(self) -> tuple[str, str] | None:
        """The only event on the first day, without which the axis would start later."""
        if self.scorer.experiment.data.first_day is not None:
            return None
        versions = self.inputs.archive.versions
        first = versions.loc[
            versions[schema.EVENT_DATE] == versions[schema.EVENT_DATE].min(), EVENT_KEY
        ]
        return tuple(first.iloc[0]) if len(first.drop_duplicates()) == 1 else None

    def probabilities(self, perturbations: Perturbations, *, unit: Ints | None = None) -> Array:
        """Scores after each perturbation.

        Parameters
        ----------
        perturbations : Perturbations
        unit : ndarray of int64, shape (perturbation,), optional
            The unit of interest in each; the others are not scored again.

        Returns
        -------
        ndarray of float64, shape (perturbation, unit)
            NaN if the unit would not be known.
        """
        probability = np.tile(self.inputs.probability, (len(perturbations), 1))
        removed = perturbations.times == REMOVED
        rescored = np.zeros(len(perturbations), dtype=bool)
        keys = self._keys(perturbations.event[removed])
        rescored[removed] = [self._needs_rescoring(key) for key in keys]
        for block in self._blocks(len(perturbations)):
            at = block[~rescored[block]]
            stacked = Perturbations(perturbations.event[at], perturbations.times[at])
            probability[at] = self._block(stacked, None if unit is None else unit[at])
        for i in np.flatnonzero(rescored):
            probability[i] = self._without(int(perturbations.event[i]))
        return probability

    def _blocks(self, count: int) -> Iterator[Ints]:
        kinds, columns = self.rows.holders.shape[1], self.inputs.X.shape[1]
        row = 4 * columns * max(len(self.inputs.panel.days), len(self.inputs.units))
        step = max(1, _BLOCK_BYTES // (row * kinds))
        for start in range(0, count, step):
            yield np.arange(start, min(start + step, count))

    def _keys(self, events: Ints) -> list[tuple[str, str]]:
        """Source and identifier of events."""
        return list(self.events[EVENT_KEY].iloc[events].itertuples(index=False, name=None))

    def _needs_rescoring(self, key: tuple[str, str]) -> bool:
        """Whether removing an event changes a unit's location or the axis."""
        moved = any(not vanishes for _, vanishes in self._introduced.get(key, []))
        if moved and any(name in ACROSS for name in self.scorer.experiment.features):
            return True
        return key == self._first_of_axis

    def _without(self, event: int) -> Array:
        ((source, name),) = self._keys(np.array([event]))
        scored = self.scorer.on(self.inputs.archive.without(name, source), self.inputs.day)
        return scored["probability"].reindex(list(self.inputs.unit_keys)).to_numpy()

    def _block(self, perturbations: Perturbations, only: Ints | None) -> Array:
        probability = np.tile(self.inputs.probability, (len(perturbations), 1))
        if not len(perturbations):
            return probability
        changed = self.rows.changed(perturbations)
        local, history = self._recomputed(self.rows.perturbed(perturbations, changed))
        gone = self._gone(perturbations)
        across = self._across(local, changed, gone)
        number, unit, row = _to_score(changed, self._differs(across, gone.shape), ~gone, only)
        values = self._input(number, unit, row, local, history, across)
        days = np.array([self.inputs.day])
        index = row_index(self.inputs.unit_keys, days, (unit, np.zeros(len(unit), np.int64)))
        X = pd.DataFrame(values, index=index, columns=self.inputs.X.columns)
        probability[number, unit] = self.scorer.predict(X)
        probability[gone] = np.nan
        return probability

    def _recomputed(self, perturbed: Panel) -> tuple[NDArray[np.float32], Array]:
        """Local features [feature, row] and the label's own columns [column, row]."""
        day = self.inputs.frontier
        history, _ = look_back_on(self.scorer.target, perturbed, day)
        local = on_one_day(perturbed, day, self.scorer.experiment.features)
        return local, np.stack(list(history.values()))

    def _gone(self, perturbations: Perturbations) -> Bools:
        """Where a unit would no longer be known, shape (perturbation, unit)."""
        gone = np.zeros((len(perturbations), len(self.inputs.units)), dtype=bool)
        removed = np.flatnonzero(perturbations.times == REMOVED)
        for i, key in zip(removed, self._keys(perturbations.event[removed]), strict=True):
            for unit, vanishes in self._introduced.get(key, []):
                gone[i, unit] |= vanishes
        return gone

    def _across(
        self, local: NDArray[np.float32], changed: ChangedRows, gone: Bools
    ) -> dict[str, NDArray[np.float32]]:
        """Features across units, each [unit, perturbation]; missing units count as zeros."""
        if not any(name in ACROSS for name in self.scorer.experiment.features):
            return {}
        columns = {}
        for number, name in enumerate(self.inputs.X.columns[: len(local)]):
            column = np.repeat(self.inputs.local[number][:, None], len(gone), axis=1)
            column[changed.unit, changed.perturbation] = local[number]
            column[gone.T] = 0.0
            columns[str(name)] = column
        return across_columns(self.scorer.experiment, columns, unit_places(self.inputs.past))

    def _differs(self, across: dict[str, NDArray[np.float32]], shape: tuple[int, ...]) -> Bools:
        """Where features across units changed, shape (perturbation, unit)."""
        differs = np.zeros(shape, dtype=bool)
        for name, column in across.items():
            differs |= (column != self.inputs.X[name].to_numpy()[:, None]).T
        return differs

    def _input(
        self,
        number: Ints,
        unit: Ints,
        row: Ints,
        local: NDArray[np.float32],
        history: Array,
        across: dict[str, NDArray[np.float32]],
    ) -> Array:
        """Model input by perturbation and unit; row -1 means an unchanged row."""
        values = self.inputs.X.to_numpy(dtype=np.float64)[unit]
        recomputed = row >= 0
        values[recomputed, : len(local)] = local[:, row[recomputed]].T
        values[recomputed, values.shape[1] - len(history) :] = history[:, row[recomputed]].T
        for name, column in across.items():
            values[:, self.inputs.X.columns.get_loc(name)] = column[unit, number]
        return values


def _same(left: pd.DataFrame, right: pd.DataFrame) -> Bools:
    """Where rows of two tables with the same index agree, missing values included."""
    same = (left == right).fillna(False) | (left.isna() & right.isna())
    return same.all(axis=1).to_numpy(bool)


def _to_score(
    changed: ChangedRows, differs: Bools, known: Bools, only: Ints | None
) -> tuple[Ints, Ints, Ints]:
    """Perturbations and units to score, and the recomputed row of each; -1 for none."""
    row = np.full(differs.shape, -1)
    row[changed.perturbation, changed.unit] = np.arange(len(changed))
    affected = (differs | (row >= 0)) & known
    if only is not None:
        affected &= np.arange(differs.shape[1]) == only[:, None]
    number, unit = np.nonzero(affected)
    return number, unit, row[number, unit]
