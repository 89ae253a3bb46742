"""Coherent forecasts of related labels.

An event within seven days is an event within fourteen, and ten killed are at least one. Models
fitted separately for each label may contradict that. If labels differ only in their horizon or only
in their bar, so that one implies the other, their probabilities are replaced by the nearest ones
that agree (isotonic regression).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from functools import reduce
from operator import attrgetter
from typing import NamedTuple

import numpy as np
import pandas as pd

from escalation import schema
from escalation._util.arrays import Array
from escalation.targets import Target

VALUES = ("probability", "lower", "upper")
_MODEL_KEY = ["model", schema.UNIT_KEY, schema.DAY]


def isotonic(values: Array) -> Array:
    r"""Isotonic regression of each row: the nearest non-decreasing values by least squares.

    .. math:: \hat v_j = \max_{i \le j} \min_{k \ge j} \text{mean}(v_i, \dots, v_k)

    Parameters
    ----------
    values : ndarray, shape (row, label)

    Returns
    -------
    ndarray of the same shape
        Keeps order: a row below another one stays below it.

    References
    ----------
    Robertson, Wright & Dykstra (1988), "Order Restricted Statistical Inference", theorem 1.4.4.

    Examples
    --------
    >>> isotonic(np.array([[0.3, 0.1, 0.5]])).tolist()
    [[0.2, 0.2, 0.5]]
    """
    width = values.shape[1]
    if not (np.diff(values, axis=1) < 0).any():
        return values
    sums = np.concatenate([np.zeros((len(values), 1)), values.cumsum(axis=1)], axis=1)
    nearest = np.empty_like(values)
    for j in range(width):
        least = [
            np.min([(sums[:, k + 1] - sums[:, i]) / (k + 1 - i) for k in range(j, width)], axis=0)
            for i in range(j + 1)
        ]
        nearest[:, j] = np.max(least, axis=0)
    return nearest


class Family(NamedTuple):
    """Labels of which each implies the next, or each the previous one.

    Parameters
    ----------
    labels : tuple of Target
        Shortest horizon first, or lowest bar first.
    falls : bool
        Whether probabilities must not rise along the labels (bars, and horizons of ``calm``); else
        they must not fall (horizons).
    """

    labels: tuple[Target, ...]
    falls: bool


def apart_from_horizon(label: Target) -> Target:
    """The label without horizon, name, description, units and models.

    Equal for labels that count the same over different horizons.
    """
    return replace(label, horizon=1, called="", description="", units=(), models=())


def families(labels: Sequence[Target]) -> list[Family]:
    """Families of labels that differ only in their bar, then of those that differ in horizon.

    In this order, because making horizons coherent keeps bars coherent. Single labels are left out,
    as are bars of ``climb``, ``retaliation`` and ``calm``, which do not count the same events.
    """
    bars: dict[object, list[Target]] = {}
    horizons: dict[object, list[Target]] = {}
    for label in labels:
        if type(label).look_ahead is Target.look_ahead:
            kind = type(label), label.horizon, repr(label.where.equal)
            bars.setdefault(kind, []).append(label)
        horizons.setdefault(repr(apart_from_horizon(label)), []).append(label)
    by_bar = [Family(tuple(sorted(group, key=_bar)), True) for group in bars.values()]
    by_horizon = [
        Family(tuple(sorted(group, key=attrgetter("horizon"))), group[0].falls)
        for group in horizons.values()
    ]
    return [family for family in (*by_bar, *by_horizon) if len(family.labels) > 1]


def _bar(label: Target) -> tuple[float, ...]:
    """Sort key: the rung, then the numeric fields. Whether it is a bar shows in the thresholds."""
    values = [getattr(label, field.name) for field in fields(label)]
    return (label.where.rung, *(float(v) for v in values if isinstance(v, int | float)))


def coherent(forecasts: pd.DataFrame, names: Sequence[str], *, falls: bool = False) -> pd.DataFrame:
    """Make the forecasts of one family of labels coherent.

    Parameters
    ----------
    forecasts : DataFrame
        Columns of a forecast file.
    names : sequence of str
        The family's names in the column ``target``, in order. Unchanged are rows of other labels,
        rows whose model and day lack one of the names, and those whose threshold goes the wrong way
        (rises with the horizon, falls with the bar).
    falls : bool
        Whether probabilities must not rise along the names, instead of not falling.

    Returns
    -------
    DataFrame
        The same rows with adjusted probability, lower and upper.
    """
    changed = forecasts.copy()
    step = -1 if falls else 1
    by_label = [forecasts[forecasts["target"] == name] for name in names[::step]]
    keys = [pd.MultiIndex.from_frame(rows[_MODEL_KEY]) for rows in by_label]
    common = reduce(pd.MultiIndex.intersection, keys)
    positions = [
        rows.index.to_numpy()[key.get_indexer(common)]
        for rows, key in zip(by_label, keys, strict=True)
    ]
    bars = np.column_stack([forecasts.loc[rows, schema.THRESHOLD] for rows in positions])
    nested = (np.diff(bars, axis=1) <= 0).all(axis=1)
    for name in VALUES:
        wide = np.column_stack([forecasts.loc[rows, name] for rows in positions])
        usable = nested & np.isfinite(wide).all(axis=1)
        wide[usable] = isotonic(wide[usable])
        for column, rows in enumerate(positions):
            changed.loc[rows, name] = wide[:, column]
    return changed
