"""Some rows of a file as text cells, and those between them that could not be read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from escalation.events.columns import flags
from escalation.events.reading.layout import Layout
from escalation.events.reading.limits import LONGEST_CELL

VALUE_SHOWN = 80
NEWLINE = 10


@dataclass(frozen=True)
class RejectedRow:
    """A row that can't be taken, and the first reason why.

    Parameters
    ----------
    line : int
        Where it starts in the file; in a Parquet file its row. The first is 1.
    code, column : str
    value : str
        What stood there, shortened.
    expected : str
    """

    line: int
    code: str
    column: str
    value: str
    expected: str


@dataclass(frozen=True)
class Block:
    """Some rows of a file.

    Parameters
    ----------
    cells : pyarrow.Table
        Every known column as text, null where empty or where the file lacks the column.
    lines : ndarray of int64, shape (row,)
    rejected : tuple of Rejected
        Rows between them that could not be read.
    """

    cells: pa.Table
    lines: NDArray[np.int64]
    rejected: tuple[RejectedRow, ...] = ()

    @property
    def records(self) -> int:
        """How many rows the file has here, readable or not."""
        return len(self.lines) + len(self.rejected)


def _bytes_of(column: pa.Array) -> NDArray[np.uint8]:
    data = column.buffers()[2]
    return np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)


def line_ends(batch: pa.RecordBatch) -> NDArray[np.int64]:
    """Line ends inside the cells of every row."""
    ends = np.zeros(batch.num_rows, np.int64)
    for column in batch.columns:
        if (_bytes_of(column) == NEWLINE).any():
            ends += pc.fill_null(pc.count_substring(column, "\n"), 0).to_numpy()
    return ends


def build_block(
    batch: pa.RecordBatch,
    lines: NDArray[np.int64],
    refused: tuple[RejectedRow, ...],
    layout: Layout,
) -> Block:
    """Leave out rows that hold nothing, such as blank lines, and rejects unreadable cells.

    Parameters
    ----------
    batch : pyarrow.RecordBatch
        Text cells by the column names of the file.
    lines : ndarray of int64, shape (row,)
    refused : tuple of Rejected
        Rows between them that are not in the batch.
    layout : Layout
    """
    keep = np.zeros(batch.num_rows, np.bool_)
    rejected = list(refused)
    for column in batch.columns:
        keep |= pc.is_valid(column).to_numpy(zero_copy_only=False)
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        for wrong, expected in _unreadable(column):
            for row in np.flatnonzero(wrong & keep):
                value = column[row].as_py()[:VALUE_SHOWN]
                rejected.append(RejectedRow(int(lines[row]), "Q-TEXT", name, value, expected))
            keep &= ~wrong
    if not keep.all():
        batch, lines = batch.filter(pa.array(keep)), lines[keep]
    batch, lines, shifted = _without_shifted(batch, lines, layout)
    rejected += shifted
    return Block(layout.cells(batch), lines, tuple(sorted(rejected, key=lambda row: row.line)))


def _without_shifted(
    batch: pa.RecordBatch, lines: NDArray[np.int64], layout: Layout
) -> tuple[pa.RecordBatch, NDArray[np.int64], list[RejectedRow]]:
    """The rows without a value in a column without a name: there, a value is out of place."""
    named = len(layout.columns) - layout.spare
    wrong = np.zeros(batch.num_rows, np.bool_)
    for name in layout.spare_columns:
        wrong |= flags(pc.greater(pc.binary_length(pc.utf8_trim_whitespace(batch[name])), 0))
    if not wrong.any():
        return batch, lines, []
    expected = f"{named} cells, and nothing after them"
    rejected = [RejectedRow(int(line), "Q-ROW", "", "", expected) for line in lines[wrong]]
    return batch.filter(pa.array(~wrong)), lines[~wrong], rejected


def _unreadable(column: pa.Array) -> Iterator[tuple[NDArray[np.bool_], str]]:
    if (_bytes_of(column) == 0).any():
        yield flags(pc.match_substring(column, "\0")), "text without NUL"
    if (pc.max(pc.binary_length(column)).as_py() or 0) > LONGEST_CELL:
        longer = pc.greater(pc.binary_length(column), LONGEST_CELL)
        yield flags(longer), f"at most {LONGEST_CELL} bytes"
