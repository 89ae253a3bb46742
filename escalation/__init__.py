"""From dated incidents to short-term escalation likelihood, using what was known when.

The stages, each importing only from those before it::

    sources -> EventArchive -> as_of(date) -> Panel -> features X, target y -> models
            -> backtest -> metrics -> tracking (MLflow) -> score

A notebook needs only the names of this module; each is imported when it is first used.
"""

TYPE_CHECKING = False  # True for type checkers; importing typing would take milliseconds.
if TYPE_CHECKING:
    from escalation import features, metrics, models, plots, targets
    from escalation.audit.run import audit
    from escalation.backtest.origin_split import RollingOriginSplit
    from escalation.backtest.settings import build_features, training_table
    from escalation.errors import EscalationError
    from escalation.events import datasets, read_events
    from escalation.events.archive import EventArchive
    from escalation.experiment import Experiment, load_experiment
    from escalation.scoring.replay import replay
    from escalation.scoring.result import BacktestResult, backtest
    from escalation.tracking.notebook_run import log_run
    from escalation.tracking.scorers import load_model
    from escalation.tracking.two_runs import compare_runs

__version__ = "0.1.0"
_HOMES = {
    "BacktestResult": "scoring.result",
    "EscalationError": "errors",
    "EventArchive": "events.archive",
    "Experiment": "experiment",
    "RollingOriginSplit": "backtest.origin_split",
    "audit": "audit.run",
    "backtest": "scoring.result",
    "build_features": "backtest.settings",
    "compare_runs": "tracking.two_runs",
    "datasets": "events.datasets",
    "features": "features",
    "load_experiment": "experiment",
    "load_model": "tracking.scorers",
    "log_run": "tracking.notebook_run",
    "metrics": "metrics",
    "models": "models",
    "plots": "plots",
    "read_events": "events",
    "replay": "scoring.replay",
    "targets": "targets",
    "training_table": "backtest.settings",
}
"""The module of each name."""

__all__ = [
    "BacktestResult",
    "EscalationError",
    "EventArchive",
    "Experiment",
    "RollingOriginSplit",
    "audit",
    "backtest",
    "build_features",
    "compare_runs",
    "datasets",
    "features",
    "load_experiment",
    "load_model",
    "log_run",
    "metrics",
    "models",
    "plots",
    "read_events",
    "replay",
    "targets",
    "training_table",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    module = import_module(f"{__name__}.{_HOMES[name]}")
    return getattr(module, name, module)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
