"""Models against one of them: differences, skill and a test, on the same rows."""

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
from escalation.metrics.summary import SKILL_PREFIX, ends, facts, skill_ends, tidy


def compare(
    forecasts: pd.DataFrame, *, reference: str, horizon: int | None = None, seed: int = 0
) -> pd.DataFrame:
    """Each model less the reference, with 95% intervals and Diebold-Mariano tests.

    Parameters
    ----------
    forecasts : pandas.DataFrame
        As for :func:`escalation.metrics.summary`.
    reference : str
        Name of the model that the others are held against.
    horizon : int, optional
        Only forecasts so many days ahead.
    seed : int, optional
        Of the bootstrap.

    Returns
    -------
    pandas.DataFrame
        One row per label and other model: ``skill`` and ``log_skill`` (above 0 is better than the
        reference); ``brier_difference``, ``log_score_difference`` (below 0 is better);
        ``average_precision_difference``, ``auc_difference`` (above 0 is better); each with
        ``_lower`` and ``_upper``; and ``brier_dm``, ``brier_dm_p``, ``log_score_dm``,
        ``log_score_dm_p`` (statistic and p-value).

    Raises
    ------
    UsageError
        ``E-MODEL`` when the reference did not forecast.
    GateError, InputError
        As :func:`escalation.metrics.summary`.
    """
    rows: list[dict[str, Any]] = []
    for paired in pair(forecasts, horizon=horizon):
        if reference not in paired.models:
            raise UsageError(
                "E-MODEL",
                f"expected a model that forecast {paired.target}: {', '.join(paired.models)}",
                value=reference,
            )
        rows += _rows(paired, reference, seed=seed)
    return tidy(rows)


def _rows(paired: Paired, reference: str, *, seed: int) -> list[dict[str, Any]]:
    drawn = resample(paired.days, horizon=paired.horizon, seed=seed)
    length = block_length(paired.days, horizon=paired.horizon)
    losses, total = paired.losses_by_date(), paired.by_date(np.ones(len(paired.outcome)))
    replicated, points = drawn.sums(losses) / drawn.sums(total), losses.sum(axis=-1) / total.sum()
    r = paired.models.index(reference)

    def rankings(model: str) -> tuple[Array, Array]:
        p = paired.of(model)
        point = np.array([average_precision(p, paired.outcome), auc(p, paired.outcome)])
        return point, ranking_replicates(p, paired.outcome, paired.date, drawn.counts)

    base, base_replicates = rankings(reference)
    out = []
    for m, model in enumerate(paired.models):
        if m == r:
            continue
        row = {**facts(paired, model), "reference": reference}
        for s, name in enumerate(LOSSES):
            mine, its = points[s, m], points[s, r]
            row |= skill_ends(SKILL_PREFIX[name], points[s], replicated[s], m, r, drawn)
            row |= ends(
                f"{name}_difference", mine - its, replicated[s, m] - replicated[s, r], drawn
            )
            test = diebold_mariano((losses[s, m] - losses[s, r]) / total, bandwidth=length)
            row |= {f"{name}_dm": test.statistic, f"{name}_dm_p": test.p_value}
        point, replicates = rankings(model)
        for k, name in enumerate(("average_precision", "auc")):
            row |= ends(
                f"{name}_difference", point[k] - base[k], replicates[k] - base_replicates[k], drawn
            )
        out.append(row)
    return out
