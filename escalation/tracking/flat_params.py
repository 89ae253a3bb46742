"""An experiment's settings as parameters of a run, named like the keys of ``--set``."""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Param

from escalation._util.checked import PIPELINE_ARGUMENTS
from escalation.backtest.train import Trained
from escalation.experiment import Experiment, target_of
from escalation.features import ACROSS, FEATURES
from escalation.models import MODELS

_LONGEST_PARAMETER, _MOST_PARAMETERS = 6000, 100
"""In characters, and in one request."""
_UNSET = "not set"
_KEPT_WHOLE = {"data.columns", "models.prior.numbers"}
"""Tables that become one parameter: their keys come from the user's file, or are many."""


def flat_params(experiment: Experiment, *, models: Collection[str] | None = None) -> dict[str, str]:
    """All settings of an experiment, defaults included; every run has the same names.

    Parameters
    ----------
    experiment : Experiment
    models : collection of str, optional
        Models that run; by default the experiment's and the baselines.

    Returns
    -------
    dict of str to str
        Keys such as ``features.window_sums.windows``; labels are numbered from 0.

    Examples
    --------
    >>> experiment = Experiment(
    ...     experiment={"name": "mine"}, targets=[{"name": "any", "horizon": 7}],
    ...     features={"window_sums": {}}, models={"logistic": {}},
    ... )
    >>> params = flat_params(experiment)
    >>> params["features.window_sums.windows"], params["targets.0.horizon"]
    ('[1, 3, 7, 14, 28, 90, 180]', '7')
    >>> params["backtest.window"], params["panel.units"]
    ('not set', '["all"]')
    """
    sections = experiment.model_dump(mode="json")
    families: dict[str, Callable[..., Any]] = {**FEATURES, **ACROSS}
    sections["features"] = {
        name: _with_defaults(families[name], values)
        for name, values in sections["features"].items()
    }
    sections["models"] = {
        name: _with_defaults(MODELS[name], sections["models"].get(name, {}))
        for name in (experiment.model_names if models is None else models)
        if name in MODELS
    }
    sections["targets"] = {
        str(number): {**_fields(target_of(table)), **table}
        for number, table in enumerate(sections["targets"])
    }
    return {
        # MLflow allows few characters in a name, channels any.
        re.sub(r"[^\w.\- ]", "_", name)[:250]: _as_text(value)[:_LONGEST_PARAMETER]
        for name, value in _leaves("", sections)
    }


def params_of(trained: Trained) -> dict[str, str]:
    """All settings of the experiment, and the label; custom models as their repr."""
    custom = {
        f"models.{name}": str(model) for name, model in (trained.case.custom_models or {}).items()
    }
    flat = flat_params(trained.case.experiment, models=list(trained.models))
    return {**flat, **custom, "target": trained.label}


def log_params(client: MlflowClient, run_id: str, params: Mapping[str, str]) -> None:
    """Log any number of parameters.

    Parameters
    ----------
    client : MlflowClient
    run_id : str
    params : mapping of str to str
    """
    entries = [Param(name, value[:_LONGEST_PARAMETER]) for name, value in params.items()]
    for first in range(0, len(entries), _MOST_PARAMETERS):
        client.log_batch(run_id, params=entries[first : first + _MOST_PARAMETERS])


def _with_defaults(function: Callable[..., Any], values: Mapping[str, Any]) -> dict[str, Any]:
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(function).parameters.items()
        if name not in PIPELINE_ARGUMENTS and parameter.default is not inspect.Parameter.empty
    }
    return {**defaults, **values}


def _fields(target: Any) -> dict[str, Any]:
    """A label's parameters except its filter, which is a table of the file."""
    names = (field.name for field in dataclasses.fields(target) if field.name != "where")
    return {name: getattr(target, name) for name in names}


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value and path not in _KEPT_WHOLE:
        for key, inner in value.items():
            yield from _leaves(f"{path}.{key}" if path else str(key), inner)
    elif path:
        yield path, value


def _as_text(value: Any) -> str:
    if value is None:
        return _UNSET
    return value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
