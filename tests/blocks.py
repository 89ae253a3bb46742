"""Convert rows in a source's layout into canonical events, for tests of the readers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from escalation.events.reading.rows import read_blocks
from escalation.events.source import EVENT_SCHEMA, Converted, Options, Source

UNREPORTED = {
    "attribution": None, "weight": 1, "hour": None, "munitions": None, "condition": None,
}  # fmt: skip
"""Columns that most sources do not have."""


class Result(NamedTuple):
    """The converted events as dicts, rejected rows by code and column, and notes."""

    events: list[dict[str, object]]
    problems: dict[tuple[str, str], list[int]]
    notes: dict[str, int]

    @property
    def only(self) -> dict[str, object]:
        """Return the single event of a block without problems."""
        assert not self.problems, self.problems
        (event,) = self.events
        return event


def block(source: Source, rows: list[Mapping[str, str]]) -> pa.Table:
    """Build a block, cells by column; an empty cell or missing column is null."""
    columns = (*source.required, *source.optional)
    unknown = {name for row in rows for name in row} - set(columns)
    assert not unknown, unknown
    return pa.table(
        {name: pa.array([row.get(name) or None for row in rows], pa.string()) for name in columns}
    )


def take(source: Source, *rows: Mapping[str, str], **options: object) -> Result:
    """Convert some rows with a source."""
    return _result(source.convert(block(source, list(rows)), Options(**options)))


def reader(source: Source, row: Mapping[str, str]) -> Callable[..., Result]:
    """Build a function that converts variants of a row: ``convert({"killed": "1"}, lag=3)``."""

    def convert(*changes: Mapping[str, str], **options: object) -> Result:
        return take(source, *({**row, **change} for change in changes or [{}]), **options)

    return convert


def _result(converted: Converted) -> Result:
    assert converted.events.schema == EVENT_SCHEMA
    problems = {(p.code, p.column): np.flatnonzero(p.rows).tolist() for p in converted.problems}
    return Result(converted.events.to_pylist(), problems, dict(converted.notes))


class Summary(NamedTuple):
    """A converted file: number of records, rejected rows by code, notes, and the events."""

    records: int
    refused: dict[str, int]
    notes: dict[str, int]
    events: pa.Table


def take_file(source: Source, path: Path, **options: object) -> Summary:
    """Convert a file with a source; every row counts once, by its first problem."""
    records, refused, notes, tables = 0, {}, {}, []
    layout, blocks = read_blocks(path, source, Options(**options))
    for rows in blocks:
        converted = layout.source.convert(rows.cells, Options(**options))
        bad = np.zeros(rows.cells.num_rows, bool)
        codes = [row.code for row in rows.rejected]
        for problem in converted.problems:
            codes += [problem.code] * int((problem.rows & ~bad).sum())
            bad |= problem.rows
        for code in codes:
            refused[code] = refused.get(code, 0) + 1
        for text, count in converted.notes.items():
            notes[text] = notes.get(text, 0) + count
        records += rows.records
        tables.append(converted.events.filter(pa.array(~bad)))
    events = pa.concat_tables(tables)
    assert records == events.num_rows + sum(refused.values())
    return Summary(records, refused, notes, events)
