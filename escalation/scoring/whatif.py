"""Scores of a day with single events taken away or added, many at once.

Scoring again from the start, once per event, gives the same numbers and takes a hundred times as
long. Here an event that goes or comes changes one day in the rows of the units that hold it; those
rows, for all events together, are one stack, through which every family runs once. Families across
units are given one column per event instead of one per day. Where more would change, such as the
place of a unit that another event opened, the day is scored again from the start.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from escalation import schema
from escalation.events.archive import EVENT_KEY as KEY
from escalation.features import ACROSS
from escalation.features.build import on_last_day
from escalation.panel.dense import Panel
from escalation.panel.vintages import Vintages, openings
from escalation.scoring.edits import AWAY, Editable, Edits, Floats, Ints, Pairs
from escalation.scoring.scorer import Scene, Scorer

BLOCK_BYTES = 64 * 2**20
"""Largest array of features at one time."""


@dataclass(frozen=True)
class WhatIf:
    """What a scorer would say on a day if single events had not been, or had come on top.

    Parameters
    ----------
    scorer : Scorer
    scene : Scene
        The day as it was scored.
    """

    scorer: Scorer
    scene: Scene

    @cached_property
    def events(self) -> pd.DataFrame:
        """Events as they were known on the day."""
        return self.scene.archive.as_of(self.scene.day)

    @cached_property
    def rows(self) -> Editable:
        """The rows in which events can be taken away or added."""
        return Editable(self.scene.prepared, self.events)

    @property
    def stack(self) -> Panel:
        """One row per unit."""
        return self.rows.stack

    @cached_property
    def _opened(self) -> dict[tuple[str, str], list[tuple[int, bool]]]:
        """By event: units that it opened, and whether they would not exist without it.

        Units that another event opened at the same place are left out: nothing changes there.
        """
        found: dict[tuple[str, str], list[tuple[int, bool]]] = {}
        table = openings(self.scene.archive, self.scene.prepared.spec,
                         like=self.scene.prepared.vintages)  # fmt: skip
        for unit, rows in table.groupby(schema.UNIT, sort=False):
            first = tuple(rows[KEY].iloc[0])
            others = rows[(rows[KEY] != rows[KEY].iloc[0]).any(axis=1)]
            place = rows[[schema.LATITUDE, schema.LONGITUDE, schema.COUNTRY]]
            if others.empty or not place.iloc[0].equals(place.loc[others.index[0]]):
                number = self.scene.units.index(str(unit))
                found.setdefault(first, []).append((number, others.empty))
        return found

    @cached_property
    def _first_of_axis(self) -> tuple[str, str] | None:
        """The event without which the axis would start later, if there is one."""
        if self.scorer.experiment.data.first_day is not None:
            return None
        versions = self.scene.archive.versions
        first = versions.loc[versions[schema.EVENT_DATE] == versions[schema.EVENT_DATE].min(), KEY]
        return tuple(first.iloc[0]) if len(first.drop_duplicates()) == 1 else None

    def probabilities(self, edits: Edits, *, unit: Ints | None = None) -> Floats:
        """Scores after each edit.

        Parameters
        ----------
        edits : Edits
        unit : ndarray of int64, shape (edit,), optional
            The one unit that matters in each; the others are not scored again.

        Returns
        -------
        ndarray of float64, shape (edit, unit)
            NaN where the unit would not be known.
        """
        said = np.tile(self.scene.probability, (len(edits), 1))
        again = np.array([self._from_the_start(edits, i) for i in range(len(edits))], dtype=bool)
        for block in self._blocks(len(edits)):
            some = block[~again[block]]
            part = Edits(edits.event[some], edits.times[some])
            said[some] = self._block(part, None if unit is None else unit[some])
        for i in np.flatnonzero(again):
            said[i] = self._without(int(edits.event[i]))
        return said

    def _blocks(self, count: int) -> Iterator[Ints]:
        features = self.scene.prepared.features
        kinds = self.rows.holders.shape[1]
        row = 4 * max(len(features.names), 1) * max(len(self.stack.days), len(self.scene.units))
        step = max(1, BLOCK_BYTES // (row * kinds))
        for start in range(0, count, step):
            yield np.arange(start, min(start + step, count))

    @cached_property
    def _keys(self) -> list[tuple[str, str]]:
        """Source and identifier of each event."""
        sources, names = (self.events[name].tolist() for name in KEY)
        return list(zip(sources, names, strict=True))

    def _from_the_start(self, edits: Edits, i: int) -> bool:
        """Whether an edit changes more than single days of rows: where a unit lies, or the axis."""
        if edits.times[i] != AWAY:
            return False
        event = int(edits.event[i])
        moved = any(not gone for _, gone in self._opened.get(self._keys[event], []))
        if moved and any(name in ACROSS for name in self.scorer.experiment.features):
            return True
        return self._keys[event] == self._first_of_axis

    def _without(self, event: int) -> Floats:
        source, name = self._keys[event]
        scored = self.scorer.on(self.scene.archive.without(name, source), self.scene.day)
        return scored["probability"].reindex(list(self.scene.units)).to_numpy()

    def _block(self, edits: Edits, only: Ints | None) -> Floats:
        said = np.tile(self.scene.probability, (len(edits), 1))
        if not len(edits):
            return said
        pairs = self.rows.pairs(edits)
        local, own = self._recomputed(self.rows.edited(edits, pairs))
        gone = self._gone(edits)
        across = self._across(local, pairs, gone)
        edit, unit, row = _to_score(pairs, self._differs(across, gone.shape), ~gone, only)
        values = self._input(edit, unit, row, local, own, across)
        index = pd.MultiIndex.from_arrays(
            [np.array(self.scene.units, dtype=object)[unit], np.full(len(unit), self.scene.day)],
            names=[schema.UNIT, schema.DAY],
        )
        X = pd.DataFrame(values, index=index, columns=self.scene.X.columns)
        said[edit, unit] = self.scorer.predict(X)
        said[gone] = np.nan
        return said

    def _recomputed(self, edited: Vintages) -> tuple[NDArray[np.float32], Floats]:
        """Local features, shape (feature, row), and the label's own columns, shape (own, row)."""
        back = self.scorer.target.look_back(edited.stack)
        own = [values[:, self.rows.frontier] for values in (*back.history.values(), back.threshold)]
        return on_last_day(edited, self.scorer.experiment.features), np.stack(own)

    def _gone(self, edits: Edits) -> NDArray[np.bool_]:
        """Where a unit would not be known, shape (edit, unit)."""
        gone = np.zeros((len(edits), len(self.scene.units)), dtype=bool)
        for i in np.flatnonzero(edits.times == AWAY):
            for unit, vanishes in self._opened.get(self._keys[edits.event[i]], []):
                gone[i, unit] |= vanishes
        return gone

    def _across(
        self, local: NDArray[np.float32], pairs: Pairs, gone: NDArray[np.bool_]
    ) -> dict[str, NDArray[np.float32]]:
        """Features across units, each [unit, edit]; a unit that is gone counts as all zeros."""
        families: dict[str, dict[str, Any]] = self.scorer.experiment.features
        far = {name: p for name, p in families.items() if name in ACROSS}
        if not far:
            return {}
        features, stack = self.scene.prepared.features, self.stack
        known = {}
        for number, name in enumerate(features.names[: len(local)]):
            column = np.repeat(features.values[number][:, -1:], len(gone), axis=1)
            column[pairs.unit, pairs.edit] = local[number]
            column[gone.T] = 0.0
            known[name] = column
        days = np.full(len(gone), self.scene.day)
        units = Panel(stack.units, days, {}, stack.latitude, stack.longitude, stack.country)
        columns: dict[str, NDArray[np.float32]] = {}
        for name, given in far.items():
            columns |= ACROSS[name](known, units, **given)
        return columns

    def _differs(
        self, across: dict[str, NDArray[np.float32]], shape: tuple[int, ...]
    ) -> NDArray[np.bool_]:
        """Where features across units are not what they were, shape (edit, unit)."""
        differs = np.zeros(shape, dtype=bool)
        for name, column in across.items():
            differs |= (column != self.scene.prepared.features[name][:, -1:]).T
        return differs

    def _input(
        self, edit: Ints, unit: Ints, row: Ints, local: NDArray[np.float32], own: Floats,
        across: dict[str, NDArray[np.float32]],
    ) -> Floats:  # fmt: skip
        """Model input of some edits and units; row -1 where the unit's own row is as it was."""
        values = self.scene.X.to_numpy(dtype=np.float64)[unit]
        own_row = row >= 0
        values[own_row, : len(local)] = local[:, row[own_row]].T
        values[own_row, values.shape[1] - len(own) :] = own[:, row[own_row]].T
        names = self.scene.prepared.features.names
        for name, column in across.items():
            values[:, names.index(name)] = column[unit, edit]
        return values


def _to_score(
    pairs: Pairs, differs: NDArray[np.bool_], known: NDArray[np.bool_], only: Ints | None
) -> tuple[Ints, Ints, Ints]:
    """Edits and units to score, and the recomputed row of each; -1 where there is none."""
    row = np.full(differs.shape, -1)
    row[pairs.edit, pairs.unit] = np.arange(len(pairs))
    wanted = (differs | (row >= 0)) & known
    if only is not None:
        wanted &= np.arange(differs.shape[1]) == only[:, None]
    edit, unit = np.nonzero(wanted)
    return edit, unit, row[edit, unit]
