"""Ablation of feature families: the same backtest without each of them."""

from __future__ import annotations

import warnings
from collections.abc import Collection
from dataclasses import replace

import pandas as pd

from escalation import metrics
from escalation._util.cautions import EscalationWarning
from escalation._util.number_cache import NumberCache
from escalation._util.progress import Progress, silent
from escalation.backtest.case import Case
from escalation.backtest.rolling import backtest_case
from escalation.backtest.table import family_columns
from escalation.backtest.train import Trained
from escalation.errors import UsageError
from escalation.experiment import Experiment
from escalation.metrics.summary import FEWEST_POSITIVES
from escalation.models import MODELS
from escalation.models.wrapped import Wrapped

COLUMNS = (
    "without",
    "model",
    "columns",
    "brier",
    "brier_without",
    "increase",
    "increase_lower",
    "increase_upper",
)


def require_reader(experiment: Experiment) -> None:
    """Raise if no model of an experiment reads features.

    Raises
    ------
    UsageError
        ``E-ABLATE``.
    """
    if not experiment.features or not any(
        issubclass(MODELS[name], Wrapped) for name in experiment.model_names
    ):
        raise UsageError(
            "E-ABLATE",
            "no model of the experiment reads features, so there is nothing to leave out",
            where="[models]",
            fix="add logistic, forest or boosting under [models], or train without --ablate",
        )


def _reader_of(trained: Trained) -> str | None:
    """The model with the lowest Brier score among those that read features.

    None without such a model, or with too few positives to compare models.
    """
    readers = [name for name, model in trained.models.items() if isinstance(model, Wrapped)]
    scored = trained.summary.set_index("model").reindex(readers).dropna(subset="brier")
    if scored.empty or scored["positives"].max() < FEWEST_POSITIVES:
        return None
    return str(scored["brier"].astype(float).idxmin())


def family_ablation(
    trained: Trained, *, progress: Progress = silent, cache: NumberCache | None = None
) -> pd.DataFrame | None:
    """Increase of a model's Brier score without each feature family, on the same origins.

    Columns that a family across units derives from another family stay when that one is left out.

    Parameters
    ----------
    trained : Trained
    progress : callable, optional
        Called after each family.
    cache : NumberCache, optional
        Cache of the backtests.

    Returns
    -------
    DataFrame
        A row per family, the largest increase first: ``without`` (the family), ``model``,
        ``columns`` (number of inputs left out), ``brier`` and ``brier_without`` (means over the
        same forecasts), and ``increase`` of the Brier score as a share of ``brier``, above 0 if the
        family helps, with a 95% interval over blocks of dates. None, with a warning, if no model of
        this label reads features or there are fewer than 20 positive outcomes.

    Raises
    ------
    GateError
        ``E-INSUFFICIENT`` if too little is left to compare.
    """
    model, case = _reader_of(trained), trained.case
    if model is None:
        warnings.warn(
            f"{trained.label}: no ablation of feature families, because no model reads features "
            f"or there are fewer than {FEWEST_POSITIVES} positive outcomes",
            EscalationWarning,
            stacklevel=2,
        )
        return None
    columns, rows = family_columns(case.experiment, case.prepared.features.names), []
    for n_done, (family, removed) in enumerate(columns.items(), start=1):
        reduced = backtest_case(_without_columns(case, model, removed), cache=cache)
        increase = _increase(trained, reduced, model)
        rows.append({"without": family, "columns": len(removed), **increase})
        progress(f"{trained.label} without a family", n_done, len(columns))
    table = pd.DataFrame(rows)[list(COLUMNS)]
    return table.sort_values("increase", ascending=False, ignore_index=True)


def _without_columns(case: Case, model: str, removed: Collection[str]) -> Case:
    """The case with a single model and without some columns."""
    experiment = case.experiment
    models = {model: experiment.models.get(model, {})}
    features = case.prepared.features.without(removed)
    return replace(
        case,
        experiment=experiment.model_copy(update={"models": models}),
        custom_models=case.custom_models and {model: case.custom_models[model]},
        prepared=replace(case.prepared, features=features),
    )


def _increase(trained: Trained, reduced: pd.DataFrame, model: str) -> dict[str, object]:
    """Increase of the Brier score on the same rows: the negative skill with fewer inputs."""
    full, seed = trained.forecasts, trained.case.experiment.experiment.seed
    without = reduced[reduced["model"] == model].assign(model="fewer")
    forecasts = [full[full["model"] == model], without]
    (comparison,) = metrics.compare(
        pd.concat(forecasts, ignore_index=True), reference=model, seed=seed
    ).to_dict("records")
    brier = float(trained.summary.set_index("model").loc[model, "brier"])
    return {
        "model": model,
        "brier": brier,
        "brier_without": brier + comparison["brier_difference"],
        "increase": -comparison["skill"],
        "increase_lower": -comparison["skill_upper"],
        "increase_upper": -comparison["skill_lower"],
    }
