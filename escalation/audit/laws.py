"""Laws of time, as functions that name the columns which break them.

Each takes ``build``, from an archive to a table indexed by unit and day, so that any columns can be
put to the test: registered features, a user's own, thresholds. An empty list means that the law
holds on what was compared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from escalation import schema
from escalation.events.archive import EventArchive, to_day
from escalation.panel.membership import unit_keys_of

Build = Callable[[EventArchive], pd.DataFrame]
"""From an archive to numbers, indexed by unit's key and day."""
Rename = Mapping[str, Mapping[str, str]]
"""New names by column of the events and old name."""
ROWS_DIFFER = "(rows)"
"""Reported in place of a column when the units or the days on which they exist differ."""


@dataclass(frozen=True)
class Moved:
    """A column that moved: where last, and on how many rows.

    Parameters
    ----------
    column : str
        Its name, or :data:`ROWS_DIFFER`.
    unit, day : str
        The last row that moved; empty for a column that only one of the tables has.
    rows : int
        How many moved.
    """

    column: str
    unit: str = ""
    day: str = ""
    rows: int = 0


def truncation(build: Build, archive: EventArchive, at: object) -> list[Moved]:
    """Columns whose values up to a day differ once everything known later is gone.

    Parameters
    ----------
    build : callable
        From an archive to a table by unit and day.
    archive : EventArchive
    at : date-like
        Rows up to this day are compared.
    """
    return moved(build(archive), build(archive.until(at)), upto=at)


def poison(build: Build, archive: EventArchive, at: object, later: pd.DataFrame) -> list[Moved]:
    """Columns whose values up to a day differ once versions known later are added.

    Parameters
    ----------
    build : callable
        From an archive to a table by unit and day.
    archive : EventArchive
    at : date-like
        Rows up to this day are compared.
    later : DataFrame
        Versions of events that became known after it.
    """
    if not (later[schema.KNOWN_DATE] > to_day(at)).all():
        raise ValueError(f"expected poison that became known after {to_day(at)}")
    return moved(build(archive), build(archive.plus(later)), upto=at)


def renaming(build: Build, archive: EventArchive, *, rename: Rename) -> list[Moved]:
    """Columns that differ, but for the units' names, once places or sides have other names.

    Parameters
    ----------
    build : callable
        From an archive to a table by unit and day.
    archive : EventArchive
    rename : mapping of str to mapping of str to str
        New names by column of the events and old name.
    """
    versions = archive.versions
    other = {column: versions[column].replace(dict(table)) for column, table in rename.items()}
    after = versions.assign(**other)
    kinds: list[schema.UnitKind] = [
        kind for kind in schema.UNIT_KINDS if kind in rename or _is_of_sides(kind, rename)
    ]
    table = build(archive).rename(index=_new_keys(versions, after, kinds), level=schema.UNIT)
    return moved(table, build(_like(archive, after)), upto=archive.covered_to)


def moved(one: pd.DataFrame, two: pd.DataFrame, *, upto: object) -> list[Moved]:
    """Columns that differ in any bit, on a row that either table has, up to a day.

    Parameters
    ----------
    one, two : DataFrame
        Numbers, indexed by unit and day in any order.
    upto : date-like
        Later rows are not looked at.

    Examples
    --------
    >>> days = pd.to_datetime(["2020-01-01", "2020-01-02"])
    >>> index = pd.MultiIndex.from_product([["taji"], days], names=["unit", "day"])
    >>> one, two = (pd.DataFrame({"x": [1.0, x]}, index=index) for x in (2.0, 3.0))
    >>> moved(one, two, upto="2020-01-01")
    []
    >>> moved(one, two, upto="2020-01-02")
    [Moved(column='x', unit='taji', day='2020-01-02', rows=1)]
    """
    if list(one.columns) != list(two.columns):
        only_one = set(one.columns) ^ set(two.columns)
        return [Moved(str(name)) for name in sorted(only_one or set(one.columns))]
    left, right = (_upto(table, to_day(upto)) for table in (one, two))
    if not left.index.equals(right.index):
        odd = left.index.symmetric_difference(right.index)
        return [_where(ROWS_DIFFER, odd if len(odd) else left.index)]
    bits = [table.to_numpy(np.float64).view(np.int64) for table in (left, right)]
    differs = np.not_equal(*bits)
    columns = np.flatnonzero(differs.any(axis=0))
    return [_where(str(left.columns[i]), left.index[differs[:, i]]) for i in columns]


def _upto(table: pd.DataFrame, day: np.datetime64) -> pd.DataFrame:
    return table[table.index.get_level_values(schema.DAY) <= day].sort_index()


def _where(column: str, rows: pd.Index) -> Moved:
    """The last of some rows by day, the first unit of that day."""
    days = rows.get_level_values(schema.DAY)
    units = rows[days == days.max()].get_level_values(schema.UNIT)
    return Moved(column, str(units.min()), f"{days.max():%Y-%m-%d}", len(rows))


def _like(archive: EventArchive, versions: pd.DataFrame) -> EventArchive:
    """Other versions with the same coverage."""
    return EventArchive.of(versions, covered_to=archive.covered_to, known_basis=archive.known_basis)


def _is_of_sides(kind: str, rename: Rename) -> bool:
    return kind == "dyad" and not {schema.ACTOR, schema.TARGET}.isdisjoint(rename)


def _new_keys(
    before: pd.DataFrame, after: pd.DataFrame, kinds: Sequence[schema.UnitKind]
) -> dict[str, str]:
    """The new key of each unit, by its old one, from the same versions under both names."""
    keys: dict[str, str] = {}
    for kind in kinds:
        old, new = (unit_keys_of(versions, kind) for versions in (before, after))
        keys |= dict(zip(old.dropna(), new.dropna(), strict=True))
    return keys
