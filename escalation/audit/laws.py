"""Laws of time, as functions that return the columns which break them.

Each takes ``build``, a function from an archive to a table indexed by unit and day, so that any
columns can be tested: registered features, custom ones, thresholds. An empty list means that no
violation was found.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from escalation import schema
from escalation.events.archive import EventArchive, to_day
from escalation.panel.membership import unit_keys_of

Build = Callable[[EventArchive], pd.DataFrame]
"""From an archive to numbers, indexed by unit key and day."""
Rename = Mapping[str, Mapping[str, str]]
"""New names by event column and old name."""
ROWS_DIFFER = "(rows)"
"""Reported in place of a column if the units differ, or the days on which they exist."""


class Difference(NamedTuple):
    """A column that differs between two tables.

    Parameters
    ----------
    column : str
        Its name, or :data:`ROWS_DIFFER`.
    unit, day : str
        The last row that differs; empty for a column that only one of the tables has.
    rows : int
        Number of rows that differ.
    """

    column: str
    unit: str = ""
    day: str = ""
    rows: int = 0


def truncation(build: Build, archive: EventArchive, at: object) -> list[Difference]:
    """Columns whose values up to a day change if everything known later is removed.

    Parameters
    ----------
    build : callable
        From an archive to a table by unit and day.
    archive : EventArchive
    at : date-like
        Rows up to this day are compared.
    """
    return differences(build(archive), build(archive.until(at)), upto=at)


def poison(
    build: Build, archive: EventArchive, at: object, later: pd.DataFrame
) -> list[Difference]:
    """Columns whose values up to a day change if versions known later are added.

    Parameters
    ----------
    build, archive, at
        As for :func:`truncation`.
    later : DataFrame
        Versions of events that became known after the day.
    """
    if not (later[schema.KNOWN_DATE] > to_day(at)).all():
        raise ValueError(f"expected poison that became known after {to_day(at)}")
    return differences(build(archive), build(archive.plus(later)), upto=at)


def renaming(build: Build, archive: EventArchive, *, rename: Rename) -> list[Difference]:
    """Columns that change, other than in unit names, if places or sides are renamed.

    Parameters
    ----------
    build, archive
        As for :func:`truncation`.
    rename : mapping of str to mapping of str to str
        New names by event column and old name.
    """
    before = archive.versions
    after = before.assign(**{name: before[name].replace(dict(new)) for name, new in rename.items()})
    sides_renamed = not {schema.ACTOR, schema.TARGET}.isdisjoint(rename)
    new_keys: dict[str, str] = {}
    for kind in schema.UNIT_KINDS:
        if kind in rename or (kind == "dyad" and sides_renamed):
            old, new = (unit_keys_of(versions, kind).dropna() for versions in (before, after))
            new_keys |= dict(zip(old, new, strict=True))
    renamed = EventArchive.of(after, covered_to=archive.covered_to, known_basis=archive.known_basis)
    table = build(archive).rename(index=new_keys, level=schema.UNIT)
    return differences(table, build(renamed), upto=archive.covered_to)


def differences(first: pd.DataFrame, second: pd.DataFrame, *, upto: object) -> list[Difference]:
    """Columns that differ in any bit, on a row of either table, up to a day.

    Parameters
    ----------
    first, second : DataFrame
        Numbers, indexed by unit and day in any order.
    upto : date-like
        Later rows are ignored.

    Examples
    --------
    >>> days = pd.to_datetime(["2020-01-01", "2020-01-02"])
    >>> index = pd.MultiIndex.from_product([["taji"], days], names=["unit", "day"])
    >>> first, second = (pd.DataFrame({"x": [1.0, x]}, index=index) for x in (2.0, 3.0))
    >>> differences(first, second, upto="2020-01-01")
    []
    >>> differences(first, second, upto="2020-01-02")
    [Difference(column='x', unit='taji', day='2020-01-02', rows=1)]
    """
    if list(first.columns) != list(second.columns):
        in_one = set(first.columns) ^ set(second.columns)
        return [Difference(str(name)) for name in sorted(in_one or set(first.columns))]
    left, right = (
        table[table.index.get_level_values(schema.DAY) <= to_day(upto)].sort_index()
        for table in (first, second)
    )
    if not left.index.equals(right.index):
        in_one_index = left.index.symmetric_difference(right.index)
        return [_difference(ROWS_DIFFER, in_one_index if len(in_one_index) else left.index)]
    bits = [table.to_numpy(np.float64).view(np.int64) for table in (left, right)]
    differs = np.not_equal(*bits)
    columns = np.flatnonzero(differs.any(axis=0))
    return [_difference(str(left.columns[i]), left.index[differs[:, i]]) for i in columns]


def _difference(column: str, rows: pd.Index) -> Difference:
    """The rows that differ, shown by their last day and the first unit on it."""
    days = rows.get_level_values(schema.DAY)
    units = rows[days == days.max()].get_level_values(schema.UNIT)
    return Difference(column, str(units.min()), f"{days.max():%Y-%m-%d}", len(rows))
