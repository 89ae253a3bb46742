"""From an archive to tables for models: features, histories, thresholds and outcomes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from escalation import schema
from escalation.events.archive import EventArchive, covered_day, to_day
from escalation.experiment import Experiment
from escalation.features import ACROSS
from escalation.features.build import build, feature_names
from escalation.features.feature_table import Features
from escalation.panel.by_unit import history
from escalation.panel.dense import Panel, PanelSpec
from escalation.panel.history import History
from escalation.targets import Labels, LookBack, Target, labels, look_back

OWN_HISTORY = "own_history"
"""Family name of the label's own columns: its past counts and its threshold."""
Rows = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Unit and day indices of the rows of a table."""


@dataclass(frozen=True)
class Table:
    """Rows for a model.

    Parameters
    ----------
    X : DataFrame
        Features (float32), ``history_*`` and ``threshold`` (float64), indexed by unit key (level
        ``unit``) and day.
    outcome, count : ndarray of float64, shape (row,)
        NaN if unknown.
    at_risk : ndarray of bool, shape (row,)
    """

    X: pd.DataFrame
    outcome: NDArray[np.float64]
    count: NDArray[np.float64]
    at_risk: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.X)

    def rows(self, mask: NDArray[np.bool_]) -> Table:
        """Rows of a mask."""
        return Table(self.X[mask], self.outcome[mask], self.count[mask], self.at_risk[mask])


@dataclass(frozen=True)
class Prepared:
    """Data computed once per experiment, for every day as known on that day.

    Parameters
    ----------
    archive : EventArchive
    spec : PanelSpec
    past : History
        Event versions by unit.
    features : Features
    """

    archive: EventArchive
    spec: PanelSpec
    past: History
    features: Features

    @property
    def days(self) -> NDArray[np.datetime64]:
        """The day axis."""
        return self.past.days

    @property
    def units(self) -> tuple[str, ...]:
        """Unit names, in the order of the keys."""
        return self.past.units

    @property
    def unit_keys(self) -> tuple[str, ...]:
        """Unit keys, sorted."""
        return self.past.unit_keys

    @property
    def lag(self) -> int:
        """Reporting lag in days."""
        return self.past.lag

    def index_of(self, day: object) -> int:
        """Position of a day on the axis."""
        return int((to_day(day) - self.days[0]).astype(int))

    def panel_on(self, day: object) -> Panel:
        """The panel as known at the end of a day.

        Raises
        ------
        InputError
            ``E-COVERAGE`` for a day that the archive does not cover.
        """
        return self.past.panel_at(self.index_of(covered_day(day, self.archive.covered_to)))

    def with_archive(self, archive: EventArchive) -> Prepared:
        """Replace the archive, with the same axis and panel; features are unchanged."""
        ends = {"first_day": self.days[0], "last_day": self.days[-1]}
        past = history(archive, self.spec, **ends, lag=self.lag)
        return replace(self, archive=archive, past=past)

    def back(self, target: Target) -> LookBack:
        """Threshold, risk set and history of a label, as known on each day."""
        return look_back(target, self.past)

    def labels_at(self, target: Target, back: LookBack, day: object) -> Labels:
        """Labels resolved by a day, as known on that day.

        Parameters
        ----------
        target : Target
        back : LookBack
            From the same label.
        day : date-like

        Returns
        -------
        Labels
            Missing if the horizon and the lag had not passed.

        Raises
        ------
        InputError
            ``E-COVERAGE`` for a day that the archive does not cover.
        """
        return labels(target, back, self.panel_on(day), covered=self.index_of(day) - self.lag)

    def table(self, back: LookBack, labels: Labels, rows: Rows) -> Table:
        """Build the table of some rows.

        Parameters
        ----------
        back : LookBack
        labels : Labels
            From the same label.
        rows : pair of ndarray of int64, shape (row,)
            Unit and day indices.
        """
        units, days = rows
        index = row_index(self.unit_keys, self.days, rows)
        features = pd.DataFrame(
            self.features.rows(units, days), index=index, columns=list(self.features.names)
        )
        columns = {name: values[units, days] for name, values in back.history.items()}
        columns[schema.DAYS_OBSERVED] = np.maximum(days - self.lag, 0) + 1.0
        columns[schema.THRESHOLD] = labels.threshold[units, days]
        X = pd.concat([features, pd.DataFrame(columns, index=index)], axis=1)
        return Table(
            X, labels.outcome[units, days], labels.count[units, days], labels.at_risk[units, days]
        )


def row_index(unit_keys: Sequence[str], days: NDArray[np.datetime64], rows: Rows) -> pd.MultiIndex:
    """Index by unit and day of rows, given by their indices.

    Parameters
    ----------
    unit_keys : sequence of str, length units
    days : array of datetime64[D]
    rows : Rows
        Unit and day indices, each of shape (row,).
    """
    keys = np.array(unit_keys, dtype=object)
    return pd.MultiIndex.from_arrays([keys[rows[0]], days[rows[1]]], names=[*schema.ROW_KEY])


def positions(
    unit_keys: Sequence[str], days: NDArray[np.datetime64], forecasts: pd.DataFrame
) -> Rows:
    """Unit and day indices of forecasts; -1 for an unknown unit.

    Parameters
    ----------
    unit_keys : sequence of str, length units
    days : array of datetime64[D]
        Consecutive.
    forecasts : DataFrame
        With the columns ``unit_key`` and ``day``.
    """
    unit = pd.Index(unit_keys, dtype="str").get_indexer(forecasts[schema.UNIT_KEY])
    day = forecasts[schema.DAY].to_numpy("datetime64[D]") - days[0]
    return unit.astype(np.int64), day.astype(np.int64)


def panel_spec(experiment: Experiment, target: Target | None = None) -> PanelSpec:
    """Specification of the panel for an experiment's features and, optionally, a label.

    Parameters
    ----------
    experiment : Experiment
    target : Target, optional
        Adds the channels of the label, and uses its units if it names any.
    """
    spec = experiment.panel.spec
    if target is None:
        return spec
    kinds = target.units or spec.kinds
    return replace(spec, kinds=kinds, channels=(*spec.channels, *target.channels()))


def family_columns(experiment: Experiment, columns: Sequence[str]) -> dict[str, list[str]]:
    """Group model columns by feature family; the label's own columns come last.

    Parameters
    ----------
    experiment : Experiment
    columns : sequence of str
        Columns of the model input, in order.

    Examples
    --------
    >>> from escalation.experiment import load_experiment
    >>> from escalation._util.resources import bundled
    >>> experiment = load_experiment(bundled("iraq_crisis.toml"))
    >>> family_columns(experiment, ["events_sum_7d", "events_decay_14d", "threshold"])
    {'window_sums': ['events_sum_7d'], 'decayed_sums': ['events_decay_14d'],
     'own_history': ['threshold']}
    """
    channels = panel_spec(experiment).all_channels
    owner: dict[str, str] = {}
    families: dict[str, dict[str, object]] = {}
    for family in sorted(experiment.features, key=lambda name: name in ACROSS):
        families[family] = experiment.features[family]
        owner |= {name: family for name in feature_names(channels, families) if name not in owner}
    by_family: dict[str, list[str]] = {}
    for column in columns:
        by_family.setdefault(owner.get(column, OWN_HISTORY), []).append(column)
    return by_family


def features_history(
    archive: EventArchive, experiment: Experiment, target: Target | None = None
) -> History:
    """Event versions by unit of an experiment's panel, for features and optionally a label.

    Parameters
    ----------
    archive : EventArchive
    experiment : Experiment
    target : Target, optional

    Raises
    ------
    InputError
        ``E-COVERAGE`` if the experiment's last day is after the archive's.
    """
    data, spec = experiment.data, panel_spec(experiment, target)
    last = to_day(data.last_day or archive.covered_to)
    return history(archive, spec, first_day=data.first_day, last_day=last, lag=data.lag)


def prepare_labels(archive: EventArchive, experiment: Experiment, target: Target) -> Prepared:
    """Prepare an experiment's panel for one label, without features: enough to count outcomes.

    Parameters
    ----------
    archive : EventArchive
    experiment : Experiment
    target : Target

    Raises
    ------
    InputError
        ``E-COVERAGE`` if the experiment's last day is after the archive's.
    """
    past = features_history(archive, experiment, target)
    return Prepared(archive, panel_spec(experiment, target), past, build(past, {}))


def with_features(prepared: Prepared, experiment: Experiment) -> Prepared:
    """Add the experiment's features."""
    return replace(prepared, features=build(prepared.past, experiment.features))


def training_rows(
    prepared: Prepared, labels: Labels, *, every: int = 1, window: int | None = None, last: int
) -> Rows:
    """Training rows: at risk, resolved, on the training grid and within the window.

    Parameters
    ----------
    prepared : Prepared
    labels : Labels
        As known on the day of the fit; unresolved ones are missing.
    every : int
        Days between training rows, counted from the first day of the axis.
    window : int, optional
        Maximum age of a row, in days before ``last``.
    last : int
        Day index of the fit.
    """
    days = np.arange(len(prepared.days))
    on_grid = (days % every == 0) & (days <= last)
    if window is not None:
        on_grid &= days > last - window
    resolved = labels.at_risk & ~np.isnan(labels.count)
    units, places = np.nonzero(prepared.past.present & resolved & on_grid)
    return units, places
