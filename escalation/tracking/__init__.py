"""Runs and models in MLflow. The only part that imports mlflow.

Its names are imported when they are asked for: a score needs the store and a model, not the figures
and everything else that a training logs.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from escalation.tracking.begun import clear_stale, end_runs
    from escalation.tracking.card import check_card, model_card
    from escalation.tracking.compared_text import by_chance
    from escalation.tracking.loading import load_forecasts
    from escalation.tracking.outcomes import log_verified
    from escalation.tracking.place import local_file, store_uri
    from escalation.tracking.promotion import Promoted, promote
    from escalation.tracking.repeats import Repeated, find_repeat
    from escalation.tracking.runs import Logged, log_training
    from escalation.tracking.scorers import load_scorer, load_scorers
    from escalation.tracking.server import require_answer
    from escalation.tracking.store import open_store, require_usable
    from escalation.tracking.two_runs import RunComparison, compare_runs
    from escalation.tracking.view import link

__all__ = [
    "Logged",
    "Promoted",
    "Repeated",
    "RunComparison",
    "by_chance",
    "check_card",
    "clear_stale",
    "compare_runs",
    "end_runs",
    "find_repeat",
    "link",
    "load_forecasts",
    "load_scorer",
    "load_scorers",
    "local_file",
    "log_training",
    "log_verified",
    "model_card",
    "open_store",
    "promote",
    "require_answer",
    "require_usable",
    "store_uri",
]
_HOME = {
    "check_card": "card",
    "model_card": "card",
    "Logged": "runs",
    "log_training": "runs",
    "Promoted": "promotion",
    "Repeated": "repeats",
    "RunComparison": "two_runs",
    "by_chance": "compared_text",
    "compare_runs": "two_runs",
    "find_repeat": "repeats",
    "promote": "promotion",
    "load_forecasts": "loading",
    "load_scorer": "scorers",
    "load_scorers": "scorers",
    "log_verified": "outcomes",
    "link": "view",
    "clear_stale": "begun",
    "end_runs": "begun",
    "local_file": "place",
    "store_uri": "place",
    "require_answer": "server",
    "open_store": "store",
    "require_usable": "store",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
