"""Which feature families carry the skill: the same backtest without each of them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from escalation import metrics
from escalation._util.cautions import EscalationWarning
from escalation._util.progress import Progress, silent
from escalation.backtest.case import make_case
from escalation.backtest.rolling import backtest_case
from escalation.backtest.table import panel_spec
from escalation.backtest.train import Trained
from escalation.errors import EscalationError, UsageError
from escalation.experiment import Experiment
from escalation.features import ACROSS
from escalation.features.build import names
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


def reader_of(trained: Trained) -> str | None:
    """Of the models that read features, the one with the lowest Brier score; none without any.

    With fewer than 20 positives no model is compared, and none is given.
    """
    readers = [name for name, model in trained.models.items() if isinstance(model, Wrapped)]
    scored = trained.summary.set_index("model").reindex(readers).dropna(subset="brier")
    if scored.empty or scored["positives"].max() < FEWEST_POSITIVES:
        return None
    return str(scored["brier"].astype(float).idxmin())


def ablated(trained: Trained, *, progress: Progress = silent) -> pd.DataFrame | None:
    """How much larger a model's Brier score is without each feature family, on the same origins.

    A family across units that needs the columns of the one that is left out goes with it.

    Parameters
    ----------
    trained : Trained
    progress : callable, optional
        Told after each family.

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
    model, experiment = reader_of(trained), trained.case.experiment
    if model is None:
        warnings.warn(
            f"{trained.label}: what each feature family is worth is not said, because no model "
            f"reads features or fewer than {FEWEST_POSITIVES} outcomes were positive",
            EscalationWarning,
            stacklevel=2,
        )
        return None
    own = trained.case.own and {model: trained.case.own[model]}
    rows = []
    for done, (title, kept) in enumerate(_each_left_out(experiment), start=1):
        smaller = experiment.model_copy(
            update={"features": kept, "models": {model: experiment.models.get(model, {})}}
        )
        case = make_case(trained.case.prepared.archive, smaller, trained.case.target, own)
        fewer = len(trained.table.X.columns) - len(
            case.training_table(trained.trained_to).X.columns
        )
        forecasts = backtest_case(case)
        rows.append(
            {
                "without": title,
                "columns": fewer,
                **_increase(trained.forecasts, forecasts, model, seed=experiment.experiment.seed),
            }
        )
        progress(f"{trained.label} without a family", done, len(experiment.features))
    table = pd.DataFrame(rows)[list(COLUMNS)]
    return table.sort_values("increase", ascending=False, ignore_index=True)


def _each_left_out(experiment: Experiment) -> Iterator[tuple[str, dict[str, dict[str, Any]]]]:
    """What is left out, in words, and the families that stay."""
    for family in experiment.features:
        kept = {name: given for name, given in experiment.features.items() if name != family}
        if _possible(experiment, kept):
            yield family, kept
            continue
        gone = [name for name in kept if name in ACROSS]
        yield (
            f"{family}, {', '.join(gone)}",
            {name: given for name, given in kept.items() if name not in gone},
        )


def _possible(experiment: Experiment, families: Mapping[str, Mapping[str, Any]]) -> bool:
    try:
        names(panel_spec(experiment).all_channels, families)
    except EscalationError:
        return False
    return True


def _increase(
    full: pd.DataFrame, fewer: pd.DataFrame, model: str, *, seed: int
) -> dict[str, object]:
    """Of the Brier score, on the same rows; the skill of fewer inputs with its sign turned."""
    both = [
        full[full["model"] == model],
        fewer[fewer["model"] == model].assign(model="fewer"),
    ]
    (found,) = metrics.compare(
        pd.concat(both, ignore_index=True), reference=model, seed=seed
    ).to_dict("records")
    brier = metrics.summary(pd.concat(both, ignore_index=True), seed=seed).set_index("model")
    return {
        "model": model,
        "brier": brier.loc[model, "brier"],
        "brier_without": brier.loc["fewer", "brier"],
        "increase": -found["skill"],
        "increase_lower": -found["skill_upper"],
        "increase_upper": -found["skill_lower"],
    }
