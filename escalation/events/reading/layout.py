"""Which columns a file has, which of them are known, and where its rows begin."""

from __future__ import annotations

import csv
import difflib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from escalation.errors import InputError
from escalation.events.reading.streams import READ_BYTES, TextStream, first_undecodable, not_encoded
from escalation.events.source import Source

_BLANK = "\r\n"
_NO_QUOTES_IN = "\t"
"""Tab-separated files of this field do not quote: a quote is a character like any other."""


@dataclass(frozen=True)
class Layout:
    """The columns of a file, against those of its source.

    Parameters
    ----------
    path : Path
    columns : tuple of str
        As the file has them.
    wanted : tuple of str
        Those of the source, required ones first.
    first_line : int
        Line of the first row.
    delimiter : str
    """

    path: Path
    columns: tuple[str, ...]
    wanted: tuple[str, ...]
    first_line: int = 1
    delimiter: str = ","

    @property
    def quoted(self) -> bool:
        """Whether quotes hold cells together."""
        return self.delimiter != _NO_QUOTES_IN

    @property
    def unknown(self) -> tuple[str, ...]:
        """Columns that the source does not know, and that are left out."""
        return tuple(name for name in self.columns if name not in self.wanted)

    def cells(self, batch: pa.RecordBatch) -> pa.Table:
        """The wanted columns of some rows, in their order; nulls for those that the file lacks."""
        rows = batch.num_rows
        return pa.table(
            {
                name: batch.column(name) if name in self.columns else pa.nulls(rows, pa.string())
                for name in self.wanted
            }
        )


def checked_layout(
    path: Path, source: Source, columns: Sequence[str], *, first_line: int = 1
) -> Layout:
    """A layout whose columns are those of the source.

    Parameters
    ----------
    path : Path
    source : Source
    columns : sequence of str
        As the file has them.
    first_line : int, optional
        Line of the first row.

    Raises
    ------
    InputError
        ``E-COLUMNS`` for a column that is there twice or missing, with the nearest names.
    """
    where = f"{path}:1"
    twice = [name for name, count in Counter(columns).items() if count > 1]
    if twice:
        raise InputError(
            "E-COLUMNS",
            f"columns that appear more than once: {', '.join(twice)}",
            where=where,
            column=twice[0],
            fix="remove or rename one",
        )
    missing = [name for name in source.required if name not in columns]
    if missing:
        found = ", ".join(columns[:60])
        near = _nearest(missing, [name for name in columns if name not in source.required])
        raise InputError(
            "E-COLUMNS",
            f"columns of {source.name} are missing: {', '.join(missing)}; found: {found[:400]}",
            where=where,
            column=missing[0],
            fix=near or "name the right --source, or rename the columns",
        )
    if source.one_of and not any(set(group) <= set(columns) for group in source.one_of):
        groups = "; or ".join(" and ".join(group) for group in source.one_of)
        raise InputError(
            "E-COLUMNS", f"needs a place or a unit: {groups}", where=where, fix="add one of them"
        )
    wanted = (*source.required, *source.optional)
    return Layout(path, tuple(columns), wanted, first_line, source.delimiter)


def _nearest(missing: Sequence[str], found: Sequence[str]) -> str:
    pairs = [
        f"rename {near[0]!r} to {name!r}"
        for name in missing
        if (near := difflib.get_close_matches(name, found, n=1, cutoff=0.6))
    ]
    return ", ".join(pairs[:5])


def csv_layout(stream: TextStream, source: Source) -> Layout:
    """Read the header, and leave the stream where the rows begin.

    Parameters
    ----------
    stream : TextStream
        At its start.
    source : Source

    Raises
    ------
    InputError
        ``E-EMPTY`` without a header or without a row, and what :func:`checked_layout` refuses.
    """
    if source.names:
        columns, line = _names_by_width(stream, source), 1
    else:
        columns, line = _header(stream, source.delimiter)
    layout = checked_layout(stream.path, source, columns, first_line=line)
    if source.skip_hxl and stream.peek().lstrip(b'",').startswith(b"#"):
        stream.line()
        line += 1
    if not stream.peek().strip():
        raise _empty(stream.path)
    return Layout(layout.path, layout.columns, layout.wanted, line, layout.delimiter)


def _names_by_width(stream: TextStream, source: Source) -> tuple[str, ...]:
    first = stream.peek().partition(b"\n")[0].rstrip(b"\r")
    if not first:
        raise _empty(stream.path)
    width = first.count(source.delimiter.encode()) + 1
    for names in source.names:
        if len(names) == width:
            return names
    widths = " or ".join(str(len(names)) for names in source.names)
    raise InputError(
        "E-COLUMNS",
        f"needs {widths} columns, found {width}",
        where=f"{stream.path}:1",
        fix="name the right --source",
    )


def _header(stream: TextStream, delimiter: str) -> tuple[tuple[str, ...], int]:
    """Column names, and the line after them."""
    text, line, quotes = "", 1, 0
    while len(text) < READ_BYTES and (data := stream.line()):
        line += 1
        quotes += data.count(b'"')
        text += _decoded(data, stream.path)
        # A header may hold line ends in quotes; blank lines before it count for nothing.
        if quotes % 2 == 0 and text.strip():
            break
    if not text.strip():
        raise _empty(stream.path)
    if quotes % 2:
        raise _open_quote(stream.path, 1)
    return tuple(next(csv.reader([text.lstrip(_BLANK)], delimiter=delimiter))), line


def _decoded(data: bytes, path: Path) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise not_encoded(path, first_undecodable(path), "utf-8") from None


def _empty(path: Path) -> InputError:
    return InputError(
        "E-EMPTY", "needs a header and at least one row", where=str(path), fix="check the export"
    )


def check_quotes(layout: Layout, *, encoding: str | None = None) -> None:
    """Go through the file by the book, and refuse the first quote that is left open.

    A lenient reader lets such a quote swallow the rows up to the next one.

    Parameters
    ----------
    layout : Layout
    encoding : str, optional

    Raises
    ------
    InputError
        ``E-QUOTE`` with the line on which the row starts, ``E-LIMIT`` for a cell that is too long.
    """
    stream = TextStream(layout.path, encoding=encoding)
    lines = (data.decode("utf-8", "replace") for data in iter(stream.line, b""))
    reader = csv.reader(lines, delimiter=layout.delimiter, strict=True)
    start = 1
    try:
        for _ in reader:
            start = reader.line_num + 1
    except csv.Error:
        if reader.line_num == start and stream.peek():
            raise too_long(layout.path, start) from None
        raise _open_quote(layout.path, start) from None
    finally:
        stream.close()


def _open_quote(path: Path, line: int) -> InputError:
    return InputError(
        "E-QUOTE",
        "a quote is not closed, or not followed by the next cell or the end of the line",
        where=f"{path}:{line}",
        fix="close the quote, or double it inside a cell",
    )


def too_long(path: Path, line: int) -> InputError:
    """The refusal of a line that no table of events has."""
    return InputError(
        "E-LIMIT",
        "the line is too long for a table",
        where=f"{path}:{line}",
        fix="remove it",
    )
