"""Train an experiment: backtest every model, compare, refit on all that had resolved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from escalation import metrics
from escalation._util.number_cache import NumberCache
from escalation._util.progress import Progress, silent
from escalation.backtest.case import (
    Case,
    add_features,
    learnable_cases,
    make_case,
    prior_only,
    require_answerable,
    run_each,
)
from escalation.backtest.fitting import build_model, fit_models
from escalation.backtest.resolved import resolved_forecasts
from escalation.backtest.rolling import backtest_case
from escalation.backtest.shortage import OnShortage, Shortage, warn
from escalation.backtest.table import Table
from escalation.errors import GateError
from escalation.events.archive import EventArchive
from escalation.experiment import Experiment, target_label
from escalation.metrics.summary import FEWEST_POSITIVES, NO_RANKING
from escalation.models import BASELINES
from escalation.targets import Target
from escalation.targets.base import null_share


@dataclass(frozen=True)
class Trained:
    """What training one label gave.

    Parameters
    ----------
    case : Case
    forecasts : DataFrame
        Every model's forecasts on every origin.
    summary : DataFrame
        One row per model: scores, skill, intervals, verdict.
    models : dict
        Every model, refitted on all rows that had resolved by the last day.
    best : str
        The model that gets registered.
    null_share : float
    table : Table
        What the models were refitted on.
    ablation : DataFrame, optional
        Of :func:`escalation.backtest.ablation.family_ablation`, where that was asked for.
    """

    case: Case
    forecasts: pd.DataFrame
    summary: pd.DataFrame
    models: dict[str, Any]
    best: str
    null_share: float
    table: Table
    ablation: pd.DataFrame | None = None

    @property
    def label(self) -> str:
        """Name of the label and its horizon."""
        return target_label(self.case.target)

    @property
    def no_change_sentence(self) -> str:
        """What its share of positives would be if nothing ever changed, in a sentence."""
        return (
            "If every unit kept its average rate, chance alone would make "
            f"{self.null_share:.1%} of the outcomes positive."
        )

    @property
    def trained_to(self) -> np.datetime64:
        """Last day of knowledge."""
        return self.case.prepared.days[-1]


def train_target(
    archive: EventArchive, experiment: Experiment, target: Target, *, progress: Progress = silent
) -> Trained:
    """Backtest and refit every model for one label.

    Parameters
    ----------
    archive : EventArchive
    experiment : Experiment
    target : Target
        One of the experiment's labels.
    progress : callable, optional
        Of the backtest.

    Raises
    ------
    GateError
        ``E-INSUFFICIENT`` when there is too little to learn from; nothing is stored then.
    """
    return train_case(require_answerable(make_case(archive, experiment, target)), progress=progress)


def train_labels(
    archive: EventArchive,
    experiment: Experiment,
    *,
    progress: Progress = silent,
    missing: OnShortage = warn,
    cache: NumberCache | None = None,
) -> list[Trained]:
    """Train every label that can be learnt; the others are told before any of them is trained.

    Parameters
    ----------
    archive : EventArchive
    experiment : Experiment
    progress : callable, optional
        Of the backtests.
    missing : callable, optional
        Told of each label that is left out; a warning by default.
    cache : NumberCache, optional
        Of the backtests.

    Raises
    ------
    GateError
        ``E-INSUFFICIENT`` when no label can be learnt.
    """
    cases = learnable_cases(archive, experiment, missing=missing)

    def train(case: Case) -> Trained:
        return train_case(add_features(case), progress=progress, cache=cache)

    return run_each(train, cases, missing=missing)


def train_case(
    case: Case, *, progress: Progress = silent, cache: NumberCache | None = None
) -> Trained:
    """Backtest and refit every model of a case that has its features.

    Where none of their forecasts has resolved yet, ``prior`` alone answers, and is asked earlier.

    Parameters
    ----------
    case : Case
    progress : callable, optional
        Of the backtest.
    cache : NumberCache, optional
        Of the backtest.

    Raises
    ------
    Shortage
        ``E-INSUFFICIENT`` when no forecast can be scored.
    """
    try:
        return _train(case, progress, cache)
    except Shortage as shortage:
        return _train(prior_only(case, shortage), progress, cache)


def _train(case: Case, progress: Progress, cache: NumberCache | None) -> Trained:
    days, experiment, target = case.prepared.days, case.experiment, case.target
    known = case.labels_on(days[-1])
    table = case.training_table(days[-1], known)
    forecasts = backtest_case(case, progress=progress, cache=cache)
    try:
        summary = metrics.summary(
            forecasts, horizon=target.horizon, seed=experiment.experiment.seed
        )
        best = best_model(summary, experiment, target)
    except GateError as error:
        raise Shortage(target_label(target), error.message, fix=error.fix) from None
    record = resolved_forecasts(case.prepared, forecasts, known, at=len(days) - 1)
    return Trained(
        case=case,
        forecasts=forecasts,
        summary=summary,
        models=fit_models(
            experiment, target, table, record=record, custom_models=case.custom_models
        ),
        best=best,
        null_share=null_share(known, case.back),
        table=table,
    )


def unverified_reason(summary: pd.DataFrame) -> str:
    """What must be said wherever a model of this comparison is named; nothing where it is enough.

    Parameters
    ----------
    summary : DataFrame
        The comparison of the models.
    """
    positives = int(summary["positives"].max()) if len(summary) else 0
    if positives >= FEWEST_POSITIVES:
        few = f"only {summary['dates'].max()} dates among the resolved forecasts"
        thin = summary["verdict"].str.startswith(NO_RANKING).all()
        return f"nothing is verified: {few}, too few to compare models on" if thin else ""
    return (
        f"nothing is verified: only {positives} positive outcomes among the resolved forecasts, "
        f"and models are compared from {FEWEST_POSITIVES} on"
    )


def best_model(summary: pd.DataFrame, experiment: Experiment, target: Target) -> str:
    """The model to register: the lowest Brier score of those that are no mere reference.

    With fewer than 20 positives no ranking is claimed: then it is ``prior``, where it runs and has
    learnt the label from other conflicts, or else ``ewma_nb``.

    Parameters
    ----------
    summary : DataFrame
        A row per model: ``model``, ``brier`` and ``positives``.
    experiment : Experiment
    target : Target

    Raises
    ------
    GateError
        ``E-INSUFFICIENT`` when no model has a score.
    """
    scored = summary.set_index("model")
    if scored["positives"].max() < FEWEST_POSITIVES:
        ran = "prior" in scored.index
        return (
            "prior" if ran and build_model("prior", experiment, target).covers_label else "ewma_nb"
        )
    usable = scored["brier"].dropna()
    if usable.empty:
        raise GateError(
            "E-INSUFFICIENT",
            "no model could be scored: no forecast has resolved",
            fix="give later events, or an earlier first_origin under [backtest]",
        )
    return str(
        usable.drop(labels=[b for b in BASELINES if b != "ewma_nb"], errors="ignore").idxmin()
    )
