"""A data to make pages of: a quick training on the bundled chronology."""

from __future__ import annotations

from escalation._util.resources import bundled
from escalation.backtest.train import train_target
from escalation.experiment import load_experiment
from escalation.report import ReportData, training_report_data

_MADE: dict[str, ReportData] = {}


def pages(crisis) -> ReportData:
    """The data of the last day, made once."""
    if crisis.digest not in _MADE:
        experiment = load_experiment(bundled("iraq_crisis.toml"))
        schedule = experiment.backtest.model_copy(update={"every": 7, "refit_every": 26})
        quick = experiment.model_copy(update={"backtest": schedule, "models": {"logistic": {}}})
        _MADE[crisis.digest] = training_report_data(train_target(crisis, quick, quick.labels[0]))
    return _MADE[crisis.digest]
