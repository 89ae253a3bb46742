"""``calendar``: position in the week and in the year."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from escalation.features.base import Columns
from escalation.panel.dense import Days, Panel

Cycle = Literal["weekday", "month"]
LENGTH = {"weekday": 7, "month": 12}


def calendar(panel: Panel, *, cycles: Sequence[Cycle] = ("weekday", "month")) -> Columns:
    r"""Position in the week and in the year, as a point on a circle.

    .. math:: \sin(2\pi p / n),\ \cos(2\pi p / n)

    Like all features, it describes the last day seen: the issue day minus the reporting lag.

    Parameters
    ----------
    panel : Panel
    cycles : sequence of str
        ``weekday`` (p = 0 on Monday, n = 7), ``month`` (p = 0 in January, n = 12).

    Returns
    -------
    dict of str to ndarray of float32, shape (row, day)
        ``{cycle}_sin`` and ``{cycle}_cos``, the same in every row.

    Examples
    --------
    >>> from escalation.features.base import one_unit
    >>> table = calendar(one_unit({"events": [0, 0]}, first_day="2020-01-06"), cycles=["weekday"])
    >>> table["weekday_sin"].round(4).tolist()
    [[0.0, 0.7817999720573425]]
    """
    columns: Columns = {}
    for cycle in cycles:
        angle = 2.0 * np.pi * np.arange(LENGTH[cycle]) / LENGTH[cycle]
        position = _position(panel.days, cycle)
        for name, table in (("sin", np.sin(angle)), ("cos", np.cos(angle))):
            by_day = table.astype(np.float32)[position]
            columns[f"{cycle}_{name}"] = np.tile(by_day, (panel.shape[0], 1))
    return columns


def _position(days: Days, cycle: Cycle) -> NDArray[np.int64]:
    """Steps since the start of the cycle; 1970-01-01 was a Thursday."""
    if cycle == "weekday":
        return (days.astype("datetime64[D]").astype(np.int64) + 3) % 7
    return days.astype("datetime64[M]").astype(np.int64) % 12
