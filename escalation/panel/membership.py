"""The units that each event belongs to; each distinct name becomes a key once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from escalation import schema
from escalation._util.arrays import Ints
from escalation.events.units import UnitName, dyad_key, place_key, tidied
from escalation.panel.dense import priogrid

Membership = tuple[Ints, tuple[str, ...]]
"""Index of each event's unit, -1 if it has none, and the keys of the units."""


def members(events: pd.DataFrame, kind: schema.UnitKind) -> Membership:
    """The unit of each event, for one kind of unit.

    Parameters
    ----------
    events : DataFrame
        Canonical events or versions.
    kind : str
        One of :data:`escalation.schema.UNIT_KINDS`.

    Returns
    -------
    code : ndarray of int64, shape (event,)
        Index among the keys; -1 if the event belongs to no unit of this kind.
    keys : tuple of str
        The units in order of appearance.

    Examples
    --------
    >>> events = pd.DataFrame({"admin1": ["Punjab", "punjab ", "Punjab", None],
    ...     "country": ["IND", "IND", "PAK", "PAK"]})
    >>> code, keys = members(events, "admin1")
    >>> code.tolist(), keys
    ([0, 0, 1, -1], ('ind/punjab', 'pak/punjab'))
    """
    if kind == "all":
        return np.zeros(len(events), np.int64), (schema.ALL_UNIT,)
    if kind == "priogrid":
        return _cells(events)
    if kind == "dyad":
        return _joined(events[schema.ACTOR], events[schema.TARGET], dyad_key)
    if kind == "country":
        return _joined(events[kind], None, lambda name, _: place_key(name))
    return _joined(events[kind], events[schema.COUNTRY], place_key)


def unit_keys_of(events: pd.DataFrame, kind: schema.UnitKind) -> pd.Series:
    """Key of each event's unit; missing if it belongs to none of this kind.

    Parameters
    ----------
    events, kind
        As for :func:`members`.
    """
    code, keys = members(events, kind)
    values = np.array([*keys, None], dtype=object)[code]
    return pd.Series(values, index=events.index, dtype="str")


def name_of_unit(event: Mapping[str, Any], kind: schema.UnitKind, key: str) -> UnitName:
    """A unit's name and country as spelled in one of its events.

    Parameters
    ----------
    event : mapping
        Columns of one canonical event.
    kind : str
    key : str
    """
    if kind in ("all", "priogrid"):
        return UnitName(key, key)
    if kind == "dyad":
        return UnitName(key, f"{tidied(event[schema.ACTOR])}>{tidied(event[schema.TARGET])}")
    country = "" if kind == "country" or pd.isna(event[schema.COUNTRY]) else event[schema.COUNTRY]
    return UnitName(key, tidied(event[kind]), tidied(country))


def _joined(
    names: pd.Series, others: pd.Series | None, make: Callable[[str, str], str]
) -> Membership:
    """Keys of pairs of texts; the second is empty if missing."""
    name, distinct = pd.factorize(names)
    other, second = (np.full(len(name), -1), []) if others is None else pd.factorize(others)
    width, named = len(second) + 1, name >= 0
    pair, pairs = pd.factorize(name[named].astype(np.int64) * width + other[named] + 1)
    texts = ["", *second]
    joined = [make(str(distinct[i // width]), str(texts[i % width])) for i in pairs.tolist()]
    number, keys = pd.factorize(np.array([key or None for key in joined], dtype=object))
    code = np.full(len(name), -1, np.int64)
    code[named] = number[pair] if len(pair) else pair
    return code, tuple(str(key) for key in keys)


def _cells(events: pd.DataFrame) -> Membership:
    latitude, longitude = (
        events[name].to_numpy(dtype=np.float64, na_value=np.nan)
        for name in (schema.LATITUDE, schema.LONGITUDE)
    )
    located = ~np.isnan(latitude) & ~np.isnan(longitude)
    code = np.full(len(events), -1, np.int64)
    code[located], cells = pd.factorize(priogrid(latitude[located], longitude[located]))
    return code, tuple(str(cell) for cell in cells.tolist())
