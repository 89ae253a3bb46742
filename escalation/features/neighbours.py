"""``neighbours``: what happened elsewhere."""

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
    r"""Window sums over the other units: all, those of the country, those within a distance.

    .. math:: N_{i,t} = \sum_{j \ne i,\ d(i,j) \le D} S_{j,t}

    A unit adds from the day on which it is known. The unit ``all`` is nobody's neighbour and has
    none. Only window sums, because sums of whole numbers are exact: a unit that comes later changes
    nothing.
    Where units of several kinds lie side by side, an event counts once for each unit that holds it.

    Parameters
    ----------
    local : mapping of str to ndarray of float32, shape (unit, day)
        Must hold ``{channel}_sum_{w}d``, from ``window_sums``.
    panel : Panel
        One row per unit: key, country and coordinates where it was first seen.
    rows : slice
        The units to give; sums go over all.
    channels : sequence of str
    windows : sequence of int, optional
        w, in days; by default 7 and 28, or where neither is a feature of the channel, all that are.
    others, same_country : bool
        Whether to sum over all others, and over those of the same country. Units whose country is
        not known have no neighbours in it.
    within_km : sequence of float
        D, in kilometres along the great circle; a unit without coordinates has no neighbours so.

    Returns
    -------
    dict of str to ndarray of float32, shape (unit, day)
        ``{channel}_sum_{w}d_others``, ``…_same_country``, ``…_within_{D}km``.

    Raises
    ------
    UsageError
        ``E-FEATURE`` when a window sum is not among the features.

    Examples
    --------
    ======  =======  ============  ======  ============
    unit    country  events in 7d  others  same country
    ======  =======  ============  ======  ============
    Balad   Iraq     1             6       2
    Kabul   ...      4             3       0
    Taji    Iraq     2             5       1
    ======  =======  ============  ======  ============

    >>> from escalation.panel.dense import day_range
    >>> names, day = ("Balad", "Kabul", "Taji"), day_range("2020-01-01", "2020-01-01")
    >>> north, east = np.array([34.0, 34.5, 33.5]), np.array([44.1, 69.2, 44.3])
    >>> units = Panel(names, day, {}, north, east, ("Iraq", "Afghanistan", "Iraq"))
    >>> sums = {"events_sum_7d": np.float32([[1], [4], [2]])}
    >>> found = neighbours(sums, units, slice(None), windows=[7], within_km=[100])
    >>> for name, values in found.items():
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
    over = {one: _summed(local, one) if windows is None else windows for one in channels}
    for base in (f"{one}_sum_{w}d" for one, summed in over.items() for w in summed):
        sums = _find(local, base)
        columns |= {f"{base}_{k}": _others_in_group(sums, g, rows) for k, g in groups.items()}
        columns |= {f"{base}_{k}": pairs @ sums for k, pairs in near.items()}
    return columns


def _summed(local: Mapping[str, NDArray[np.float32]], channel: str) -> list[int]:
    """Windows over which a channel is summed; the usual ones where it is over one of them."""
    pattern = re.compile(rf"{re.escape(channel)}_sum_(\d+)d")
    there = [int(found[1]) for found in map(pattern.fullmatch, local) if found]
    return [w for w in USUAL_WINDOWS if w in there] or there or [*USUAL_WINDOWS]


def _find(local: Mapping[str, NDArray[np.float32]], name: str) -> NDArray[np.float32]:
    if name not in local:
        raise UsageError(
            "E-FEATURE",
            "expected the window sum that neighbours adds up to be a feature itself",
            column="neighbours",
            value=name,
            fix="add the channel and the window under [features.window_sums], "
            "or leave windows out under [features.neighbours]",
        )
    return local[name]


def _countries(panel: Panel, member: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Number of each unit's country; -1 where unknown."""
    plain = {country: normalised(country) for country in set(panel.country)}
    country = np.array([plain[country] for country in panel.country], dtype=str)
    codes = np.unique(country, return_inverse=True)[1].astype(np.int64)
    return np.where(member & (country != ""), codes, -1)


def _within(panel: Panel, member: NDArray[np.bool_], km: float, rows: slice) -> csr_array:
    """Ones where a unit, by row, has another, by column, within a distance."""
    from sklearn.neighbors import BallTree

    placed = np.flatnonzero(member & ~np.isnan(panel.latitude) & ~np.isnan(panel.longitude))
    asked = np.intersect1d(placed, np.arange(len(member))[rows])
    shape = len(member), len(member)
    if not len(asked):
        return csr_array(shape, dtype=np.float32)[rows]
    radians = np.radians(np.column_stack([panel.latitude, panel.longitude]))
    tree = BallTree(radians[placed], metric="haversine")
    found = tree.query_radius(radians[asked], km / EARTH_RADIUS_KM)
    unit, other = np.repeat(asked, [len(near) for near in found]), placed[np.concatenate(found)]
    apart = unit != other
    starts = np.searchsorted(unit[apart], np.arange(len(member) + 1))
    ones = np.ones(np.count_nonzero(apart), np.float32)
    return csr_array((ones, other[apart], starts), shape=shape)[rows]


def _others_in_group(
    values: NDArray[np.float32], group: NDArray[np.int64], rows: slice
) -> NDArray[np.float32]:
    """Sum, for some rows, of the other rows of their group; 0 for rows of group -1.

    The group's total less the row's own: exact for whole numbers, and linear in rows.

    Parameters
    ----------
    values : ndarray of float32, shape (row, day)
    group : ndarray of int64, shape (row,)
        From 0 on without holes; -1 is no group.
    rows : slice
    """
    member = np.flatnonzero(group >= 0)
    shape = int(group.max(initial=-1)) + 1, len(group)
    ones = csr_array((np.ones(len(member)), (group[member], member)), shape=shape)
    total = ones @ values.astype(np.float64)
    own = group[rows]
    out = total[own] - values[rows] if len(total) else np.zeros(values[rows].shape)
    return np.where(own[:, None] >= 0, out, 0.0).astype(np.float32)
