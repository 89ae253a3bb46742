"""Files that are tables already: Parquet, workbooks of a spreadsheet, and JSON records."""

from __future__ import annotations

import datetime as dt
import json
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from escalation.errors import InputError, printable
from escalation.events.columns import flags
from escalation.events.reading.blocks import Block, block_of
from escalation.events.reading.foreign import guarded, library_call
from escalation.events.reading.layout import Layout, checked_layout, known_columns
from escalation.events.reading.limits import (
    BLOCK_BYTES,
    BLOCK_ROWS,
    LARGEST_RECORDS,
    LEAST_ROW,
    LONGEST_ROW,
    MOST_CELLS,
    Unpacked,
    too_large,
)
from escalation.events.reading.streams import TextStream
from escalation.events.source import Source

_PARQUET_FILE, _SAVE = "the Parquet file", "remove the row, or save the table as CSV"
_TEXT_KINDS = (
    pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary,
)  # fmt: skip
_PARQUET, _ZIP, _OLD_WORKBOOK = b"PAR1", b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_Rows = Sequence[Sequence[object]]
_WORKBOOK_MEMBER = "xl/workbook.xml"
_WORKBOOK, _SAVE_SHEET = "this is a workbook of a spreadsheet, and it", "save the sheet as CSV"
_REFERENCE = re.compile(rb'\br=["\']([A-Z]{1,3})([0-9]{1,7})["\']')
"""Of a cell, such as r="B7"."""


def is_table(path: Path) -> bool:
    """Whether a file is Parquet or a workbook, by its name or its first bytes."""
    return path.is_file() and (path.suffix == ".parquet" or _kind(path) is not None)


def read_table(path: Path, source: Source) -> tuple[Layout, Iterator[Block]]:
    """The columns of a Parquet file or workbook, and its rows as they are asked for.

    Parameters
    ----------
    path : Path
    source : Source

    Raises
    ------
    InputError
        ``E-FILE``, ``E-EMPTY``, ``E-COLUMNS``, ``E-LIMIT``; ``E-XLSX`` where what reads workbooks
        is not installed.
    """
    return _workbook(path, source) if _kind(path) == _ZIP else _parquet(path, source)


def table_headers(path: Path) -> list[tuple[str, ...]]:
    """Column names of a Parquet file, or of each sheet of a workbook.

    Parameters
    ----------
    path : Path

    Raises
    ------
    InputError
        As for :func:`read_table`.
    """
    if _kind(path) == _ZIP:
        _refuse_bomb(path)
        return [tuple(_names(rows)) for rows in _sheets(path)]
    with library_call(path, _PARQUET_FILE), pq.ParquetFile(path) as file:
        return [tuple(file.schema_arrow.names)]


def json_header(stream: TextStream) -> tuple[str, ...]:
    """Every name in some records of JSON, in the order of appearance.

    Parameters
    ----------
    stream : TextStream
        At its start.
    """
    return tuple(dict.fromkeys(name for record in _records(stream) for name in record))


def _kind(path: Path) -> bytes | None:
    start = _start_of(path)
    if start == _PARQUET:
        return _PARQUET
    if start == _OLD_WORKBOOK or (start == _ZIP and _holds_workbook(path)):
        return _ZIP
    return None


def _start_of(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4)


def _holds_workbook(path: Path) -> bool:
    try:
        with library_call(path, _WORKBOOK), zipfile.ZipFile(path) as packed:
            return _WORKBOOK_MEMBER in packed.namelist()
    except InputError:
        return path.suffix in {".xlsx", ".xlsm"}


def _parquet(path: Path, source: Source) -> tuple[Layout, Iterator[Block]]:
    with library_call(path, _PARQUET_FILE), pq.ParquetFile(path) as file:
        described, columns = file.metadata, file.schema_arrow.names
        rows, groups = described.num_rows, range(described.num_row_groups)
        sizes = [
            (described.row_group(k).total_byte_size, described.row_group(k).num_rows)
            for k in groups
        ]
    if not rows:
        raise InputError("E-EMPTY", "needs at least one row", where=str(path))
    unpacked = Unpacked(path, path.stat().st_size)
    unpacked.require(max(rows * LEAST_ROW, sum(size for size, _ in sizes)))
    if any(size > LONGEST_ROW * rows for size, rows in sizes):
        raise too_large(path, f"has rows of more than {LONGEST_ROW} bytes", fix=_SAVE)
    layout = checked_layout(path, source, columns)
    return layout, _parquet_blocks(layout, columns, unpacked)


def _parquet_blocks(layout: Layout, names: Sequence[str], unpacked: Unpacked) -> Iterator[Block]:
    spelled = dict(zip(layout.columns, names, strict=True))
    wanted = [name for name in layout.columns if name in layout.wanted]
    columns = [spelled[name] for name in wanted]
    row = 1
    with library_call(layout.path, _PARQUET_FILE):
        # Text stays a dictionary until it is known how long it is.
        kinds = pq.read_schema(layout.path)
        texts = [name for name in columns if _is_text(kinds.field(name).type)]
        file = pq.ParquetFile(layout.path, read_dictionary=texts)
        batches = file.iter_batches(BLOCK_ROWS, columns=columns)
    with file:
        for batch in guarded(batches, layout.path, _PARQUET_FILE):
            ordered = batch.select(columns).rename_columns(wanted)
            for part in _of_bounded_size(ordered, unpacked):
                lines = np.arange(row, row + part.num_rows)
                row += part.num_rows
                yield block_of(_as_text(part, layout), lines, (), layout)


def _of_bounded_size(batch: pa.RecordBatch, unpacked: Unpacked) -> Iterator[pa.RecordBatch]:
    """The same rows, as many at a time as may be held as text."""
    with library_call(unpacked.path, _PARQUET_FILE):
        sizes = sum(map(_text_sizes, batch.columns), np.zeros(batch.num_rows, np.int64))
    unpacked.take(int(sizes.sum()))
    if sizes.max(initial=0) > LONGEST_ROW:
        message = f"has a row of more than {LONGEST_ROW} bytes"
        raise too_large(unpacked.path, message, fix=_SAVE)
    share = np.cumsum(sizes) // BLOCK_BYTES
    starts = [0, *(np.flatnonzero(np.diff(share)) + 1).tolist(), batch.num_rows]
    for start, end in pairwise(starts):
        yield batch.slice(start, end - start)


def _is_text(kind: pa.DataType) -> bool:
    return any(is_kind(kind) for is_kind in _TEXT_KINDS)


def _text_sizes(column: pa.Array) -> NDArray[np.int64]:
    """Bytes of every cell of text; other cells are short."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        lengths = _text_sizes(column.dictionary)
        at = pc.fill_null(column.indices, 0).to_numpy()
        sizes = lengths[at] if len(lengths) else np.zeros(len(column), np.int64)
        return np.where(flags(pc.is_valid(column.indices)), sizes, 0)
    if _is_text(kind):
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
            # Tables in memory keep days as time stamps: midnight is no time of day there.
            text = pc.replace_substring_regex(text, r" 00:00:00(\.0+)?$", "")
        empty = pc.equal(text, "")
        cells[name] = pc.if_else(pc.fill_null(empty, False), pa.scalar(None, pa.string()), text)
    return pa.record_batch(cells)


def _workbook(path: Path, source: Source) -> tuple[Layout, Iterator[Block]]:
    """The sheet with the most columns of the source."""
    _refuse_bomb(path)
    sheets = _sheets(path)
    best = max(sheets, key=lambda rows: known_columns(_names(rows), source), default=[])
    if not best:
        raise InputError("E-EMPTY", "the workbook has no sheet with a header", where=str(path))
    try:
        layout = checked_layout(path, source, _names(best))
    except InputError as error:
        raise InputError(
            error.code,
            f"no sheet of this workbook is a table of events: {error.message}",
            where=str(path),
            column=error.column,
            fix=error.fix,
        ) from None
    end = _last_filled(best, layout)
    if end == 0:
        raise InputError("E-EMPTY", "needs at least one row", where=str(path))
    layout = replace(layout, leftover=len(best) - 1 - end)
    rows = ([_cell(v) for v in row] for row in best[1 : end + 1])
    return layout, _record_blocks(layout, rows, first=2)


def _last_filled(rows: _Rows, layout: Layout) -> int:
    """The last row with a value in a column that is required: formulas are copied further down."""
    places = [layout.columns.index(name) for name in layout.source.required]
    filled = (k for k in range(len(rows) - 1, 0, -1) if any(_cell(rows[k][at]) for at in places))
    return next(filled, 0)


def _sheets(path: Path) -> list[_Rows]:
    try:
        import python_calamine
    except ImportError:
        raise InputError(
            "E-XLSX",
            "this is a workbook of a spreadsheet, and what reads it is not installed",
            where=str(path),
            fix="pip install 'escalation[xlsx]', or save the sheet as CSV",
        ) from None
    with (
        library_call(path, _WORKBOOK, fix=f"open it and {_SAVE_SHEET}"),
        python_calamine.load_workbook(path) as book,
    ):
        names = book.sheet_names
        tables: list[_Rows] = [book.get_sheet_by_name(name).to_python() for name in names]
    return [rows for rows in map(_from_header, tables) if rows]


def _from_header(rows: _Rows) -> _Rows:
    """Without blank rows above the header."""
    start = next((k for k, row in enumerate(rows) if any(_cell(v) for v in row)), len(rows))
    return rows[start:]


def _names(rows: Sequence[Sequence[object]]) -> list[str]:
    return [_cell(value) or "" for value in rows[0]]


def _refuse_bomb(path: Path) -> None:
    """A workbook whose parts or sheets do not fit; two cells far apart make a sheet that large."""
    if _start_of(path) != _ZIP:
        return
    with library_call(path, _WORKBOOK, fix=_SAVE_SHEET), zipfile.ZipFile(path) as packed:
        size = sum(member.file_size for member in packed.infolist())
        if size > LARGEST_RECORDS:
            raise too_large(path, f"the workbook unpacks to {size >> 20} MB", fix=_SAVE_SHEET)
        # Read to its end, a part that says less than it holds shows itself.
        cells = sum(_cells_of(packed.read(name)) for name in packed.namelist())
    if cells > MOST_CELLS:
        raise too_large(path, f"the workbook's sheets have {cells} cells", fix=_SAVE_SHEET)


def _cells_of(part: bytes) -> int:
    """Cells from the first to the last of a sheet, those between them included; 0 of others."""
    row, column = 0, 0
    for letters, digits in set(_REFERENCE.findall(part)):
        place = 0
        for letter in letters:
            place = place * 26 + letter - 64
        row, column = max(row, int(digits)), max(column, place)
    return row * column


def _cell(value: object) -> str | None:
    """A cell of a workbook or a JSON value as text; days and whole numbers as people write them."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, dt.datetime):
        return str(value.date() if value.time() == dt.time() else value)
    return str(value)


def _record_blocks(
    layout: Layout, rows: Iterable[Sequence[str | None]], *, first: int
) -> Iterator[Block]:
    waiting: list[Sequence[str | None]] = []
    for row in rows:
        waiting.append(row)
        if len(waiting) == BLOCK_ROWS:
            yield _record_block(layout, waiting, first)
            first += len(waiting)
            waiting = []
    if waiting:
        yield _record_block(layout, waiting, first)


def _record_block(layout: Layout, rows: Sequence[Sequence[str | None]], first: int) -> Block:
    columns = zip(*rows, strict=True)
    cells = {
        name: pa.array(column, pa.string())
        for name, column in zip(layout.columns, columns, strict=True)
    }
    lines = np.arange(first, first + len(rows))
    return block_of(pa.record_batch(cells), lines, (), layout)


def holds_json(stream: TextStream) -> bool:
    """Whether a text file holds JSON: an object, or a list of them."""
    start = stream.peek()[:1000].lstrip()
    return start.startswith(b"{") or (start.startswith(b"[") and start[1:].lstrip()[:1] in b"{]")


def read_json(stream: TextStream, source: Source) -> tuple[Layout, Iterator[Block]]:
    """Records of JSON: a list, the list under ``data`` of an API's answer, or one a line.

    Parameters
    ----------
    stream : TextStream
        At its start.
    source : Source

    Raises
    ------
    InputError
        ``E-FORMAT`` for anything else, ``E-EMPTY`` without a record, ``E-LIMIT`` for a large file.
    """
    records = _records(stream)
    names = list(dict.fromkeys(name for record in records for name in record))
    if not records:
        raise InputError("E-EMPTY", "holds no records", where=str(stream.path))
    layout = checked_layout(stream.path, source, names)
    rows = ([_json_cell(record.get(name), stream.path) for name in names] for record in records)
    return layout, _record_blocks(layout, rows, first=1)


def _records(stream: TextStream) -> list[dict[str, object]]:
    data = bytearray()
    while piece := stream.read():
        data += piece
        if len(data) > LARGEST_RECORDS:
            raise too_large(stream.path, "more JSON than fits", fix="save it as CSV")
    try:
        value = _decoded(data)
    except (ValueError, RecursionError) as error:
        raise _no_records(stream.path, printable(error)) from None
    if isinstance(value, dict):
        value = value.get("data", [value] if value and not _is_answer(value) else None)
    if not isinstance(value, list) or not all(isinstance(record, dict) for record in value):
        raise _no_records(stream.path, "it is no list of records")
    return value


def _decoded(data: bytearray) -> object:
    # Numbers stay as they are written, so that nothing is rounded.
    try:
        return json.loads(data, parse_float=str, parse_int=str)
    except json.JSONDecodeError as error:
        if not error.msg.startswith("Extra data"):
            raise
        lines = filter(None, (line.strip() for line in bytes(data).splitlines()))
        return [json.loads(line, parse_float=str, parse_int=str) for line in lines]


def _is_answer(value: dict[str, object]) -> bool:
    return "status" in value or "error" in value or "success" in value


def _no_records(path: Path, reason: str) -> InputError:
    return InputError(
        "E-FORMAT",
        f"needs JSON records, {reason}",
        where=str(path),
        fix="save the list of events, or the answer that holds it under 'data'",
    )


def _json_cell(value: object, path: Path) -> str | None:
    if isinstance(value, (dict, list)):
        raise _no_records(path, "a record holds a list or another record")
    return _cell(value)
