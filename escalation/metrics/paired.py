"""The rows on which models are compared, the same rows for every model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from escalation import schema
from escalation._util.arrays import Array
from escalation.errors import GateError, InputError
from escalation.metrics.scores import LOSSES

FORECAST_KEY = ["target", "horizon", schema.DAY, schema.UNIT_KEY]


@dataclass(frozen=True)
class Paired:
    """Forecasts of several models for the same rows of one label, ordered by day and unit.

    Parameters
    ----------
    target : str
    horizon : int
        In days.
    models : tuple of str
    probability : ndarray, shape (model, row)
    outcome : ndarray, shape (row,)
        1 or 0.
    unit, unit_key : ndarray of str, shape (row,)
        Name and key of the unit.
    days : ndarray of datetime64[D], shape (date,)
        Distinct issue dates.
    date : ndarray of int64, shape (row,)
        Position of each row's issue date in ``days``.
    left_out : int
        Number of rows with a known outcome for which some model has no probability.
    """

    target: str
    horizon: int
    models: tuple[str, ...]
    probability: Array
    outcome: Array
    unit: NDArray[np.str_]
    unit_key: NDArray[np.str_]
    days: NDArray[np.datetime64]
    date: NDArray[np.int64]
    left_out: int

    def of(self, model: str) -> Array:
        """Probabilities of one model, shape (row,)."""
        return self.probability[self.models.index(model)]

    def header(self, model: str) -> dict[str, Any]:
        """First columns of a table's row: label, horizon, model, and the numbers behind it."""
        return {
            "target": self.target,
            "horizon": self.horizon,
            "model": model,
            "rows": len(self.outcome),
            "left_out": self.left_out,
            "positives": int(self.outcome.sum()),
            "units": len(np.unique(self.unit)),
            "dates": len(self.days),
        }

    def position(self, model: str) -> int | None:
        """Index of a model; None if it has no forecasts."""
        return self.models.index(model) if model in self.models else None

    def by_date(self, values: Array) -> Array:
        """Sum over the rows of each date: shape (..., row) to (..., date)."""
        return np.add.reduceat(
            values, np.searchsorted(self.date, np.arange(len(self.days))), axis=-1
        )

    def losses_by_date(self) -> Array:
        """Summed Brier and log losses, shape (score, model, date)."""
        return np.stack(
            [self.by_date(loss(self.probability, self.outcome)) for loss in LOSSES.values()]
        )


def with_unit_key(forecasts: pd.DataFrame) -> pd.DataFrame:
    """Forecasts with the column ``unit_key``; if it is missing, units are identified by name."""
    if schema.UNIT_KEY in forecasts:
        return forecasts
    return forecasts.assign(**{schema.UNIT_KEY: forecasts[schema.UNIT]})


def _scored_rows(forecasts: pd.DataFrame) -> pd.DataFrame:
    """Rows that metrics use: at risk, with a known outcome."""
    at_risk = forecasts[schema.AT_RISK].fillna(False).to_numpy(dtype=bool)
    columns = ["model", *FORECAST_KEY]
    forecasts = with_unit_key(forecasts)
    rows = forecasts.loc[at_risk, [*columns, schema.UNIT]]
    for name in ("probability", schema.OUTCOME):
        rows[name] = forecasts.loc[at_risk, name].to_numpy(dtype=np.float64, na_value=np.nan)
    rows = rows[rows[schema.OUTCOME].notna()]
    not_binary = ~rows[schema.OUTCOME].isin([0.0, 1.0])
    _raise_if_any(not_binary, rows, schema.OUTCOME, "E-OUTCOME", "0, 1 or missing")
    outside = (rows["probability"] < 0.0) | (rows["probability"] > 1.0)
    _raise_if_any(outside, rows, "probability", "E-PROBABILITY", "a number from 0 to 1 or missing")
    once = "one forecast per model, label, unit and day"
    _raise_if_any(rows.duplicated(columns), rows, schema.UNIT, "E-DUPLICATE", once)
    return rows


def _raise_if_any(
    wrong: pd.Series, rows: pd.DataFrame, column: str, code: str, expected: str
) -> None:
    """Raise if any row is wrong, with the value of the first."""
    if wrong.any():
        raise InputError(
            code,
            f"expected {expected}; rows that differ: {int(wrong.sum())}",
            column=column,
            value=rows.loc[wrong, column].iloc[0],
            where="forecasts",
        )


def pair(forecasts: pd.DataFrame, *, horizon: int | None = None) -> list[Paired]:
    """Restrict the models of each label to the rows that all of them forecast.

    Parameters
    ----------
    forecasts : pandas.DataFrame
        Columns model, target, unit, day, horizon, probability, outcome, at_risk; and unit_key
        if units can share a name.
    horizon : int, optional
        Only forecasts for this horizon, in days; by default all horizons, each separately.

    Returns
    -------
    list of Paired
        One per target and horizon.

    Raises
    ------
    GateError
        ``E-INSUFFICIENT`` if no row has a known outcome and a probability from every model.
    InputError
        ``E-PROBABILITY`` outside [0, 1], ``E-OUTCOME`` other than 0, 1 or missing,
        ``E-DUPLICATE`` if a model has two forecasts for the same row, ``E-CONFLICT`` if models
        disagree on an outcome.
    """
    rows = _scored_rows(forecasts)
    if horizon is not None:
        rows = rows[rows["horizon"] == horizon]
    if rows.empty:
        at_horizon = "" if horizon is None else f" at horizon {horizon}"
        raise GateError(
            "E-INSUFFICIENT",
            f"no rows at risk with a known outcome{at_horizon} among {len(forecasts)}",
            fix="issue forecasts at least one horizon before the last covered day",
        )
    groups = rows.groupby(["target", "horizon"], sort=True, observed=True)
    return [_pair(str(target), int(days), group) for (target, days), group in groups]


def _pair(target: str, horizon: int, rows: pd.DataFrame) -> Paired:
    key = [schema.DAY, schema.UNIT_KEY]
    outcomes = rows.groupby(key, sort=True, observed=True)["outcome"].agg(["min", "max"])
    conflicts = outcomes.index[outcomes["min"] != outcomes["max"]]
    if len(conflicts):
        day, unit = conflicts[0]
        raise InputError(
            "E-CONFLICT",
            f"models disagree on the outcome of {target} on {pd.Timestamp(day).date()}",
            column=schema.UNIT_KEY,
            value=unit,
            where="forecasts",
        )
    wide = rows.pivot(index=key, columns="model", values="probability").sort_index()
    common = wide.dropna()
    if common.empty:
        counts = ", ".join(f"{name} {count}" for name, count in wide.notna().sum().items())
        raise GateError(
            "E-INSUFFICIENT",
            f"no rows of {target} for which every model has a forecast (rows: {counts})",
            fix="run all models over the same origins and units",
        )
    day = common.index.get_level_values(schema.DAY).to_numpy().astype("datetime64[D]")
    days, date = np.unique(day, return_inverse=True)
    names = rows.drop_duplicates(schema.UNIT_KEY).set_index(schema.UNIT_KEY)[schema.UNIT]
    unit_key = common.index.get_level_values(schema.UNIT_KEY)
    return Paired(
        target=target,
        horizon=horizon,
        models=tuple(str(name) for name in common.columns),
        probability=np.ascontiguousarray(common.to_numpy(np.float64).T),
        outcome=outcomes.loc[common.index, "min"].to_numpy(np.float64),
        unit=names.loc[unit_key].to_numpy(str),
        unit_key=unit_key.to_numpy(str),
        days=days,
        date=date.astype(np.int64),
        left_out=len(wide) - len(common),
    )
