"""Model inputs of one label on one day, from what was known by then."""

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
"""Cells per block when computing a label's history: a hundred megabytes."""


@dataclass(frozen=True)
class DayInputs:
    """Inputs of the forecasts of a day, one row per unit.

    Parameters
    ----------
    archive : EventArchive
        As known on the day.
    spec : PanelSpec
    past : History
    panel : Panel
        Full history by event day, as known on the day.
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
        """Name of every unit known on the day, in the order of the keys."""
        return self.past.units

    @property
    def unit_keys(self) -> tuple[str, ...]:
        """Key of every unit known on the day, sorted."""
        return self.past.unit_keys

    @property
    def day(self) -> np.datetime64:
        """The day."""
        return self.past.days[-1]

    @property
    def frontier(self) -> int:
        """Index of the last day that features see."""
        return _frontier(self.past, len(self.past.days) - 1)


def _frontier(past: History, day: int) -> int:
    """Index of the last day that features see on a day, given by index."""
    return max(day - past.lag, 0)


def day_inputs(
    archive: EventArchive, experiment: Experiment, target: Target, day: object
) -> DayInputs:
    """Compute the features and label history of one day only.

    Parameters
    ----------
    archive : EventArchive
    experiment : Experiment
    target : Target
    day : date-like

    Raises
    ------
    InputError
        ``E-COVERAGE`` for a day that the archive does not cover.
    """
    today, data = to_day(day), experiment.data
    archive, spec = archive.until(today), panel_spec(experiment, target)
    past = history(archive, spec, first_day=data.first_day, last_day=today, lag=data.lag)
    return DayInputs(archive, spec, past, *_rows(past, len(past.days) - 1, experiment, target))


def day_before(
    today: DayInputs, experiment: Experiment, target: Target
) -> tuple[tuple[str, ...], pd.DataFrame, NDArray[np.bool_]]:
    """Inputs of the day before, reusing the history if its axis starts on the same day.

    Parameters
    ----------
    today : DayInputs
    experiment : Experiment
    target : Target

    Returns
    -------
    unit_keys : tuple of str
        Units known then.
    X : DataFrame
    at_risk : ndarray of bool, shape (unit,)

    Raises
    ------
    InputError
        If nothing was known by then, or the axis starts today.
    """
    if not _starts_alike(today, experiment):
        yesterday = day_inputs(today.archive, experiment, target, today.day - 1)
        return yesterday.unit_keys, yesterday.X, yesterday.at_risk
    panel, _, X, at_risk = _rows(today.past, len(today.past.days) - 2, experiment, target)
    return panel.units, X, at_risk


def _starts_alike(today: DayInputs, experiment: Experiment) -> bool:
    """Whether there is a day before whose axis starts on the same day."""
    versions, days = today.archive.versions, today.past.days
    earlier = (versions[schema.KNOWN_DATE] < days[-1]).to_numpy(bool)
    if len(days) < 2 or not earlier.any():
        return False
    happened = versions[schema.EVENT_DATE].to_numpy("datetime64[D]")[earlier]
    return experiment.data.first_day is not None or bool(happened.min() == days[0])


def _rows(
    past: History, day: int, experiment: Experiment, target: Target
) -> tuple[Panel, NDArray[np.float32], pd.DataFrame, NDArray[np.bool_]]:
    """Panel, local features, model input and risk set of the units known on a day."""
    units = np.flatnonzero(past.entry <= day)
    panel, frontier = past.panel_at(day).take(units), _frontier(past, day)
    local = on_one_day(panel, frontier, experiment.features)
    columns = dict(zip(_local_names(experiment, panel), local, strict=True))
    across = across_columns(
        experiment,
        {name: values[:, None] for name, values in columns.items()},
        unit_places(past).take(units),
    )
    columns |= {name: values[:, 0] for name, values in across.items()}
    label_columns, at_risk = look_back_on(target, panel, frontier)
    rows = np.arange(len(units)), np.zeros(len(units), np.int64)
    index = row_index(panel.units, panel.days[[day]], rows)
    X = pd.DataFrame(columns, index=index).join(pd.DataFrame(label_columns, index=index))
    return panel, local, X, at_risk


def look_back_on(
    target: Target, panel: Panel, day: int
) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.bool_]]:
    """History and threshold of a label by column, and its risk set, on one day of a panel.

    Parameters
    ----------
    target : Target
    panel : Panel
    day : int
        Index of the day in the panel.
    """
    blocks = []
    step = max(1, _BLOCK_CELLS // len(panel.days))
    for start in range(0, max(len(panel.units), 1), step):
        back = target.look_back(panel.take(np.arange(start, min(start + step, len(panel.units)))))
        columns = {
            **back.history,
            schema.DAYS_OBSERVED: np.full(back.threshold.shape, day + 1.0),
            schema.THRESHOLD: back.threshold,
            schema.AT_RISK: back.at_risk,
        }
        blocks.append({name: values[:, day] for name, values in columns.items()})
    merged = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    return merged, merged.pop(schema.AT_RISK).astype(bool)


def _local_names(experiment: Experiment, panel: Panel) -> list[str]:
    """Columns of the local families, in order."""
    families = {name: p for name, p in experiment.features.items() if name not in ACROSS}
    return feature_names([Channel(name) for name in panel.channels], families)


def across_columns(
    experiment: Experiment, local: Columns, units: Panel
) -> dict[str, NDArray[np.float32]]:
    """Columns of the families across units, each of shape (unit, day).

    Parameters
    ----------
    experiment : Experiment
    local : mapping of str to array, each of shape (unit, day)
        Local columns that the families read.
    units : Panel
        One row per unit.
    """
    columns: dict[str, NDArray[np.float32]] = {}
    for family in configured_families(experiment.features, ACROSS).values():
        columns |= family(local, units, slice(None))
    return columns
