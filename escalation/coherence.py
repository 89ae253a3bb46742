"""Forecasts over several horizons that do not contradict each other.

What happens within seven days happens within fourteen. Models fitted apart for each horizon may say
otherwise; where the same label is asked at several horizons and the bar does not rise with the
horizon, the probabilities are replaced by the nearest ones that do not fall (isotonic regression).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from escalation import schema
from escalation.targets import Target

Array = NDArray[np.float64]
VALUES = ("probability", "lower", "upper")
KEY = ["model", schema.UNIT, schema.DAY]


def rising(values: Array) -> Array:
    r"""The nearest rows, by squares, that never fall from left to right.

    .. math:: \hat v_j = \max_{i \le j} \min_{k \ge j} \text{mean}(v_i, \dots, v_k)

    Parameters
    ----------
    values : ndarray, shape (row, horizon)

    Returns
    -------
    ndarray of the same shape
        Keeps order: rows that lie below others do so afterwards.

    References
    ----------
    Robertson, Wright & Dykstra (1988), "Order Restricted Statistical Inference", theorem 1.4.4.

    Examples
    --------
    >>> rising(np.array([[0.3, 0.1, 0.5]])).tolist()
    [[0.2, 0.2, 0.5]]
    """
    width = values.shape[1]
    if not (np.diff(values, axis=1) < 0).any():
        return values
    sums = np.concatenate([np.zeros((len(values), 1)), values.cumsum(axis=1)], axis=1)
    found = np.empty_like(values)
    for j in range(width):
        least = [
            np.min([(sums[:, k + 1] - sums[:, i]) / (k + 1 - i) for k in range(j, width)], axis=0)
            for i in range(j + 1)
        ]
        found[:, j] = np.max(least, axis=0)
    return found


def families(labels: Sequence[Target]) -> list[list[Target]]:
    """Labels that differ in their horizon only, shortest first; those that stand alone left out."""
    found: dict[str, list[Target]] = {}
    for label in labels:
        found.setdefault(repr(replace(label, horizon=1)), []).append(label)
    return [sorted(one, key=lambda t: t.horizon) for one in found.values() if len(one) > 1]


def coherent(forecasts: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Forecasts of one family of labels, made to agree over its horizons.

    Parameters
    ----------
    forecasts : DataFrame
        Columns of a forecast file.
    names : sequence of str
        The family's names in the column ``target``, shortest horizon first. Rows of other labels,
        of models and days that lack a horizon, and those whose threshold rises with the horizon,
        stay as they are.

    Returns
    -------
    DataFrame
        The same rows; probability, lower and upper may have moved.
    """
    changed = forecasts.copy()
    parts = [forecasts[forecasts["target"] == name] for name in names]
    keys = [pd.MultiIndex.from_frame(part[KEY]) for part in parts]
    common = keys[0]
    for key in keys[1:]:
        common = common.intersection(key)
    places = [
        part.index.to_numpy()[key.get_indexer(common)]
        for part, key in zip(parts, keys, strict=True)
    ]
    bars = np.column_stack([forecasts.loc[at, schema.THRESHOLD] for at in places])
    nested = (np.diff(bars, axis=1) <= 0).all(axis=1)
    for name in VALUES:
        wide = np.column_stack([forecasts.loc[at, name] for at in places])
        fit = nested & np.isfinite(wide).all(axis=1)
        wide[fit] = rising(wide[fit])
        for column, at in enumerate(places):
            changed.loc[at, name] = wide[:, column]
    return changed
