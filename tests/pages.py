"""Report data for tests of the page, from a quick training on the bundled chronology."""

from __future__ import annotations

from iraq_2020 import experiment_of_2020

from escalation.backtest.train import train_target
from escalation.report import ReportData, training_pages

_MADE: dict[str, ReportData] = {}


def pages(crisis) -> ReportData:
    """Return the report data of the last day, computed once."""
    if crisis.digest not in _MADE:
        quick = experiment_of_2020(models={"logistic": {}}, every=7, refit_every=26)
        _MADE[crisis.digest] = training_pages([train_target(crisis, quick, quick.labels[0])])[0]
    return _MADE[crisis.digest]
