"""One table of features from the configured families, each value as it was known on its day.

Local families run over blocks of the stack's rows, so that passing results take little memory, and
each row's stretch of days goes straight to its place in the one big array. Blocks share
nothing, so the result does not depend on their size, nor on how many threads take them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from escalation import schema
from escalation.errors import UsageError
from escalation.features import ACROSS, FEATURES
from escalation.features.base import Across, Columns, Local, one_unit
from escalation.panel import kernels, scratch
from escalation.panel.dense import Channel, Days, Panel
from escalation.panel.vintages import Vintages, one_row_each

Families = Mapping[str, Mapping[str, Any]]
"""Parameters by the name of a family, as in an experiment file."""
BLOCK_CELLS = 200_000
"""Cells of one column in a block: with fifty columns forty megabytes. Measured from 16,000 to
400,000: smaller blocks spend their time on calls, larger ones gain little and hold more."""


@dataclass(frozen=True, eq=False)
class Features:
    """Features by name, unit and day.

    Parameters
    ----------
    names : tuple of str
        Columns, each name once.
    values : ndarray of float32, shape (feature, unit, day)
        Read-only; 0 where a unit is not present.
    units : tuple of str
    days : ndarray of datetime64[D], shape (day,)
        Issue days.
    present : ndarray of bool, shape (unit, day)
        From the day on which the unit was first known.
    """

    names: tuple[str, ...]
    values: NDArray[np.float32]
    units: tuple[str, ...]
    days: Days
    present: NDArray[np.bool_]

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        """One column, shape (unit, day)."""
        return self.values[self.names.index(name)]

    def rows(self, unit_idx: NDArray[np.int64], day_idx: NDArray[np.int64]) -> NDArray[np.float32]:
        """Some rows of the table, shape (row, feature)."""
        return self.values[:, unit_idx, day_idx].T

    @cached_property
    def index(self) -> pd.MultiIndex:
        """Unit and day of each present row, unit by unit."""
        units, days = self.present.shape
        if self.present.all():
            unit = np.repeat(np.arange(units, dtype=np.int32), days)
            day = np.tile(np.arange(days, dtype=np.int32), units)
        else:
            unit, day = (codes.astype(np.int32) for codes in np.nonzero(self.present))
        return pd.MultiIndex(
            [pd.Index(self.units, dtype="str"), pd.DatetimeIndex(self.days)], [unit, day],
            names=[schema.UNIT, schema.DAY], verify_integrity=False,
        )  # fmt: skip

    def frame(self) -> pd.DataFrame:
        """The present rows as a frame indexed by unit and day, unit by unit.

        Without a copy where every unit is present on every day.
        """
        flat = self.values.reshape(len(self.names), self.present.size)
        if not self.present.all():
            flat = flat[:, self.present.ravel()]
        return pd.DataFrame(flat.T, index=self.index, columns=list(self.names), copy=False)


def names(
    spec_channels: Sequence[Channel],
    families: Families,
    *,
    local: Mapping[str, Local] = FEATURES,
    across: Mapping[str, Across] = ACROSS,
) -> list[str]:
    """Columns that a build will give, before any data is read.

    The families run on one unit and two days of zeros, so what they check is checked here too.

    Parameters
    ----------
    spec_channels : sequence of Channel
        The panel's channels, :attr:`escalation.panel.dense.PanelSpec.all_channels`.
    families : mapping of str to mapping
        Parameters by family: local families first, then those across units, each as given.
    local, across : mapping of str to callable, optional
        The registered families.

    Returns
    -------
    list of str

    Raises
    ------
    UsageError
        ``E-FEATURE`` for an unknown family or a column that two families give, ``E-CHANNEL`` for a
        channel that the panel has not.

    Examples
    --------
    >>> names([Channel("events")], {"window_sums": {"channels": ["events"], "windows": [7, 28]}})
    ['events_sum_7d', 'events_sum_28d']
    """
    panel = one_unit({channel.name: [0.0, 0.0] for channel in spec_channels})
    return list(_tiny(panel, _chosen(families, local), _chosen(families, across), families))


def build(
    vintages: Vintages,
    families: Families,
    *,
    local: Mapping[str, Local] = FEATURES,
    across: Mapping[str, Across] = ACROSS,
    threads: int = 2,
) -> Features:
    """Compute every configured family for every unit and day, as known on that day.

    Parameters
    ----------
    vintages : Vintages
        The stacked panels.
    families : mapping of str to mapping
        Parameters by family, as in :func:`names`.
    local, across : mapping of str to callable, optional
        The registered families.
    threads : int
        Changes the time, never the result.

    Returns
    -------
    Features

    Raises
    ------
    UsageError
        As :func:`names`, and ``E-FEATURE`` for a family whose arrays are not [row, day].
    """
    near, far = _chosen(families, local), _chosen(families, across)
    channels = {name: [0.0, 0.0] for name in vintages.stack.channels}
    columns = tuple(_tiny(one_unit(channels), near, far, families))
    own = _local_names(vintages, near, families)
    shape = len(vintages.units), len(vintages.days)
    values = np.zeros((len(columns), *shape), np.float32)
    into = dict(zip(columns, values, strict=True))
    _fill_local(vintages, near, own, values, threads)
    if far:
        known = MappingProxyType({name: _locked(array) for name, array in into.items()})
        units = one_row_each(vintages)
        for family in far.values():
            for name, array in family(known, units).items():
                into[name][vintages.present] = array[vintages.present]
    return Features(columns, _locked(values), vintages.units, vintages.days, vintages.present)


def on_last_day(
    vintages: Vintages, families: Families, *, local: Mapping[str, Local] = FEATURES
) -> NDArray[np.float32]:
    """The local families among those that are configured, on the last day alone.

    Returns
    -------
    ndarray of float32, shape (feature, unit)
        In the order of :func:`build`.
    """
    near = _chosen(families, local)
    columns = _local_names(vintages, near, families)
    values = np.zeros((len(columns), len(vintages.units), 1), np.float32)
    _fill_local(vintages, near, columns, values, threads=2)
    return values[:, :, 0]


def _chosen(families: Families, known: Mapping[str, Callable[..., Columns]]) -> dict[str, Local]:
    """The configured members of a registry, their parameters filled in."""
    return {name: partial(known[name], **p) for name, p in families.items() if name in known}


def _tiny(
    panel: Panel, near: Mapping[str, Local], far: Mapping[str, Across], families: Families
) -> Columns:
    """Every column on a tiny panel; unknown families and repeated columns are refused."""
    for name in families:
        if name not in near and name not in far:
            known = ", ".join([*FEATURES, *ACROSS])
            raise UsageError(
                "E-FEATURE", f"expected a registered family: {known}", value=name,
                fix="correct its name under [features]",
            )  # fmt: skip
    columns: Columns = {}
    for family in near.values():
        _add(columns, family(panel))
    local = MappingProxyType(dict(columns))
    for family in far.values():
        _add(columns, family(local, panel))
    return columns


def _local_names(
    vintages: Vintages, near: Mapping[str, Local], families: Families
) -> tuple[str, ...]:
    """Columns of the local families."""
    panel = one_unit({name: [0.0, 0.0] for name in vintages.stack.channels})
    return tuple(_tiny(panel, near, {}, {name: families[name] for name in near}))


def _add(columns: Columns, more: Columns) -> None:
    for name, array in more.items():
        if name in columns:
            raise UsageError(
                "E-FEATURE",
                "expected each column once, two families give it",
                column="features",
                value=name,
                fix="leave the channel or the window out of one of them",
            )
        columns[name] = array


def _fill_local(
    vintages: Vintages, families: Mapping[str, Local], columns: Sequence[str],
    values: NDArray[np.float32], threads: int,
) -> None:  # fmt: skip
    """Run the local families block by block and put each row's stretch where it belongs.

    The values may hold the last days only.
    """
    rows, days = vintages.stack.shape
    since = days - values.shape[2]
    step = max(1, BLOCK_CELLS // max(days, 1))
    blocks = [slice(start, min(start + step, rows)) for start in range(0, rows, step)]
    follows = np.append(vintages.owner[1:] == vintages.owner[:-1], False)
    begin = np.maximum(np.maximum(vintages.first, vintages.entry[vintages.owner]), since)
    stop = np.maximum(np.where(follows, np.append(vintages.first[1:], 0), days), begin)

    def run(block: slice) -> None:
        panel = _rows_of(vintages.stack, block)
        where = vintages.owner[block], begin[block], stop[block]
        with scratch.reused():
            found: Columns = {}
            for title, family in families.items():
                for name, array in family(panel).items():
                    found[name] = _checked(array, panel.shape, title, name)
            _require_same(columns, tuple(found))
            done = 0
            for arrays in scratch.runs(list(found.values())):
                into = values[done : done + len(arrays)]
                kernels.place(arrays, *where, vintages.lag, since, into)
                done += len(arrays)

    if threads == 1 or len(blocks) < 2:
        for block in blocks:
            run(block)
        return
    # Threads far from each other: on neighbouring blocks they would meet in the same fresh pages.
    each = -(-len(blocks) // threads)
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(run, [block for i in range(each) for block in blocks[i::each]]):
            pass


def _require_same(expected: Sequence[str], found: Sequence[str]) -> None:
    if tuple(expected) != tuple(found):
        differ = sorted(set(expected) ^ set(found)) or found
        raise UsageError(
            "E-FEATURE", "expected the same columns in the same order for every panel",
            value=differ[0],
        )  # fmt: skip


def _checked(
    array: NDArray[np.float32], shape: tuple[int, int], family: str, name: str
) -> NDArray[np.float32]:
    if array.shape != shape:
        raise UsageError(
            "E-FEATURE",
            f"expected shape {shape}, [row, day], from family {family}, got {array.shape}",
            value=name,
        )
    return np.ascontiguousarray(array, dtype=np.float32)


def _rows_of(panel: Panel, block: slice) -> Panel:
    """Some rows of a panel."""
    return Panel(
        units=panel.units[block],
        days=panel.days,
        channels={name: values[block] for name, values in panel.channels.items()},
        latitude=panel.latitude[block],
        longitude=panel.longitude[block],
        country=panel.country[block],
    )


def _locked(array: NDArray[np.float32]) -> NDArray[np.float32]:
    """A view that can't be written to."""
    view = array.view()
    view.flags.writeable = False
    return view
