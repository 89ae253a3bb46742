"""``neighbours``: window sums over other units."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from escalation import schema
from escalation.errors import UsageError
from escalation.events.units import normalised
from escalation.features.base import Columns, positive
from escalation.panel.dense import Panel

EARTH_RADIUS_KM = 6371.0088
USUAL_WINDOWS = (7, 28)


def neighbours(
    local: Mapping[str, NDArray[np.float32]],
    panel: Panel,
    rows: slice,
    *,
    channels: Sequence[str] = ("events",),
    windows: Sequence[int] | None = None,
    others: bool = True,
    same_country: bool = True,
    within_km: Sequence[float] = (250,),
) -> Columns:
    r"""Window sums over the other units: all, those of the same country, those within a distance.

    .. math:: N_{i,t} = \sum_{j \ne i,\ d(i,j) \le D} S_{j,t}

    A unit counts from the day on which it is known. The unit ``all`` neither is nor has a
    neighbour. Only window sums are supported: they are exact, so units that enter later change
    nothing. With several kinds of units, an event counts once for each unit that contains it.

    Parameters
    ----------
    local : mapping of str to ndarray of float32, shape (unit, day)
        Must hold ``{channel}_sum_{w}d``, from ``window_sums``.
    panel : Panel
        One row per unit: key, country and coordinates.
    rows : slice
        The units to return; sums are over all units.
    channels : sequence of str
    windows : sequence of int, optional
        w, in days; by default 7 and 28, or all windows of the channel if it has neither.
    others, same_country : bool
        Whether to sum over all others, and over those of the same country, if it is known.
    within_km : sequence of float
        D, great-circle distances in kilometres between units with coordinates.

    Returns
    -------
    dict of str to ndarray of float32, shape (unit, day)
        ``{channel}_sum_{w}d_others``, ``…_same_country``, ``…_within_{D}km``.

    Raises
    ------
    UsageError
        ``E-FEATURE`` if a window sum is not among the features.

    Examples
    --------
    >>> from escalation.panel.dense import day_range
    >>> names, day = ("Balad", "Kabul", "Taji"), day_range("2020-01-01", "2020-01-01")
    >>> north, east = np.array([34.0, 34.5, 33.5]), np.array([44.1, 69.2, 44.3])
    >>> units = Panel(names, day, {}, north, east, ("Iraq", "Afghanistan", "Iraq"))
    >>> sums = {"events_sum_7d": np.float32([[1], [4], [2]])}
    >>> columns = neighbours(sums, units, slice(None), windows=[7], within_km=[100])
    >>> for name, values in columns.items():
    ...     print(name, values[:, 0].tolist())
    events_sum_7d_others [6.0, 3.0, 5.0]
    events_sum_7d_same_country [2.0, 0.0, 1.0]
    events_sum_7d_within_100km [2.0, 0.0, 1.0]
    """
    member = np.array([unit != schema.ALL_UNIT for unit in panel.units], dtype=bool)
    groups = {}
    if others:
        groups["others"] = np.where(member, 0, -1)
    if same_country:
        groups["same_country"] = _countries(panel, member)
    near = {
        f"within_{km:g}km": _within(panel, member, positive(km, name="within_km"), rows)
        for km in within_km
    }
    columns: Columns = {}
    for channel in channels:
        for w in _default_windows(local, channel) if windows is None else windows:
            base = f"{channel}_sum_{w}d"
            sums = _window_sum(local, base)
            columns |= {f"{base}_{k}": _others_in_group(sums, g, rows) for k, g in groups.items()}
            columns |= {f"{base}_{k}": pairs @ sums for k, pairs in near.items()}
    return columns


def _default_windows(local: Mapping[str, NDArray[np.float32]], channel: str) -> list[int]:
    """The usual windows of a channel if it has any, otherwise all its windows."""
    pattern = re.compile(rf"{re.escape(channel)}_sum_(\d+)d")
    windows = [int(match[1]) for match in map(pattern.fullmatch, local) if match]
    return [w for w in USUAL_WINDOWS if w in windows] or windows or [*USUAL_WINDOWS]


def _window_sum(local: Mapping[str, NDArray[np.float32]], name: str) -> NDArray[np.float32]:
    if name not in local:
        raise UsageError(
            "E-FEATURE",
            "neighbours needs this window sum among the features",
            column="neighbours",
            value=name,
            fix="add the channel and the window under [features.window_sums], "
            "or remove windows from [features.neighbours]",
        )
    return local[name]


def _countries(panel: Panel, member: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Number of each unit's country; -1 if unknown."""
    plain = {country: normalised(country) for country in set(panel.country)}
    country = np.array([plain[country] for country in panel.country], dtype=str)
    codes = np.unique(country, return_inverse=True)[1].astype(np.int64)
    return np.where(member & (country != ""), codes, -1)


def _within(panel: Panel, member: NDArray[np.bool_], km: float, rows: slice) -> csr_array:
    """Matrix of ones if the unit of a row has that of a column within a distance."""
    from sklearn.neighbors import BallTree

    located = np.flatnonzero(member & ~np.isnan(panel.latitude) & ~np.isnan(panel.longitude))
    requested = np.intersect1d(located, np.arange(len(member))[rows])
    shape = len(member), len(member)
    if not len(requested):
        return csr_array(shape, dtype=np.float32)[rows]
    radians = np.radians(np.column_stack([panel.latitude, panel.longitude]))
    tree = BallTree(radians[located], metric="haversine")
    near = tree.query_radius(radians[requested], km / EARTH_RADIUS_KM)
    unit = np.repeat(requested, [len(indices) for indices in near])
    other = located[np.concatenate(near)]
    apart = unit != other
    starts = np.searchsorted(unit[apart], np.arange(len(member) + 1))
    ones = np.ones(np.count_nonzero(apart), np.float32)
    return csr_array((ones, other[apart], starts), shape=shape)[rows]


def _others_in_group(
    values: NDArray[np.float32], group: NDArray[np.int64], rows: slice
) -> NDArray[np.float32]:
    """Sum, for some rows, of the other rows of their group; 0 for rows of group -1.

    The group's total minus the row: exact for whole numbers, and linear in rows.

    Parameters
    ----------
    values : ndarray of float32, shape (row, day)
    group : ndarray of int64, shape (row,)
        Consecutive numbers from 0; -1 is no group.
    rows : slice
    """
    member = np.flatnonzero(group >= 0)
    shape = int(group.max(initial=-1)) + 1, len(group)
    ones = csr_array((np.ones(len(member)), (group[member], member)), shape=shape)
    total = ones @ values.astype(np.float64)
    row_group = group[rows]
    out = total[row_group] - values[rows] if len(total) else np.zeros(values[rows].shape)
    return np.where(row_group[:, None] >= 0, out, 0.0).astype(np.float32)
