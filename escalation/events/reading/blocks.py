"""Blocks: consecutive rows of a file as text cells, with the rows rejected among them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from escalation.events.columns import flags
from escalation.events.reading.layout import Layout
from escalation.events.reading.limits import BLOCK_ROWS, LONGEST_CELL

VALUE_SHOWN = 80


@dataclass(frozen=True)
class RejectedRow:
    """A row that can't be used, and the first reason.

    Parameters
    ----------
    line : int
        Line of the file on which it starts, from 1; in a Parquet file the row number.
    code, column : str
    value : str
        The invalid value, truncated.
    expected : str
        A description of valid values.
    """

    line: int
    code: str
    column: str
    value: str
    expected: str


@dataclass(frozen=True)
class Block:
    """Consecutive rows of a file.

    Parameters
    ----------
    cells : pyarrow.Table
        Every known column as text; null if a cell is empty or the file lacks the column.
    lines : ndarray of int64, shape (row,)
        Line of the file on which each row starts.
    rejected : tuple of RejectedRow
        Unreadable rows among them.
    """

    cells: pa.Table
    lines: NDArray[np.int64]
    rejected: tuple[RejectedRow, ...] = ()

    @property
    def records(self) -> int:
        """Number of rows, readable or not."""
        return len(self.lines) + len(self.rejected)


def _bytes_of(column: pa.Array) -> NDArray[np.uint8]:
    data = column.buffers()[2]
    return np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)


def line_ends(batch: pa.RecordBatch) -> NDArray[np.int64]:
    """Count the line breaks inside the cells of each row."""
    ends = np.zeros(batch.num_rows, np.int64)
    for column in batch.columns:
        if (_bytes_of(column) == ord("\n")).any():
            ends += pc.fill_null(pc.count_substring(column, "\n"), 0).to_numpy()
    return ends


def build_block(
    batch: pa.RecordBatch,
    lines: NDArray[np.int64],
    rejected: tuple[RejectedRow, ...],
    layout: Layout,
) -> Block:
    """Build a block without empty rows, such as blank lines, and without unreadable ones.

    Parameters
    ----------
    batch : pyarrow.RecordBatch
        Text cells, with the column names of the layout.
    lines : ndarray of int64, shape (row,)
    rejected : tuple of RejectedRow
        Rows among them that are missing from the batch.
    layout : Layout
    """
    keep = np.zeros(batch.num_rows, np.bool_)
    all_rejected = list(rejected)
    for column in batch.columns:
        keep |= pc.is_valid(column).to_numpy(zero_copy_only=False)
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        for unreadable, expected in _unreadable(column):
            for row in np.flatnonzero(unreadable & keep):
                value = column[row].as_py()[:VALUE_SHOWN]
                line = int(lines[row])
                all_rejected.append(RejectedRow(line, "Q-TEXT", name, value, expected))
            keep &= ~unreadable
    if not keep.all():
        batch, lines = batch.filter(pa.array(keep)), lines[keep]
    batch, lines, shifted = _without_shifted(batch, lines, layout)
    all_rejected = sorted([*all_rejected, *shifted], key=lambda row: row.line)
    return Block(layout.cells(batch), lines, tuple(all_rejected))


def _without_shifted(
    batch: pa.RecordBatch, lines: NDArray[np.int64], layout: Layout
) -> tuple[pa.RecordBatch, NDArray[np.int64], list[RejectedRow]]:
    """Reject rows with a value in a nameless column: their cells are shifted."""
    shifted = np.zeros(batch.num_rows, np.bool_)
    for name in layout.columns[layout.n_named :]:
        shifted |= flags(pc.greater(pc.binary_length(pc.utf8_trim_whitespace(batch[name])), 0))
    if not shifted.any():
        return batch, lines, []
    expected = f"{layout.n_named} cells and nothing after them"
    rejected = [RejectedRow(int(line), "Q-ROW", "", "", expected) for line in lines[shifted]]
    return batch.filter(pa.array(~shifted)), lines[~shifted], rejected


def _unreadable(column: pa.Array) -> Iterator[tuple[NDArray[np.bool_], str]]:
    """Yield masks of unreadable cells, and what was expected instead."""
    if (_bytes_of(column) == 0).any():
        yield flags(pc.match_substring(column, "\0")), "text without NUL"
    if (pc.max(pc.binary_length(column)).as_py() or 0) > LONGEST_CELL:
        longer = pc.greater(pc.binary_length(column), LONGEST_CELL)
        yield flags(longer), f"at most {LONGEST_CELL} bytes"


def cell_text(value: object) -> str | None:
    """Convert a workbook cell or JSON value to text, with plain days and whole numbers."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, dt.datetime):
        return str(value.date() if value.time() == dt.time() else value)
    return str(value)


def record_blocks(
    layout: Layout, rows: Iterable[Sequence[str | None]], *, first: int
) -> Iterator[Block]:
    """Split rows of text cells into blocks.

    Parameters
    ----------
    layout : Layout
    rows : iterable of sequence of str or None
        One cell per column of the layout.
    first : int
        Line number of the first row.
    """
    remaining = iter(rows)
    while block := list(islice(remaining, BLOCK_ROWS)):
        columns = [pa.array(column, pa.string()) for column in zip(*block, strict=True)]
        lines = np.arange(first, first + len(block))
        first += len(block)
        yield build_block(pa.record_batch(columns, list(layout.columns)), lines, (), layout)
