"""Build, fit and predict the models of an experiment, meta-estimators last."""

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
    """Build an unfitted estimator with the experiment's parameters, label, horizon and seed.

    Parameters
    ----------
    name : str
        Registered in ``MODELS``.
    experiment : Experiment
    target : Target
        Source of label and horizon.
    """
    common = {"horizon": target.horizon, "label": target.name, "seed": experiment.experiment.seed}
    accepted = inspect.signature(MODELS[name]).parameters.keys()
    options = {key: common[key] for key in common.keys() & accepted}
    return MODELS[name](**options, **experiment.models.get(name, {}))


def build_models(
    experiment: Experiment, target: Target, custom_models: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Build the unfitted models of :func:`names_of`.

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
    """Names of the models that run: a label's in an experiment, or baselines and custom ones."""
    if custom_models:
        return list(dict.fromkeys([*BASELINES, *custom_models]))
    selected = {*BASELINES, *(target.models or experiment.model_names)}
    return [name for name in experiment.model_names if name in selected]


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
    """Fit every model of an experiment on one training table, meta-estimators last.

    Parameters
    ----------
    experiment : Experiment
    target : Target
    table : Table
        Rows with a known outcome.
    record : ResolvedForecasts, optional
        Resolved forecasts of these models, for meta-estimators.
    fitted : mapping of str to estimator, optional
        Models that are fitted already.
    custom_models : mapping of str to estimator, optional
        As for :func:`build_models`.
    """
    y = table.outcome.astype(np.int64)
    models = build_models(experiment, target, custom_models)
    estimators = dict(fitted or {})
    for name in sorted(models, key=lambda name: is_meta(models[name])):
        if name not in estimators:
            meta = {"estimators": estimators, "record": record} if is_meta(models[name]) else {}
            estimators[name] = models[name].fit(table.X, y, count=table.count, **meta)
    return estimators


def predict(
    models: Mapping[str, Any],
    table: Table,
    *,
    computed: Mapping[str, Array] | None = None,
) -> dict[str, Array]:
    """Probability of outcome 1 by model, for every row.

    Parameters
    ----------
    models : mapping of str to estimator
        Fitted.
    table : Table
    computed : mapping of str to ndarray, shape (row,), optional
        Probabilities of models that are computed already.

    Returns
    -------
    dict of str to ndarray, shape (row,)
    """
    probability = dict(computed or {})
    for name in sorted(models, key=lambda name: is_meta(models[name])):
        if name not in probability:
            options = {"probabilities": probability} if is_meta(models[name]) else {}
            probability[name] = models[name].predict_proba(table.X, **options)[:, 1]
    return probability
