"""Forecasts of related labels that do not contradict each other.

What happens within seven days happens within fourteen, and who sees ten killed sees one. Models
fitted apart for each label may say otherwise; where labels differ only in their horizon, or only in
their bar, and one implies the other, the probabilities are replaced by the nearest ones that agree
(isotonic regression).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
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
    r"""The nearest rows, by squares, that never fall from left to right.

    .. math:: \hat v_j = \max_{i \le j} \min_{k \ge j} \text{mean}(v_i, \dots, v_k)

    Parameters
    ----------
    values : ndarray, shape (row, label)

    Returns
    -------
    ndarray of the same shape
        Keeps order: rows that lie below others do so afterwards.

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
    """Labels of which each implies the next, or the one before it.

    Parameters
    ----------
    labels : tuple of Target
        Shortest horizon first, or lowest bar first.
    falls : bool
        Probabilities do not rise from one to the next (bars, and horizons of ``calm``), or else do
        not fall (horizons).
    """

    labels: tuple[Target, ...]
    falls: bool


def apart_from_horizon(label: Target) -> Target:
    """What two labels share that count the same over different horizons.

    What they are called, which units they are asked of and which models answer makes no difference.
    """
    return replace(label, horizon=1, called="", description="", units=(), models=())


def families(labels: Sequence[Target]) -> list[Family]:
    """Labels that differ in their bar only, then those that differ in their horizon only.

    In this order: agreeing over horizons afterwards keeps what agreed over bars. Labels that stand
    alone are left out, and so are bars of labels that do not count the same events: ``climb``,
    ``retaliation`` and ``calm``.
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
    """The rung, then the label's own numbers; forecasts' thresholds say whether it is a bar."""
    values = [getattr(label, field.name) for field in fields(label)]
    return (label.where.rung, *(float(v) for v in values if isinstance(v, int | float)))


def coherent(forecasts: pd.DataFrame, names: Sequence[str], *, falls: bool = False) -> pd.DataFrame:
    """Forecasts of one family of labels, made to agree.

    Parameters
    ----------
    forecasts : DataFrame
        Columns of a forecast file.
    names : sequence of str
        The family's names in the column ``target``, in its order. Rows of other labels, of models
        and days that lack one of them, and those whose threshold goes the wrong way (rises with the
        horizon, falls with the bar), stay as they are.
    falls : bool
        Probabilities do not rise from one to the next, instead of not falling.

    Returns
    -------
    DataFrame
        The same rows; probability, lower and upper may have moved.
    """
    changed = forecasts.copy()
    way = -1 if falls else 1
    parts = [forecasts[forecasts["target"] == name] for name in names[::way]]
    keys = [pd.MultiIndex.from_frame(part[_MODEL_KEY]) for part in parts]
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
        wide[fit] = isotonic(wide[fit])
        for column, at in enumerate(places):
            changed.loc[at, name] = wide[:, column]
    return changed
