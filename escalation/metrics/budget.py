"""Recall, precision and lead time for an analyst who can check k alerts per issue date."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from escalation import schema
from escalation._util.arrays import Array
from escalation.errors import UsageError
from escalation.metrics.paired import Paired, pair
from escalation.metrics.summary import nullable_table


def alert_shares(paired: Paired, model: str, *, budget: int) -> Array:
    """Share of an alert that each row gets when the k highest rows of each date are checked.

    Rows tied at the cut-off share the remaining alerts equally, so neither the order of the rows
    nor the names of units matter.

    Parameters
    ----------
    paired : Paired
    model : str
    budget : int
        k, alerts per issue date.

    Returns
    -------
    ndarray, shape (row,)
        In [0, 1]; each date sums to k, or to its number of rows if that is smaller.
    """
    p = paired.of(model)
    order = np.lexsort((-p, paired.date))
    date, descending = paired.date[order], p[order]
    new_date = np.diff(date, prepend=-1) > 0
    new_tie = new_date | (np.diff(descending, prepend=np.nan) != 0.0)
    row = np.arange(len(p))
    rank = row - np.maximum.accumulate(np.where(new_date, row, 0))
    tie = new_tie.cumsum() - 1
    above, size = rank[new_tie], np.bincount(tie)
    share = np.clip((budget - above) / size, 0.0, 1.0)
    out = np.empty(len(p))
    out[order] = share[tie]
    return out


def alert_budget(
    forecasts: pd.DataFrame,
    *,
    budget: int,
    horizon: int | None = None,
    first_event_days: pd.Series | None = None,
) -> pd.DataFrame:
    """Recall, precision, false alarms per hit and lead time with a budget of alerts per date.

    The unit ``all`` gets no alert, unless it is the only one.

    Parameters
    ----------
    forecasts : pandas.DataFrame
        As for :func:`escalation.metrics.summary`.
    budget : int
        k, alerts per issue date over all units, at least 1.
    horizon : int, optional
        Only forecasts for this horizon, in days.
    first_event_days : pandas.Series, optional
        Days from the issue day to the first event that counts, 1 to horizon, by unit (by unit key
        if the forecasts have one) and day. Without it, lead times are NA.

    Returns
    -------
    pandas.DataFrame
        One row per label and model: ``alerts``, ``hits`` (fractional if tied rows share alerts),
        ``recall`` = hits / positives, ``precision`` = hits / alerts, ``false_alarms_per_hit``,
        ``median_lead_days`` over hits. Undefined values are NA.

    Raises
    ------
    UsageError
        ``E-BUDGET`` if the budget is below 1.
    GateError, InputError
        As :func:`escalation.metrics.summary`.

    Examples
    --------
    >>> one_day = pd.DataFrame({"model": "m", "target": "any", "unit": ["a", "b", "c"],
    ...     "day": pd.Timestamp("2020-01-01"), "horizon": 7, "probability": [0.9, 0.5, 0.2],
    ...     "outcome": [1.0, 0.0, 1.0], "at_risk": True})
    >>> alert_budget(one_day, budget=2)[["recall", "precision", "false_alarms_per_hit"]]
       recall  precision  false_alarms_per_hit
    0     0.5        0.5                   1.0
    """
    if budget < 1:
        raise UsageError(
            "E-BUDGET", "the budget must be at least one alert per issue date", value=budget
        )
    rows: list[dict[str, Any]] = []
    in_all = forecasts[schema.UNIT] == schema.ALL_UNIT
    alertable = forecasts if in_all.all() else forecasts[~in_all]
    for paired in pair(alertable, horizon=horizon):
        lead_days = _lead_days(paired, first_event_days)
        for model in paired.models:
            share = alert_shares(paired, model, budget=budget)
            header = {**paired.header(model), "budget": budget}
            rows.append(header | _alert_columns(share, paired.outcome, lead_days))
    return nullable_table(rows)


def _alert_columns(share: Array, outcome: Array, lead_days: Array) -> dict[str, float]:
    alerts, hits, positives = share.sum(), float(share @ outcome), outcome.sum()
    return {
        "alerts": alerts,
        "hits": hits,
        "recall": hits / positives if positives else np.nan,
        "precision": hits / alerts,
        "false_alarms_per_hit": (alerts - hits) / hits if hits else np.nan,
        "median_lead_days": weighted_median(lead_days, share * outcome),
    }


def _lead_days(paired: Paired, first_event_days: pd.Series | None) -> Array:
    """Lead time of each row in days; NaN if unknown."""
    if first_event_days is None:
        return np.full(len(paired.outcome), np.nan)
    unit, day = (first_event_days.index.get_level_values(level) for level in (0, 1))
    days = first_event_days.set_axis(
        pd.MultiIndex.from_arrays([unit.astype(str), day.astype("datetime64[ns]")])
    )
    row_days = paired.days[paired.date].astype("datetime64[ns]")
    rows = pd.MultiIndex.from_arrays([paired.unit_key, row_days])
    return days.reindex(rows).to_numpy(dtype=np.float64, na_value=np.nan)


def weighted_median(values: Array, weights: Array) -> float:
    """Weighted median of the known values; the mean of two values if it falls between them.

    Parameters
    ----------
    values : ndarray, shape (row,)
        NaN if unknown.
    weights : ndarray, shape (row,)
        Nonnegative.

    Returns
    -------
    float
        NaN if no known value has a positive weight.

    Examples
    --------
    >>> weighted_median(np.array([1.0, 2.0, 9.0]), np.array([1.0, 1.0, 1.0]))
    2.0
    """
    use = np.isfinite(values) & (weights > 0)
    if not use.any():
        return np.nan
    order = np.argsort(values[use], kind="stable")
    value, total = values[use][order], weights[use][order].cumsum()
    half = total[-1] / 2.0
    low = value[np.searchsorted(total, half, side="left")]
    high = value[min(np.searchsorted(total, half, side="right"), len(value) - 1)]
    return float((low + high) / 2.0)
