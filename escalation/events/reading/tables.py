"""Read binary tables: Parquet files and spreadsheet workbooks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from escalation.events.reading.blocks import Block
from escalation.events.reading.layout import Layout
from escalation.events.reading.parquet import parquet_header, read_parquet
from escalation.events.reading.workbook import (
    first_bytes,
    is_workbook,
    read_workbook,
    workbook_headers,
)
from escalation.events.source import Source

_PARQUET = b"PAR1"


def is_table(path: Path) -> bool:
    """Return whether a file is Parquet or a workbook, by its name or first bytes."""
    return path.is_file() and (
        path.suffix == ".parquet" or first_bytes(path) == _PARQUET or is_workbook(path)
    )


def read_table(path: Path, source: Source) -> tuple[Layout, Iterator[Block]]:
    """Read the layout of a Parquet file or workbook, and its rows lazily.

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
    return read_workbook(path, source) if is_workbook(path) else read_parquet(path, source)


def table_headers(path: Path) -> list[tuple[str, ...]]:
    """Return the column names of a Parquet file, or of each sheet of a workbook.

    Raises
    ------
    InputError
        As for :func:`read_table`.
    """
    return workbook_headers(path) if is_workbook(path) else [parquet_header(path)]
