"""What an analyst gets who can look at k alerts per issue date."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from escalation import schema
from escalation._util.arrays import Array
from escalation.errors import UsageError
from escalation.metrics.paired import Paired, pair
from escalation.metrics.summary import facts, tidy


def alerts(paired: Paired, model: str, *, budget: int) -> Array:
    """Share of an alert that each row gets when the k highest of each date are looked at.

    Rows tied at the cut share the places that are left, as if drawn by lot: the order of rows and
    the names of units never decide.

    Parameters
    ----------
    paired : Paired
    model : str
    budget : int
        k, alerts per issue date.

    Returns
    -------
    ndarray, shape (row,)
        In [0, 1]; each date sums to k, or to its rows if there are fewer.
    """
    p = paired.of(model)
    order = np.lexsort((-p, paired.date))
    date, falling = paired.date[order], p[order]
    new_date = np.diff(date, prepend=-1) > 0
    new_tie = new_date | (np.diff(falling, prepend=np.nan) != 0.0)
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
    """Recall, precision, false alarms per hit and lead time under a budget of alerts per date.

    The unit that holds every event takes no alert, unless it is the only one.

    Parameters
    ----------
    forecasts : pandas.DataFrame
        As for :func:`escalation.metrics.summary`.
    budget : int
        k, alerts per issue date over all units, at least 1.
    horizon : int, optional
        Only forecasts so many days ahead.
    first_event_days : pandas.Series, optional
        Days from the issue day to the first event that counts, 1 to horizon, by unit (its key,
        where the forecasts have one) and day.
        Forecasts do not hold it; without it there is no lead time.

    Returns
    -------
    pandas.DataFrame
        One row per label and model: ``alerts``, ``hits`` (fractions where ties were cut),
        ``recall`` = hits / positives, ``precision`` = hits / alerts, ``false_alarms_per_hit``,
        ``median_lead_days`` over hits. What can't be computed is NA.

    Raises
    ------
    UsageError
        ``E-BUDGET`` below one alert.
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
        raise UsageError("E-BUDGET", "expected at least one alert per issue date", value=budget)
    rows: list[dict[str, Any]] = []
    whole = forecasts[schema.UNIT] == schema.ALL_UNIT
    places = forecasts if whole.all() else forecasts[~whole]
    for paired in pair(places, horizon=horizon):
        lead = _lead(paired, first_event_days)
        for model in paired.models:
            share = alerts(paired, model, budget=budget)
            head = {**facts(paired, model), "budget": budget}
            rows.append(head | _outcomes(share, paired.outcome, lead))
    return tidy(rows)


def _outcomes(share: Array, outcome: Array, lead: Array) -> dict[str, float]:
    given, hits, positives = share.sum(), float(share @ outcome), outcome.sum()
    return {
        "alerts": given,
        "hits": hits,
        "recall": hits / positives if positives else np.nan,
        "precision": hits / given,
        "false_alarms_per_hit": (given - hits) / hits if hits else np.nan,
        "median_lead_days": weighted_median(lead, share * outcome),
    }


def _lead(paired: Paired, first_event_days: pd.Series | None) -> Array:
    """Lead time of each row in days; NaN where it is not known."""
    if first_event_days is None:
        return np.full(len(paired.outcome), np.nan)
    at = pd.MultiIndex.from_arrays(
        [paired.unit_key, paired.days[paired.date].astype("datetime64[ns]")]
    )
    known = first_event_days.copy()
    known.index = pd.MultiIndex.from_arrays(
        [
            known.index.get_level_values(0).astype(str),
            known.index.get_level_values(1).astype("datetime64[ns]"),
        ]
    )
    return known.reindex(at).to_numpy(dtype=np.float64, na_value=np.nan)


def weighted_median(values: Array, weights: Array) -> float:
    """Middle of the values that are known and have weight; the mean of two where it falls between.

    Parameters
    ----------
    values : ndarray, shape (row,)
        NaN where unknown.
    weights : ndarray, shape (row,)
        Not negative.

    Returns
    -------
    float
        NaN where no known value has weight.

    Examples
    --------
    >>> weighted_median(np.array([1.0, 2.0, 9.0]), np.array([1.0, 1.0, 1.0]))
    2.0
    """
    use = np.isfinite(values) & (weights > 0)
    if not use.any():
        return np.nan
    order = np.argsort(values[use], kind="stable")
    value, reached = values[use][order], weights[use][order].cumsum()
    half = reached[-1] / 2.0
    low = value[np.searchsorted(reached, half, side="left")]
    high = value[min(np.searchsorted(reached, half, side="right"), len(value) - 1)]
    return float((low + high) / 2.0)
