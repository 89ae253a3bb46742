"""Read spreadsheet workbooks: the sheet with the most columns of the source."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from escalation.errors import InputError
from escalation.events.reading.blocks import Block, cell_text, record_blocks
from escalation.events.reading.header import no_rows_error
from escalation.events.reading.layout import Layout, checked_layout, known_columns
from escalation.events.reading.limits import LARGEST_RECORDS, MOST_CELLS, too_large_error
from escalation.events.reading.unreadable import library_call
from escalation.events.source import Source

ZIP = b"PK\x03\x04"
"""First bytes of a zip file, which includes workbooks."""
_OLD_WORKBOOK = b"\xd0\xcf\x11\xe0"
_Rows = Sequence[Sequence[object]]
_WORKBOOK_MEMBER = "xl/workbook.xml"
_WORKBOOK, _SAVE_SHEET = "this is a spreadsheet workbook, and it", "save the sheet as CSV"
_REFERENCE = re.compile(rb'\br=["\']([A-Z]{1,3})([0-9]{1,7})["\']')
"""Reference of a cell, such as r="B7"."""


def workbook_headers(path: Path) -> list[tuple[str, ...]]:
    """Return the column names of each sheet of a workbook."""
    _refuse_bomb(path)
    return [tuple(_names(rows)) for rows in _sheets(path)]


def is_workbook(path: Path) -> bool:
    """Return whether a file is a workbook, by its contents; by its name if they can't be read."""
    start = first_bytes(path)
    if start != ZIP:
        return start == _OLD_WORKBOOK
    try:
        with library_call(path, _WORKBOOK), zipfile.ZipFile(path) as packed:
            return _WORKBOOK_MEMBER in packed.namelist()
    except InputError:
        return path.suffix in {".xlsx", ".xlsm"}


def first_bytes(path: Path) -> bytes:
    """Return the first four bytes, which identify the type of a file."""
    with path.open("rb") as file:
        return file.read(4)


def read_workbook(path: Path, source: Source) -> tuple[Layout, Iterator[Block]]:
    """Read the sheet with the most columns of the source.

    Parameters
    ----------
    path : Path
    source : Source

    Raises
    ------
    InputError
        ``E-FILE``, ``E-EMPTY``, ``E-COLUMNS``, ``E-LIMIT``; ``E-XLSX`` if the reader of
        workbooks is not installed.
    """
    _refuse_bomb(path)
    sheets = _sheets(path)
    best = max(sheets, key=lambda rows: known_columns(_names(rows), source), default=[])
    if not best:
        raise no_rows_error(path)
    try:
        layout = checked_layout(path, source, _names(best))
    except InputError as error:
        error.message = f"this workbook has no sheet with a table of events: {error.message}"
        error.where = str(path)
        raise
    last = _last_filled(best, layout)
    if last == 0:
        raise no_rows_error(path)
    layout = replace(layout, leftover=len(best) - 1 - last)
    rows = ([cell_text(v) for v in row] for row in best[1 : last + 1])
    return layout, record_blocks(layout, rows, first=2)


def _last_filled(rows: _Rows, layout: Layout) -> int:
    """Return the last row with a required value; formulas may be copied further down."""
    places = [layout.columns.index(name) for name in layout.source.required]
    filled = (
        k for k in range(len(rows) - 1, 0, -1) if any(cell_text(rows[k][at]) for at in places)
    )
    return next(filled, 0)


def _sheets(path: Path) -> list[_Rows]:
    try:
        import python_calamine
    except ImportError:
        raise InputError(
            "E-XLSX",
            "this is a spreadsheet workbook, and its reader is not installed",
            where=str(path),
            fix="pip install '.[xlsx]' in the project folder, or save the sheet as CSV",
        ) from None
    with (
        library_call(path, _WORKBOOK, fix=f"open it and {_SAVE_SHEET}"),
        python_calamine.load_workbook(path) as book,
    ):
        names = book.sheet_names
        tables: list[_Rows] = [book.get_sheet_by_name(name).to_python() for name in names]
    return [rows for rows in map(_from_header, tables) if rows]


def _from_header(rows: _Rows) -> _Rows:
    """Drop blank rows above the header."""
    start = next((k for k, row in enumerate(rows) if any(cell_text(v) for v in row)), len(rows))
    return rows[start:]


def _names(rows: Sequence[Sequence[object]]) -> list[str]:
    return [cell_text(value) or "" for value in rows[0]]


def _refuse_bomb(path: Path) -> None:
    """Raise ``E-LIMIT`` for a workbook too large to unpack or to hold as a grid of cells."""
    if first_bytes(path) != ZIP:
        return
    with library_call(path, _WORKBOOK, fix=_SAVE_SHEET), zipfile.ZipFile(path) as packed:
        size = sum(member.file_size for member in packed.infolist())
        if size > LARGEST_RECORDS:
            raise too_large_error(path, f"the workbook unpacks to {size >> 20} MB", fix=_SAVE_SHEET)
        # Reading a member to its end also finds one larger than it claims.
        cells = sum(_cells_of(packed.read(name)) for name in packed.namelist())
    if cells > MOST_CELLS:
        raise too_large_error(path, f"the workbook's sheets have {cells} cells", fix=_SAVE_SHEET)


def _cells_of(member: bytes) -> int:
    """Return the size of the grid of a sheet, with its empty cells; 0 for other members."""
    n_rows, n_columns = 0, 0
    for letters, digits in set(_REFERENCE.findall(member)):
        column = 0
        for letter in letters:
            column = column * 26 + letter - 64
        n_rows, n_columns = max(n_rows, int(digits)), max(n_columns, column)
    return n_rows * n_columns
