"""Small archives drawn at random from conflicts, and their rows, to learn ``prior`` from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from escalation import schema
from escalation._util.arrays import Array
from escalation._util.progress import Progress, silent
from escalation.errors import EscalationError, GateError
from escalation.events.archive import EventArchive
from escalation.models.ewma_nb import EwmaNB
from escalation.models.prior import INPUT_COLUMNS, inputs_of
from escalation.panel.by_unit import history
from escalation.panel.dense import PanelSpec
from escalation.panel.history import History
from escalation.panel.membership import members
from escalation.targets import TARGETS, labels, look_back

LABELS = ("any", "onset", "exceed")
HORIZONS = (1, 3, 7, 30, 90)
ARCHIVES = 30
"""Small archives per conflict."""
DAYS = 450
UNITS = (3, 12)
"""Range of the number of units, without the upper end."""
FEWEST_EVENTS = 10
TRIES = 5
"""Maximum draws per archive, as some have too few events."""
EVERY = 7
"""Days between rows."""
REFIT = 30
SEED = 7

ConflictFiles = Sequence[tuple[EventArchive, schema.UnitKind]]
"""Archives of one conflict, each with the kind of its units."""


@dataclass(frozen=True)
class SmallRows:
    """Rows of one small archive for one label at one horizon, every seventh day.

    Parameters
    ----------
    label : str
    horizon : int
        In days.
    X : DataFrame
        Label history and threshold.
    outcome, count : ndarray, shape (row,)
    day : ndarray of int, shape (row,)
        Days since the archive's first.
    """

    label: str
    horizon: int
    X: pd.DataFrame
    outcome: Array
    count: Array
    day: NDArray[np.int64]

    @cached_property
    def baseline(self) -> Array:
        """Forecasts of ``ewma_nb`` as issued, refitted as outcomes resolved."""
        issued = np.full(len(self.day), np.nan)
        for start in range(0, DAYS + 2, REFIT):
            block = (self.day >= start) & (self.day < start + REFIT)
            if block.any():
                resolved = self.day + self.horizon <= start
                issued[block] = self._fitted(resolved).predict_proba(self.X[block])[:, 1]
        return issued

    def _fitted(self, rows: NDArray[np.bool_]) -> EwmaNB:
        model = EwmaNB(horizon=self.horizon)
        if rows.sum() < 2:
            model.fit(self.X[:1], np.zeros(1))
            model.dispersion_ = 1.1
            return model
        return model.fit(self.X[rows], self.outcome[rows], count=self.count[rows])

    @cached_property
    def inputs(self) -> Array:
        """Inputs of the regression."""
        values = self.X[list(INPUT_COLUMNS)].to_numpy(np.float64).T
        return inputs_of(values, horizon=self.horizon, at=self.horizon)


Archives = Mapping[str, Sequence[Sequence[SmallRows]]]
"""Rows of every label and horizon, by small archive, by conflict."""


def cut(
    archive: EventArchive,
    unit: schema.UnitKind,
    rng: np.random.Generator,
    *,
    last_day: np.datetime64 | None = None,
) -> EventArchive | None:
    """Draw a random window and random units of an archive; None if it has too few events.

    Parameters
    ----------
    archive : EventArchive
    unit : str
        Kind of units.
    rng : Generator
    last_day : datetime64[D], optional
        Last day to use; that of the archive by default.
    """
    table = archive.as_of(archive.covered_to)
    last = archive.covered_to if last_day is None else min(last_day, archive.covered_to)
    first = table[schema.EVENT_DATE].min()
    span = (pd.Timestamp(last) - first).days - DAYS
    start = first + pd.Timedelta(int(rng.integers(0, max(span, 1))), "D")
    end = min(start + pd.Timedelta(DAYS, "D"), pd.Timestamp(archive.covered_to))
    table = table[(table[schema.EVENT_DATE] >= start) & (table[schema.KNOWN_DATE] <= end)]
    table = table[table[schema.EVENT_DATE] <= pd.Timestamp(last)]
    code, keys = members(table, unit)
    if not len(keys):
        return None
    size = min(len(keys), int(rng.integers(*UNITS)))
    units = rng.choice(np.sort(keys), size, replace=False)
    inside = np.isin(np.array([*keys, ""])[code], units)
    return EventArchive.of(table[inside], covered_to=end) if sum(inside) >= FEWEST_EVENTS else None


def rows_of(archive: EventArchive, unit: schema.UnitKind) -> list[SmallRows]:
    """Rows of every label and horizon of a small archive."""
    past = history(archive, PanelSpec((unit,), TARGETS["any"]().channels()))
    tables = [_rows(past, label, h) for label in LABELS for h in HORIZONS]
    return [table for table in tables if len(table.day)]


def _rows(past: History, label: str, horizon: int) -> SmallRows:
    last, target = len(past.days) - 1, TARGETS[label](horizon=horizon)
    back = look_back(target, past)
    final = labels(target, back, past.panel_at(last), covered=last)
    days = np.arange(last + 1)
    usable = final.at_risk & ~np.isnan(final.count) & (days % EVERY == 0) & (days >= EVERY)
    unit, day = np.nonzero(usable)
    X = pd.DataFrame({name: values[unit, day] for name, values in back.history.items()})
    X[schema.DAYS_OBSERVED] = day + 1.0
    X[schema.THRESHOLD] = final.threshold[unit, day]
    return SmallRows(label, horizon, X, final.outcome[unit, day], final.count[unit, day], day)


def small_archives(
    conflicts: Mapping[str, ConflictFiles],
    *,
    last_day: np.datetime64 | None = None,
    progress: Progress = silent,
) -> dict[str, list[list[SmallRows]]]:
    """Draw thirty small archives of each conflict, the same on every run.

    Parameters
    ----------
    conflicts : mapping of str to sequence of (EventArchive, str)
        Archives by conflict, each with the kind of its units.
    last_day : datetime64[D], optional
        Last day to use.
    progress : callable, optional

    Raises
    ------
    GateError
        ``E-INSUFFICIENT`` for an archive that is too small.
    """
    drawn: dict[str, list[list[SmallRows]]] = {}
    for i, (conflict, files) in enumerate(conflicts.items()):
        drawn[conflict] = []
        for j, (archive, unit) in enumerate(files):
            rng = np.random.default_rng([SEED, i, j])
            tables = _draw(archive, unit, rng, ARCHIVES // len(files), last_day)
            if not tables:
                raise GateError(
                    "E-INSUFFICIENT",
                    f"too little to learn from: no window of {DAYS} days and up to {UNITS[1] - 1} "
                    f"units has {FEWEST_EVENTS} events",
                    where=conflict,
                    fix="use a file with more events, or coarser units with --unit",
                )
            drawn[conflict] += tables
            progress("archives", i + 1, len(conflicts))
    return drawn


def _draw(
    archive: EventArchive,
    unit: schema.UnitKind,
    rng: np.random.Generator,
    count: int,
    last_day: np.datetime64 | None,
) -> list[list[SmallRows]]:
    drawn: list[list[SmallRows]] = []
    for _ in range(TRIES * ARCHIVES):
        if len(drawn) >= count:
            break
        small = cut(archive, unit, rng, last_day=last_day)
        if small is not None:
            with suppress(EscalationError):
                drawn.append(rows_of(small, unit))
    return [rows for rows in drawn if rows]
