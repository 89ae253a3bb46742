"""An experiment for random archives, with every built-in feature family and one label."""

from __future__ import annotations

from typing import Any

from escalation.experiment import Experiment

FEATURES: dict[str, dict[str, Any]] = {
    "window_sums": {"channels": ["events", "killed"], "windows": [7, 28]},
    "recency": {},
    "trend": {},
    "neighbours": {"windows": [7]},
}


def daily_experiment(*, units, lag, first_day, models, **more):
    """Sites enter at rung 3; the label is an event of rung 4 within five days."""
    return Experiment.model_validate(
        {
            "experiment": {"name": "daily"},
            "data": {"source": "tidy", "first_day": first_day, "lag": lag},
            "panel": {"units": units, "enters": {"rung": 3}},
            "features": FEATURES,
            "targets": [{"name": "any", "horizon": 5, "where": {"rung": 4}}],
            "models": {name: {} for name in models},
            **more,
        }
    )
