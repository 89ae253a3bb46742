"""Train an experiment: backtest every model, compare, and refit on all resolved rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from escalation import metrics
from escalation._util.number_cache import NumberCache
from escalation._util.progress import Progress, silent
from escalation.backtest.case import Case, add_features, make_case
from escalation.backtest.fitting import build_model, fit_models
from escalation.backtest.learnability import (
    learnable_cases,
    prior_only,
    require_answerable,
    run_each,
)
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

_TRIVIAL = [name for name in BASELINES if name != "ewma_nb"]


@dataclass(frozen=True)
class Trained:
    """Result of training one label.

    Parameters
    ----------
    case : Case
    forecasts : DataFrame
        Forecasts of all models on all origins.
    summary : DataFrame
        One row per model with scores, skill, intervals and verdict.
    models : dict
        All models, refitted on the rows resolved by the last day.
    best : str
        The model to register.
    null_share : float
        Share of positives if nothing ever changed.
    table : Table
        Training rows of the models.
    ablation : DataFrame, optional
        From :func:`escalation.backtest.ablation.family_ablation`, if requested.
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
        """Name of the label with its horizon."""
        return target_label(self.case.target)

    @property
    def no_change_sentence(self) -> str:
        """Sentence with the share of positives if nothing ever changed."""
        return (
            "If every unit kept its average rate, chance alone would make "
            f"{self.null_share:.1%} of the outcomes positive."
        )

    @property
    def trained_to(self) -> np.datetime64:
        """Day as of which the models were trained."""
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
        ``E-INSUFFICIENT`` if there is too little to learn from.
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
    """Train every label that can be learnt, after reporting the others to ``missing``.

    Parameters
    ----------
    archive : EventArchive
    experiment : Experiment
    progress : callable, optional
        Of the backtests.
    missing : callable, optional
        Called with the shortage of each label that is left out; warns by default.
    cache : NumberCache, optional
        Of the backtests.

    Raises
    ------
    GateError
        ``E-INSUFFICIENT`` if no label can be learnt.
    """
    cases = learnable_cases(archive, experiment, missing=missing)

    def train(case: Case) -> Trained:
        return train_case(add_features(case), progress=progress, cache=cache)

    return run_each(train, cases, missing=missing)


def train_case(
    case: Case, *, progress: Progress = silent, cache: NumberCache | None = None
) -> Trained:
    """Backtest and refit every model of a case with features.

    If none of their forecasts has resolved yet, only ``prior`` is used, from an earlier origin on.

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
        ``E-INSUFFICIENT`` if no forecast can be scored.
    """
    try:
        return _train(case, progress, cache)
    except Shortage as shortage:
        return _train(prior_only(case, shortage), progress, cache)


def _train(case: Case, progress: Progress, cache: NumberCache | None) -> Trained:
    days, experiment, target = case.prepared.days, case.experiment, case.target
    labels = case.labels_on(days[-1])
    table = case.training_table(days[-1], labels)
    forecasts = backtest_case(case, progress=progress, cache=cache)
    try:
        summary = metrics.summary(
            forecasts, horizon=target.horizon, seed=experiment.experiment.seed
        )
        best = best_model(summary, experiment, target)
    except GateError as error:
        raise Shortage(target_label(target), error.message, fix=error.fix) from None
    record = resolved_forecasts(case.prepared, forecasts, labels, at=len(days) - 1)
    return Trained(
        case=case,
        forecasts=forecasts,
        summary=summary,
        models=fit_models(
            experiment, target, table, record=record, custom_models=case.custom_models
        ),
        best=best,
        null_share=null_share(labels, case.back),
        table=table,
    )


def unverified_reason(summary: pd.DataFrame) -> str:
    """Why no model of a comparison counts as verified; empty if the data is enough."""
    positives = int(summary["positives"].max()) if len(summary) else 0
    if positives >= FEWEST_POSITIVES:
        dates = int(summary["dates"].max())
        if not (summary["verdict"] == f"{NO_RANKING}: {dates} dates").all():
            return ""
        return (
            f"nothing is verified: only {dates} dates among the resolved forecasts, too few to "
            "compare models"
        )
    return (
        f"nothing is verified: only {positives} positive outcomes among the resolved forecasts, "
        f"and comparing models needs {FEWEST_POSITIVES}"
    )


def remark_on_best(summary: pd.DataFrame) -> str:
    """What to know of the registered model: nothing is verified, or another has a lower score."""
    if reason := unverified_reason(summary):
        return reason
    lowest = summary.loc[summary["brier"].astype(float).idxmin(), "model"]
    return f"{lowest} is a trivial baseline and never registered" if lowest in _TRIVIAL else ""


def best_model(summary: pd.DataFrame, experiment: Experiment, target: Target) -> str:
    """The model to register: the lowest Brier score except for the trivial baselines.

    With fewer than 20 positives models are not ranked: ``prior`` is used if it runs and has learnt
    the label from other conflicts, otherwise ``ewma_nb``.

    Parameters
    ----------
    summary : DataFrame
        A row per model, with ``model``, ``brier`` and ``positives``.
    experiment : Experiment
    target : Target

    Raises
    ------
    GateError
        ``E-INSUFFICIENT`` if no model has a score.
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
            fix="add later events, or set an earlier first_origin under [backtest]",
        )
    return str(usable.drop(labels=_TRIVIAL, errors="ignore").idxmin())
