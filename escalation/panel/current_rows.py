"""Whole panel rows as known on each day, for feature families that are any function of a row.

A unit's history changes only on days with late news about it: an event reported later than the
source's lag, an update, a retraction. Between two such days one row serves every day, because later
events lie to its right and causal features look left. Rows grow with units times days, so they are
made in batches. A :class:`escalation.panel.series.Series` needs none of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from escalation._util.arrays import Float32, Ints
from escalation._util.compiled import compiled
from escalation.panel import kernels
from escalation.panel.dense import Panel
from escalation.panel.history import History


@dataclass(frozen=True)
class CurrentRows:
    """Rows that were current on a stretch of days each.

    Parameters
    ----------
    panel : Panel
        By event day.
    owner : ndarray of int64, shape (row,)
        Unit of each row.
    first, stop : ndarray of int64, shape (row,)
        Half-open stretch of issue days on which the row was current and its unit known.
    lag : int
        On day t a row is read at day t - lag.
    """

    panel: Panel
    owner: Ints
    first: Ints
    stop: Ints
    lag: int

    def place(self, values: Float32, into: Float32) -> None:
        """Copy each row's stretch of days to its unit.

        Parameters
        ----------
        values : ndarray of float32, shape (column, row, day)
        into : ndarray of float32, shape (column, unit, day)
        """
        kernels.place(values, self.owner, self.first, self.stop, self.lag, into)


def rows_as_known(past: History, *, most: int) -> Iterator[CurrentRows]:
    """All rows of a history, in batches.

    Parameters
    ----------
    past : History
    most : int
        Largest number of rows in a batch.
    """
    count, unit = len(past.days), past.code.astype(np.int64)
    event_day, known_day, end_day = (
        days.astype(np.int64) for days in (past.event_day, past.known_day, past.end_day)
    )
    late, ended = known_day > event_day + past.lag, end_day < count
    starts = np.concatenate(
        [
            np.arange(len(past.units)) * count,
            (unit * count + known_day)[late],
            (unit * count + end_day)[ended],
        ]
    )
    keys = np.unique(starts)
    owner, first = keys // count, keys % count
    follows = np.append(owner[1:] == owner[:-1], False)
    stop = np.where(follows, np.append(first[1:], 0), count)
    first = np.maximum(first, past.entry[owner])
    begin = np.searchsorted(keys, unit * count + known_day, "right") - 1
    end_key = np.where(ended, unit * count + end_day, (unit + 1) * count)
    finish = np.searchsorted(keys, end_key, "left")
    inside = (event_day >= 0) & (event_day < count) & (finish > begin)
    for low in range(0, len(keys), most):
        high = min(low + most, len(keys))
        versions = np.flatnonzero(inside & (begin < high) & (finish > low))
        block = slice(low, high)
        first_row = np.maximum(begin[versions], low) - low
        end_row = np.minimum(finish[versions], high) - low
        panel = _rows(past, versions, first_row, end_row, owner[block])
        yield CurrentRows(
            panel, owner[block], first[block], np.maximum(stop, first)[block], past.lag
        )


def _rows(past: History, versions: Ints, begin: Ints, finish: Ints, owner: Ints) -> Panel:
    """Rows from versions, each of which belongs to the rows from ``begin`` to ``finish``."""
    day = past.event_day[versions].astype(np.int64)
    channels = {name: np.zeros((len(owner), len(past.days)), np.float32) for name in past.weights}
    for name, out in channels.items():
        fill = _highest if name in past.highest else _sums
        fill(begin, finish, owner, day, past.weights[name][versions], out)
    return Panel(
        tuple(past.unit_keys[unit] for unit in owner),
        past.days,
        channels,
        past.latitude[owner],
        past.longitude[owner],
        tuple(past.country[unit] for unit in owner),
    )


@compiled
def _sums(begin: Ints, finish: Ints, owner: Ints, day: Ints, weight: Float32, out: Float32) -> None:
    """Sum the versions: each row is the previous one of the same unit plus what changed."""
    rows, days = out.shape
    for i in range(len(begin)):
        out[begin[i], day[i]] += weight[i]
        if finish[i] < rows and owner[finish[i]] == owner[begin[i]]:
            out[finish[i], day[i]] -= weight[i]
    for row in range(1, rows):
        if owner[row] == owner[row - 1]:
            for t in range(days):
                out[row, t] += out[row - 1, t]


@compiled
def _highest(
    begin: Ints, finish: Ints, owner: Ints, day: Ints, weight: Float32, out: Float32
) -> None:
    """Take the highest version of each day in each row."""
    for i in range(len(begin)):
        for row in range(begin[i], finish[i]):
            out[row, day[i]] = max(out[row, day[i]], weight[i])
