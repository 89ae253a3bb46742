"""Rows in the layout of a source, turned into canonical events, for tests of the readers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from escalation.events.reading.rows import read_blocks
from escalation.events.source import EVENT_SCHEMA, Converted, Options, Source

UNTOLD = {
    "attribution": None, "weight": 1, "hour": None, "munitions": None, "condition": None,
}  # fmt: skip
"""What most sources do not say of an event."""


class Taken(NamedTuple):
    """Events as dicts, rows at fault by code and column, and notes."""

    events: list[dict[str, object]]
    problems: dict[tuple[str, str], list[int]]
    notes: dict[str, int]

    @property
    def only(self) -> dict[str, object]:
        """The one event of a block without a problem."""
        assert not self.problems, self.problems
        (event,) = self.events
        return event


def block(source: Source, rows: list[Mapping[str, str]]) -> pa.Table:
    """Cells by column; an empty one is null, and so is a column that no row has."""
    columns = (*source.required, *source.optional)
    unknown = {name for row in rows for name in row} - set(columns)
    assert not unknown, unknown
    return pa.table(
        {name: pa.array([row.get(name) or None for row in rows], pa.string()) for name in columns}
    )


def take(source: Source, *rows: Mapping[str, str], **options: object) -> Taken:
    """What a source makes of some rows."""
    return _taken(source.convert(block(source, list(rows)), Options(**options)))


def _taken(found: Converted) -> Taken:
    assert found.events.schema == EVENT_SCHEMA
    problems = {(one.code, one.column): np.flatnonzero(one.rows).tolist() for one in found.problems}
    return Taken(found.events.to_pylist(), problems, dict(found.notes))


class Summary(NamedTuple):
    """A whole file: counts of records, rows that can't be taken by code, notes, and the events."""

    records: int
    refused: dict[str, int]
    notes: dict[str, int]
    events: pa.Table


def take_file(source: Source, path: Path, **options: object) -> Summary:
    """What a source makes of a file; every row counts once, by its first problem."""
    records, refused, notes, tables = 0, {}, {}, []
    layout, blocks = read_blocks(path, source, Options(**options))
    for one in blocks:
        found = layout.source.convert(one.cells, Options(**options))
        bad = np.zeros(one.cells.num_rows, bool)
        codes = [row.code for row in one.rejected]
        for problem in found.problems:
            codes += [problem.code] * int((problem.rows & ~bad).sum())
            bad |= problem.rows
        for code in codes:
            refused[code] = refused.get(code, 0) + 1
        for text, count in found.notes.items():
            notes[text] = notes.get(text, 0) + count
        records += one.records
        tables.append(found.events.filter(pa.array(~bad)))
    events = pa.concat_tables(tables)
    assert records == events.num_rows + sum(refused.values())
    return Summary(records, refused, notes, events)
