"""Versions of events by unit and by day, before they are stacked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from escalation import schema
from escalation.errors import InputError
from escalation.events.archive import EVENT_KEY as KEY
from escalation.events.archive import EventArchive
from escalation.panel.dense import Channel, PanelSpec, unit_of

FOREVER = np.iinfo(np.int64).max // 4
"""The day after which a version that nothing replaced is no longer valid."""


def spread(archive: EventArchive, spec: PanelSpec) -> pd.DataFrame:
    """Versions by unit, each with the half-open stretch of days in which it was the valid one."""
    versions = archive.versions
    same = versions.duplicated(KEY, keep="last").to_numpy()
    known = versions[schema.KNOWN_DATE].to_numpy("datetime64[D]").astype(np.int64)
    ends = np.where(same, np.append(known[1:], 0), FOREVER)
    table = versions.assign(_known=known, _ends=ends)
    table = table[table[schema.OPERATION] != "retract"]
    return by_unit(table, spec)


def by_unit(table: pd.DataFrame, spec: PanelSpec) -> pd.DataFrame:
    """Each row once per kind of unit that it belongs to, with the unit in ``_unit``."""
    named = {kind: unit_of(table, kind) for kind in dict.fromkeys(spec.kinds)}
    seen: set[str] = set()
    for kind, units in named.items():
        names = set(units.dropna())
        if both := sorted(seen & names):
            raise InputError(
                "E-UNIT",
                "expected different names for units of different kinds",
                column=kind,
                value=both[0],
                fix="leave out one of the kinds or rename the unit at the source",
            )
        seen |= names
    parts = [table.assign(_unit=units) for units in named.values()]
    return pd.concat(parts, ignore_index=True).dropna(subset=["_unit"])


def times(
    table: pd.DataFrame, base: int, count: int, lag: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Day indices of each version: happened, known, replaced, first seen by the frontier."""
    happened = table[schema.EVENT_DATE].to_numpy("datetime64[D]").astype(np.int64) - base
    known = np.maximum(table["_known"].to_numpy() - base, 0)
    ends = np.where(table["_ends"] >= FOREVER, count, table["_ends"] - base).clip(0, count)
    return happened, known, ends, np.maximum(known, np.maximum(happened, 0) + lag)


def cells(
    channel: Channel, table: pd.DataFrame, source: NDArray[np.int64], cell: NDArray[np.int64],
    shape: tuple[int, int],
) -> NDArray[np.float32]:  # fmt: skip
    """One channel of the stack, from versions and the flat cells that each of them fills."""
    weight = channel.weights(table)[source]
    if channel.measure == "severity":
        flat: NDArray[Any] = np.zeros(shape[0] * shape[1], np.float32)
        np.maximum.at(flat, cell, weight.astype(np.float32))
    else:
        flat = np.bincount(cell, weights=weight, minlength=shape[0] * shape[1])
    return flat.astype(np.float32).reshape(shape)
