"""Files that are tables already: Parquet, workbooks of a spreadsheet, and JSON records."""

from __future__ import annotations

import datetime as dt
import json
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from escalation.errors import InputError
from escalation.events.reading.blocks import Block, block_of
from escalation.events.reading.layout import Layout, checked_layout, known_columns
from escalation.events.reading.streams import TextStream
from escalation.events.source import Source

_BATCH_ROWS = 32_768
_LONGEST_JSON = 256 << 20
_MOST_UNPACKED = 512 << 20
_PARQUET, _ZIP, _OLD_WORKBOOK = b"PAR1", b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_Rows = Sequence[Sequence[object]]
_WORKBOOK_MEMBER = "xl/workbook.xml"


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
    with _damaged(path), pq.ParquetFile(path) as file:
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
    with path.open("rb") as file:
        start = file.read(4)
    if start == _PARQUET:
        return _PARQUET
    if start == _OLD_WORKBOOK or (start == _ZIP and _holds_workbook(path)):
        return _ZIP
    return None


def _holds_workbook(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as packed:
            return _WORKBOOK_MEMBER in packed.namelist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        return path.suffix in {".xlsx", ".xlsm"}


def _parquet(path: Path, source: Source) -> tuple[Layout, Iterator[Block]]:
    with _damaged(path), pq.ParquetFile(path) as file:
        rows, columns = file.metadata.num_rows, file.schema_arrow.names
    if not rows:
        raise InputError("E-EMPTY", "needs at least one row", where=str(path))
    layout = checked_layout(path, source, columns)
    return layout, _parquet_blocks(layout, columns)


def _parquet_blocks(layout: Layout, names: Sequence[str]) -> Iterator[Block]:
    spelled = dict(zip(layout.columns, names, strict=True))
    wanted = [name for name in layout.columns if name in layout.wanted]
    row = 1
    with _damaged(layout.path), pq.ParquetFile(layout.path) as file:
        for batch in file.iter_batches(_BATCH_ROWS, columns=[spelled[name] for name in wanted]):
            lines = np.arange(row, row + batch.num_rows)
            row += batch.num_rows
            ordered = batch.select([spelled[name] for name in wanted]).rename_columns(wanted)
            yield block_of(_as_text(ordered, layout), lines, (), layout)


@contextmanager
def _damaged(path: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowInvalid, OSError, UnicodeDecodeError) as error:
        raise InputError(
            "E-FILE",
            f"the Parquet file is damaged: {error}",
            where=str(path),
            fix="download it again",
        ) from None


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
    if len(best) == 1:
        raise InputError("E-EMPTY", "needs at least one row", where=str(path))
    return layout, _record_blocks(layout, ([_cell(v) for v in row] for row in best[1:]), first=2)


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
    try:
        with python_calamine.load_workbook(path) as book:
            names = book.sheet_names
            tables: list[_Rows] = [book.get_sheet_by_name(name).to_python() for name in names]
    # What a damaged workbook raises depends on where it is damaged.
    except Exception as error:
        raise InputError(
            "E-FILE",
            f"this is a workbook of a spreadsheet, and it can't be read: {str(error)[:200]}",
            where=str(path),
            fix="open it and save the sheet as CSV",
        ) from None
    return [rows for rows in map(_from_header, tables) if rows]


def _from_header(rows: _Rows) -> _Rows:
    """Without blank rows above the header."""
    start = next((k for k, row in enumerate(rows) if any(_cell(v) for v in row)), len(rows))
    return rows[start:]


def _names(rows: Sequence[Sequence[object]]) -> list[str]:
    return [_cell(value) or "" for value in rows[0]]


def _refuse_bomb(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as packed:
            size = sum(member.file_size for member in packed.infolist())
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        return  # An older workbook, or a damaged one: what reads it says so.
    if size > _MOST_UNPACKED:
        raise InputError(
            "E-LIMIT",
            f"the workbook unpacks to {size >> 20} MB",
            where=str(path),
            fix="save the sheet as CSV",
        )


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
        if len(waiting) == _BATCH_ROWS:
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
        if len(data) > _LONGEST_JSON:
            raise InputError(
                "E-LIMIT", "more JSON than fits", where=str(stream.path), fix="save it as CSV"
            )
    try:
        value = _decoded(data)
    except (ValueError, RecursionError) as error:
        raise _no_records(stream.path, str(error)[:200]) from None
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
