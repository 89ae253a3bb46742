"""Rolling origins: fit on what was known, forecast, wait, and compare with what came.

A model fitted on day T learns from rows whose days ahead had all happened and been reported by T,
as they were known at T. Outcomes that forecasts are scored on come from the archive's last day.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
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
from escalation.backtest.case import (
    Case,
    add_features,
    can_learn,
    learnable,
    learnable_cases,
    make_case,
    origins,
    run_each,
)
from escalation.backtest.coherence import coherent, families
from escalation.backtest.fitting import build_models, fit_models, is_meta, predict
from escalation.backtest.intervals import TrackRecord
from escalation.backtest.resolved import IssuedForecasts, records_of
from escalation.backtest.reuse import Reuse
from escalation.backtest.shortage import OnShortage, warn
from escalation.backtest.table import Table
from escalation.events.archive import EventArchive
from escalation.experiment import Experiment, target_label
from escalation.targets import Labels, Target

GROWTH = 1.25
"""Track records are fitted again when they may have grown by so much."""


def forecast_tables(
    case: Case,
    table: Table,
    probability: Mapping[str, Array],
    ends: Mapping[str, Array],
) -> list[pd.DataFrame]:
    """Forecasts by model in the columns of a forecast file; no probability where not at risk.

    Parameters
    ----------
    case : Case
    table : Table
    probability : mapping of str to ndarray, shape (row,)
        By model.
    ends : mapping of str to ndarray, shape (2, row)
        Lower and upper ends of the intervals, by model.

    Returns
    -------
    list of DataFrame
        One for each model that has ends.
    """
    shown = dict(zip(case.prepared.unit_keys, case.prepared.units, strict=True))
    frame = table.X.index.to_frame(index=False).rename(columns={schema.UNIT: schema.UNIT_KEY})
    frame[schema.UNIT] = frame[schema.UNIT_KEY].map(shown).astype("str")
    frame["target"] = target_label(case.target)
    frame["horizon"] = np.int64(case.target.horizon)
    frame[schema.THRESHOLD] = table.X[schema.THRESHOLD].to_numpy()
    frame[schema.COUNT] = table.count
    frame[schema.OUTCOME] = np.where(table.at_risk, table.outcome, np.nan)
    frame[schema.AT_RISK] = table.at_risk
    frame["as_of"] = frame[schema.DAY]
    tables = []
    for name, both in ends.items():
        issued = np.where(table.at_risk, probability[name], np.nan)
        lower, upper = np.where(table.at_risk, both, np.nan)
        filled = frame.assign(model=name, probability=issued, lower=lower, upper=upper)
        tables.append(filled[list(schema.FORECAST_COLUMNS)])
    return tables


def _split(starts: NDArray[np.int64], length: int) -> list[NDArray[np.int64]]:
    return [starts[i : i + length] for i in range(0, len(starts), length)]


@dataclass(frozen=True)
class Refit:
    """The base estimators, fitted on one day, and their forecasts until the next.

    What they were fitted on stays in its process: who needs it elsewhere can make it again.

    Parameters
    ----------
    models : dict of str to estimator
        Those that were fitted.
    probability : dict of str to ndarray, shape (row,)
        Of these, and of models whose forecasts were kept.
    fitted_on : tuple of (Labels, Table), optional
    """

    models: dict[str, Any]
    probability: dict[str, Array]
    fitted_on: tuple[Labels, Table] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return Refit, (self.models, self.probability)


@dataclass(frozen=True)
class _Making:
    """Gives the case in this process, and makes it again in another: less to send than it holds."""

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


def refit(case: Case, piece: tuple[NDArray[np.int64], Mapping[str, Array]]) -> Refit:
    """Fit the base estimators on a block's first day: a piece of work by itself.

    Parameters
    ----------
    case : Case
    piece : pair of ndarray of int64 and mapping of str to ndarray, shape (row,)
        Day indices of the origins until the next refit, and the forecasts that are known already.
    """
    block, kept = piece
    models = build_models(case.experiment, case.target, case.custom_models)
    base = {name: model for name, model in models.items() if not is_meta(model)}
    new = {name: model for name, model in base.items() if name not in kept}
    if not new:
        return Refit({}, dict(kept))
    known, table = learnable(case, block[0])
    y = table.outcome.astype(np.int64)
    fitted = {name: model.fit(table.X, y, count=table.count) for name, model in new.items()}
    ahead = case.rows_on(block, case.final)
    return Refit(fitted, {**kept, **predict(fitted, ahead)}, (known, table))


@dataclass
class _FittedLater:
    """A base estimator whose forecasts were kept: fitted only if another model asks it more."""

    fit: Callable[[], Any]

    @cached_property
    def _fitted(self) -> Any:
        return self.fit()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._fitted, name)


def _blocks(case: Case) -> list[NDArray[np.int64]]:
    """Origins between two refits.

    Where the experiment names no first origin, those before there was enough to learn from are left
    out: whole blocks, or of the last one its beginning.
    """
    blocks = _split(origins(case), case.experiment.backtest.refit_every)
    if case.experiment.backtest.first_origin is not None:
        return blocks
    for number, block in enumerate(blocks):
        if can_learn(case, block[0]):
            return blocks[number:]
    late = blocks[-1]
    start = bisect_left(late, True, hi=len(late) - 1, key=lambda at: can_learn(case, at))
    return [late[start:]]


def backtest_case(
    case: Case,
    *,
    progress: Progress = silent,
    engine: Engine = in_turn,
    cache: NumberCache | None = None,
) -> pd.DataFrame:
    """Forecasts of every model of one case on every origin.

    All models are refitted every ``refit_every`` origins; within, the meta-estimators are fitted
    again every ``update_every`` origins on what has resolved since.

    Parameters
    ----------
    case : Case
    progress : callable, optional
        Told after each refit.
    engine : Engine
        Where refits run; meta-estimators follow here, in time.
    cache : NumberCache, optional
        Forecasts of models that ran before, on the same of everything, are taken from there.

    Returns
    -------
    DataFrame
        Columns of :data:`escalation.schema.FORECAST_COLUMNS`, sorted by model, day and unit.

    Raises
    ------
    GateError
        ``E-INSUFFICIENT`` where there is too little to learn from on an origin.
    """
    schedule = case.experiment.backtest
    issued, standing = IssuedForecasts(tuple(case.model_names)), RecordSchedule()
    blocks = _blocks(case)
    reuse = Reuse(case, blocks, cache or NumberCache())
    parts, probability = [], []
    refits = engine(refit, list(zip(blocks, reuse.found, strict=True)), make_shared=_Making(case))
    for done, (block, base) in enumerate(zip(blocks, refits, strict=True)):
        every = schedule.update_every or len(block)
        ahead = case.prepared.table(case.back, case.final, case.rows_at(block))
        probability.append(_forecast_block(case, block, every, issued, base, ahead))
        ends = _ends(case, block, issued, standing, probability[-1])
        parts += forecast_tables(case, ahead, probability[-1], ends)
        progress(target_label(case.target), done + 1, len(blocks))
    reuse.keep(probability)
    order = ["model", schema.DAY, schema.UNIT_KEY]
    return pd.concat(parts, ignore_index=True).sort_values(order, ignore_index=True)


@dataclass
class RecordSchedule:
    """Track records of all models, fitted again whenever a quarter more days were forecast.

    Parameters
    ----------
    records : dict of str to TrackRecord
        By model.
    origins : int
        Forecast so far.
    due : int
        Origins at which records are fitted again.
    """

    records: dict[str, TrackRecord] = field(default_factory=dict)
    origins: int = 0
    due: int = 0

    def spans(self, starts: NDArray[np.int64]) -> Iterator[tuple[bool, NDArray[np.int64]]]:
        """Stretches of origins with the same records, and whether those are to be fitted first."""
        while len(starts):
            again = self.origins >= self.due
            if again:
                self.due = max(self.origins + 1, int(self.origins * GROWTH))
            span, starts = np.split(starts, [self.due - self.origins])
            self.origins += len(span)
            yield again, span


def _forecast_block(
    case: Case,
    block: NDArray[np.int64],
    every: int,
    issued: IssuedForecasts,
    base: Refit,
    ahead: Table,
) -> dict[str, Array]:
    """Probabilities of every model on the origins between two refits."""
    rows = case.rows_at(block)
    probability = {name: base.probability.get(name, np.empty(len(ahead))) for name in issued.names}
    fitted, new = _base_estimators(case, block, base), set(issued.names) - set(base.probability)
    for number, starts in enumerate(_split(block, every)):
        now = np.isin(rows[1], starts)
        current = {name: values[now] for name, values in base.probability.items()}
        if new:
            known, table = (not number and base.fitted_on) or learnable(case, starts[0])
            models = fit_models(
                case.experiment,
                case.target,
                table,
                record=issued.resolved(known, at=starts[0]),
                fitted=fitted,
                custom_models=case.custom_models,
            )
            current = predict(models, ahead.rows(now), known=current)
        issued.add((rows[0][now], rows[1][now]), current)
        for name in new:
            probability[name][now] = current[name]
    return probability


def _base_estimators(case: Case, block: NDArray[np.int64], base: Refit) -> dict[str, Any]:
    """Fitted ones by name, in the order of the case's models, as if none had been kept."""

    def later(model: Any) -> _FittedLater:
        def fit() -> Any:
            table = (base.fitted_on or learnable(case, block[0]))[1]
            return model.fit(table.X, table.outcome.astype(np.int64), count=table.count)

        return _FittedLater(fit)

    models = build_models(case.experiment, case.target, case.custom_models)
    return {
        name: base.models[name] if name in base.models else later(model)
        for name, model in models.items()
        if not is_meta(model)
    }


def _ends(
    case: Case,
    block: NDArray[np.int64],
    issued: IssuedForecasts,
    standing: RecordSchedule,
    probability: Mapping[str, Array],
) -> dict[str, Array]:
    """Both ends of the intervals of a block, each from what had resolved on its day."""
    day = case.rows_at(block)[1]
    ends = {name: np.empty((2, len(day))) for name in probability}
    for again, span in standing.spans(block):
        if again:
            known = case.labels_on(case.prepared.days[span[0]])
            record = issued.resolved(known, at=span[0])
            standing.records = records_of(record, issued.names, horizon=case.target.horizon)
        now = np.isin(day, span)
        for name, both in ends.items():
            both[:, now] = standing.records[name].interval(probability[name][now])
    return ends


def backtest_labels(
    archive: EventArchive,
    experiment: Experiment,
    *,
    progress: Progress = silent,
    engine: Engine = in_turn,
    missing: OnShortage = warn,
    cache: NumberCache | None = None,
) -> pd.DataFrame:
    """Forecasts of every model and label of an experiment on every origin.

    Where labels differ only in their horizon or only in their bar, probabilities do not fall as the
    horizon grows or rise as the bar grows.

    Parameters
    ----------
    archive : EventArchive
    experiment : Experiment
    progress, engine, cache
        As for :func:`backtest_case`.
    missing : callable, optional
        Told of each label that can't be learnt and is left out; a warning by default.

    Returns
    -------
    DataFrame
        Columns of :data:`escalation.schema.FORECAST_COLUMNS`.

    Raises
    ------
    GateError
        ``E-INSUFFICIENT`` where there is too little to learn any label from.
    """

    def forecast(case: Case) -> tuple[Target, pd.DataFrame]:
        done = backtest_case(add_features(case), progress=progress, engine=engine, cache=cache)
        return case.target, done

    cases = learnable_cases(archive, experiment, missing=missing)
    labels, parts = zip(*run_each(forecast, cases, missing=missing), strict=True)
    forecasts = pd.concat(parts, ignore_index=True)
    for family in families(labels):
        names = [target_label(label) for label in family.labels]
        forecasts = coherent(forecasts, names, falls=family.falls)
    return forecasts
