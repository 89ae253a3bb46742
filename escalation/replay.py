"""A day of the past as it was: fit on what was known then, score that day, never in-sample."""

from __future__ import annotations

import datetime as dt

import numpy as np

from escalation.backtest import Progress, silent
from escalation.config import Experiment
from escalation.events.archive import EventArchive, to_day
from escalation.score import Score, Scorer, score
from escalation.train import manifest_of, train_target

RECORD_DAYS = 28
"""Shortest track record worth keeping the experiment's first origin for."""


def as_it_stood(experiment: Experiment, day: np.datetime64) -> Experiment:
    """The experiment with its axis ending on a day, and its backtest fitting before it."""
    last = day.astype(dt.date)
    first = experiment.backtest.first_origin
    if first is not None and (last - first).days < RECORD_DAYS:
        first = None
    return experiment.model_copy(
        update={
            "data": experiment.data.model_copy(update={"last_day": last}),
            "backtest": experiment.backtest.model_copy(
                update={"first_origin": first, "last_origin": None}
            ),
        }
    )


def replay(
    archive: EventArchive,
    experiment: Experiment,
    day: object,
    *,
    explain: int = 3,
    progress: Progress = silent,
) -> list[Score]:
    """The watch list of a past day, from what was known at its end.

    Models, the choice among them, base rates and intervals all come from the archive as it stood,
    so nothing that became known later changes a digit.

    Parameters
    ----------
    archive : EventArchive
    experiment : Experiment
    day : date-like
    explain : int
        Named events per unit.

    Returns
    -------
    list of Score
    """
    when = to_day(day)
    then = archive.until(when)
    stood = as_it_stood(experiment, when)
    scores = []
    for target in stood.labels:
        trained = train_target(then, stood, target, progress=progress)
        manifest = manifest_of(trained, trained.best)
        scorer = Scorer(trained.models[trained.best], manifest, f"replay of {when}", "")
        scores.extend(score(scorer, then, as_of=when, explain=explain))
    return scores
