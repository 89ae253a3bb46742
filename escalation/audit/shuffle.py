"""The check that no model shows skill on shuffled outcomes.

Outcomes are shuffled in blocks of dates as long as the horizon, for all units alike. A sound fit
ends one horizon before its forecasts, so no training row shares a block with them, and nothing
that a model may use predicts the outcome. A split that leaks, leaks the shuffled outcomes too.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from escalation import schema
from escalation.audit.cases import Cases
from escalation.audit.findings import CheckResult, Finding
from escalation.backtest.case import Case, origins
from escalation.backtest.rolling import backtest_case
from escalation.errors import GateError
from escalation.targets import Labels

REFITS = 3
LIMIT = 4.0
"""Standard errors above no skill, exceeded by chance once in tens of thousands of models."""
MIN_BLOCKS = 8
MEMORY = "memory"
MAX_MEMORY_DAYS = 24
"""Days for which the memory makes forecasts."""


@dataclass(frozen=True)
class ShuffledCase(Case):
    """A case with its outcomes in another order of dates.

    Parameters
    ----------
    outcome : ndarray of float64, shape (unit, day)
        They resolve on the same days as the true ones.
    """

    outcome: NDArray[np.float64]

    def labels_on(self, day: object) -> Labels:
        known = super().labels_on(day)
        count = np.where(np.isnan(known.count), np.nan, self.outcome * known.threshold)
        return Labels(count, known.threshold, known.at_risk)


def shuffle_outcomes(case: Case, *, seed: int) -> ShuffledCase:
    """The case with its outcomes in another order of dates.

    Parameters
    ----------
    case : Case
    seed : int
    """
    true = case.labels_on(case.prepared.days[-1]).outcome
    resolved = int((~np.isnan(true)).any(axis=0).sum())
    outcome = true.copy()
    outcome[:, :resolved] = true[:, _block_order(resolved, case.target.horizon, seed=seed)]
    return ShuffledCase(case.experiment, case.target, case.prepared, case.back, outcome)


def _block_order(count: int, length: int, *, seed: int) -> NDArray[np.int64]:
    """Positions from 0 in another order, in whole blocks of a length.

    Examples
    --------
    >>> _block_order(7, 3, seed=3).tolist()
    [6, 3, 4, 5, 0, 1, 2]
    """
    blocks = np.split(np.arange(count), np.arange(length, count, length))
    order = np.random.default_rng(seed).permutation(len(blocks))
    return np.concatenate([blocks[i] for i in order])


def label_shuffle(cases: Cases, *, seeds: int) -> CheckResult:
    """Check that no model, nor a memory, has skill on shuffled outcomes over each unit's base rate.

    Parameters
    ----------
    cases : Cases
    seeds : int
        Number of shuffles.
    """
    gains = []
    try:
        case = _daily(cases.case)
        for seed in range(seeds):
            other = shuffle_outcomes(case, seed=seed)
            for forecasts in (backtest_case(other), memory_forecasts(other)):
                gains.append(_block_gains(forecasts, cases.target.horizon))
    except GateError as error:
        return CheckResult("label shuffle", 0, note=f"skipped: {error.message}")
    findings = []
    for model, column in pd.concat(gains).items():
        sums = column.dropna()
        total, standard_error = sums.sum(), sums.std() * np.sqrt(len(sums))
        if len(sums) >= MIN_BLOCKS and total > LIMIT * standard_error > 0:
            says = (
                f"{model} shows skill on shuffled outcomes: it removes {total:.1f} of Brier "
                f"score, {total / standard_error:.1f} standard errors above zero"
            )
            findings.append(Finding("label shuffle", f"skill of {model}", "", "", says))
    return CheckResult("label shuffle", seeds, tuple(findings))


def _daily(case: Case) -> Case:
    """The case with an origin on every day from the first to the last, and few refits."""
    issued = origins(case)
    first, last = case.prepared.days[issued[[0, -1]]].astype(dt.date)
    count = int(issued[-1] - issued[0]) + 1
    changes = {
        "first_origin": first,
        "last_origin": last,
        "every": 1,
        "refit_every": max(1, -(-count // REFITS)),
    }
    schedule = case.experiment.backtest.model_copy(update=changes)
    return replace(case, experiment=case.experiment.model_copy(update={"backtest": schedule}))


def memory_forecasts(case: Case) -> pd.DataFrame:
    """Forecasts equal to the outcome of the unit's training row that is nearest in time.

    This memory learns nothing and forgets nothing, so it shows a leaking split even if the models
    of the experiment are too simple to.
    """
    issued = origins(case)
    final = case.labels_on(case.prepared.days[-1])
    tables = []
    for at in issued[:: -(-len(issued) // MAX_MEMORY_DAYS)]:
        training = case.training_table(case.prepared.days[at])
        table = case.rows_on(np.array([at]), final)
        rows = table.X.index.to_frame(index=False)
        rows = rows.assign(**{schema.OUTCOME: table.outcome})[table.at_risk]
        past = training.X.index.to_frame(index=False).assign(probability=training.outcome)
        pairs = rows.merge(past, on=schema.UNIT, suffixes=("", "_learned"))
        pairs["gap"] = (pairs[schema.DAY] - pairs[f"{schema.DAY}_learned"]).abs()
        tables.append(pairs.sort_values("gap", kind="stable").drop_duplicates(schema.UNIT))
    forecasts = pd.concat(tables, ignore_index=True).assign(model=MEMORY)
    return forecasts.assign(probability=0.1 + 0.8 * forecasts["probability"])


def _block_gains(forecasts: pd.DataFrame, horizon: int) -> pd.DataFrame:
    """Brier score that each model removes from that of the unit's base rate, by block of dates.

    The base rate is that of the scored outcomes themselves, so only a leak can do better. A row is
    a block of two horizons, a column a model.
    """
    rows = forecasts.dropna(subset=["probability", schema.OUTCOME])
    outcome = rows[schema.OUTCOME]
    share = rows.assign(y=outcome).groupby(["model", schema.UNIT])["y"].transform("mean")
    gain = (share - outcome) ** 2 - (rows["probability"] - outcome) ** 2
    days = (rows[schema.DAY] - rows[schema.DAY].min()).dt.days
    return gain.groupby([days // (2 * horizon), rows["model"]]).sum().unstack()
