"""The bundled experiment on its first fifteen months, which halves the time of tests."""

from __future__ import annotations

import datetime as dt
from typing import Any

from escalation._util.resources import bundled
from escalation.experiment import Experiment, load_experiment

END = dt.date(2020, 12, 31)


def experiment_of_2020(*, models: dict[str, Any] | None = None, **schedule: Any) -> Experiment:
    """Return the experiment up to the end of 2020, with its first label only.

    Parameters
    ----------
    models : dict, optional
        Replace the models of the file.
    schedule
        Keys of ``[backtest]``.
    """
    experiment = load_experiment(bundled("iraq_crisis.toml"))
    changed = {
        "targets": experiment.targets[:1],
        "data": experiment.data.model_copy(update={"last_day": END}),
        "backtest": experiment.backtest.model_copy(update=schedule),
    }
    return experiment.model_copy(update=changed | ({"models": models} if models else {}))
