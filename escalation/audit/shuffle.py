"""The check that nothing can be learned where there is nothing to learn.

Outcomes are shuffled in blocks of dates as long as the horizon, for all units alike. An honest fit
ends a horizon before its forecasts, so no training row shares a block with them, and nothing that a
model may know says anything about what comes. A split that leaks, leaks the shuffled outcomes too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from escalation import schema
from escalation.audit.cases import Cases, shuffle_schedule
from escalation.audit.findings import CheckResult, Finding
from escalation.backtest.case import Case, origins
from escalation.backtest.rolling import backtest_case
from escalation.errors import GateError
from escalation.targets import Labels

REFITS = 3
LIMIT = 4.0
"""Standard errors above no skill: chance does so once in tens of thousands of models."""
LEAST_BLOCKS = 8
MEMORY = "memory"
MOST_REMEMBERED = 24
"""Days on which the memory is asked."""


@dataclass(frozen=True)
class Shuffled(Case):
    """A case whose outcomes came in another order of dates.

    Parameters
    ----------
    outcome : ndarray of float64, shape (unit, day)
        They resolve as the true ones do.
    """

    outcome: NDArray[np.float64]

    def labels_on(self, day: object) -> Labels:
        known = super().labels_on(day)
        count = np.where(np.isnan(known.count), np.nan, self.outcome * known.threshold)
        return Labels(count, known.threshold, known.at_risk)


def shuffled(case: Case, *, seed: int) -> Shuffled:
    """A case with its outcomes in another order of dates.

    Parameters
    ----------
    case : Case
    seed : int
    """
    true = case.labels_on(case.prepared.days[-1]).outcome
    resolved = int((~np.isnan(true)).any(axis=0).sum())
    outcome = true.copy()
    outcome[:, :resolved] = true[:, _block_order(resolved, case.target.horizon, seed=seed)]
    return Shuffled(case.experiment, case.target, case.prepared, case.back, outcome)


def _block_order(count: int, length: int, *, seed: int) -> NDArray[np.int64]:
    """Positions from 0 on in another order, whole blocks of a length at a time.

    Examples
    --------
    >>> _block_order(7, 3, seed=3).tolist()
    [6, 3, 4, 5, 0, 1, 2]
    """
    blocks = np.split(np.arange(count), np.arange(length, count, length))
    mixed = np.random.default_rng(seed).permutation(len(blocks))
    return np.concatenate([blocks[i] for i in mixed])


def label_shuffle(cases: Cases, *, seeds: int) -> CheckResult:
    """Skill on shuffled outcomes of every model, and of a memory, over each unit's own share.

    Parameters
    ----------
    cases : Cases
    seeds : int
        Number of shuffles.
    """
    try:
        schedule = shuffle_schedule(cases.case, REFITS)
        experiment = cases.experiment.model_copy(update={"backtest": schedule})
        case = replace(cases.case, experiment=experiment)
        runs = [forecasts for seed in range(seeds) for forecasts in _run(shuffled(case, seed=seed))]
    except GateError as error:
        return CheckResult("label shuffle", 0, note=f"not made: {error.message}")
    gains = pd.concat([_block_gains(run, cases.target.horizon) for run in runs])
    findings = []
    for model, column in gains.items():
        sums = column.dropna()
        spread = sums.std() * np.sqrt(len(sums))
        if len(sums) >= LEAST_BLOCKS and sums.sum() > LIMIT * spread > 0:
            says = (
                f"{model} shows skill on shuffled outcomes: it removes {sums.sum():.1f} of Brier "
                f"score, {sums.sum() / spread:.1f} standard errors above nothing"
            )
            findings.append(Finding("label shuffle", f"skill of {model}", "", "", says))
    return CheckResult("label shuffle", seeds, tuple(findings))


def _run(case: Shuffled) -> tuple[pd.DataFrame, pd.DataFrame]:
    return backtest_case(case), remembered(case)


def remembered(case: Case) -> pd.DataFrame:
    """Forecasts of a memory: the outcome of the unit's training row that is nearest in time.

    It learns nothing and forgets nothing, so it shows a leaking split even where the models of the
    experiment are too simple to.
    """
    every = origins(case)
    final = case.labels_on(case.prepared.days[-1])
    parts = []
    for at in every[:: -(-len(every) // MOST_REMEMBERED)]:
        learned = case.training_table(case.prepared.days[at])
        table = case.rows_on(np.array([at]), final)
        rows = table.X.index.to_frame(index=False)
        rows = rows.assign(**{schema.OUTCOME: table.outcome})[table.at_risk]
        past = learned.X.index.to_frame(index=False).assign(probability=learned.outcome)
        pairs = rows.merge(past, on=schema.UNIT, suffixes=("", "_learned"))
        pairs["gap"] = (pairs[schema.DAY] - pairs[f"{schema.DAY}_learned"]).abs()
        parts.append(pairs.sort_values("gap", kind="stable").drop_duplicates(schema.UNIT))
    forecasts = pd.concat(parts, ignore_index=True).assign(model=MEMORY)
    return forecasts.assign(probability=0.1 + 0.8 * forecasts["probability"])


def _block_gains(forecasts: pd.DataFrame, horizon: int) -> pd.DataFrame:
    """Brier score that each model removes from that of the unit's own share, by block of dates.

    The share is that of the very outcomes which are scored, so only a leak can do better. A row is
    a block of two horizons, a column a model.
    """
    rows = forecasts.dropna(subset=["probability", schema.OUTCOME])
    outcome = rows[schema.OUTCOME]
    share = rows.assign(y=outcome).groupby(["model", schema.UNIT])["y"].transform("mean")
    gain = (share - outcome) ** 2 - (rows["probability"] - outcome) ** 2
    days = (rows[schema.DAY] - rows[schema.DAY].min()).dt.days
    return gain.groupby([days // (2 * horizon), rows["model"]]).sum().unstack()
