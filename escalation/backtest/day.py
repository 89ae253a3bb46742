"""One day of one label: the rows that a model is asked about, from what was known by then."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from escalation import schema
from escalation.backtest.table import panel_spec, row_index
from escalation.events.archive import EventArchive, to_day
from escalation.experiment import Experiment
from escalation.features import ACROSS
from escalation.features.base import Columns
from escalation.features.build import configured_families, feature_names, on_one_day, unit_places
from escalation.panel.by_unit import history
from escalation.panel.dense import Channel, Panel, PanelSpec
from escalation.panel.history import History
from escalation.targets import Target

_BLOCK_CELLS = 1_000_000
"""Cells of a block in which a label looks back: a hundred megabytes."""


@dataclass(frozen=True)
class DayInputs:
    """What a day's forecasts come from, one row per unit.

    Parameters
    ----------
    archive : EventArchive
        As it stood on the day.
    spec : PanelSpec
    past : History
    panel : Panel
        Whole rows by event day, as known on the day.
    local : ndarray of float32, shape (feature, unit)
        Local features on the day.
    X : DataFrame
        Features, the label's own history and ``threshold``, indexed by the unit's key and day.
    at_risk : ndarray of bool, shape (unit,)
    """

    archive: EventArchive
    spec: PanelSpec
    past: History
    panel: Panel
    local: NDArray[np.float32]
    X: pd.DataFrame
    at_risk: NDArray[np.bool_]

    @property
    def units(self) -> tuple[str, ...]:
        """Name of every unit that was known on the day, in the order of the keys."""
        return self.past.units

    @property
    def unit_keys(self) -> tuple[str, ...]:
        """What identifies every unit that was known on the day, sorted."""
        return self.past.unit_keys

    @property
    def day(self) -> np.datetime64:
        """The day itself."""
        return self.past.days[-1]

    @property
    def frontier(self) -> int:
        """Index of the last day that features see."""
        return _frontier(self.past, len(self.past.days) - 1)


def _frontier(past: History, day: int) -> int:
    """Index of the last day that features see on a day of the axis."""
    return max(day - past.lag, 0)


def day_inputs(
    archive: EventArchive, experiment: Experiment, target: Target, day: object
) -> DayInputs:
    """Features and look back of one day, without those of the days before.

    Parameters
    ----------
    archive : EventArchive
    experiment : Experiment
    target : Target
    day : date-like

    Raises
    ------
    InputError
        ``E-COVERAGE`` for a day beyond what the archive covers.
    """
    when = to_day(day)
    then, spec = archive.until(when), panel_spec(experiment, target)
    past = history(
        then, spec, first_day=experiment.data.first_day, last_day=when, lag=experiment.data.lag
    )
    return DayInputs(then, spec, past, *_rows(past, len(past.days) - 1, experiment, target))


def day_before(
    today: DayInputs, experiment: Experiment, target: Target
) -> tuple[tuple[str, ...], pd.DataFrame, NDArray[np.bool_]]:
    """The rows of the day before, from the same history where that began on the same day.

    Parameters
    ----------
    today : DayInputs
    experiment : Experiment
    target : Target

    Returns
    -------
    unit_keys : tuple of str
        Units that were known then.
    X : DataFrame
    at_risk : ndarray of bool, shape (unit,)

    Raises
    ------
    InputError
        When nothing was known by then, or the axis starts today.
    """
    if not _starts_alike(today, experiment):
        own = day_inputs(today.archive, experiment, target, today.day - 1)
        return own.unit_keys, own.X, own.at_risk
    panel, _, X, at_risk = _rows(today.past, len(today.past.days) - 2, experiment, target)
    return panel.units, X, at_risk


def _starts_alike(today: DayInputs, experiment: Experiment) -> bool:
    """Whether there is a day before, and the axis began as it does before the last day's news."""
    versions, days = today.archive.versions, today.past.days
    earlier = (versions[schema.KNOWN_DATE] < days[-1]).to_numpy(bool)
    if len(days) < 2 or not earlier.any():
        return False
    happened = versions[schema.EVENT_DATE].to_numpy("datetime64[D]")[earlier]
    return experiment.data.first_day is not None or bool(happened.min() == days[0])


def _rows(
    past: History, day: int, experiment: Experiment, target: Target
) -> tuple[Panel, NDArray[np.float32], pd.DataFrame, NDArray[np.bool_]]:
    """Of the units known on a day: panel, local features, input of a model, and the risk set."""
    known = np.flatnonzero(past.entry <= day)
    panel, frontier = past.panel_at(day).take(known), _frontier(past, day)
    local = on_one_day(panel, frontier, experiment.features)
    columns = dict(zip(_local_names(experiment, panel), local, strict=True))
    across = across_columns(
        experiment,
        {name: values[:, None] for name, values in columns.items()},
        unit_places(past).take(known),
    )
    columns |= {name: values[:, 0] for name, values in across.items()}
    own, at_risk = look_back_on(target, panel, frontier)
    rows = np.arange(len(known)), np.zeros(len(known), np.int64)
    index = row_index(panel.units, panel.days[[day]], rows)
    X = pd.DataFrame(columns, index=index).join(pd.DataFrame(own, index=index))
    return panel, local, X, at_risk


def look_back_on(
    target: Target, panel: Panel, day: int
) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.bool_]]:
    """A label's history and threshold by column, and its risk set, on one day of a panel.

    Parameters
    ----------
    target : Target
    panel : Panel
    day : int
        Index among the panel's days.
    """
    parts = []
    step = max(1, _BLOCK_CELLS // len(panel.days))
    for start in range(0, max(len(panel.units), 1), step):
        back = target.look_back(panel.take(np.arange(start, min(start + step, len(panel.units)))))
        own = {
            **back.history,
            schema.DAYS_OBSERVED: np.full(back.threshold.shape, day + 1.0),
            schema.THRESHOLD: back.threshold,
            schema.AT_RISK: back.at_risk,
        }
        parts.append({name: values[:, day] for name, values in own.items()})
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return whole, whole.pop(schema.AT_RISK).astype(bool)


def _local_names(experiment: Experiment, panel: Panel) -> list[str]:
    """Columns of the local families, in order."""
    near = {name: p for name, p in experiment.features.items() if name not in ACROSS}
    return feature_names([Channel(name) for name in panel.channels], near)


def across_columns(
    experiment: Experiment, known: Columns, units: Panel
) -> dict[str, NDArray[np.float32]]:
    """Columns of the families across units, from local ones, each [unit, day].

    Parameters
    ----------
    experiment : Experiment
    known : mapping of str to array, each of shape (unit, day)
        Local columns that the families read.
    units : Panel
        One row a unit.
    """
    columns: dict[str, NDArray[np.float32]] = {}
    for family in configured_families(experiment.features, ACROSS).values():
        columns |= family(known, units, slice(None))
    return columns
