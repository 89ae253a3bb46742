"""From an archive to the tables that models see: features, histories, thresholds, outcomes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from escalation import schema
from escalation.errors import GateError
from escalation.events.archive import EventArchive, to_day
from escalation.experiment import Experiment
from escalation.features.build import Features, build
from escalation.panel.dense import PanelSpec
from escalation.panel.snapshots import Snapshots
from escalation.panel.vintages import History, Vintages, history, vintages
from escalation.targets import Labels, LookBack, Target, labels, look_back

Rows = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Unit and day indices of the rows of a table."""


@dataclass(frozen=True)
class Table:
    """Rows for a model.

    Parameters
    ----------
    X : DataFrame
        Features (float32), ``history_*`` and ``threshold`` (float64), indexed by unit and day.
    outcome, count : ndarray of float64, shape (row,)
        NaN where not known.
    at_risk : ndarray of bool, shape (row,)
    """

    X: pd.DataFrame
    outcome: NDArray[np.float64]
    count: NDArray[np.float64]
    at_risk: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.X)

    def rows(self, keep: NDArray[np.bool_]) -> Table:
        """Some of the rows."""
        return Table(self.X[keep], self.outcome[keep], self.count[keep], self.at_risk[keep])

    @property
    def positives(self) -> int:
        """Rows with outcome 1."""
        return int(np.nansum(self.outcome))


@dataclass(frozen=True)
class Prepared:
    """All that is computed once per experiment, for every day as it was known on that day."""

    archive: EventArchive
    spec: PanelSpec
    vintages: Vintages
    features: Features
    lag: int

    @property
    def days(self) -> NDArray[np.datetime64]:
        """The day axis."""
        return self.vintages.days

    @cached_property
    def snapshots(self) -> Snapshots:
        """The panel as it was known on single days."""
        return Snapshots(self.archive, self.spec, self.vintages)

    def index_of(self, day: object) -> int:
        """Position of a day on the axis."""
        return int((to_day(day) - self.days[0]).astype(int))

    def back(self, target: Target) -> LookBack:
        """Threshold, risk set and history of a label, as known on each day."""
        return look_back(target, self.vintages)

    def labels_at(self, target: Target, back: LookBack, day: object) -> Labels:
        """Labels that had matured by a day, from what was known by then."""
        panel = self.snapshots.at(day)
        return labels(target, back, panel, covered=self.index_of(day) - self.lag)

    def table(self, back: LookBack, known: Labels, rows: Rows) -> Table:
        """The table of the given rows."""
        units, days = rows
        names = np.array(self.vintages.units, dtype=object)
        index = pd.MultiIndex.from_arrays(
            [names[units], self.days[days]], names=[schema.UNIT, schema.DAY]
        )
        features = pd.DataFrame(
            self.features.rows(units, days), index=index, columns=list(self.features.names)
        )
        own = {name: values[units, days] for name, values in back.history.items()}
        own[schema.THRESHOLD] = known.threshold[units, days]
        X = pd.concat([features, pd.DataFrame(own, index=index)], axis=1)
        return Table(
            X, known.outcome[units, days], known.count[units, days], known.at_risk[units, days]
        )


def panel_spec(experiment: Experiment, targets: Sequence[Target]) -> PanelSpec:
    """The panel that an experiment's features and labels need together."""
    spec = experiment.panel.spec
    own = [channel for target in targets for channel in target.channels()]
    return replace(spec, channels=(*spec.channels, *own))


def history_of(archive: EventArchive, experiment: Experiment) -> History:
    """An experiment's panel, not stacked yet: for features alone, a chunk of units at a time."""
    data, spec = experiment.data, panel_spec(experiment, [])
    last = to_day(data.last_day or archive.covered_to)
    return history(archive, spec, first_day=data.first_day, last_day=last, lag=data.lag)


def prepare(
    archive: EventArchive,
    experiment: Experiment,
    target: Target,
    *,
    last_day: object = None,
    latest_only: bool = False,
) -> Prepared:
    """Compute an experiment's features for every day on its axis.

    Parameters
    ----------
    archive : EventArchive
    experiment : Experiment
    target : Target
        Its channels join the panel.
    last_day : date-like, optional
        End of the axis, instead of the experiment's.
    latest_only : bool
        Only the last day will be read (see :func:`escalation.panel.vintages.vintages`).

    Returns
    -------
    Prepared

    Raises
    ------
    InputError
        ``E-COVERAGE`` when the experiment's last day lies beyond what the archive covers.
    """
    data = experiment.data
    spec = panel_spec(experiment, [target])
    last = to_day(last_day or data.last_day or archive.covered_to)
    stack = vintages(
        archive,
        spec,
        first_day=data.first_day,
        last_day=last,
        lag=data.lag,
        latest_only=latest_only,
    )
    return Prepared(archive, spec, stack, build(stack, experiment.features), data.lag)


def training_rows(
    prepared: Prepared, known: Labels, *, every: int = 1, window: int | None = None, last: int
) -> Rows:
    """Rows whose label had matured: at risk, known, on the training grid, within the window.

    Parameters
    ----------
    known : Labels
        As they were on the day of the fit; unmatured ones are missing there.
    every : int
        Days between training rows, counted from the first day of the axis.
    window : int, optional
        Longest distance, in days, from ``last`` back.
    last : int
        Day index of the fit.
    """
    days = np.arange(len(prepared.days))
    allowed = (days % every == 0) & (days <= last)
    if window is not None:
        allowed &= days > last - window
    units, at = np.nonzero(
        prepared.vintages.present & known.at_risk & ~np.isnan(known.count) & allowed
    )
    return units, at


def require_learnable(table: Table, *, what: str, least: int = 2) -> None:
    """Refuse to learn from too little.

    Raises
    ------
    GateError
        ``E-INSUFFICIENT`` with the counts and dates, when there are fewer than ``least`` outcomes
        of either kind.
    """
    positives, rows = table.positives, len(table)
    if min(positives, rows - positives) >= least:
        return
    days = table.X.index.get_level_values(schema.DAY)
    span = f"{days.min():%Y-%m-%d} to {days.max():%Y-%m-%d}" if rows else "no day"
    raise GateError(
        "E-INSUFFICIENT",
        f"expected at least {least} outcomes of either kind for {what}, "
        f"got {positives} positive among {rows} matured rows ({span})",
        fix="add history, lower the horizon, or count more events in `where`",
    )
