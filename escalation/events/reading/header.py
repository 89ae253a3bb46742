"""The first lines of a text file: its separator, its column names, and stray quotes."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from pathlib import Path

from escalation.errors import InputError
from escalation.events.reading.layout import Layout, checked_layout, known_columns
from escalation.events.reading.limits import LONGEST_ROW, too_large_error
from escalation.events.reading.streams import TextStream
from escalation.events.source import Options, Source

_BLANK = "\r\n"
_ROWS_LOOKED_AT = 20
_SEPARATORS = (",", ";", "\t", "|")
_SEPARATOR_LINE = re.compile(rb'"?sep=(.)"?\r?\n')
"""Excel's own first line, which says what separates the cells below."""


def csv_layout(stream: TextStream, source: Source, options: Options) -> Layout:
    """Read the header, and leave the stream where the rows begin.

    Parameters
    ----------
    stream : TextStream
        At its start.
    source : Source
    options : Options
        Its separator, if it is declared.

    Raises
    ------
    InputError
        ``E-EMPTY`` without a header or without a row, and what :func:`checked_layout` refuses.
    """
    declared, line = options.separator, 1
    if marked := _SEPARATOR_LINE.match(stream.peek()[:20]):
        declared = declared or marked[1].decode("latin-1")
        stream.line()
        line += 1
    if source.names and not _has_header(stream, source):
        names, delimiter = _names_by_width(stream, source, declared)
    else:
        text, ends = _header_text(stream)
        line += ends
        delimiter = declared or _likely_separator(text, source)
        names = tuple(_cells(text, delimiter, _quoted(delimiter, source)))
    layout = checked_layout(
        stream.path,
        source,
        names,
        first_line=line,
        delimiter=delimiter,
        quoted=_quoted(delimiter, source),
    )
    if source.skip_hxl and stream.peek().lstrip(b'",').startswith(b"#"):
        stream.line()
        layout = replace(layout, first_line=line + 1)
    if not stream.peek().strip():
        raise no_rows_error(stream.path)
    return _fitted(layout, stream, names)


def possible_headers(stream: TextStream, declared: str | None = None) -> list[tuple[str, ...]]:
    """The first line of cells, by each separator that it may have; of a file of any source.

    Parameters
    ----------
    stream : TextStream
        At its start.
    declared : str, optional
        The separator, if it is known.

    Raises
    ------
    InputError
        ``E-EMPTY`` where there is none.
    """
    if marked := _SEPARATOR_LINE.match(stream.peek()[:20]):
        declared = declared or marked[1].decode("latin-1")
        stream.line()
    text, _ = _header_text(stream)
    marks = (declared,) if declared else _SEPARATORS
    headers = [tuple(_cells(text, mark, mark != "\t")) for mark in marks]
    if "\t" in marks:
        headers.append(tuple(_cells(text, "\t", False)))
    return [header for header in headers if any(name.strip() for name in header)]


def _quoted(delimiter: str, source: Source) -> bool:
    """Machine-coded files with tabs do not quote: there a quote is a character like any other."""
    return not (delimiter == "\t" and source.delimiter == "\t")


def _cells(text: str, delimiter: str, quoted: bool) -> list[str]:
    text = text.lstrip(_BLANK)
    if not quoted:
        return text.rstrip(_BLANK).split(delimiter)
    try:
        return next(csv.reader([text], delimiter=delimiter), [])
    except csv.Error:
        # A cell of book length, which the rows' own reader refuses by its line.
        return text.rstrip(_BLANK).split(delimiter)


def _likely_separator(text: str, source: Source) -> str:
    """The one that makes the most columns of the source; the source's own if none is better."""
    candidates = dict.fromkeys((source.delimiter, *_SEPARATORS))
    return max(
        candidates,
        key=lambda mark: known_columns(_cells(text, mark, _quoted(mark, source)), source),
    )


def _has_header(stream: TextStream, source: Source) -> bool:
    first = stream.peek().partition(b"\n")[0].decode("utf-8", "replace")
    return source.required[0].casefold() in first.casefold()


def _names_by_width(
    stream: TextStream, source: Source, declared: str | None
) -> tuple[tuple[str, ...], str]:
    first = stream.peek().partition(b"\n")[0].rstrip(b"\r").decode("utf-8", "replace")
    if not first:
        raise no_rows_error(stream.path)
    for delimiter in (declared,) if declared else dict.fromkeys((source.delimiter, *_SEPARATORS)):
        width = len(_cells(first, delimiter, _quoted(delimiter, source)))
        for names in source.names:
            if len(names) == width:
                return names, delimiter
    width = first.count(declared or source.delimiter) + 1
    widths = " or ".join(str(len(names)) for names in source.names)
    raise InputError(
        "E-COLUMNS",
        f"needs {widths} columns, found {width}",
        where=f"{stream.path}:1",
        fix="name the right --source, or the right --separator",
    )


def _header_text(stream: TextStream) -> tuple[str, int]:
    """The text of the header, and how many lines it takes."""
    text, lines, quotes = "", 0, 0
    while len(text) < LONGEST_ROW and (data := stream.line()):
        lines += 1
        quotes += data.count(b'"')
        text += data.decode("utf-8", "replace")
        # A header may hold line ends in quotes; blank lines before it count for nothing.
        if quotes % 2 == 0 and text.strip():
            break
    if not text.strip():
        raise no_rows_error(stream.path)
    if len(text) >= LONGEST_ROW:
        raise line_too_long_error(stream.path, lines)
    if quotes % 2:
        raise _open_quote(stream.path, 1)
    return text, lines


def _fitted(layout: Layout, stream: TextStream, header: tuple[str, ...]) -> Layout:
    """As wide as the first row, where what is too much or too little has neither name nor value."""
    rows = _first_rows(layout, stream.peek())
    widths = {len(row) for row in rows}
    if len(widths) != 1:
        return layout
    width, more = widths.pop(), len(rows[0]) - len(header)
    if more > 0:
        spare = tuple(f"column ({place})" for place in range(len(header) + 1, width + 1))
        return replace(layout, columns=layout.columns + spare, spare=layout.spare + more)
    named = -more > layout.spare
    if more < 0 and not (
        named and (len(rows) < 2 or set(layout.columns[width:]) & set(layout.wanted))
    ):
        return replace(layout, columns=layout.columns[:width], spare=max(layout.spare + more, 0))
    return layout


def _first_rows(layout: Layout, data: bytes) -> list[list[str]]:
    """Some whole rows of one line each."""
    lines = data.split(b"\n", _ROWS_LOOKED_AT + 1)[:_ROWS_LOOKED_AT]
    texts = [line.rstrip(b"\r").decode("utf-8", "replace") for line in lines]
    whole = [text for text in texts if text and not (layout.quoted and text.count('"') % 2)]
    return [_cells(text, layout.delimiter, layout.quoted) for text in whole]


def no_rows_error(path: Path) -> InputError:
    """The refusal of a file without a row."""
    return InputError(
        "E-EMPTY",
        "needs a header and at least one row",
        where=str(path),
        fix="export it with the names of its columns and its rows",
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
    except csv.Error as error:
        if reader.line_num == start and "field limit" in str(error):
            raise line_too_long_error(layout.path, start) from None
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


def line_too_long_error(path: Path, line: int) -> InputError:
    """The refusal of a line that no table of events has.

    Parameters
    ----------
    path : Path
    line : int
    """
    return too_large_error(path, "the line is too long for a table", line=line, fix="remove it")
