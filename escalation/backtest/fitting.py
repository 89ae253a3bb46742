"""Models of an experiment, built, fitted and asked in the order in which they need each other."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np

from escalation._util.arrays import Array
from escalation.backtest.table import Table
from escalation.experiment import Experiment
from escalation.models import BASELINES, MODELS, ResolvedForecasts
from escalation.models.base import MetaEstimator
from escalation.models.wrapped import as_event_model
from escalation.targets import Target


def build_model(name: str, experiment: Experiment, target: Target) -> Any:
    """An unfitted estimator with the experiment's parameters, label, horizon and seed.

    Parameters
    ----------
    name : str
        Registered in ``MODELS``.
    experiment : Experiment
    target : Target
        Gives label and horizon.
    """
    given = {
        "horizon": target.horizon,
        "label": target.name,
        "seed": experiment.experiment.seed,
    }
    known = inspect.signature(MODELS[name]).parameters
    supplied = {key: value for key, value in given.items() if key in known}
    return MODELS[name](**supplied, **experiment.models.get(name, {}))


def build_models(
    experiment: Experiment, target: Target, custom_models: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The models of :func:`names_of`, each as it is before it has seen anything.

    Parameters
    ----------
    experiment : Experiment
    target : Target
    custom_models : mapping of str to estimator, optional
        Unfitted, by name.
    """
    custom = custom_models or {}
    return {
        name: as_event_model(name, custom[name], horizon=target.horizon)
        if name in custom
        else build_model(name, experiment, target)
        for name in names_of(experiment, target, custom)
    }


def names_of(
    experiment: Experiment, target: Target, custom_models: Mapping[str, Any] | None
) -> list[str]:
    """The models that run: a label's of an experiment, or the baselines and custom ones."""
    if custom_models:
        return list(dict.fromkeys([*BASELINES, *custom_models]))
    chosen = {*BASELINES, *(target.models or experiment.model_names)}
    return [name for name in experiment.model_names if name in chosen]


def is_meta(model: object) -> bool:
    """Whether a model combines other models."""
    return isinstance(model, MetaEstimator)


def fit_models(
    experiment: Experiment,
    target: Target,
    table: Table,
    *,
    record: ResolvedForecasts | None = None,
    fitted: Mapping[str, Any] | None = None,
    custom_models: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Fit every model of an experiment on one training table, the meta-estimators last.

    Parameters
    ----------
    experiment : Experiment
    target : Target
    table : Table
        Rows whose outcome is known.
    record : ResolvedForecasts, optional
        Forecasts of these models that have resolved, for those that learn from them.
    fitted : mapping of str to estimator, optional
        Models fitted before that are kept as they are.
    custom_models : mapping of str to estimator, optional
        As for :func:`build_models`.
    """
    y = table.outcome.astype(np.int64)
    models = build_models(experiment, target, custom_models)
    done = dict(fitted or {})
    for name in sorted(models, key=lambda name: is_meta(models[name])):
        if name in done:
            continue
        more = {"estimators": done, "record": record} if is_meta(models[name]) else {}
        done[name] = models[name].fit(table.X, y, count=table.count, **more)
    return done


def predict(
    models: Mapping[str, Any],
    table: Table,
    *,
    known: Mapping[str, Array] | None = None,
) -> dict[str, Array]:
    """Probability of outcome 1 by model, for every row.

    Parameters
    ----------
    models : mapping of str to estimator
        Fitted.
    table : Table
    known : mapping of str to ndarray, shape (row,), optional
        Probabilities of some models, that need not be computed again.

    Returns
    -------
    dict of str to ndarray, shape (row,)
    """
    probability = dict(known or {})
    for name in sorted(models, key=lambda name: is_meta(models[name])):
        if name not in probability:
            more = {"probabilities": probability} if is_meta(models[name]) else {}
            probability[name] = models[name].predict_proba(table.X, **more)[:, 1]
    return probability
