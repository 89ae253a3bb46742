"""A story to make pages of: a quick training on the bundled chronology."""

from __future__ import annotations

from escalation._util.resources import bundled
from escalation.backtest.train import train_target
from escalation.experiment import load_experiment
from escalation.report import Story, story_of_training

_MADE: dict[str, Story] = {}


def pages(crisis) -> Story:
    """The story of the last day, made once."""
    if crisis.digest not in _MADE:
        experiment = load_experiment(bundled("iraq_crisis.toml"))
        schedule = experiment.backtest.model_copy(update={"every": 7, "refit_every": 26})
        quick = experiment.model_copy(update={"backtest": schedule, "models": {"logistic": {}}})
        _MADE[crisis.digest] = story_of_training(train_target(crisis, quick, quick.labels[0]))
    return _MADE[crisis.digest]
