"""Every key of an experiment as a parameter of a run, named as ``--set`` names it."""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from escalation._util.checked import PIPELINE_ARGUMENTS
from escalation.experiment import Experiment, target_of
from escalation.features import ACROSS, FEATURES
from escalation.models import MODELS

LONGEST_PARAMETER = 6000
UNSET = "not set"
_WHOLE = {"data.columns", "models.prior.numbers"}
"""Tables whose keys are words of the user's file, or many, kept as one text."""


def flat_params(experiment: Experiment, *, models: Collection[str] | None = None) -> dict[str, str]:
    """All that an experiment says, defaults included: the same names in every run.

    Parameters
    ----------
    experiment : Experiment
    models : collection of str, optional
        Those that run; by default the experiment's and the baselines.

    Returns
    -------
    dict of str to str
        Such as ``features.window_sums.windows``; labels are numbered from 0.

    Examples
    --------
    >>> made = Experiment(
    ...     experiment={"name": "mine"}, targets=[{"name": "any", "horizon": 7}],
    ...     features={"window_sums": {}}, models={"logistic": {}},
    ... )
    >>> params = flat_params(made)
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
        _plain(name): _shown(value)[:LONGEST_PARAMETER] for name, value in _leaves("", sections)
    }


def _with_defaults(member: Callable[..., Any], values: Mapping[str, Any]) -> dict[str, Any]:
    known = inspect.signature(member).parameters
    defaults = {
        name: parameter.default
        for name, parameter in known.items()
        if name not in PIPELINE_ARGUMENTS and parameter.default is not inspect.Parameter.empty
    }
    return {**defaults, **values}


def _fields(target: Any) -> dict[str, Any]:
    """A label's own parameters; its filter is a table of the file."""
    parts = {one.name: getattr(target, one.name) for one in dataclasses.fields(target)}
    return {name: value for name, value in parts.items() if name != "where"}


def _leaves(above: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value and above not in _WHOLE:
        for key, inner in value.items():
            yield from _leaves(f"{above}.{key}" if above else str(key), inner)
    elif above:
        yield above, value


def _shown(value: Any) -> str:
    if value is None:
        return UNSET
    return value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)


def _plain(name: str) -> str:
    """A name that MLflow takes, whatever a channel is called."""
    return re.sub(r"[^\w.\- ]", "_", name)[:250]
