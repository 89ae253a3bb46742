"""Days of the past as they were: fit on what was known then, score that day, never in-sample.

:func:`replay` gives the watch list of one day. :func:`replay_range` gives the forecasts of each day
of a range, and the outcomes: one backtest serves all of them, because its forecasts of a day depend
on nothing later.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from escalation import schema
from escalation._util.progress import Progress, silent
from escalation.backtest.case import Case, can_learn, make_case, require_learnable, run_each
from escalation.backtest.fitting import build_model, fit_models, is_meta, predict
from escalation.backtest.resolved import record_of, resolved_forecasts
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
"""Shortest track record worth keeping the experiment's first origin for."""
NO_MODEL = "none"
"""Stands for the model on days on which there was too little to learn from."""
BASE_RATE = "base_rate"
REPLAY_COLUMNS = (*schema.FORECAST_COLUMNS, BASE_RATE)


def as_it_stood(experiment: Experiment, day: np.datetime64) -> Experiment:
    """The experiment with its axis ending on a day, and its backtest fitting before it.

    Parameters
    ----------
    experiment : Experiment
    day : datetime64[D]
    """
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

    Models, the choice among them, base rates and intervals all come from the archive as it stood,
    so later information changes no number.

    Parameters
    ----------
    archive : EventArchive
    experiment : Experiment
    day : date-like
    explain : int
        Named events per unit.
    missing : callable, optional
        Told of each label that could not be learnt.
    """
    require_archive(archive)
    require_experiment(experiment)
    when = to_day(day)
    then = archive.until(when)
    stood = as_it_stood(experiment, when)
    scores = []
    for trained in train_labels(then, stood, missing=missing, progress=progress):
        manifest = manifest_of(trained, trained.best)
        scorer = Scorer(trained.models[trained.best], manifest, f"replay of {when}", "")
        scores.extend(score(scorer, then, as_of=when, explain=explain))
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

    On each day the model is chosen by its record so far, fitted on all that had resolved, and
    applied to every unit that was known: the answers of :func:`replay` (where the record is too
    short for the experiment's first origin, the same probabilities if the same model is chosen).

    Parameters
    ----------
    archive : EventArchive
        It may reach beyond the range: outcomes come from its last day, nothing else does.
    experiment : Experiment
    first, last : date-like
    every : int
        Days between answers.
    missing : callable, optional
        Told of each label that could not be learnt on any of them.

    Returns
    -------
    DataFrame
        :data:`REPLAY_COLUMNS`, a row per unit and day. Where there was too little to learn from,
        the model is ``none`` and the probability missing.

    Raises
    ------
    InputError
        ``E-COVERAGE`` beyond the data, ``E-RANGE`` for an empty range.
    GateError
        ``E-INSUFFICIENT`` when no day of the range has enough to learn from.
    """
    begin, end = to_day(first), covered_day(last, archive.covered_to)
    if begin > end:
        raise InputError("E-RANGE", f"needs a last day on or after {begin}", value=end)
    days = np.arange(begin, end + 1, every)
    parts = run_each(
        lambda target: _replayed(archive, experiment, target, days, progress),
        experiment.labels,
        missing=missing,
    )
    return pd.concat(parts, ignore_index=True)


def _replayed(
    archive: EventArchive,
    experiment: Experiment,
    target: Target,
    days: NDArray[np.datetime64],
    progress: Progress,
) -> pd.DataFrame:
    case = make_case(archive, _reaching_on(experiment, archive, days), target)
    final = case.labels_on(case.prepared.days[-1])
    parts = []
    for some, origin in _by_record(case, experiment, days):
        past = _past(case, origin, some[-1], progress)
        for done, day in enumerate(some):
            parts.append(_answers_on(case, past, final, case.prepared.index_of(day)))
            progress(f"{target_label(target)}, day by day", done + 1, len(some))
    if all((part["model"] == NO_MODEL).all() for part in parts):
        require_learnable(case, days[-1])
    return pd.concat(parts, ignore_index=True)[list(REPLAY_COLUMNS)]


def _reaching_on(
    experiment: Experiment, archive: EventArchive, days: NDArray[np.datetime64]
) -> Experiment:
    """The experiment on an axis that reaches the outcomes, and starts where it would have."""
    data = experiment.data
    opening = data.first_day or archive.until(days[0]).first_day.astype(dt.date)
    limit = to_day(data.last_day) if data.last_day is not None else archive.covered_to
    reach = min(max(limit, days[-1]), archive.covered_to).astype(dt.date)
    return experiment.reading(first_day=opening, last_day=reach)


def _by_record(
    case: Case, experiment: Experiment, days: NDArray[np.datetime64]
) -> list[tuple[NDArray[np.datetime64], int | None]]:
    """The days, in two groups, with the origin on which the record of each begins.

    That is the experiment's once it is far enough back, so that a day's answer does not depend on
    the range that was asked for. Before, it is the first day with enough to learn from.
    """
    scheduled = [as_it_stood(experiment, day).backtest.first_origin is not None for day in days]
    early, late = days[~np.array(scheduled)], days[np.array(scheduled)]
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


def _answers_on(case: Case, past: pd.DataFrame, final: Labels, at: int) -> pd.DataFrame:
    """The answers of one day: model chosen by its record, fitted on what had resolved."""
    today = case.prepared.days[at]
    ahead = case.rows_on(np.array([at]), final)
    if not can_learn(case, at):
        nothing = np.full(len(ahead), np.nan)
        ends = {NO_MODEL: np.array([nothing, nothing])}
        (rows,) = forecast_tables(case, ahead, {NO_MODEL: nothing}, ends)
        return rows.assign(**{BASE_RATE: np.nan})
    known = case.labels_on(today)
    record = resolved_forecasts(case.prepared, past[past[schema.DAY] <= today], known, at=at)
    name = _chosen_by(record, case.experiment, case.target)
    models = fit_models(
        _needed(case, name), case.target, case.training_table(today, known), record=record
    )
    probability = predict(models, ahead)
    standing = record_of(record, name, horizon=case.target.horizon)
    ends = {name: np.array(standing.interval(probability[name]))}
    (rows,) = forecast_tables(case, ahead, probability, ends)
    return rows.assign(**{BASE_RATE: probability["climatology"]})


def _chosen_by(record: ResolvedForecasts, experiment: Experiment, target: Target) -> str:
    """The model that training would choose from a record; the baseline where nothing resolved."""
    if not len(record.outcome):
        return "ewma_nb"
    brier = ((record.probability - record.outcome[:, None]) ** 2).mean(axis=0)
    positives = int(record.outcome.sum())
    table = pd.DataFrame({"model": record.names, "brier": brier, "positives": positives})
    return best_model(table, experiment, target)


def _needed(case: Case, name: str) -> Experiment:
    """The experiment with the models that a day needs: one that learns from others needs them."""
    experiment = case.experiment
    if is_meta(build_model(name, experiment, case.target)):
        return experiment
    return experiment.model_copy(update={"models": {name: experiment.models.get(name, {})}})
