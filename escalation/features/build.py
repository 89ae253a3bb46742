"""The table of features from the configured families, each value as known on its day.

Local families run over blocks of units, so that intermediate results take little memory. Blocks
are independent, so neither their size nor the number of threads changes the result. A family that
uses a panel's series takes one pass over the days; one that uses whole rows gets every row that was
ever current, in batches.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from escalation.errors import UsageError
from escalation.features import ACROSS, FEATURES
from escalation.features.base import Across, Columns, Local, one_unit
from escalation.features.feature_table import Features, read_only
from escalation.panel.current_rows import rows_as_known
from escalation.panel.dense import Channel, Panel, RowsNeededError
from escalation.panel.history import History

Families = Mapping[str, Mapping[str, Any]]
"""Parameters by family, as in an experiment file."""
BLOCK_CELLS = 200_000
"""Cells of one column in a block: forty megabytes for fifty columns. Measured from 16,000 to
400,000: smaller blocks spend their time on calls, larger ones gain little and need more memory."""


def feature_names(channels: Sequence[Channel], families: Families) -> list[str]:
    """Names of the columns that :func:`build` returns, before any data is read.

    The families run on one unit and two days of zeros, so their parameters are checked too.

    Parameters
    ----------
    channels : sequence of Channel
        All channels of the panel, :attr:`escalation.panel.dense.PanelSpec.all_channels`.
    families : mapping of str to mapping
        Parameters by family. Local families come first, then those across units.

    Raises
    ------
    UsageError
        ``E-FEATURE`` for an unknown family or a column of two families, ``E-CHANNEL`` for an
        unknown channel.

    Examples
    --------
    >>> families = {"window_sums": {"channels": ["events"], "windows": [7, 28]}}
    >>> feature_names([Channel("events")], families)
    ['events_sum_7d', 'events_sum_28d']
    """
    near, far = local_and_across(families)
    return list(probe_columns([channel.name for channel in channels], near, far))


def build(past: History, families: Families, *, threads: int = 2) -> Features:
    """Compute every configured family for every unit and day, as known on that day.

    Parameters
    ----------
    past : History
    families : mapping of str to mapping
        Parameters by family.
    threads : int
        Affects the time, never the result.

    Raises
    ------
    UsageError
        As :func:`feature_names`, and ``E-FEATURE`` for a family whose arrays are not [row, day].
    """
    return build_families(past, *local_and_across(families), threads=threads)


def build_families(
    past: History, near: Mapping[str, Local], far: Mapping[str, Across], *, threads: int
) -> Features:
    """Compute local families and families across units, their parameters filled in.

    Parameters
    ----------
    past : History
    near, far : mapping of str to callable
        Local families, and families across units, by name.
    threads : int
    """
    columns = tuple(probe_columns(past.channels, near, far))
    local_columns = tuple(probe_columns(past.channels, near, {}))
    values = np.zeros((len(columns), len(past.units), len(past.days)), np.float32)
    _fill_local(past, near, local_columns, values, threads)
    if far:
        known = MappingProxyType(dict(zip(local_columns, map(read_only, values), strict=False)))
        far_columns: Columns = {}
        for family in far.values():
            far_columns |= family(known, unit_places(past), slice(None))
        for number, array in enumerate(far_columns.values(), len(local_columns)):
            np.copyto(values[number], array, where=past.present)
    units = past.units, past.unit_keys
    return Features(columns, read_only(values), *units, past.days, past.present)


def on_one_day(panel: Panel, day: int, families: Families) -> NDArray[np.float32]:
    """Values of the local families on one day, shape (feature, unit), as in :func:`build`.

    Parameters
    ----------
    panel : Panel
        Whole rows by event day, as known on the day of issue.
    day : int
        Index of the last day that features see.
    families : mapping of str to mapping
        Parameters by family.
    """
    near = configured_families(families, FEATURES)
    names = tuple(probe_columns(tuple(panel.channels), near, {}))
    values = np.zeros((len(names), len(panel.units)), np.float32)
    for start, stop in _blocks(*panel.shape):
        rows = panel.take(np.arange(start, stop))
        columns: Columns = {}
        for title, family in near.items():
            columns |= _run(title, family, rows)
        _require_same(names, tuple(columns))
        for number, array in enumerate(columns.values()):
            values[number, start:stop] = array[:, day]
    return values


def configured_families(
    families: Families, registry: Mapping[str, Callable[..., Columns]]
) -> dict[str, Local]:
    """The configured families of a registry, their parameters filled in.

    Parameters
    ----------
    families : mapping of str to mapping
        Parameters by family; families of other registries are ignored.
    registry : mapping of str to callable
    """
    return {
        name: partial(registry[name], **parameters)
        for name, parameters in families.items()
        if name in registry
    }


def local_and_across(families: Families) -> tuple[dict[str, Local], dict[str, Across]]:
    """The configured local families, and those across units; ``E-FEATURE`` for unknown ones."""
    for name in families:
        if name not in FEATURES and name not in ACROSS:
            raise UsageError(
                "E-FEATURE",
                f"no such family; registered: {', '.join([*FEATURES, *ACROSS])}",
                value=name,
                fix="correct its name under [features]",
            )
    return configured_families(families, FEATURES), configured_families(families, ACROSS)


def unit_places(past: History) -> Panel:
    """A panel without channels: keys, countries and coordinates of the units."""
    return Panel(past.unit_keys, past.days, {}, past.latitude, past.longitude, past.country)


def probe_columns(
    channels: Sequence[str], near: Mapping[str, Local], far: Mapping[str, Across]
) -> Columns:
    """Columns of families on one unit and two days of zeros; refuses repeated columns.

    Parameters
    ----------
    channels : sequence of str
        Names of the panel's channels.
    near, far : mapping of str to callable
        Local families, and families across units, by name.
    """
    panel = one_unit({name: [0.0, 0.0] for name in channels})
    columns: Columns = {}
    for family in near.values():
        _add(columns, family(panel))
    local = MappingProxyType(dict(columns))
    for family in far.values():
        _add(columns, family(local, panel, slice(None)))
    return columns


def _add(columns: Columns, more: Columns) -> None:
    if repeated := [name for name in more if name in columns]:
        raise UsageError(
            "E-FEATURE",
            "two families have the same column",
            column="features",
            value=repeated[0],
            fix="remove the channel or the window from one of them",
        )
    columns |= more


def _blocks(rows: int, days: int) -> list[tuple[int, int]]:
    step = max(1, BLOCK_CELLS // max(days, 1))
    return [(start, min(start + step, rows)) for start in range(0, rows, step)]


def _fill_local(
    past: History,
    families: Mapping[str, Local],
    columns: Sequence[str],
    values: NDArray[np.float32],
    threads: int,
) -> None:
    """Compute the local families block by block, in place."""
    blocks = _blocks(len(past.units), len(past.days))

    def run(block: tuple[int, int]) -> None:
        _fill_block(past.part(*block), families, columns, values[:, slice(*block)])

    if threads == 1 or len(blocks) < 2:
        for block in blocks:
            run(block)
        return
    # Threads work far apart: neighbouring blocks would contend for the same fresh memory pages.
    stride = -(-len(blocks) // threads)
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(run, [block for i in range(stride) for block in blocks[i::stride]]):
            pass


def _fill_block(
    part: History,
    families: Mapping[str, Local],
    columns: Sequence[str],
    out: NDArray[np.float32],
) -> None:
    """Compute all local families for some units; 0 before a unit is known."""
    panel, n_done = part.panel(), 0
    for title, family in families.items():
        try:
            family_columns = _run(title, family, panel)
        except RowsNeededError:
            n_done += _fill_rows(part, title, family, columns[n_done:], out[n_done:])
            continue
        _require_same(columns[n_done : n_done + len(family_columns)], tuple(family_columns))
        for array in family_columns.values():
            out[n_done] = array
            n_done += 1
    _require_same(columns[n_done:], ())
    for unit in np.flatnonzero(part.entry > 0):
        out[:, unit, : part.entry[unit]] = 0.0


def _fill_rows(
    part: History, title: str, family: Local, columns: Sequence[str], out: NDArray[np.float32]
) -> int:
    """Compute one family that uses whole rows; returns the number of its columns."""
    count = 0
    for rows in rows_as_known(part, most=max(1, BLOCK_CELLS // len(part.days))):
        family_columns = _run(title, family, rows.panel)
        count = len(family_columns)
        _require_same(columns[:count], tuple(family_columns))
        for number, array in enumerate(family_columns.values()):
            rows.place(array[None], out[number : number + 1])
    return count


def _run(title: str, family: Local, panel: Panel) -> Columns:
    """Columns of a family as contiguous float32 arrays, their shapes checked."""
    columns = family(panel)
    for name, array in columns.items():
        if array.shape != panel.shape:
            raise UsageError(
                "E-FEATURE",
                f"family {title} returned an array of shape {array.shape} "
                f"instead of {panel.shape}, [row, day]",
                value=name,
            )
    return {name: np.ascontiguousarray(array, np.float32) for name, array in columns.items()}


def _require_same(expected: Sequence[str], actual: Sequence[str]) -> None:
    if tuple(expected) != tuple(actual):
        differ = sorted(set(expected) ^ set(actual)) or actual
        raise UsageError(
            "E-FEATURE",
            "a family must return the same columns in the same order for every panel",
            value=differ[0],
        )
