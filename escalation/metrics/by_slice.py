"""Scores and skill of the models within units, months or horizons, and by issue date."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from escalation import schema
from escalation._util.arrays import Array
from escalation.metrics.bootstrap import resample
from escalation.metrics.paired import Paired, pair
from escalation.metrics.scores import squared_errors
from escalation.metrics.summary import nullable_table, skill, skill_with_interval

By = Literal["unit", "month", "horizon"]


def skill_by(
    forecasts: pd.DataFrame, by: By, *, reference: str = schema.BASELINE, seed: int = 0
) -> pd.DataFrame:
    """Brier score and skill of every model within each unit, calendar month or horizon.

    Parameters
    ----------
    forecasts : pandas.DataFrame
        As for :func:`escalation.metrics.summary`.
    by : {"unit", "month", "horizon"}
        Months are those of the issue date.
    reference : str, optional
        Model that the others are compared with.
    seed : int, optional
        Seed of the bootstrap.

    Returns
    -------
    pandas.DataFrame
        One row per label, slice and model: ``rows``, ``dates``, ``positives``, ``brier``, and
        ``skill`` with ``_lower`` and ``_upper``. By chance, one slice in twenty lies outside its
        interval. Undefined values are NA.

    Raises
    ------
    GateError, InputError
        As :func:`escalation.metrics.summary`.

    Examples
    --------
    >>> day = pd.to_datetime(["2020-01-06", "2020-02-03"] * 2)
    >>> rows = pd.DataFrame({"target": "any", "unit": "a", "day": day, "horizon": 7,
    ...     "model": ["ewma_nb"] * 2 + ["m"] * 2, "probability": [0.5, 0.5, 0.0, 0.5],
    ...     "outcome": [0.0, 1.0] * 2, "at_risk": True})
    >>> skill_by(rows, "month").query("model == 'm'")[["slice", "brier", "skill"]]
         slice  brier  skill
    1  2020-01    0.0    1.0
    3  2020-02   0.25    0.0
    """
    rows: list[dict[str, Any]] = []
    for paired in pair(forecasts):
        for name, mask in _slices(paired, by):
            rows += _rows(paired, name, mask, reference=reference, seed=seed)
    return nullable_table(rows)


def _slices(paired: Paired, by: By) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Names of the slices, and masks of their rows."""
    if by == "unit":
        keys = paired.unit_key
    elif by == "month":
        keys = paired.days.astype("datetime64[M]").astype(str)[paired.date]
    else:
        keys = np.full(len(paired.outcome), f"{paired.horizon}d")
    for key in np.unique(keys):
        mask = keys == key
        yield str(paired.unit[mask.argmax()] if by == "unit" else key), mask


def _rows(
    paired: Paired, name: str, mask: NDArray[np.bool_], *, reference: str, seed: int
) -> list[dict[str, Any]]:
    """One row per model of one slice."""
    dates, date = np.unique(paired.date[mask], return_inverse=True)
    resampling = resample(paired.days[dates], horizon=paired.horizon, seed=seed)
    outcome = paired.outcome[mask]
    losses: Array = np.stack(
        [
            np.bincount(date, weights=squared_errors(p[mask], outcome)) * 1.0
            for p in paired.probability
        ]
    )
    total, replicated = losses.sum(axis=1), resampling.sums(losses)
    r = paired.position(reference)
    rows = []
    for m, model in enumerate(paired.models):
        row = {
            "target": paired.target,
            "horizon": paired.horizon,
            "slice": name,
            "model": model,
            "rows": len(outcome),
            "dates": len(dates),
            "positives": int(outcome.sum()),
            "brier": total[m] / len(outcome),
        }
        rows.append(row | skill_with_interval("skill", total, replicated, m, r, resampling))
    return rows


def running(
    forecasts: pd.DataFrame, *, reference: str = schema.BASELINE, window: int | None = None
) -> pd.DataFrame:
    """Brier score and skill on each issue date, over all rows issued so far.

    Parameters
    ----------
    forecasts, reference
        As for :func:`skill_by`.
    window : int, optional
        Length in days of a moving window, instead of all earlier dates.

    Returns
    -------
    pandas.DataFrame
        One row per label, model and date: ``day``, ``brier``, ``skill`` (NaN without the
        reference, or while the reference has made no error).

    Raises
    ------
    GateError, InputError
        As :func:`escalation.metrics.summary`.

    Examples
    --------
    >>> day = pd.to_datetime(["2020-01-06", "2020-01-13"])
    >>> rows = pd.DataFrame({"target": "any", "unit": "a", "day": day, "horizon": 7, "model": "m",
    ...     "probability": [0.0, 0.5], "outcome": [0.0, 1.0], "at_risk": True})
    >>> running(rows)["brier"].tolist(), running(rows, window=7)["brier"].tolist()
    ([0.0, 0.125], [0.0, 0.25])
    """
    tables = []
    for paired in pair(forecasts):
        losses = np.cumsum(paired.losses_by_date()[0], axis=-1)
        rows = np.cumsum(paired.by_date(np.ones(len(paired.outcome))))
        if window is not None:
            before = np.searchsorted(paired.days, paired.days - window, side="right")
            losses = losses - np.where(before > 0, losses[:, before - 1], 0.0)
            rows = rows - np.where(before > 0, rows[before - 1], 0.0)
        r = paired.position(reference)
        reference_losses = losses[r] if r is not None else np.full(len(rows), np.nan)
        for m, model in enumerate(paired.models):
            model_skill = skill(losses[m], reference_losses)
            tables.append(
                pd.DataFrame(
                    {
                        "target": paired.target,
                        "horizon": paired.horizon,
                        "model": model,
                        "day": paired.days,
                        "brier": losses[m] / rows,
                        "skill": np.where(np.isfinite(model_skill), model_skill, np.nan),
                    }
                )
            )
    return pd.concat(tables, ignore_index=True)
