"""Runs and models in MLflow; the only package that imports mlflow.

Names are imported on first use: a score needs the store and a model, but no figures.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from escalation.tracking.card import check_card as check_card
    from escalation.tracking.card import model_card as model_card
    from escalation.tracking.compared_text import by_chance as by_chance
    from escalation.tracking.lifecycle import clear_stale as clear_stale
    from escalation.tracking.lifecycle import end_runs as end_runs
    from escalation.tracking.loading import load_forecasts as load_forecasts
    from escalation.tracking.outcomes import log_verified as log_verified
    from escalation.tracking.place import local_file as local_file
    from escalation.tracking.place import store_uri as store_uri
    from escalation.tracking.promotion import promote as promote
    from escalation.tracking.repeats import find_repeat as find_repeat
    from escalation.tracking.runs import LoggedTraining as LoggedTraining
    from escalation.tracking.runs import log_training as log_training
    from escalation.tracking.scorers import load_scorer as load_scorer
    from escalation.tracking.scorers import load_scorers as load_scorers
    from escalation.tracking.server import require_answer as require_answer
    from escalation.tracking.store import open_store as open_store
    from escalation.tracking.store import require_usable as require_usable
    from escalation.tracking.two_runs import compare_runs as compare_runs
    from escalation.tracking.view import link as link

_MODULES = {
    "card": ("check_card", "model_card"),
    "compared_text": ("by_chance",),
    "lifecycle": ("clear_stale", "end_runs"),
    "loading": ("load_forecasts",),
    "outcomes": ("log_verified",),
    "place": ("local_file", "store_uri"),
    "promotion": ("promote",),
    "repeats": ("find_repeat",),
    "runs": ("LoggedTraining", "log_training"),
    "scorers": ("load_scorer", "load_scorers"),
    "server": ("require_answer",),
    "store": ("open_store", "require_usable"),
    "two_runs": ("compare_runs",),
    "view": ("link",),
}


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
