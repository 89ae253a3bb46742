"""Train an experiment: backtest every model, compare, refit the best on all that had matured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from escalation import metrics, schema
from escalation.artifact import Manifest, canary_of
from escalation.backtest import (
    Case,
    Progress,
    backtest_case,
    fit_models,
    make_case,
    silent,
)
from escalation.config import Experiment, target_label
from escalation.errors import GateError
from escalation.events.archive import EventArchive
from escalation.matured import matured_in, record_of
from escalation.models import BASELINES
from escalation.table import Table, require_learnable
from escalation.targets import Target
from escalation.targets.base import null_share

LEAST_POSITIVES = 20
"""With fewer positives no ranking is claimed and the baseline to beat is what gets registered."""


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
        Every model, refitted on all rows that had matured by the last day.
    best : str
        The model that gets registered.
    null_share : float
    table : Table
        What the models were refitted on.
    """

    case: Case
    forecasts: pd.DataFrame
    summary: pd.DataFrame
    models: dict[str, Any]
    best: str
    null_share: float
    table: Table

    @property
    def label(self) -> str:
        """Name of the label and its horizon."""
        return target_label(self.case.target)

    @property
    def trained_to(self) -> np.datetime64:
        """Last day of knowledge."""
        return self.case.prepared.days[-1]


def train_target(
    archive: EventArchive, experiment: Experiment, target: Target, *, progress: Progress = silent
) -> Trained:
    """Backtest and refit every model for one label.

    Raises
    ------
    GateError
        ``E-INSUFFICIENT`` when there is too little to learn from; nothing is stored then.
    """
    case = make_case(archive, experiment, target)
    days = case.prepared.days
    known = case.known_on(days[-1])
    table = case.training_table(days[-1], known)
    require_learnable(table, what=f"{target_label(target)} on {days[-1]}")
    forecasts = backtest_case(case, progress=progress)
    summary = metrics.summary(forecasts, horizon=target.horizon, seed=experiment.experiment.seed)
    record = matured_in(case.prepared, forecasts, known, at=len(days) - 1)
    return Trained(
        case, forecasts, summary, fit_models(experiment, target, table, record=record),
        best_model(summary), null_share(known, case.back), table,
    )  # fmt: skip


def best_model(summary: pd.DataFrame) -> str:
    """The model to register: the lowest Brier score, or the baseline if too few positives."""
    scored = summary.set_index("model")
    if scored["positives"].max() < LEAST_POSITIVES:
        return "ewma_nb"
    usable = scored["brier"].dropna()
    if usable.empty:
        raise GateError("E-INSUFFICIENT", "expected at least one scored model, got none")
    return str(
        usable.drop(labels=[b for b in BASELINES if b != "ewma_nb"], errors="ignore").idxmin()
    )


def manifest_of(trained: Trained, family: str) -> Manifest:
    """Everything about a fitted model that is data."""
    case, X = trained.case, trained.table.X
    last = len(case.prepared.days) - 1
    known = case.known_on(trained.trained_to)
    issued = matured_in(case.prepared, trained.forecasts, known, at=last)
    record = record_of(issued, family, horizon=case.target.horizon)
    return Manifest(
        family=family,
        experiment=case.experiment.model_dump(mode="json"),
        target=case.experiment.targets[case.experiment.labels.index(case.target)],
        columns=list(X.columns),
        trained_to=str(trained.trained_to),
        data_digest=case.prepared.archive.until(trained.trained_to).digest,
        known_basis=case.prepared.archive.known_basis,
        base_rate=base_rates(trained),
        record=record.as_dict(),
        null_share=trained.null_share,
        canary=canary_of(trained.models[family], X),
        typical={str(name): float(value) for name, value in X.median().items()},
        event_types=sorted(case.prepared.archive.as_of(trained.trained_to)["event_type"].unique()),
    )


def base_rates(trained: Trained) -> dict[str, Any]:
    """The climatology of every unit, and of one never seen (``pool``)."""
    units = [*trained.case.prepared.vintages.units, "\x00never seen"]
    index = pd.MultiIndex.from_product([units, [pd.NaT]], names=[schema.UNIT, schema.DAY])
    row = trained.table.X.iloc[[0] * len(units)].set_index(index)
    rates = trained.models["climatology"].predict_proba(row)[:, 1]
    named = dict(zip(units, rates.tolist(), strict=True))
    pool = named.pop(units[-1])
    return {"pool": pool, "units": named}
