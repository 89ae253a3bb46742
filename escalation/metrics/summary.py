"""The summary table: scores, intervals and a verdict for each label and model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from escalation import metrics, schema
from escalation._util.arrays import Array
from escalation.metrics.bootstrap import (
    FEWEST_BLOCKS,
    Resampling,
    block_length,
    interval,
    resample,
)
from escalation.metrics.dm import diebold_mariano
from escalation.metrics.paired import Paired, pair
from escalation.metrics.ranking import ranking_replicates
from escalation.metrics.scores import LOSSES

REFERENCES: Final = ("climatology", schema.BASELINE)
FEWEST_POSITIVES: Final = 20
COUNT_NAMES: Final = ("rows", "left_out", "positives", "units", "dates")
SKILL_PREFIX: Final = {"brier": "skill", "log_score": "log_skill"}


def summary(forecasts: pd.DataFrame, *, horizon: int | None = None, seed: int = 0) -> pd.DataFrame:
    """Scores, skill, rankings and calibration of every model, on the rows that all models forecast.

    Parameters
    ----------
    forecasts : pandas.DataFrame
        Columns model, target, unit, day, horizon, probability, outcome, at_risk. Rows not at risk
        or without a known outcome are ignored.
    horizon : int, optional
        Only forecasts for this horizon, in days; by default each horizon gets its own rows.
    seed : int, optional
        Seed of the bootstrap.

    Returns
    -------
    pandas.DataFrame
        ``target``, ``horizon``, ``model``; ``rows``, ``left_out`` (rows without a forecast of
        some model), ``positives``, ``units``, ``dates``; ``brier``, ``log_score``,
        ``average_precision``, ``auc``, ``skill_vs_climatology``, ``skill_vs_ewma_nb``,
        ``log_skill_vs_climatology`` and ``log_skill_vs_ewma_nb``, each with ``_lower`` and
        ``_upper`` (95%); ``dm_vs_climatology_p`` and ``dm_vs_ewma_nb_p``, the Diebold-Mariano test
        of equal Brier scores; the other metrics of :data:`escalation.metrics.METRICS`, without
        intervals; and a ``verdict``. Undefined values are NA.

    Raises
    ------
    GateError
        ``E-INSUFFICIENT`` if no row has a known outcome and a probability from every model.
    InputError
        ``E-PROBABILITY``, ``E-OUTCOME``, ``E-DUPLICATE`` or ``E-CONFLICT`` for invalid forecasts.

    Examples
    --------
    >>> days = np.repeat(np.arange("2020-01-01", "2020-12-01", 7, dtype="datetime64[D]"), 2)
    >>> happened = (np.arange(len(days)) % 3 == 0) * 1.0
    >>> table = pd.DataFrame({"target": "any", "unit": ["a", "b"] * 48, "day": days, "horizon": 7,
    ...     "outcome": happened, "at_risk": True})
    >>> both = pd.concat([table.assign(model="ewma_nb", probability=0.4),
    ...     table.assign(model="sharp", probability=0.2 + 0.6 * happened)])
    >>> summary(both)[["model", "positives", "skill_vs_ewma_nb", "verdict"]].round(2)
         model  positives  skill_vs_ewma_nb              verdict
    0  ewma_nb         32               0.0  no difference shown
    1    sharp         32              0.82  better than ewma_nb
    """
    rows = [row for paired in pair(forecasts, horizon=horizon) for row in _rows(paired, seed=seed)]
    return nullable_table(rows)


def nullable_table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Table of nullable columns, in which numbers that are not finite become NA."""
    table = pd.DataFrame(rows)
    for name in table.columns:
        if name in COUNT_NAMES or name == "horizon":
            table[name] = table[name].astype("Int64")
        elif pd.api.types.is_numeric_dtype(table[name]):
            values = table[name].to_numpy(np.float64)
            table[name] = pd.array(np.where(np.isfinite(values), values, np.nan), dtype="Float64")
    return table


def with_interval(
    name: str, value: float, replicates: Array, resampling: Resampling
) -> dict[str, float]:
    """A value and its interval as the columns ``name``, ``name_lower`` and ``name_upper``.

    Parameters
    ----------
    name : str
    value : float
    replicates : ndarray, shape (replicate,)
        The value in each replicate.
    resampling : Resampling
    """
    low, high = interval(replicates, blocks=resampling.blocks)
    return {name: value, f"{name}_lower": low, f"{name}_upper": high}


def skill(score: Any, reference: Any) -> Any:
    r"""Reduction in score relative to the reference, as a share.

    .. math:: 1 - S / S_{ref}

    If both scores are 0, the skill is 0; if only the reference is perfect, it is minus infinity.

    Parameters
    ----------
    score, reference : float or ndarray
        Mean losses, lower is better.

    Returns
    -------
    ndarray
        Above 0 if the model is better, 1 if it is perfect.

    Examples
    --------
    >>> float(skill(0.1, 0.2)), float(skill(0.0, 0.0))
    (0.5, 0.0)
    """
    score, reference = np.asarray(score, np.float64), np.asarray(reference, np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = score / reference
    return 1.0 - np.where((score == 0.0) & (reference == 0.0), 1.0, ratio)


def skill_with_interval(
    name: str, points: Array, replicated: Array, m: int, r: int | None, resampling: Resampling
) -> dict[str, float]:
    """Skill of one model over another with its interval; NaN if there is no reference.

    Parameters
    ----------
    name : str
    points : ndarray, shape (model,)
        Mean or summed losses.
    replicated : ndarray, shape (model, replicate)
        The same in each replicate.
    m, r : int
        Indices of the model and of its reference.
    resampling : Resampling
    """
    if r is None:
        return dict.fromkeys((name, f"{name}_lower", f"{name}_upper"), np.nan)
    value = float(skill(points[m], points[r]))
    return with_interval(name, value, skill(replicated[m], replicated[r]), resampling)


def _rows(paired: Paired, *, seed: int) -> list[dict[str, Any]]:
    """One row per model of one label."""
    resampling = resample(paired.days, horizon=paired.horizon, seed=seed)
    losses = paired.losses_by_date()
    total = paired.by_date(np.ones(len(paired.outcome)))
    replicated = resampling.sums(losses) / resampling.sums(total)
    points = losses.sum(axis=-1) / total.sum()
    rows = []
    for m, model in enumerate(paired.models):
        row = paired.header(model)
        for s, name in enumerate(LOSSES):
            row |= with_interval(name, points[s, m], replicated[s, m], resampling)
        for s, name in enumerate(LOSSES):
            for reference in REFERENCES:
                column, r = f"{SKILL_PREFIX[name]}_vs_{reference}", paired.position(reference)
                row |= skill_with_interval(column, points[s], replicated[s], m, r, resampling)
        row |= _tests(paired, losses[0] / total, m)
        p = paired.of(model)
        rankings = ranking_replicates(p, paired.outcome, paired.date, resampling.counts)
        for name, replicates in zip(("average_precision", "auc"), rankings, strict=True):
            value = metrics.METRICS[name](p, paired.outcome)
            row |= with_interval(name, value, replicates, resampling)
        row |= {
            name: metric(p, paired.outcome)
            for name, metric in metrics.METRICS.items()
            if name not in row
        }
        rows.append(row | {"verdict": verdict(row, blocks=resampling.blocks)})
    return rows


def _tests(paired: Paired, by_date: Array, m: int) -> dict[str, float]:
    """P-values of equal Brier scores; ``by_date`` holds mean losses, shape (model, date)."""
    length = block_length(paired.days, horizon=paired.horizon)
    p_values = dict.fromkeys((f"dm_vs_{name}_p" for name in REFERENCES), np.nan)
    for name in set(REFERENCES) & set(paired.models):
        difference = by_date[m] - by_date[paired.models.index(name)]
        p_values[f"dm_vs_{name}_p"] = diebold_mariano(difference, bandwidth=length).p_value
    return p_values


NO_RANKING: Final = "no ranking claimed"
"""How a verdict starts if the evidence is too thin."""


def verdict(row: Mapping[str, Any], *, blocks: float) -> str:
    """What the skill against the baseline shows, in words; no ranking on thin evidence.

    Parameters
    ----------
    row : mapping
        A row of the summary.
    blocks : float
        Number of independent stretches of time.
    """
    if row["positives"] < FEWEST_POSITIVES:
        return f"{NO_RANKING}: {row['positives']} positives"
    if blocks < FEWEST_BLOCKS:
        return f"{NO_RANKING}: {row['dates']} dates"
    low, high = row[f"skill_vs_{schema.BASELINE}_lower"], row[f"skill_vs_{schema.BASELINE}_upper"]
    if not (np.isfinite(low) and np.isfinite(high)):
        return f"{NO_RANKING}: no skill against {schema.BASELINE}"
    if low > 0.0:
        return f"better than {schema.BASELINE}"
    return f"worse than {schema.BASELINE}" if high < 0.0 else "no difference shown"
