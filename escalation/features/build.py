"""One table of features from the configured families, each value as it was known on its day.

Local families run over blocks of units, so that passing results take little memory. Blocks share
nothing, so the result does not depend on their size, nor on how many threads take them. A family
that asks a panel's series takes one pass over the days; one that asks for whole rows is given each
row that was ever current, some at a time.
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
"""Parameters by the name of a family, as in an experiment file."""
BLOCK_CELLS = 200_000
"""Cells of one column in a block: with fifty columns forty megabytes. Measured from 16,000 to
400,000: smaller blocks spend their time on calls, larger ones gain little and hold more."""


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
    return list(_tiny(panel, chosen(families, local), chosen(families, across), families))


def build(
    past: History,
    families: Families,
    *,
    local: Mapping[str, Local] = FEATURES,
    across: Mapping[str, Across] = ACROSS,
    threads: int = 2,
) -> Features:
    """Compute every configured family for every unit and day, as known on that day.

    Parameters
    ----------
    past : History
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
    near, far = chosen(families, local), chosen(families, across)
    columns = tuple(_tiny(_probe(past.channels), near, far, families))
    own = _local_names(past.channels, near, families)
    values = np.zeros((len(columns), len(past.units), len(past.days)), np.float32)
    _fill_local(past, near, own, values, threads)
    if far:
        known = MappingProxyType(dict(zip(own, map(read_only, values), strict=False)))
        far_columns: Columns = {}
        for family in far.values():
            far_columns |= family(known, places(past), slice(None))
        for number, array in enumerate(far_columns.values(), len(own)):
            np.copyto(values[number], array, where=past.present)
    units = past.units, past.unit_keys
    return Features(columns, read_only(values), *units, past.days, past.present)


def on_one_day(
    panel: Panel, day: int, families: Families, *, local: Mapping[str, Local] = FEATURES
) -> NDArray[np.float32]:
    """The local families among those that are configured, on one day alone.

    Parameters
    ----------
    panel : Panel
        Whole rows by event day, as known when the day is looked at.
    day : int
        Index of the last day that features see.
    families : mapping of str to mapping
        Parameters by family.
    local : mapping of str to callable, optional

    Returns
    -------
    ndarray of float32, shape (feature, unit)
        In the order of :func:`build`.
    """
    near = chosen(families, local)
    columns = _local_names(tuple(panel.channels), near, families)
    values = np.zeros((len(columns), len(panel.units)), np.float32)
    for start, stop in _blocks(*panel.shape):
        some = panel.take(np.arange(start, stop))
        for number, array in enumerate(_columns(near, some, columns).values()):
            values[number, start:stop] = array[:, day]
    return values


def chosen(families: Families, known: Mapping[str, Callable[..., Columns]]) -> dict[str, Local]:
    """The configured members of a registry, their parameters filled in."""
    return {name: partial(known[name], **p) for name, p in families.items() if name in known}


def places(past: History) -> Panel:
    """The units, one row each, without channels: keys, countries and coordinates."""
    return Panel(past.unit_keys, past.days, {}, past.latitude, past.longitude, past.country)


def _probe(channels: Sequence[str]) -> Panel:
    """A tiny panel, to learn which columns a family gives."""
    return one_unit({name: [0.0, 0.0] for name in channels})


def _tiny(
    panel: Panel, near: Mapping[str, Local], far: Mapping[str, Across], families: Families
) -> Columns:
    """Every column on a tiny panel; unknown families and repeated columns are refused."""
    for name in families:
        if name not in near and name not in far:
            known = ", ".join([*FEATURES, *ACROSS])
            raise UsageError(
                "E-FEATURE",
                f"no such family; registered are {known}",
                value=name,
                fix="correct its name under [features]",
            )
    columns: Columns = {}
    for family in near.values():
        _add(columns, family(panel))
    local = MappingProxyType(dict(columns))
    for family in far.values():
        _add(columns, family(local, panel, slice(None)))
    return columns


def _local_names(
    channels: Sequence[str], near: Mapping[str, Local], families: Families
) -> tuple[str, ...]:
    """Columns of the local families."""
    return tuple(_tiny(_probe(channels), near, {}, {name: families[name] for name in near}))


def _add(columns: Columns, more: Columns) -> None:
    for name, array in more.items():
        if name in columns:
            raise UsageError(
                "E-FEATURE",
                "two families give the same column",
                column="features",
                value=name,
                fix="leave the channel or the window out of one of them",
            )
        columns[name] = array


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
    """Run the local families block by block, each into its place."""
    blocks = _blocks(len(past.units), len(past.days))

    def run(block: tuple[int, int]) -> None:
        _fill_block(past.part(*block), families, columns, values[:, slice(*block)])

    if threads == 1 or len(blocks) < 2:
        for block in blocks:
            run(block)
        return
    # Threads far from each other: on neighbouring blocks they would meet in the same fresh pages.
    each = -(-len(blocks) // threads)
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(run, [block for i in range(each) for block in blocks[i::each]]):
            pass


def _fill_block(
    part: History,
    families: Mapping[str, Local],
    columns: Sequence[str],
    into: NDArray[np.float32],
) -> None:
    """All local families for some units; 0 where a unit is not known yet."""
    panel, done = part.panel(), 0
    for title, family in families.items():
        try:
            found = _columns({title: family}, panel)
        except RowsNeededError:
            done += _fill_rows(part, title, family, columns[done:], into[done:])
            continue
        _require_same(columns[done : done + len(found)], tuple(found))
        for array in found.values():
            into[done] = array
            done += 1
    _require_same(columns[done:], ())
    for unit in np.flatnonzero(part.entry > 0):
        into[:, unit, : part.entry[unit]] = 0.0


def _fill_rows(
    part: History, title: str, family: Local, columns: Sequence[str], into: NDArray[np.float32]
) -> int:
    """One family that wants whole rows; gives the number of its columns."""
    count = 0
    for rows in rows_as_known(part, most=max(1, BLOCK_CELLS // len(part.days))):
        found = _columns({title: family}, rows.panel)
        count = len(found)
        _require_same(columns[:count], tuple(found))
        for number, array in enumerate(found.values()):
            rows.place(array[None], into[number : number + 1])
    return count


def _columns(
    families: Mapping[str, Local], panel: Panel, expected: Sequence[str] | None = None
) -> Columns:
    """Columns of some families, their shapes checked."""
    found = {
        name: _checked(array, panel.shape, title, name)
        for title, family in families.items()
        for name, array in family(panel).items()
    }
    if expected is not None:
        _require_same(expected, tuple(found))
    return found


def _require_same(expected: Sequence[str], found: Sequence[str]) -> None:
    if tuple(expected) != tuple(found):
        differ = sorted(set(expected) ^ set(found)) or found
        raise UsageError(
            "E-FEATURE",
            "a family must give the same columns in the same order for every panel",
            value=differ[0],
        )


def _checked(
    array: NDArray[np.float32], shape: tuple[int, int], family: str, name: str
) -> NDArray[np.float32]:
    if array.shape != shape:
        raise UsageError(
            "E-FEATURE",
            f"family {family} gave an array of shape {array.shape}, needed is {shape}, [row, day]",
            value=name,
        )
    return np.ascontiguousarray(array, dtype=np.float32)
