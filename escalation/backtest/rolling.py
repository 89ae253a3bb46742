"""Rolling origins: fit on what was known, forecast, wait, and compare with what came.

A model fitted on day T learns from rows whose days ahead had all happened and been reported by T,
as they were known at T. Outcomes that forecasts are scored on come from the archive's last day.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from escalation import schema
from escalation._util.arrays import Array
from escalation._util.engine import Engine, in_turn
from escalation._util.progress import Progress, silent
from escalation.backtest.coherence import coherent, families
from escalation.backtest.intervals import TrackRecord
from escalation.backtest.resolved import IssuedForecasts, record_of
from escalation.backtest.shortage import Missing, Outcomes, Shortage, all_of, shortage_of, warn
from escalation.backtest.table import (
    Prepared,
    Rows,
    Table,
    prepare_labels,
    training_rows,
    with_features,
)
from escalation.events.archive import EventArchive
from escalation.experiment import Experiment, target_label
from escalation.models import MODELS, ResolvedForecasts
from escalation.models.base import MetaEstimator
from escalation.targets import Labels, LookBack, Target

Item = TypeVar("Item")
Result = TypeVar("Result")


def build_model(name: str, experiment: Experiment, target: Target) -> Any:
    """An unfitted estimator with the experiment's parameters, horizon and seed.

    Parameters
    ----------
    name : str
        Registered in ``MODELS``.
    experiment : Experiment
    target : Target
        Gives the horizon.

    Returns
    -------
    EventModel
    """
    given = {"horizon": target.horizon, "seed": experiment.experiment.seed}
    known = inspect.signature(MODELS[name]).parameters
    supplied = {key: value for key, value in given.items() if key in known}
    return MODELS[name](**supplied, **experiment.models.get(name, {}))


def is_meta(model: object) -> bool:
    """Whether a model combines other models."""
    return isinstance(model, MetaEstimator)


def fit_models(
    experiment: Experiment,
    target: Target,
    table: Table,
    *,
    record: ResolvedForecasts | None = None,
    fitted: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Fit every model of an experiment on one training table, the meta-estimators last.

    Parameters
    ----------
    experiment : Experiment
    target : Target
    table : Table
        Rows whose outcome is known.
    record : ResolvedForecasts, optional
        Forecasts of these models that have resolved, for those that learn from them.
    fitted : mapping of str to estimator, optional
        Models fitted before that are kept as they are.

    Returns
    -------
    dict of str to estimator
    """
    y = table.outcome.astype(np.int64)
    models = {name: build_model(name, experiment, target) for name in experiment.model_names}
    done = dict(fitted or {})
    for name in sorted(models, key=lambda name: is_meta(models[name])):
        if name in done:
            continue
        more = {"estimators": done, "record": record} if is_meta(models[name]) else {}
        done[name] = models[name].fit(table.X, y, count=table.count, **more)
    return done


@dataclass(frozen=True)
class Case:
    """One label of one experiment, prepared: what a backtest, a fit and a score start from.

    Parameters
    ----------
    experiment : Experiment
    target : Target
    prepared : Prepared
        Features for every day, as known on that day.
    back : LookBack
        The label's threshold, risk set and history.
    """

    experiment: Experiment
    target: Target
    prepared: Prepared
    back: LookBack

    def known_on(self, day: object) -> Labels:
        """Labels that had resolved by a day, from what was known by then."""
        return self.prepared.labels_at(self.target, self.back, day)

    @cached_property
    def final(self) -> Labels:
        """Labels from all that the archive says, for forecasts to be scored on."""
        return self.known_on(self.prepared.days[-1])

    def training_table(self, day: object, known: Labels | None = None) -> Table:
        """Rows to learn from on a day: resolved by then, as known by then.

        Parameters
        ----------
        day : date-like
        known : Labels, optional
            Of :meth:`known_on`, if at hand.

        Returns
        -------
        Table
        """
        known = self.known_on(day) if known is None else known
        return self.prepared.table(self.back, known, self._training_rows(day, known))

    def _training_rows(self, day: object, known: Labels) -> Rows:
        schedule = self.experiment.backtest
        return training_rows(
            self.prepared,
            known,
            every=schedule.train_every,
            window=schedule.window,
            last=self.prepared.index_of(day),
        )

    def outcomes_on(self, day: object, known: Labels | None = None) -> Outcomes:
        """Outcomes to learn from on a day, counted by class; needs no features.

        Parameters
        ----------
        day : date-like
        known : Labels, optional
            Of :meth:`known_on`, if at hand.

        Returns
        -------
        Outcomes
        """
        known = self.known_on(day) if known is None else known
        units, days = self._training_rows(day, known)
        positives = int(known.outcome[units, days].sum())
        asked = self.prepared.days[days] if len(days) else self.prepared.days
        return Outcomes(
            target_label(self.target),
            self.target.horizon,
            positives=positives,
            negatives=len(days) - positives,
            first=str(asked.min()),
            last=str(asked.max()),
            on=str(day),
            plain=self.target.name in {"any", "onset"},
        )

    def rows_at(self, days: NDArray[np.int64]) -> Rows:
        """Every unit that was known, on the given days."""
        mask = np.zeros(len(self.prepared.days), dtype=bool)
        mask[days] = True
        units, at = np.nonzero(self.prepared.past.present & mask)
        return units, at

    def rows_on(self, days: NDArray[np.int64], known: Labels) -> Table:
        """Table of every unit that was known, on the given days.

        Parameters
        ----------
        days : ndarray of int64
            Day indices.
        known : Labels

        Returns
        -------
        Table
        """
        return self.prepared.table(self.back, known, self.rows_at(days))


def make_case(archive: EventArchive, experiment: Experiment, target: Target) -> Case:
    """Prepare one label of an experiment.

    Parameters
    ----------
    archive : EventArchive
    experiment : Experiment
    target : Target

    Returns
    -------
    Case

    Raises
    ------
    InputError
        ``E-COVERAGE`` when the experiment's last day lies beyond what the archive covers.
    """
    return featured(case_of_labels(archive, experiment, target))


def case_of_labels(archive: EventArchive, experiment: Experiment, target: Target) -> Case:
    """One label without the experiment's features: enough to count its outcomes."""
    prepared = prepare_labels(archive, experiment, target)
    return Case(experiment, target, prepared, prepared.back(target))


def featured(case: Case) -> Case:
    """The same case with the experiment's features."""
    return replace(case, prepared=with_features(case.prepared, case.experiment))


def require_learnable(case: Case, day: object, known: Labels | None = None) -> None:
    """Refuse to learn from too little.

    Raises
    ------
    Shortage
        ``E-INSUFFICIENT`` with counts, dates and the class that is short.
    """
    if (shortage := shortage_of(case.outcomes_on(day, known))) is not None:
        raise shortage


def require_backtest(case: Case) -> None:
    """Refuse a label that can't be learnt, before anything is computed for it.

    Raises
    ------
    Shortage
        ``E-INSUFFICIENT`` where outcomes are too few, on the last day or on the first origin that
        the experiment names, or where no origin fits.
    """
    days, first = case.prepared.days, case.experiment.backtest.first_origin
    if len(days) <= case.target.horizon + case.prepared.lag:
        origins(case)
    require_learnable(case, days[-1])
    start = origins(case)[0]
    if first is not None:
        require_learnable(case, days[start])


def learnable_cases(
    archive: EventArchive, experiment: Experiment, *, missing: Missing = warn
) -> list[Case]:
    """Every label that can be learnt, counted right after reading and without its features.

    Parameters
    ----------
    archive : EventArchive
    experiment : Experiment
    missing : callable, optional
        Told of each label that can't be; a warning by default.

    Raises
    ------
    Shortage
        ``E-INSUFFICIENT`` when none can be.
    """

    def counted(target: Target) -> Case:
        case = case_of_labels(archive, experiment, target)
        require_backtest(case)
        return case

    return each(counted, experiment.labels, missing=missing)


def each(
    work: Callable[[Item], Result], items: Sequence[Item], *, missing: Missing = warn
) -> list[Result]:
    """Results of the items that have one; those that lack something don't stop the others.

    Raises
    ------
    Shortage
        ``E-INSUFFICIENT`` when all lack something: the one, or all in one message.
    """
    results, shortages = [], []
    for item in items:
        try:
            results.append(work(item))
        except Shortage as shortage:
            shortages.append(shortage)
    if not results and shortages:
        raise all_of(shortages)
    for lacking in shortages:
        missing(lacking)
    return results


def origins(case: Case) -> NDArray[np.int64]:
    """Day indices on which forecasts are issued.

    From the middle of the axis unless the experiment names a first origin, to the last day.

    Raises
    ------
    GateError
        ``E-INSUFFICIENT`` where they don't fit between the first label and the last day.
    """
    schedule, axis = case.experiment.backtest, case.prepared
    count = len(axis.days)
    first = axis.index_of(schedule.first_origin) if schedule.first_origin else count // 2
    last = axis.index_of(schedule.last_origin) if schedule.last_origin else count - 1
    least = case.target.horizon + axis.lag
    if not least <= first <= last < count:
        raise Shortage(
            target_label(case.target),
            f"needs origins between {axis.days[min(least, count - 1)]} and {axis.days[-1]}: "
            f"{count} days of history, horizon {case.target.horizon}, lag {axis.lag}",
            fix="add history or move [backtest] first_origin and last_origin",
        )
    return np.arange(first, last + 1, schedule.every)


def forecast_tables(
    case: Case,
    table: Table,
    probability: Mapping[str, Array],
    records: Mapping[str, TrackRecord],
) -> list[pd.DataFrame]:
    """Forecasts by model in the columns of a forecast file; no probability where not at risk.

    Parameters
    ----------
    case : Case
    table : Table
    probability : mapping of str to ndarray, shape (row,)
        By model.
    records : mapping of str to TrackRecord
        By model, for the intervals.

    Returns
    -------
    list of DataFrame
        One for each record.
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
    for name, record in records.items():
        issued = np.where(table.at_risk, probability[name], np.nan)
        lower, upper = record.interval(issued)
        filled = frame.assign(model=name, probability=issued, lower=lower, upper=upper)
        tables.append(filled[list(schema.FORECAST_COLUMNS)])
    return tables


def predict(
    models: Mapping[str, Any],
    table: Table,
    *,
    known: Mapping[str, Array] | None = None,
) -> dict[str, Array]:
    """Probability of outcome 1 by model, for every row.

    Parameters
    ----------
    models : mapping of str to estimator
        Fitted.
    table : Table
    known : mapping of str to ndarray, shape (row,), optional
        Probabilities of some models, that need not be computed again.

    Returns
    -------
    dict of str to ndarray, shape (row,)
    """
    probability = dict(known or {})
    for name in sorted(models, key=lambda name: is_meta(models[name])):
        if name not in probability:
            more = {"probabilities": probability} if is_meta(models[name]) else {}
            probability[name] = models[name].predict_proba(table.X, **more)[:, 1]
    return probability


def _split(starts: NDArray[np.int64], length: int) -> list[NDArray[np.int64]]:
    return [starts[i : i + length] for i in range(0, len(starts), length)]


@dataclass(frozen=True)
class Refit:
    """The base estimators, fitted on one day, and their forecasts until the next.

    What they were fitted on stays in its process: who needs it elsewhere can make it again.

    Parameters
    ----------
    models : dict of str to estimator
    probability : dict of str to ndarray, shape (row,)
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
        return partial, (make_case, case.prepared.archive, case.experiment, case.target)


def refit(case: Case, block: NDArray[np.int64]) -> Refit:
    """Fit the base estimators on a block's first day: a piece of work by itself.

    Parameters
    ----------
    case : Case
    block : ndarray of int64
        Day indices of the origins until the next refit.

    Returns
    -------
    Refit
    """
    known, table = _learnable(case, block[0])
    y = table.outcome.astype(np.int64)
    names = case.experiment.model_names
    models = {name: build_model(name, case.experiment, case.target) for name in names}
    fitted = {
        name: model.fit(table.X, y, count=table.count)
        for name, model in models.items()
        if not is_meta(model)
    }
    ahead = case.rows_on(block, case.final)
    return Refit(fitted, predict(fitted, ahead), (known, table))


def _blocks(case: Case) -> list[NDArray[np.int64]]:
    """Origins between two refits.

    Where the experiment names no first origin, the ones before there was enough to learn from are
    left out.
    """
    blocks = _split(origins(case), case.experiment.backtest.refit_every)
    if case.experiment.backtest.first_origin is not None:
        return blocks
    last = len(blocks) - 1
    return blocks[next((i for i in range(last) if can_learn(case, blocks[i][0])), last) :]


def can_learn(case: Case, at: int) -> bool:
    """Whether there was enough to learn from on a day.

    Parameters
    ----------
    case : Case
    at : int
        Index of the day.

    Returns
    -------
    bool
    """
    if at < case.target.horizon + case.prepared.lag:
        return False
    return not case.outcomes_on(case.prepared.days[at]).short


def _learnable(case: Case, at: int) -> tuple[Labels, Table]:
    """What was known on a day, and what there was to learn from."""
    today = case.prepared.days[at]
    known = case.known_on(today)
    require_learnable(case, today, known)
    return known, case.training_table(today, known)


def backtest_case(
    case: Case, *, progress: Progress = silent, engine: Engine = in_turn
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
    issued = IssuedForecasts(tuple(case.experiment.model_names))
    blocks = _blocks(case)
    parts = []
    refits = engine(refit, blocks, made=_Making(case))
    for done, (block, base) in enumerate(zip(blocks, refits, strict=True)):
        parts += _forecast_block(case, block, schedule.update_every or len(block), issued, base)
        progress(target_label(case.target), done + 1, len(blocks))
    order = ["model", schema.DAY, schema.UNIT_KEY]
    return pd.concat(parts, ignore_index=True).sort_values(order, ignore_index=True)


def _forecast_block(
    case: Case, block: NDArray[np.int64], every: int, issued: IssuedForecasts, base: Refit
) -> list[pd.DataFrame]:
    """Forecasts of the origins between two refits, a table for each model."""
    rows = case.rows_at(block)
    ahead = case.prepared.table(case.back, case.final, rows)
    records: dict[str, TrackRecord] = {}
    probability = dict(base.probability)
    for starts in _split(block, every):
        known, table = (not records and base.fitted_on) or _learnable(case, starts[0])
        record = issued.resolved(known, at=starts[0])
        if not records:
            horizon = case.target.horizon
            records = {name: record_of(record, name, horizon=horizon) for name in issued.names}
        models = fit_models(case.experiment, case.target, table, record=record, fitted=base.models)
        now = np.isin(rows[1], starts)
        current = {name: base.probability[name][now] for name in base.models}
        current = predict(models, ahead.rows(now), known=current)
        issued.add((rows[0][now], rows[1][now]), current)
        for name in models:
            probability.setdefault(name, np.empty(len(ahead)))[now] = current[name]
    return forecast_tables(case, ahead, probability, records)


def backtest(
    archive: EventArchive,
    experiment: Experiment,
    *,
    progress: Progress = silent,
    engine: Engine = in_turn,
    missing: Missing = warn,
) -> pd.DataFrame:
    """Forecasts of every model and label of an experiment on every origin.

    Where labels differ only in their horizon or only in their bar, probabilities do not fall as the
    horizon grows or rise as the bar grows.

    Parameters
    ----------
    archive : EventArchive
    experiment : Experiment
    progress, engine
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
        return case.target, backtest_case(featured(case), progress=progress, engine=engine)

    cases = learnable_cases(archive, experiment, missing=missing)
    labels, parts = zip(*each(forecast, cases, missing=missing), strict=True)
    forecasts = pd.concat(parts, ignore_index=True)
    for family in families(labels):
        names = [target_label(label) for label in family.labels]
        forecasts = coherent(forecasts, names, falls=family.falls)
    return forecasts
