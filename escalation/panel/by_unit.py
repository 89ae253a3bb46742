"""The history of an archive: its versions by unit and by the day from which they are visible."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from escalation import schema
from escalation._util.compiled import compiled
from escalation.errors import InputError
from escalation.events.archive import EventArchive, to_day
from escalation.events.units import UnitName, shown_names
from escalation.events.versions import EVENT_KEY
from escalation.panel.dense import PanelSpec, day_range
from escalation.panel.history import History, Int32, order_by
from escalation.panel.membership import members, name_of_unit

_Unit = tuple[str, schema.UnitKind]
"""A unit's key and kind."""
_NAMING = [schema.COUNTRY, schema.ADMIN1, schema.SITE, schema.ACTOR, schema.TARGET]


def history(
    archive: EventArchive,
    spec: PanelSpec,
    *,
    first_day: object = None,
    last_day: object = None,
    lag: int = 0,
) -> History:
    """Sort the versions of an archive by unit and by the first day on which features see them.

    Parameters
    ----------
    archive : EventArchive
    spec : PanelSpec
    first_day, last_day : date-like, optional
        Ends of the day axis; the archive's first event and last covered day by default.
    lag : int
        The source's reporting lag in days.

    Returns
    -------
    History

    Raises
    ------
    InputError
        ``E-RANGE`` for an empty day axis, ``E-COVERAGE`` beyond the archive's last covered day,
        ``E-UNIT`` if units of two kinds share a key.
    """
    start = to_day(first_day) if first_day is not None else archive.first_day
    stop = to_day(last_day) if last_day is not None else archive.covered_to
    if start > stop:
        raise InputError(
            "E-RANGE", f"the last day must be {start} or later", column="last_day", value=stop
        )
    days = day_range(start, stop)
    archive = archive.until(stop)
    versions = archive.versions
    event_day, known_day, end_day = _days(archive, int(start.astype(np.int64)), len(days))
    visible = np.maximum(known_day, np.maximum(event_day, 0) + np.int32(lag))
    # A version that is replaced before features see it lets no unit enter.
    opening = spec.enters.mask(versions) & (visible < end_day)
    alive = np.flatnonzero((versions[schema.OPERATION] != "retract").to_numpy())
    row, number, candidates = _by_unit(versions, spec, alive)
    number, units = _entering(number, candidates, opening[row])
    inside = number >= 0
    row, number = row[inside], number[inside]
    order = np.argsort(order_by(number, visible[row], len(days)), kind="stable")
    row, code = row[order], number[order].astype(np.int32)
    first = _first(code, visible[row], event_day[row], row, opening[row], len(units))
    names = _unit_names(versions, units, code, event_day[row], row)
    place = versions[[schema.LATITUDE, schema.LONGITUDE, schema.COUNTRY]].iloc[row[first]]
    return History(
        code=code,
        event_day=event_day[row],
        known_day=known_day[row],
        end_day=end_day[row],
        row=row,
        opening=opening[row],
        weights={c.name: c.weights(versions).astype(np.float32)[row] for c in spec.all_channels},
        highest=frozenset(c.name for c in spec.all_channels if c.measure == "severity"),
        unit_names=names,
        units=shown_names(names),
        entry=visible[row][first].astype(np.int64),
        latitude=place[schema.LATITUDE].to_numpy(dtype=np.float64),
        longitude=place[schema.LONGITUDE].to_numpy(dtype=np.float64),
        country=tuple(place[schema.COUNTRY].fillna("").to_numpy(object)),
        days=days,
        lag=lag,
    )


def _days(archive: EventArchive, base: int, count: int) -> tuple[Int32, Int32, Int32]:
    """Day indices of each version: of the event, when known, and when replaced or retracted."""
    event_day, known_day = (
        archive.versions[name].to_numpy("datetime64[D]").astype(np.int64) - base
        for name in (schema.EVENT_DATE, schema.KNOWN_DATE)
    )
    event = archive.event_numbers
    replaced = np.append(event[1:] == event[:-1], False)[: len(event)]
    end_day = np.where(replaced, np.append(known_day[1:], 0), count).clip(0, count)
    known_day = np.maximum(known_day, 0)
    return event_day.astype(np.int32), known_day.astype(np.int32), end_day.astype(np.int32)


def _by_unit(
    versions: pd.DataFrame, spec: PanelSpec, alive: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], list[_Unit]]:
    """Each version once per kind of unit: its position and the unit's number; and all units."""
    rows: list[NDArray[np.int64]] = []
    codes: list[NDArray[np.int64]] = []
    units: dict[str, schema.UnitKind] = {}
    for kind in dict.fromkeys(spec.kinds):
        code, keys = members(versions, kind)
        code = code[alive]
        if shared := sorted(set(keys) & set(units)):
            raise InputError(
                "E-UNIT",
                "units of different kinds share a name",
                column=kind,
                value=shared[0],
                fix="leave out one of the kinds or rename the unit at the source",
            )
        in_unit = code >= 0
        rows.append(alive[in_unit])
        codes.append(code[in_unit] + len(units))
        units |= dict.fromkeys(keys, kind)
    return np.concatenate(rows), np.concatenate(codes), list(units.items())


def _entering(
    code: NDArray[np.int64], units: list[_Unit], opening: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], list[_Unit]]:
    """Numbers among the units that ever enter, sorted by key, or -1; and these units."""
    entering = sorted(np.unique(code[opening]).tolist(), key=lambda i: units[i][0])
    number = np.full(len(units), -1, np.int64)
    number[entering] = np.arange(len(entering))
    return number[code], [units[i] for i in entering]


def _unit_names(
    versions: pd.DataFrame,
    units: list[_Unit],
    code: Int32,
    event_day: Int32,
    row: NDArray[np.int64],
) -> tuple[UnitName, ...]:
    """Names as spelled by the first version known of each unit, so later news rename nothing."""
    known_day = versions[schema.KNOWN_DATE].to_numpy("datetime64[D]").astype(np.int32)[row]
    first = _first(code, known_day, event_day, row, np.ones(len(row), dtype=bool), len(units))
    columns = versions.columns.intersection(_NAMING)
    events = versions[columns].iloc[row[first]].to_dict("records")
    return tuple(
        name_of_unit(event, kind, key) for event, (key, kind) in zip(events, units, strict=True)
    )


@compiled
def _first(
    code: Int32,
    since: Int32,
    event_day: Int32,
    row: NDArray[np.int64],
    allowed: NDArray[np.bool_],
    units: int,
) -> NDArray[np.int64]:
    """First allowed version of each unit: by ``since``, then by event day, then by identifier."""
    first = np.full(units, -1, np.int64)
    for i in range(len(code)):
        if not allowed[i]:
            continue
        j = first[code[i]]
        if j < 0 or (since[i], event_day[i], row[i]) < (since[j], event_day[j], row[j]):
            first[code[i]] = i
    return first


def openings(archive: EventArchive, past: History) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The version by which each unit entered, and the first of another event that would let it.

    Parameters
    ----------
    archive : EventArchive
        Archive of the history.
    past : History

    Returns
    -------
    first, other : DataFrame
        Source and identifier, coordinates and country, by the unit's index. The first determines
        where a unit lies; the second holds only units that have another such event.
    """
    order = np.lexsort((past.row, past.event_day, past.visible_from))
    order = order[past.opening[order]]
    versions = archive.until(past.days[-1]).versions
    unit, row = past.code[order], past.row[order]
    units, at = np.unique(unit, return_index=True)
    source, name = (pd.factorize(versions[column])[0].astype(np.int64) for column in EVENT_KEY)
    event = (source + 1) * (len(versions) + 1) + name
    entered_by = np.full(len(past.units), -1, dtype=np.int64)
    entered_by[units] = event[row[at]]
    differs = np.flatnonzero(event[row] != entered_by[unit])
    others, other_at = np.unique(unit[differs], return_index=True)
    columns = [*EVENT_KEY, schema.LATITUDE, schema.LONGITUDE, schema.COUNTRY]
    first = versions[columns].iloc[row[at]].set_axis(units)
    return first, versions[columns].iloc[row[differs[other_at]]].set_axis(others)
