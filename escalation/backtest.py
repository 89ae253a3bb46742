"""Rolling origins: fit on what was known, forecast, wait, and compare with what came.

A model fitted on day T learns from rows whose days ahead had all happened and been reported by T,
as they were known at T. Outcomes that forecasts are scored on come from the archive's last day.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from escalation import schema
from escalation.config import Experiment, target_label
from escalation.errors import GateError
from escalation.events.archive import EventArchive
from escalation.intervals import NO_RECORD, TrackRecord, track_record
from escalation.models import MODELS
from escalation.table import Prepared, Table, prepare, require_learnable, training_rows
from escalation.targets import Labels, LookBack, Target

Progress = Callable[[str, int, int], None]
"""Told what is done, how many steps of it, and out of how many."""


def silent(_what: str, _done: int, _total: int) -> None:
    """Report nothing."""


def build_model(name: str, experiment: Experiment, target: Target) -> Any:
    """An unfitted estimator with the experiment's parameters, horizon and seed."""
    given = {"horizon": target.horizon, "seed": experiment.experiment.seed}
    known = inspect.signature(MODELS[name]).parameters
    extra = {key: value for key, value in given.items() if key in known}
    return MODELS[name](**extra, **experiment.models.get(name, {}))


def fit_models(experiment: Experiment, target: Target, table: Table) -> dict[str, Any]:
    """Fit every model of an experiment on one training table."""
    y = table.outcome.astype(np.int64)
    fitted = {}
    for name in experiment.model_names:
        fitted[name] = build_model(name, experiment, target).fit(table.X, y, count=table.count)
    return fitted


@dataclass(frozen=True)
class Case:
    """One label of one experiment, prepared: what a backtest, a fit and a score start from."""

    experiment: Experiment
    target: Target
    prepared: Prepared
    back: LookBack

    def known_on(self, day: object) -> Labels:
        """Labels that had matured by a day, from what was known by then."""
        return self.prepared.labels_at(self.target, self.back, day)

    def training_table(self, day: object, known: Labels | None = None) -> Table:
        """Rows to learn from on a day: matured by then, as known by then."""
        known = self.known_on(day) if known is None else known
        schedule = self.experiment.backtest
        rows = training_rows(
            self.prepared,
            known,
            every=schedule.train_every,
            window=schedule.window,
            last=self.prepared.index_of(day),
        )
        return self.prepared.table(self.back, known, rows)

    def rows_on(self, days: NDArray[np.int64], known: Labels) -> Table:
        """Every unit that was known, on the given days."""
        mask = np.zeros(len(self.prepared.days), dtype=bool)
        mask[days] = True
        units, at = np.nonzero(self.prepared.vintages.present & mask)
        return self.prepared.table(self.back, known, (units, at))


def make_case(archive: EventArchive, experiment: Experiment, target: Target) -> Case:
    """Prepare one label of an experiment."""
    prepared = prepare(archive, experiment, target)
    return Case(experiment, target, prepared, prepared.back(target))


def origins(case: Case) -> NDArray[np.int64]:
    """Day indices on which forecasts are issued.

    From the middle of the axis unless the experiment names a first origin, to the last day.
    """
    schedule, axis = case.experiment.backtest, case.prepared
    count = len(axis.days)
    first = axis.index_of(schedule.first_origin) if schedule.first_origin else count // 2
    last = axis.index_of(schedule.last_origin) if schedule.last_origin else count - 1
    least = case.target.horizon + axis.lag
    if not least <= first <= last < count:
        raise GateError(
            "E-INSUFFICIENT",
            f"expected origins between {axis.days[min(least, count - 1)]} and {axis.days[-1]}, "
            f"{count} days of history, horizon {case.target.horizon}, lag {axis.lag}",
            fix="add history or move [backtest] first_origin and last_origin",
        )
    return np.arange(first, last + 1, schedule.every)


def forecast_rows(
    case: Case, name: str, table: Table, probability: NDArray[np.float64], record: TrackRecord
) -> pd.DataFrame:
    """Forecasts in the columns of a forecast file; no probability where not at risk."""
    lower, upper = record.interval(probability)
    frame = table.X.index.to_frame(index=False)
    frame.insert(0, "target", target_label(case.target))
    frame.insert(0, "model", name)
    frame["horizon"] = np.int64(case.target.horizon)
    for column, values in (("probability", probability), ("lower", lower), ("upper", upper)):
        frame[column] = np.where(table.at_risk, values, np.nan)
    frame[schema.THRESHOLD] = table.X[schema.THRESHOLD].to_numpy()
    frame[schema.COUNT] = table.count
    frame[schema.OUTCOME] = np.where(table.at_risk, table.outcome, np.nan)
    frame[schema.AT_RISK] = table.at_risk
    frame["as_of"] = frame[schema.DAY]
    return frame[list(schema.FORECAST_COLUMNS)]


def record_of(case: Case, issued: pd.DataFrame, at: int, known: Labels) -> TrackRecord:
    """Track record of one model on day index ``at``, from forecasts that had matured by then."""
    if issued.empty:
        return NO_RECORD
    units = pd.Index(case.prepared.vintages.units).get_indexer(issued[schema.UNIT])
    days = (issued[schema.DAY].to_numpy("datetime64[D]") - case.prepared.days[0]).astype(int)
    outcome = known.outcome[units, days]
    probability = issued["probability"].to_numpy()
    keep = ~np.isnan(outcome) & ~np.isnan(probability) & (days <= at)
    block = days[keep] // (2 * case.target.horizon)
    return track_record(probability[keep], outcome[keep], block)


@dataclass
class _Issued:
    """Forecasts so far, by model."""

    parts: dict[str, list[pd.DataFrame]] = field(default_factory=dict)

    def of(self, name: str) -> pd.DataFrame:
        return pd.concat(self.parts[name]) if self.parts.get(name) else pd.DataFrame()

    def add(self, name: str, rows: pd.DataFrame) -> None:
        self.parts.setdefault(name, []).append(rows)

    def all(self, names: Iterable[str]) -> pd.DataFrame:
        return pd.concat([self.of(name) for name in names], ignore_index=True)


def predict(models: Mapping[str, Any], table: Table) -> dict[str, NDArray[np.float64]]:
    """Probability of outcome 1 by model, for every row."""
    return {name: model.predict_proba(table.X)[:, 1] for name, model in models.items()}


def backtest_case(case: Case, *, progress: Progress = silent) -> pd.DataFrame:
    """Forecasts of every model of one case on every origin.

    Returns
    -------
    DataFrame
        Columns of :data:`escalation.schema.FORECAST_COLUMNS`, sorted by model, day and unit.
    """
    prepared, step = case.prepared, case.experiment.backtest.refit_every
    starts = origins(case)
    final = case.known_on(prepared.days[-1])
    issued = _Issued()
    blocks = [starts[i : i + step] for i in range(0, len(starts), step)]
    for done, block in enumerate(blocks):
        today = prepared.days[block[0]]
        known = case.known_on(today)
        table = case.training_table(today, known)
        require_learnable(table, what=f"{target_label(case.target)} on {today}")
        models = fit_models(case.experiment, case.target, table)
        ahead = case.rows_on(block, final)
        for name, probability in predict(models, ahead).items():
            record = record_of(case, issued.of(name), block[0], known)
            issued.add(name, forecast_rows(case, name, ahead, probability, record))
        progress(target_label(case.target), done + 1, len(blocks))
    order = ["model", schema.DAY, schema.UNIT]
    return issued.all(case.experiment.model_names).sort_values(order, ignore_index=True)


def backtest(
    archive: EventArchive, experiment: Experiment, *, progress: Progress = silent
) -> pd.DataFrame:
    """Forecasts of every model and label of an experiment on every origin."""
    parts = [
        backtest_case(make_case(archive, experiment, target), progress=progress)
        for target in experiment.labels
    ]
    return pd.concat(parts, ignore_index=True)
