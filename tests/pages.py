"""A story to make pages of: a quick training on the bundled chronology."""

from __future__ import annotations

from escalation.config import load_experiment
from escalation.report import Story, story_of_training
from escalation.resources import bundled
from escalation.train import train_target

_MADE: dict[str, Story] = {}


def pages(crisis) -> Story:
    """The story of the last day, made once."""
    if crisis.digest not in _MADE:
        experiment = load_experiment(bundled("iraq_crisis.toml"))
        schedule = experiment.backtest.model_copy(update={"every": 7, "refit_every": 26})
        quick = experiment.model_copy(update={"backtest": schedule, "models": {"logistic": {}}})
        _MADE[crisis.digest] = story_of_training(train_target(crisis, quick, quick.labels[0]))
    return _MADE[crisis.digest]
