"""Files that are tables already: Parquet, and workbooks of a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from escalation.events.reading.blocks import Block
from escalation.events.reading.layout import Layout
from escalation.events.reading.parquet import parquet_header, read_parquet
from escalation.events.reading.workbook import (
    ZIP,
    first_bytes,
    holds_workbook,
    read_workbook,
    workbook_headers,
)
from escalation.events.source import Source

_PARQUET, _OLD_WORKBOOK = b"PAR1", b"\xd0\xcf\x11\xe0"


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
    return read_workbook(path, source) if _kind(path) == ZIP else read_parquet(path, source)


def table_headers(path: Path) -> list[tuple[str, ...]]:
    """Column names of a Parquet file, or of each sheet of a workbook.

    Raises
    ------
    InputError
        As for :func:`read_table`.
    """
    return workbook_headers(path) if _kind(path) == ZIP else [parquet_header(path)]


def _kind(path: Path) -> bytes | None:
    start = first_bytes(path)
    if start == _PARQUET:
        return _PARQUET
    if start == _OLD_WORKBOOK or (start == ZIP and holds_workbook(path)):
        return ZIP
    return None
