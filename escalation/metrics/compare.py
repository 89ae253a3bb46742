"""Models compared with a reference: differences, skill and tests on the same rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from escalation._util.arrays import Array
from escalation.errors import UsageError
from escalation.metrics.bootstrap import block_length, resample
from escalation.metrics.dm import diebold_mariano
from escalation.metrics.paired import Paired, pair
from escalation.metrics.ranking import ranking_replicates
from escalation.metrics.scores import LOSSES, auc, average_precision
from escalation.metrics.summary import (
    SKILL_PREFIX,
    nullable_table,
    skill_with_interval,
    with_interval,
)


def compare(
    forecasts: pd.DataFrame, *, reference: str, horizon: int | None = None, seed: int = 0
) -> pd.DataFrame:
    """Each model minus the reference, with 95% intervals and Diebold-Mariano tests.

    Parameters
    ----------
    forecasts : pandas.DataFrame
        As for :func:`escalation.metrics.summary`.
    reference : str
        Name of the model that the others are compared with.
    horizon : int, optional
        Only forecasts for this horizon, in days.
    seed : int, optional
        Seed of the bootstrap.

    Returns
    -------
    pandas.DataFrame
        One row per label and other model: ``skill``, ``log_skill``,
        ``average_precision_difference`` and ``auc_difference`` (above 0 is better than the
        reference), ``brier_difference`` and ``log_score_difference`` (below 0 is better), each with
        ``_lower`` and ``_upper``; and ``brier_dm``, ``brier_dm_p``, ``log_score_dm``,
        ``log_score_dm_p`` (statistic and p-value).

    Raises
    ------
    UsageError
        ``E-MODEL`` if there are no forecasts of the reference.
    GateError, InputError
        As :func:`escalation.metrics.summary`.
    """
    rows: list[dict[str, Any]] = []
    for paired in pair(forecasts, horizon=horizon):
        if reference not in paired.models:
            raise UsageError(
                "E-MODEL",
                f"no forecasts of {paired.target}; models: {', '.join(paired.models)}",
                value=reference,
            )
        rows += _rows(paired, reference, seed=seed)
    return nullable_table(rows)


def _rows(paired: Paired, reference: str, *, seed: int) -> list[dict[str, Any]]:
    resampling = resample(paired.days, horizon=paired.horizon, seed=seed)
    length = block_length(paired.days, horizon=paired.horizon)
    losses, total = paired.losses_by_date(), paired.by_date(np.ones(len(paired.outcome)))
    replicated = resampling.sums(losses) / resampling.sums(total)
    points = losses.sum(axis=-1) / total.sum()
    r = paired.models.index(reference)

    def rankings(model: str) -> tuple[Array, Array]:
        p = paired.of(model)
        point = np.array([average_precision(p, paired.outcome), auc(p, paired.outcome)])
        return point, ranking_replicates(p, paired.outcome, paired.date, resampling.counts)

    base_ranking, base_replicates = rankings(reference)
    rows = []
    for m, model in enumerate(paired.models):
        if m == r:
            continue
        row = {**paired.header(model), "reference": reference}
        for s, name in enumerate(LOSSES):
            difference = points[s, m] - points[s, r]
            replicates = replicated[s, m] - replicated[s, r]
            row |= skill_with_interval(
                SKILL_PREFIX[name], points[s], replicated[s], m, r, resampling
            )
            row |= with_interval(f"{name}_difference", difference, replicates, resampling)
            test = diebold_mariano((losses[s, m] - losses[s, r]) / total, bandwidth=length)
            row |= {f"{name}_dm": test.statistic, f"{name}_dm_p": test.p_value}
        ranking, replicates = rankings(model)
        for k, name in enumerate(("average_precision", "auc")):
            difference = ranking[k] - base_ranking[k]
            change = replicates[k] - base_replicates[k]
            row |= with_interval(f"{name}_difference", difference, change, resampling)
        rows.append(row)
    return rows
