"""``neighbours``: what happened elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numba import njit
from numpy.typing import NDArray

from escalation import schema
from escalation.errors import UsageError
from escalation.features.base import Columns, positive
from escalation.panel.dense import Panel

EARTH_RADIUS_KM = 6371.0088


def neighbours(
    local: Mapping[str, NDArray[np.float32]],
    panel: Panel,
    *,
    channels: Sequence[str] = ("events",),
    windows: Sequence[int] = (7, 28),
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
        One row per unit: name, country and coordinates where it was first seen.
    channels : sequence of str
    windows : sequence of int
        w, in days.
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
    >>> for name, values in neighbours(sums, units, windows=[7], within_km=[100]).items():
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
        f"within_{km:g}km": _within(panel, member, positive(km, name="within_km"))
        for km in within_km
    }
    columns: Columns = {}
    for base in (f"{channel}_sum_{w}d" for channel in channels for w in windows):
        sums = _find(local, base)
        columns |= {f"{base}_{k}": _others_in_group(sums, g) for k, g in groups.items()}
        columns |= {f"{base}_{k}": _sum_over(sums, *rows) for k, rows in near.items()}
    return columns


def _find(local: Mapping[str, NDArray[np.float32]], name: str) -> NDArray[np.float32]:
    if name not in local:
        raise UsageError(
            "E-FEATURE",
            "expected the window sum that neighbours adds up to be a feature itself",
            column="neighbours",
            value=name,
            fix="add the channel and the window under [features.window_sums]",
        )
    return local[name]


def _countries(panel: Panel, member: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Number of each unit's country; -1 where unknown."""
    country = np.array(panel.country, dtype=str)
    codes = np.unique(country, return_inverse=True)[1].astype(np.int64)
    return np.where(member & (country != ""), codes, -1)


def _within(
    panel: Panel, member: NDArray[np.bool_], km: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Starts and indices of each unit's neighbours, in the order of the units."""
    found = [np.flatnonzero((_distances(panel, i) <= km) & member) for i in range(len(member))]
    found = [near[near != i] if member[i] else near[:0] for i, near in enumerate(found)]
    starts = np.cumsum([0, *(len(near) for near in found)])
    return starts.astype(np.int64), np.concatenate([*found, np.empty(0, np.int64)]).astype(np.int64)


def _distances(panel: Panel, unit: int) -> NDArray[np.float64]:
    """Haversine distance in kilometres from one unit to every unit; NaN without coordinates."""
    latitude, longitude = np.radians(panel.latitude), np.radians(panel.longitude)
    across = np.sin((latitude - latitude[unit]) / 2.0) ** 2
    along = np.sin((longitude - longitude[unit]) / 2.0) ** 2
    square = across + np.cos(latitude) * np.cos(latitude[unit]) * along
    return 2.0 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.minimum(square, 1.0)))


@njit(cache=True, nogil=True)
def _sum_over(
    values: NDArray[np.float32], starts: NDArray[np.int64], others: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Sum, for each row, of some other rows.

    Added up in float64 in the order given, so a row of zeros changes nothing.

    Parameters
    ----------
    values : ndarray of float32, shape (row, day)
    starts : ndarray of int64, shape (row + 1,)
        Row i adds ``others[starts[i]:starts[i + 1]]``.
    others : ndarray of int64

    Returns
    -------
    ndarray of float32, shape (row, day)
    """
    rows, days = values.shape
    out = np.empty((rows, days), np.float32)
    total = np.empty(days)
    for i in range(rows):
        total[:] = 0.0
        for j in range(starts[i], starts[i + 1]):
            row = values[others[j]]
            for t in range(days):
                total[t] += row[t]
        out[i] = total
    return out


@njit(cache=True, nogil=True)
def _others_in_group(values: NDArray[np.float32], group: NDArray[np.int64]) -> NDArray[np.float32]:
    """Sum, for each row, of the other rows of its group; 0 for rows of group -1.

    The group's total less the row's own, in float64: exact for whole numbers, and linear in rows.

    Parameters
    ----------
    values : ndarray of float32, shape (row, day)
    group : ndarray of int64, shape (row,)
        From 0 on without holes; -1 is no group.

    Returns
    -------
    ndarray of float32, shape (row, day)
    """
    rows, days = values.shape
    out = np.zeros((rows, days), np.float32)
    total = np.zeros((max(group.max() + 1, 0) if rows else 0, days))
    for i in range(rows):
        if group[i] >= 0:
            for t in range(days):
                total[group[i], t] += values[i, t]
    for i in range(rows):
        if group[i] >= 0:
            for t in range(days):
                out[i, t] = total[group[i], t] - values[i, t]
    return out
