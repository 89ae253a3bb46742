"""Rolling origins: fit on what was known, forecast, and score when the outcome is known.

A model fitted on day T learns from rows whose horizon had passed and been reported by T, as known
at T. Forecasts are scored on outcomes as known on the archive's last day.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from escalation import schema
from escalation._util.arrays import Array
from escalation._util.engine import Engine, in_turn
from escalation._util.number_cache import NumberCache
from escalation._util.progress import Progress, silent
from escalation.backtest.case import Case, add_features, can_learn, learnable, make_case, origins
from escalation.backtest.coherence import coherent, families
from escalation.backtest.fitting import build_models, fit_models, is_meta, predict
from escalation.backtest.learnability import learnable_cases, run_each
from escalation.backtest.resolved import IssuedForecasts, RecordSchedule, records_of
from escalation.backtest.reuse import Reuse
from escalation.backtest.shortage import OnShortage, warn
from escalation.backtest.table import Table
from escalation.events.archive import EventArchive
from escalation.experiment import Experiment, target_label
from escalation.targets import Labels, Target


def forecast_tables(
    case: Case,
    table: Table,
    probability: Mapping[str, Array],
    bounds: Mapping[str, Array],
) -> list[pd.DataFrame]:
    """Forecasts by model with the columns of a forecast file; NaN probabilities if not at risk.

    Parameters
    ----------
    case : Case
    table : Table
    probability : mapping of str to ndarray, shape (row,)
        By model.
    bounds : mapping of str to ndarray, shape (2, row)
        Lower and upper bounds of the intervals, by model.

    Returns
    -------
    list of DataFrame
        One per model in ``bounds``.
    """
    names = dict(zip(case.prepared.unit_keys, case.prepared.units, strict=True))
    frame = table.X.index.to_frame(index=False).rename(columns={schema.UNIT: schema.UNIT_KEY})
    frame[schema.UNIT] = frame[schema.UNIT_KEY].map(names).astype("str")
    frame["target"] = target_label(case.target)
    frame["horizon"] = np.int64(case.target.horizon)
    frame[schema.THRESHOLD] = table.X[schema.THRESHOLD].to_numpy()
    frame[schema.COUNT] = table.count
    frame[schema.OUTCOME] = np.where(table.at_risk, table.outcome, np.nan)
    frame[schema.AT_RISK] = table.at_risk
    frame["as_of"] = frame[schema.DAY]
    tables = []
    for model, interval in bounds.items():
        issued = np.where(table.at_risk, probability[model], np.nan)
        lower, upper = np.where(table.at_risk, interval, np.nan)
        forecasts = frame.assign(model=model, probability=issued, lower=lower, upper=upper)
        tables.append(forecasts[list(schema.FORECAST_COLUMNS)])
    return tables


def _split(days: NDArray[np.int64], length: int) -> list[NDArray[np.int64]]:
    return [days[i : i + length] for i in range(0, len(days), length)]


@dataclass(frozen=True)
class _Refit:
    """Base estimators fitted on one day, and their forecasts until the next refit.

    The training data is not pickled; another process computes it again if needed.

    Parameters
    ----------
    models : dict of str to estimator
        Fitted on this day; cached models are not.
    probability : dict of str to ndarray, shape (row,)
        Of these and of cached models.
    fitted_on : tuple of (Labels, Table), optional
    """

    models: dict[str, Any]
    probability: dict[str, Array]
    fitted_on: tuple[Labels, Table] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return _Refit, (self.models, self.probability)


@dataclass(frozen=True)
class _CaseFactory:
    """Returns the case in this process; in another one it is rebuilt, which needs less data."""

    case: Case

    def __call__(self) -> Case:
        return self.case

    def __reduce__(self) -> tuple[Any, ...]:
        case = self.case
        return partial, (
            make_case,
            case.prepared.archive,
            case.experiment,
            case.target,
            case.custom_models,
        )


def _refit(case: Case, task: tuple[NDArray[np.int64], Mapping[str, Array]]) -> _Refit:
    """Fit the base estimators on the first day of a block, and forecast it; some are cached."""
    block, cached = task
    new = {name: model for name, model in _base_models(case).items() if name not in cached}
    if not new:
        return _Refit({}, dict(cached))
    labels, table = learnable(case, block[0])
    y = table.outcome.astype(np.int64)
    fitted = {name: model.fit(table.X, y, count=table.count) for name, model in new.items()}
    ahead = case.rows_on(block, case.final)
    return _Refit(fitted, {**cached, **predict(fitted, ahead)}, (labels, table))


def _base_models(case: Case) -> dict[str, Any]:
    """Unfitted models of a case that are not meta-estimators."""
    models = build_models(case.experiment, case.target, case.custom_models)
    return {name: model for name, model in models.items() if not is_meta(model)}


@dataclass
class _LazyModel:
    """A base estimator with cached forecasts, fitted only if another model needs more of it."""

    fit: Callable[[], Any]

    @cached_property
    def _fitted(self) -> Any:
        return self.fit()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._fitted, name)


def _blocks(case: Case) -> list[NDArray[np.int64]]:
    """Origins from refit to refit.

    Unless the experiment names a first origin, those without enough to learn from are left out:
    whole blocks, or the beginning of the last one.
    """
    blocks = _split(origins(case), case.experiment.backtest.refit_every)
    if case.experiment.backtest.first_origin is not None:
        return blocks
    for i, block in enumerate(blocks):
        if can_learn(case, block[0]):
            return blocks[i:]
    last = blocks[-1]
    start = bisect_left(last, True, hi=len(last) - 1, key=lambda day: can_learn(case, day))
    return [last[start:]]


def backtest_case(
    case: Case,
    *,
    progress: Progress = silent,
    engine: Engine = in_turn,
    cache: NumberCache | None = None,
) -> pd.DataFrame:
    """Forecast every origin of one case with every model.

    All models are refitted every ``refit_every`` origins; in between, meta-estimators are refitted
    every ``update_every`` origins with what has resolved since.

    Parameters
    ----------
    case : Case
    progress : callable, optional
        Called after each refit.
    engine : Engine
        Runs the refits; meta-estimators run in this process, in order.
    cache : NumberCache, optional
        Cache of forecasts; models whose inputs are unchanged are not run again.

    Returns
    -------
    DataFrame
        Columns of :data:`escalation.schema.FORECAST_COLUMNS`, sorted by model, day and unit.

    Raises
    ------
    GateError
        ``E-INSUFFICIENT`` if there is too little to learn from on an origin.
    """
    schedule = case.experiment.backtest
    issued, records = IssuedForecasts(tuple(case.model_names)), RecordSchedule()
    blocks = _blocks(case)
    reuse = Reuse(case, blocks, cache or NumberCache())
    tables, probability = [], []
    refits = engine(
        _refit, list(zip(blocks, reuse.cached, strict=True)), make_shared=_CaseFactory(case)
    )
    for n_done, (block, base) in enumerate(zip(blocks, refits, strict=True), start=1):
        every = schedule.update_every or len(block)
        ahead = case.prepared.table(case.back, case.final, case.rows_at(block))
        probability.append(_forecast_block(case, block, every, issued, base, ahead))
        bounds = _interval_bounds(case, block, issued, records, probability[-1])
        tables += forecast_tables(case, ahead, probability[-1], bounds)
        progress(target_label(case.target), n_done, len(blocks))
    reuse.keep(probability)
    order = ["model", schema.DAY, schema.UNIT_KEY]
    return pd.concat(tables, ignore_index=True).sort_values(order, ignore_index=True)


def _forecast_block(
    case: Case,
    block: NDArray[np.int64],
    every: int,
    issued: IssuedForecasts,
    base: _Refit,
    ahead: Table,
) -> dict[str, Array]:
    """Probabilities of every model on the origins between two refits."""
    rows = case.rows_at(block)
    probability = {name: base.probability.get(name, np.empty(len(ahead))) for name in issued.names}
    fitted, missing = _base_estimators(case, block, base), set(issued.names) - set(base.probability)
    for i, days in enumerate(_split(block, every)):
        mask = np.isin(rows[1], days)
        current = {name: values[mask] for name, values in base.probability.items()}
        if missing:
            labels, table = (not i and base.fitted_on) or learnable(case, days[0])
            models = fit_models(
                case.experiment,
                case.target,
                table,
                record=issued.resolved(labels, at=days[0]),
                fitted=fitted,
                custom_models=case.custom_models,
            )
            current = predict(models, ahead.rows(mask), computed=current)
        issued.add((rows[0][mask], rows[1][mask]), current)
        for name in missing:
            probability[name][mask] = current[name]
    return probability


def _base_estimators(case: Case, block: NDArray[np.int64], base: _Refit) -> dict[str, Any]:
    """Base estimators by name, in the order of the case's models; cached ones are lazy."""

    def lazy(model: Any) -> _LazyModel:
        def fit() -> Any:
            table = (base.fitted_on or learnable(case, block[0]))[1]
            return model.fit(table.X, table.outcome.astype(np.int64), count=table.count)

        return _LazyModel(fit)

    models = _base_models(case).items()
    return {
        name: base.models[name] if name in base.models else lazy(model) for name, model in models
    }


def _interval_bounds(
    case: Case,
    block: NDArray[np.int64],
    issued: IssuedForecasts,
    schedule: RecordSchedule,
    probability: Mapping[str, Array],
) -> dict[str, Array]:
    """Bounds of the intervals of a block by model, from what had resolved on each day."""
    day = case.rows_at(block)[1]
    bounds = {name: np.empty((2, len(day))) for name in probability}
    for is_due, span in schedule.spans(block):
        if is_due:
            labels = case.labels_on(case.prepared.days[span[0]])
            record = issued.resolved(labels, at=span[0])
            schedule.records = records_of(record, issued.names, horizon=case.target.horizon)
        mask = np.isin(day, span)
        for name, interval in bounds.items():
            interval[:, mask] = schedule.records[name].interval(probability[name][mask])
    return bounds


def backtest_labels(
    archive: EventArchive,
    experiment: Experiment,
    *,
    progress: Progress = silent,
    engine: Engine = in_turn,
    missing: OnShortage = warn,
    cache: NumberCache | None = None,
) -> pd.DataFrame:
    """Forecast every origin with every model and label of an experiment.

    Forecasts of labels that differ only in their horizon or only in their bar are made coherent.

    Parameters
    ----------
    archive : EventArchive
    experiment : Experiment
    progress, engine, cache
        As for :func:`backtest_case`.
    missing : callable, optional
        Called with the shortage of each label that is left out; warns by default.

    Returns
    -------
    DataFrame
        Columns of :data:`escalation.schema.FORECAST_COLUMNS`.

    Raises
    ------
    GateError
        ``E-INSUFFICIENT`` if no label can be learnt.
    """

    def forecast(case: Case) -> tuple[Target, pd.DataFrame]:
        table = backtest_case(add_features(case), progress=progress, engine=engine, cache=cache)
        return case.target, table

    cases = learnable_cases(archive, experiment, missing=missing)
    labels, tables = zip(*run_each(forecast, cases, missing=missing), strict=True)
    forecasts = pd.concat(tables, ignore_index=True)
    for family in families(labels):
        names = [target_label(label) for label in family.labels]
        forecasts = coherent(forecasts, names, falls=family.falls)
    return forecasts
