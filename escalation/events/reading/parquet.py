"""Read Parquet files, a limited number of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from escalation.errors import InputError
from escalation.events.columns import blanked, flags
from escalation.events.reading.blocks import Block, build_block
from escalation.events.reading.header import no_rows_error
from escalation.events.reading.layout import Layout, checked_layout
from escalation.events.reading.limits import (
    BLOCK_BYTES,
    BLOCK_ROWS,
    LONGEST_ROW,
    SHORTEST_ROW,
    Unpacked,
    too_large_error,
)
from escalation.events.reading.unreadable import library_call
from escalation.events.source import Source

_PARQUET_FILE, _SAVE = "the Parquet file", "remove the row, or save the table as CSV"
_TEXT_TYPES = (
    pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary,
)  # fmt: skip


def parquet_header(path: Path) -> tuple[str, ...]:
    """Return the column names of a Parquet file."""
    with library_call(path, _PARQUET_FILE), pq.ParquetFile(path) as file:
        return tuple(file.schema_arrow.names)


def read_parquet(path: Path, source: Source) -> tuple[Layout, Iterator[Block]]:
    """Read the layout of a Parquet file, and its rows lazily.

    Parameters
    ----------
    path : Path
    source : Source

    Raises
    ------
    InputError
        ``E-FILE``, ``E-EMPTY``, ``E-COLUMNS``, ``E-LIMIT``.
    """
    with library_call(path, _PARQUET_FILE), pq.ParquetFile(path) as file:
        metadata, columns = file.metadata, file.schema_arrow.names
        groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
        sizes = [(group.total_byte_size, group.num_rows) for group in groups]
    if not metadata.num_rows:
        raise no_rows_error(path)
    unpacked = Unpacked(path, path.stat().st_size)
    unpacked.check(max(metadata.num_rows * SHORTEST_ROW, sum(size for size, _ in sizes)))
    if any(size > LONGEST_ROW * rows for size, rows in sizes):
        raise too_large_error(path, f"has rows of more than {LONGEST_ROW} bytes", fix=_SAVE)
    layout = checked_layout(path, source, columns)
    return layout, _parquet_blocks(layout, columns, unpacked)


def _parquet_blocks(layout: Layout, names: Sequence[str], unpacked: Unpacked) -> Iterator[Block]:
    name_in_file = dict(zip(layout.columns, names, strict=True))
    known = [name for name in layout.columns if name in layout.source.columns]
    columns = [name_in_file[name] for name in known]
    row = 1
    with library_call(layout.path, _PARQUET_FILE):
        # Text stays dictionary-encoded until its length has been checked.
        file_schema = pq.read_schema(layout.path)
        texts = [name for name in columns if _is_text(file_schema.field(name).type)]
        file = pq.ParquetFile(layout.path, read_dictionary=texts)
        batches = file.iter_batches(BLOCK_ROWS, columns=columns)
    with file:
        for batch in _checked_batches(batches, layout.path):
            ordered = batch.select(columns).rename_columns(known)
            for rows in _limited_size(ordered, unpacked):
                lines = np.arange(row, row + rows.num_rows)
                row += rows.num_rows
                yield build_block(_as_text(rows, layout), lines, (), layout)


def _checked_batches(batches: Iterator[pa.RecordBatch], path: Path) -> Iterator[pa.RecordBatch]:
    while True:
        with library_call(path, _PARQUET_FILE):
            batch = next(batches, None)
        if batch is None:
            return
        yield batch


def _limited_size(batch: pa.RecordBatch, unpacked: Unpacked) -> Iterator[pa.RecordBatch]:
    """Split rows into slices small enough to be held as text."""
    with library_call(unpacked.path, _PARQUET_FILE):
        sizes = sum(map(_text_sizes, batch.columns), np.zeros(batch.num_rows, np.int64))
    unpacked.add(int(sizes.sum()))
    if sizes.max(initial=0) > LONGEST_ROW:
        message = f"has a row of more than {LONGEST_ROW} bytes"
        raise too_large_error(unpacked.path, message, fix=_SAVE)
    slice_number = np.cumsum(sizes) // BLOCK_BYTES
    starts = [0, *(np.flatnonzero(np.diff(slice_number)) + 1).tolist(), batch.num_rows]
    for start, end in pairwise(starts):
        yield batch.slice(start, end - start)


def _is_text(data_type: pa.DataType) -> bool:
    return any(is_type(data_type) for is_type in _TEXT_TYPES)


def _text_sizes(column: pa.Array) -> NDArray[np.int64]:
    """Return the bytes of every text cell; 0 for other types, whose cells are short."""
    if pa.types.is_dictionary(column.type):
        lengths = _text_sizes(column.dictionary)
        indices = pc.fill_null(column.indices, 0).to_numpy()
        sizes = lengths[indices] if len(lengths) else np.zeros(len(column), np.int64)
        return np.where(flags(pc.is_valid(column.indices)), sizes, 0)
    if _is_text(column.type):
        return pc.fill_null(pc.binary_length(column), 0).to_numpy().astype(np.int64)
    return np.zeros(len(column), np.int64)


def _as_text(batch: pa.RecordBatch, layout: Layout) -> pa.RecordBatch:
    cells = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        try:
            text = column.cast(pa.string())
        except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
            raise InputError(
                "E-COLUMNS",
                f"needs text, numbers or days, not {column.type}",
                where=str(layout.path),
                column=name,
            ) from None
        with library_call(layout.path, _PARQUET_FILE):
            text.validate(full=True)
        if pa.types.is_timestamp(column.type):
            # pandas stores days as timestamps at midnight.
            text = pc.replace_substring_regex(text, r" 00:00:00(\.0+)?$", "")
        cells[name] = blanked(text, pc.equal(text, ""))
    return pa.record_batch(cells)
