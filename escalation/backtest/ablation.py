"""Which feature families carry the skill: the same backtest without each of them."""

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
    """Refuse an experiment none of whose models reads features.

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
            "no model of the experiment reads features, so that none can be left out",
            where="[models]",
            fix="add logistic, forest or boosting under [models], or train without --ablate",
        )


def _reader_of(trained: Trained) -> str | None:
    """Of the models that read features, the one with the lowest Brier score; none without any.

    With fewer than 20 positives no model is compared, and none is given.
    """
    readers = [name for name, model in trained.models.items() if isinstance(model, Wrapped)]
    scored = trained.summary.set_index("model").reindex(readers).dropna(subset="brier")
    if scored.empty or scored["positives"].max() < FEWEST_POSITIVES:
        return None
    return str(scored["brier"].astype(float).idxmin())


def family_ablation(
    trained: Trained, *, progress: Progress = silent, cache: NumberCache | None = None
) -> pd.DataFrame | None:
    """How much larger a model's Brier score is without each feature family, on the same origins.

    What a family across units adds up stays where only the family that it came from is left out.

    Parameters
    ----------
    trained : Trained
    progress : callable, optional
        Told after each family.
    cache : NumberCache, optional
        Of the backtests.

    Returns
    -------
    DataFrame
        A row for each family, the dearest to lose first: ``without`` (what was left out),
        ``model``, ``columns`` (how many inputs went), ``brier`` and ``brier_without`` (mean over
        the same forecasts), and ``increase`` of the Brier score as a share of ``brier``, above 0
        where the family helps, with a 95% interval over blocks of dates. None, and a warning, where
        no model of this label reads features or fewer than 20 outcomes were positive.

    Raises
    ------
    GateError
        ``E-INSUFFICIENT`` where too little is left to compare.
    """
    model, case = _reader_of(trained), trained.case
    if model is None:
        warnings.warn(
            f"{trained.label}: what each feature family is worth is not said, because no model "
            f"reads features or fewer than {FEWEST_POSITIVES} outcomes were positive",
            EscalationWarning,
            stacklevel=2,
        )
        return None
    columns, rows = family_columns(case.experiment, case.prepared.features.names), []
    for done, (family, gone) in enumerate(columns.items(), start=1):
        fewer = backtest_case(_smaller(case, model, gone), cache=cache)
        rows.append({"without": family, "columns": len(gone), **_increase(trained, fewer, model)})
        progress(f"{trained.label} without a family", done, len(columns))
    table = pd.DataFrame(rows)[list(COLUMNS)]
    return table.sort_values("increase", ascending=False, ignore_index=True)


def _smaller(case: Case, model: str, gone: Collection[str]) -> Case:
    """The case with one model and without some columns."""
    experiment = case.experiment
    chosen = {model: experiment.models.get(model, {})}
    features = case.prepared.features.without(gone)
    return replace(
        case,
        experiment=experiment.model_copy(update={"models": chosen}),
        custom_models=case.custom_models and {model: case.custom_models[model]},
        prepared=replace(case.prepared, features=features),
    )


def _increase(trained: Trained, fewer: pd.DataFrame, model: str) -> dict[str, object]:
    """Of the Brier score, on the same rows: the skill of fewer inputs with its sign turned."""
    full, seed = trained.forecasts, trained.case.experiment.experiment.seed
    both = [full[full["model"] == model], fewer[fewer["model"] == model].assign(model="fewer")]
    (found,) = metrics.compare(
        pd.concat(both, ignore_index=True), reference=model, seed=seed
    ).to_dict("records")
    brier = float(trained.summary.set_index("model").loc[model, "brier"])
    return {
        "model": model,
        "brier": brier,
        "brier_without": brier + found["brier_difference"],
        "increase": -found["skill"],
        "increase_lower": -found["skill_upper"],
        "increase_upper": -found["skill_lower"],
    }
