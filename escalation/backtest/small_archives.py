"""Small archives cut at random from conflicts, and their rows: what ``prior`` is learnt from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
"""Of each conflict."""
DAYS = 450
UNITS = (3, 12)
"""Fewest units of one, and one more than the most."""
FEWEST_EVENTS = 10
TRIES = 5
"""Draws for each archive that is wanted: some hold too little."""
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
        History and threshold.
    outcome, count : ndarray, shape (row,)
    day : ndarray of int, shape (row,)
        Since the archive's first.
    """

    label: str
    horizon: int
    X: pd.DataFrame
    outcome: Array
    count: Array
    day: NDArray[np.int64]

    @cached_property
    def baseline(self) -> Array:
        """``ewma_nb`` as it would have been issued: refitted as outcomes resolved."""
        issued = np.full(len(self.day), np.nan)
        for start in range(0, DAYS + 2, REFIT):
            now = (self.day >= start) & (self.day < start + REFIT)
            if now.any():
                known = self.day + self.horizon <= start
                issued[now] = self._fitted(known).predict_proba(self.X[now])[:, 1]
        return issued

    def _fitted(self, known: NDArray[np.bool_]) -> EwmaNB:
        model = EwmaNB(horizon=self.horizon)
        if known.sum() < 2:
            model.fit(self.X[:1], np.zeros(1))
            model.dispersion_ = 1.1
            return model
        return model.fit(self.X[known], self.outcome[known], count=self.count[known])

    @cached_property
    def inputs(self) -> Array:
        """What the regression sees."""
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
    """A random window and random units of an archive; nothing where too little happened.

    Parameters
    ----------
    archive : EventArchive
    unit : str
        Kind of the units.
    rng : Generator
    last_day : datetime64[D], optional
        Of anything that is used; the archive's own by default.
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
    kept = rng.choice(np.sort(keys), min(len(keys), int(rng.integers(*UNITS))), replace=False)
    inside = np.isin(np.array([*keys, ""])[code], kept)
    return EventArchive.of(table[inside], covered_to=end) if sum(inside) >= FEWEST_EVENTS else None


def rows_of(archive: EventArchive, unit: schema.UnitKind) -> list[SmallRows]:
    """Every label at every horizon of a small archive."""
    past = history(archive, PanelSpec((unit,), TARGETS["any"]().channels()))
    rows = [_rows(past, label, h) for label in LABELS for h in HORIZONS]
    return [one for one in rows if len(one.day)]


def _rows(past: History, label: str, horizon: int) -> SmallRows:
    last, target = len(past.days) - 1, TARGETS[label](horizon=horizon)
    back = look_back(target, past)
    known = labels(target, back, past.panel_at(last), covered=last)
    days = np.arange(last + 1)
    usable = known.at_risk & ~np.isnan(known.count) & (days % EVERY == 0) & (days >= EVERY)
    unit, day = np.nonzero(usable)
    X = pd.DataFrame({name: values[unit, day] for name, values in back.history.items()})
    X[schema.DAYS_OBSERVED] = day + 1.0
    X[schema.THRESHOLD] = known.threshold[unit, day]
    return SmallRows(label, horizon, X, known.outcome[unit, day], known.count[unit, day], day)


def small_archives(
    conflicts: Mapping[str, ConflictFiles],
    *,
    last_day: np.datetime64 | None = None,
    progress: Progress = silent,
) -> dict[str, list[list[SmallRows]]]:
    """Thirty of each conflict; the same on every run.

    Parameters
    ----------
    conflicts : mapping of str to sequence of (EventArchive, str)
        Archives by conflict, each with the kind of its units.
    last_day : datetime64[D], optional
        Of anything that is used.
    progress : callable, optional

    Raises
    ------
    GateError
        ``E-INSUFFICIENT`` for an archive from which none can be cut.
    """
    found: dict[str, list[list[SmallRows]]] = {}
    for place, (conflict, files) in enumerate(conflicts.items()):
        found[conflict] = []
        for number, (archive, unit) in enumerate(files):
            rng, wanted = np.random.default_rng([SEED, place, number]), ARCHIVES // len(files)
            few = _drawn(archive, unit, rng, wanted, last_day)
            if not few:
                raise _too_little(conflict)
            found[conflict] += few
            progress("archives", place + 1, len(conflicts))
    return found


def _drawn(
    archive: EventArchive,
    unit: schema.UnitKind,
    rng: np.random.Generator,
    wanted: int,
    last_day: np.datetime64 | None,
) -> list[list[SmallRows]]:
    found: list[list[SmallRows]] = []
    for _ in range(TRIES * ARCHIVES):
        if len(found) >= wanted:
            break
        small = cut(archive, unit, rng, last_day=last_day)
        if small is not None:
            try:
                found.append(rows_of(small, unit))
            except EscalationError:
                continue
    return [rows for rows in found if rows]


def _too_little(conflict: str) -> GateError:
    return GateError(
        "E-INSUFFICIENT",
        f"too little to learn from: no {DAYS} days and {UNITS[1] - 1} units with "
        f"{FEWEST_EVENTS} events",
        where=conflict,
        fix="give a file with more events, or coarser units with --unit",
    )
