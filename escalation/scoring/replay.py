"""Replay past days: fit on what was known then and score that day, never in-sample.

:func:`replay` returns the watch list of one day, :func:`replay_range` the forecasts and outcomes of
each day of a range. One backtest serves the whole range, because its forecasts of a day depend on
nothing later.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from escalation import schema
from escalation._util.progress import Progress, silent
from escalation.backtest.case import Case, can_learn, make_case, require_learnable
from escalation.backtest.fitting import build_model, fit_models, is_meta, predict
from escalation.backtest.learnability import run_each
from escalation.backtest.resolved import records_of, resolved_forecasts
from escalation.backtest.rolling import backtest_case, forecast_tables
from escalation.backtest.shortage import OnShortage, warn
from escalation.backtest.train import best_model, train_labels
from escalation.errors import InputError
from escalation.events.archive import EventArchive, covered_day, require_archive, to_day
from escalation.experiment import Experiment, require_experiment, target_label
from escalation.models import ResolvedForecasts
from escalation.scoring.described import manifest_of
from escalation.scoring.score import score
from escalation.scoring.scorer import Scorer
from escalation.scoring.watchlist import Score
from escalation.targets import Labels, Target

RECORD_DAYS = 28
"""Shortest track record for which the experiment's first origin is used."""
NO_MODEL = "none"
"""Model name on days with too little data to fit one."""
BASE_RATE = "base_rate"
REPLAY_COLUMNS = (*schema.FORECAST_COLUMNS, BASE_RATE)


def experiment_as_of(experiment: Experiment, day: np.datetime64) -> Experiment:
    """The experiment with its axis and its backtest ending on a day."""
    last = day.astype(dt.date)
    first = experiment.backtest.first_origin
    if first is not None and (last - first).days < RECORD_DAYS:
        first = None
    return experiment.reading(last_day=last).scheduled(first_origin=first, last_origin=None)


def replay(
    archive: EventArchive,
    experiment: Experiment,
    day: object,
    *,
    explain: int = 3,
    missing: OnShortage = warn,
    progress: Progress = silent,
) -> list[Score]:
    """The watch list of a past day, from what was known at its end.

    Models, the choice among them, base rates and intervals all come from the archive as of the
    day, so later information changes no number.

    Parameters
    ----------
    archive : EventArchive
    experiment : Experiment
    day : date-like
    explain : int
        Events to name per unit.
    missing : callable, optional
        Called with each label that has too little data.
    """
    require_archive(archive)
    require_experiment(experiment)
    when = to_day(day)
    archive = archive.until(when)
    experiment = experiment_as_of(experiment, when)
    scores = []
    for trained in train_labels(archive, experiment, missing=missing, progress=progress):
        manifest = manifest_of(trained, trained.best)
        scorer = Scorer(trained.models[trained.best], manifest, f"replay of {when}", "")
        scores.extend(score(scorer, archive, as_of=when, explain=explain))
    return scores


def replay_range(
    archive: EventArchive,
    experiment: Experiment,
    first: object,
    last: object,
    *,
    every: int = 1,
    missing: OnShortage = warn,
    progress: Progress = silent,
) -> pd.DataFrame:
    """Forecasts of each day of a range, from what was known at its end, and the outcomes.

    On each day the model is chosen by its record so far, fitted on everything resolved, and applied
    to every known unit. The numbers are those of :func:`replay`; if the record is too short for the
    experiment's first origin, only the probabilities are, and only if the same model is chosen.

    Parameters
    ----------
    archive : EventArchive
        It may reach beyond the range; the later part serves for outcomes only.
    experiment : Experiment
    first, last : date-like
    every : int
        Days between forecasts.
    missing : callable, optional
        Called with each label that has too little data on every day of the range.

    Returns
    -------
    DataFrame
        :data:`REPLAY_COLUMNS`, a row per unit and day. With too little data to fit a model, the
        model is ``none`` and the probability missing.

    Raises
    ------
    InputError
        ``E-COVERAGE`` beyond the data, ``E-RANGE`` for an empty range.
    GateError
        ``E-INSUFFICIENT`` if no day of the range has enough data.
    """
    begin, end = to_day(first), covered_day(last, archive.covered_to)
    if begin > end:
        raise InputError("E-RANGE", f"needs a last day on or after {begin}", value=end)
    days = np.arange(begin, end + 1, every)
    tables = run_each(
        lambda target: _replay_label(archive, experiment, target, days, progress),
        experiment.labels,
        missing=missing,
    )
    return pd.concat(tables, ignore_index=True)


def _replay_label(
    archive: EventArchive,
    experiment: Experiment,
    target: Target,
    days: NDArray[np.datetime64],
    progress: Progress,
) -> pd.DataFrame:
    case = make_case(archive, _with_outcomes(experiment, archive, days), target)
    final = case.labels_on(case.prepared.days[-1])
    tables = []
    for group, origin in _by_record(case, experiment, days):
        past = _past(case, origin, group[-1], progress)
        for n_done, day in enumerate(group, start=1):
            tables.append(_forecasts_on(case, past, final, case.prepared.index_of(day)))
            progress(f"{target_label(target)}, day by day", n_done, len(group))
    if all((table["model"] == NO_MODEL).all() for table in tables):
        require_learnable(case, days[-1])
    return pd.concat(tables, ignore_index=True)[list(REPLAY_COLUMNS)]


def _with_outcomes(
    experiment: Experiment, archive: EventArchive, days: NDArray[np.datetime64]
) -> Experiment:
    """The experiment with an axis that includes the outcomes; its first day is unchanged."""
    data = experiment.data
    first = data.first_day or archive.until(days[0]).first_day.astype(dt.date)
    limit = to_day(data.last_day) if data.last_day is not None else archive.covered_to
    last = min(max(limit, days[-1]), archive.covered_to).astype(dt.date)
    return experiment.reading(first_day=first, last_day=last)


def _by_record(
    case: Case, experiment: Experiment, days: NDArray[np.datetime64]
) -> list[tuple[NDArray[np.datetime64], int | None]]:
    """The days in up to two groups, each with the origin from which its track record starts.

    That is the experiment's first origin once it lies far enough back, so that a day's forecasts
    don't depend on the requested range; until then, the first day with enough data.
    """
    scheduled = np.array(
        [experiment_as_of(experiment, day).backtest.first_origin is not None for day in days]
    )
    early, late = days[~scheduled], days[scheduled]
    groups: list[tuple[NDArray[np.datetime64], int | None]] = []
    if len(early):
        last = case.prepared.index_of(early[-1])
        start = next((at for at in range(last + 1) if can_learn(case, at)), None)
        groups.append((early, start))
    if len(late):
        groups.append((late, case.prepared.index_of(experiment.backtest.first_origin)))
    return groups


def _past(case: Case, origin: int | None, last: np.datetime64, progress: Progress) -> pd.DataFrame:
    """Forecasts of every model on the experiment's schedule, from an origin to a day."""
    if origin is None:
        return pd.DataFrame(columns=list(schema.FORECAST_COLUMNS))
    start = case.prepared.days[origin].astype(dt.date)
    experiment = case.experiment.scheduled(first_origin=start, last_origin=last.astype(dt.date))
    return backtest_case(replace(case, experiment=experiment), progress=progress)


def _forecasts_on(case: Case, past: pd.DataFrame, final: Labels, at: int) -> pd.DataFrame:
    """The forecasts of one day: model chosen by its record, fitted on what had resolved."""
    today = case.prepared.days[at]
    ahead = case.rows_on(np.array([at]), final)
    if not can_learn(case, at):
        missing = np.full(len(ahead), np.nan)
        ends = {NO_MODEL: np.array([missing, missing])}
        (rows,) = forecast_tables(case, ahead, {NO_MODEL: missing}, ends)
        return rows.assign(**{BASE_RATE: np.nan})
    known = case.labels_on(today)
    record = resolved_forecasts(case.prepared, past[past[schema.DAY] <= today], known, at=at)
    name = _best_by(record, case.experiment, case.target)
    models = fit_models(
        _with_models_for(case, name), case.target, case.training_table(today, known), record=record
    )
    probability = predict(models, ahead)
    standing = records_of(record, (name,), horizon=case.target.horizon)[name]
    interval = standing.interval(probability[name])
    ends = {name: np.array(interval)}
    (rows,) = forecast_tables(case, ahead, probability, ends)
    return rows.assign(**{BASE_RATE: probability["climatology"]})


def _best_by(record: ResolvedForecasts, experiment: Experiment, target: Target) -> str:
    """The model that training would choose by a record; the baseline if nothing has resolved."""
    if not len(record.outcome):
        return "ewma_nb"
    brier = ((record.probability - record.outcome[:, None]) ** 2).mean(axis=0)
    positives = int(record.outcome.sum())
    table = pd.DataFrame({"model": record.names, "brier": brier, "positives": positives})
    return best_model(table, experiment, target)


def _with_models_for(case: Case, name: str) -> Experiment:
    """The experiment with the models to fit for one: all for a meta-estimator, else only itself."""
    experiment = case.experiment
    if is_meta(build_model(name, experiment, case.target)):
        return experiment
    return experiment.model_copy(update={"models": {name: experiment.models.get(name, {})}})
