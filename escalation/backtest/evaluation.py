"""Evaluation of the models of a backtest, as tables."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from escalation import metrics, schema
from escalation.backtest.case import Case
from escalation.backtest.table import positions
from escalation.errors import GateError
from escalation.metrics.murphy import THRESHOLDS
from escalation.metrics.paired import pair

BUDGETS = (1, 2, 3, 5, 10)
"""Alerts per week."""
ALERT_DAYS = 7
QUIET_DAYS = 28
QUIET_COLUMN = f"{schema.HISTORY}sum_{QUIET_DAYS}d"


@dataclass(frozen=True)
class Evaluation:
    """Tables about the models of one label.

    Parameters
    ----------
    comparison : DataFrame
        From :func:`escalation.metrics.summary`.
    by_unit, by_month, by_horizon : DataFrame
        From :func:`escalation.metrics.skill_by`.
    quiet : DataFrame
        The comparison on quiet units alone, without events of the label in the past 28 days; empty
        if there are none.
    alerts : DataFrame
        From :func:`escalation.metrics.alert_budget`, one row per model and budget, over issue dates
        at least a week apart.
    running : DataFrame
        From :func:`escalation.metrics.running`.
    decisions : DataFrame
        ``model``, ``threshold``, ``cost`` (elementary score) and ``value`` (relative economic
        value at that ratio of cost to loss).
    """

    comparison: pd.DataFrame
    by_unit: pd.DataFrame
    by_month: pd.DataFrame
    by_horizon: pd.DataFrame
    quiet: pd.DataFrame
    alerts: pd.DataFrame
    running: pd.DataFrame
    decisions: pd.DataFrame


def evaluate(
    case: Case,
    forecasts: pd.DataFrame,
    *,
    summary: pd.DataFrame,
    others: pd.DataFrame | None = None,
) -> Evaluation:
    """Compute every table about one label.

    Parameters
    ----------
    case : Case
        Source of the forecasts.
    forecasts : DataFrame
        Forecasts of all models on all origins.
    summary : DataFrame
        Their comparison.
    others : DataFrame, optional
        Forecasts of the same kind of label at other horizons.
    """
    seed = case.experiment.experiment.seed
    horizons = forecasts if others is None else pd.concat([forecasts, others], ignore_index=True)
    return Evaluation(
        comparison=summary,
        by_unit=metrics.skill_by(forecasts, "unit", seed=seed),
        by_month=metrics.skill_by(forecasts, "month", seed=seed),
        by_horizon=metrics.skill_by(horizons, "horizon", seed=seed),
        quiet=_quiet(case, forecasts, like=summary, seed=seed),
        alerts=_alerts_a_week(forecasts, first_event_days=_first_event_days(case)),
        running=metrics.running(forecasts),
        decisions=_decision_costs(forecasts),
    )


def _quiet(case: Case, forecasts: pd.DataFrame, *, like: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Summary for units without events of the label in the past 28 days, as known then."""
    past = case.back.history.get(QUIET_COLUMN)
    if past is None:
        return like.head(0)
    rows = positions(case.prepared.unit_keys, case.prepared.days, forecasts)
    try:
        return metrics.summary(forecasts[past[rows] == 0.0], seed=seed)
    except GateError:  # no row with a known outcome
        return like.head(0)


def _first_event_days(case: Case) -> pd.Series | None:
    """Days from each day to the next event that counts, by unit key and day.

    NaN if the archive covers no later one; None for labels that do not count one channel.
    """
    prepared = case.prepared
    panel = prepared.panel_on(prepared.days[-1])
    if "target" not in panel.channels:
        return None
    hit = panel["target"] > 0
    day = np.arange(hit.shape[1], dtype=np.float64)
    next_hit = np.minimum.accumulate(np.where(hit, day, np.inf)[:, ::-1], axis=1)[:, ::-1]
    ahead = np.full(hit.shape, np.inf)
    ahead[:, :-1] = next_hit[:, 1:] - day[:-1]
    names = [schema.UNIT_KEY, schema.DAY]
    index = pd.MultiIndex.from_product([panel.units, panel.days], names=names)
    return pd.Series(np.where(np.isfinite(ahead), ahead, np.nan).ravel(), index=index)


def _weekly(forecasts: pd.DataFrame) -> pd.DataFrame:
    """Forecasts of the first issue date in each week, counted from the first date.

    Examples
    --------
    >>> days = pd.DataFrame({"day": pd.date_range("2020-01-01", periods=16)})
    >>> _weekly(days)["day"].dt.day.tolist()
    [1, 8, 15]
    """
    day = forecasts[schema.DAY]
    week = (day - day.min()).dt.days // ALERT_DAYS
    return forecasts[day == day.groupby(week).transform("min")]


def _alerts_a_week(forecasts: pd.DataFrame, *, first_event_days: pd.Series | None) -> pd.DataFrame:
    """Recall, precision, false alarms and lead time by model and budget below the unit count."""
    issued = _weekly(forecasts)
    units = issued.loc[issued[schema.UNIT] != schema.ALL_UNIT, schema.UNIT].nunique()
    budgets = [budget for budget in BUDGETS if budget < units or budget == BUDGETS[0]]
    try:
        tables = [
            metrics.alert_budget(issued, budget=budget, first_event_days=first_event_days)
            for budget in budgets
        ]
    except GateError:  # only `all` was ever at risk, which does not count against a budget
        return pd.DataFrame(columns=["model", "budget"])
    return pd.concat(tables, ignore_index=True)


def _decision_costs(forecasts: pd.DataFrame) -> pd.DataFrame:
    """Cost and relative value of acting on each model, by threshold."""
    tables = []
    for paired in pair(forecasts):
        for model in paired.models:
            p, y = paired.of(model), paired.outcome
            columns = {
                "target": paired.target,
                "horizon": paired.horizon,
                "model": model,
                "threshold": THRESHOLDS,
                "cost": metrics.elementary_scores(p, y),
                "value": metrics.relative_value(p, y),
            }
            tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)
