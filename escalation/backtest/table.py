"""From an archive to the tables that models see: features, histories, thresholds, outcomes."""

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
"""The columns of the label itself: its past counts and its threshold."""
Rows = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Unit and day indices of the rows of a table."""


@dataclass(frozen=True)
class Table:
    """Rows for a model.

    Parameters
    ----------
    X : DataFrame
        Features (float32), ``history_*`` and ``threshold`` (float64), indexed by the key of the
        unit, in a level ``unit``, and by day.
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
    """All that is computed once per experiment, for every day as it was known on that day.

    Parameters
    ----------
    archive : EventArchive
    spec : PanelSpec
    past : History
        The archive's versions by unit.
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
        """Every unit's name, in the order of the keys."""
        return self.past.units

    @property
    def unit_keys(self) -> tuple[str, ...]:
        """What identifies every unit, sorted."""
        return self.past.unit_keys

    @property
    def lag(self) -> int:
        """Reporting lag in days."""
        return self.past.lag

    def index_of(self, day: object) -> int:
        """Position of a day on the axis."""
        return int((to_day(day) - self.days[0]).astype(int))

    def panel_on(self, day: object) -> Panel:
        """The panel as it was known at the end of a day.

        Raises
        ------
        InputError
            ``E-COVERAGE`` beyond what the archive covers.
        """
        return self.past.panel_at(self.index_of(covered_day(day, self.archive.covered_to)))

    def with_archive(self, archive: EventArchive) -> Prepared:
        """The same axis and panel from an archive with other versions; the features stay."""
        ends = {"first_day": self.days[0], "last_day": self.days[-1]}
        past = history(archive, self.spec, **ends, lag=self.lag)
        return replace(self, archive=archive, past=past)

    def back(self, target: Target) -> LookBack:
        """Threshold, risk set and history of a label, as known on each day."""
        return look_back(target, self.past)

    def labels_at(self, target: Target, back: LookBack, day: object) -> Labels:
        """Labels that were resolved by a day, from what was known by then.

        Parameters
        ----------
        target : Target
        back : LookBack
            Of the same label.
        day : date-like

        Returns
        -------
        Labels
            Missing where the days ahead, and the lag, had not passed.

        Raises
        ------
        InputError
            ``E-COVERAGE`` beyond what the archive covers.
        """
        return labels(target, back, self.panel_on(day), covered=self.index_of(day) - self.lag)

    def table(self, back: LookBack, known: Labels, rows: Rows) -> Table:
        """The table of the given rows.

        Parameters
        ----------
        back : LookBack
        known : Labels
            Of the same label.
        rows : pair of ndarray of int64, shape (row,)
            Unit and day indices.
        """
        units, days = rows
        index = row_index(self.unit_keys, self.days, rows)
        features = pd.DataFrame(
            self.features.rows(units, days), index=index, columns=list(self.features.names)
        )
        own = {name: values[units, days] for name, values in back.history.items()}
        own[schema.DAYS_OBSERVED] = np.maximum(days - self.lag, 0) + 1.0
        own[schema.THRESHOLD] = known.threshold[units, days]
        X = pd.concat([features, pd.DataFrame(own, index=index)], axis=1)
        return Table(
            X, known.outcome[units, days], known.count[units, days], known.at_risk[units, days]
        )


def row_index(unit_keys: Sequence[str], days: NDArray[np.datetime64], rows: Rows) -> pd.MultiIndex:
    """Unit and day of some rows, given by their indices.

    Parameters
    ----------
    unit_keys : sequence of str, length units
    days : array of datetime64[D]
    rows : Rows
        Indices of units and of days, each of shape (row,).
    """
    keys = np.array(unit_keys, dtype=object)
    return pd.MultiIndex.from_arrays([keys[rows[0]], days[rows[1]]], names=[*schema.ROW_KEY])


def positions(
    unit_keys: Sequence[str], days: NDArray[np.datetime64], forecasts: pd.DataFrame
) -> Rows:
    """Unit and day indices of forecasts; -1 for a unit that is not there.

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
    """The panel that an experiment's features and a label need together.

    Parameters
    ----------
    experiment : Experiment
    target : Target, optional
        A label whose channels the panel needs beside those of the features, and whose units it has
        where the label names some.
    """
    spec = experiment.panel.spec
    if target is None:
        return spec
    kinds = target.units or spec.kinds
    return replace(spec, kinds=kinds, channels=(*spec.channels, *target.channels()))


def family_columns(experiment: Experiment, columns: Sequence[str]) -> dict[str, list[str]]:
    """Model columns by the family that gives them; the label's own last.

    Parameters
    ----------
    experiment : Experiment
    columns : sequence of str
        Model input, in order.

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
    so_far: dict[str, dict[str, object]] = {}
    for family in sorted(experiment.features, key=lambda name: name in ACROSS):
        so_far[family] = experiment.features[family]
        owner |= {name: family for name in feature_names(channels, so_far) if name not in owner}
    by_family: dict[str, list[str]] = {}
    for column in columns:
        by_family.setdefault(owner.get(column, OWN_HISTORY), []).append(column)
    return by_family


def features_history(archive: EventArchive, experiment: Experiment) -> History:
    """The versions by unit of an experiment's panel without labels: for features alone."""
    data, spec = experiment.data, panel_spec(experiment)
    last = to_day(data.last_day or archive.covered_to)
    return history(archive, spec, first_day=data.first_day, last_day=last, lag=data.lag)


def prepare_labels(archive: EventArchive, experiment: Experiment, target: Target) -> Prepared:
    """An experiment's panel for one label, without any feature: quick, for who counts outcomes.

    Parameters
    ----------
    archive : EventArchive
    experiment : Experiment
    target : Target
        Its channels join the panel.

    Raises
    ------
    InputError
        ``E-COVERAGE`` when the experiment's last day lies beyond what the archive covers.
    """
    data = experiment.data
    spec = panel_spec(experiment, target)
    last = to_day(data.last_day or archive.covered_to)
    past = history(archive, spec, first_day=data.first_day, last_day=last, lag=data.lag)
    return Prepared(archive, spec, past, build(past, {}))


def with_features(prepared: Prepared, experiment: Experiment) -> Prepared:
    """What was prepared for labels, with the experiment's features."""
    return replace(prepared, features=build(prepared.past, experiment.features))


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
    units, at = np.nonzero(prepared.past.present & known.at_risk & ~np.isnan(known.count) & allowed)
    return units, at
