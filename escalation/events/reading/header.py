"""Read the header of a text file: its separator and column names; find unclosed quotes."""

from __future__ import annotations

import csv
import re
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

from escalation.errors import InputError
from escalation.events.reading.layout import Layout, checked_layout, known_columns
from escalation.events.reading.limits import LONGEST_ROW, too_large_error
from escalation.events.reading.streams import TextStream
from escalation.events.source import Options, Source

_LINE_END = "\r\n"
_ROWS_SAMPLED = 20
_SEPARATORS = (",", ";", "\t", "|")
_SEPARATOR_LINE = re.compile(rb'"?sep=(.)"?\r?\n')
"""First line that Excel writes to declare the separator."""


def csv_layout(stream: TextStream, source: Source, options: Options) -> Layout:
    """Read the header, and leave the stream at the first row.

    Parameters
    ----------
    stream : TextStream
        At its start.
    source : Source
    options : Options
        With the separator, if it is known.

    Raises
    ------
    InputError
        ``E-EMPTY`` without a header or a row, and the errors of :func:`checked_layout`.
    """
    declared, line = _declared_separator(stream, options.separator)
    if source.names and not _has_header(stream, source):
        names, delimiter = _names_by_width(stream, source, declared)
    else:
        text, n_lines = _header_text(stream)
        line += n_lines
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
    """Split the header at each separator that it may have, whatever the source.

    Parameters
    ----------
    stream : TextStream
        At its start.
    declared : str, optional
        The separator, if it is known.

    Raises
    ------
    InputError
        ``E-EMPTY`` without a header.
    """
    declared, _ = _declared_separator(stream, declared)
    text, _ = _header_text(stream)
    separators = (declared,) if declared else _SEPARATORS
    headers = [tuple(_cells(text, separator, separator != "\t")) for separator in separators]
    return [header for header in headers if any(name.strip() for name in header)]


def _declared_separator(stream: TextStream, separator: str | None) -> tuple[str | None, int]:
    """Read the line in which Excel declares the separator; return that and the current line."""
    if declaration := _SEPARATOR_LINE.match(stream.peek()[:20]):
        stream.line()
        return separator or declaration[1].decode("latin-1"), 2
    return separator, 1


def _quoted(delimiter: str, source: Source) -> bool:
    """Return whether quotes enclose cells; in machine-coded files with tabs they don't."""
    return not (delimiter == "\t" and source.delimiter == "\t")


def _cells(text: str, delimiter: str, quoted: bool) -> list[str]:
    text = text.lstrip(_LINE_END)
    if quoted:
        # A very long cell is an error here; the reader of the rows reports it with its line.
        with suppress(csv.Error):
            return next(csv.reader([text], delimiter=delimiter), [])
    return text.rstrip(_LINE_END).split(delimiter)


def _likely_separator(text: str, source: Source) -> str:
    """Return the separator that gives the most columns of the source; its own one on a tie."""

    def n_known(separator: str) -> int:
        return known_columns(_cells(text, separator, _quoted(separator, source)), source)

    return max((source.delimiter, *_SEPARATORS), key=n_known)


def _has_header(stream: TextStream, source: Source) -> bool:
    first = stream.peek().partition(b"\n")[0].decode("utf-8", "replace")
    return source.required[0].casefold() in first.casefold()


def _names_by_width(
    stream: TextStream, source: Source, declared: str | None
) -> tuple[tuple[str, ...], str]:
    first = stream.peek().partition(b"\n")[0].rstrip(b"\r").decode("utf-8", "replace")
    if not first:
        raise no_rows_error(stream.path)
    for delimiter in (declared,) if declared else (source.delimiter, *_SEPARATORS):
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
        fix="set the right --source or --separator",
    )


def _header_text(stream: TextStream) -> tuple[str, int]:
    """Read the text of the header, and count its lines."""
    text, lines, quotes = "", 0, 0
    while len(text) < LONGEST_ROW and (data := stream.line()):
        lines += 1
        quotes += data.count(b'"')
        text += data.decode("utf-8", "replace")
        # A header may have line breaks inside quotes, and blank lines above it.
        if quotes % 2 == 0 and text.strip():
            break
    if not text.strip():
        raise no_rows_error(stream.path)
    if len(text) >= LONGEST_ROW:
        raise line_too_long_error(stream.path, lines)
    if quotes % 2:
        raise _open_quote_error(stream.path, 1)
    return text, lines


def _fitted(layout: Layout, stream: TextStream, header: tuple[str, ...]) -> Layout:
    """Make the layout as wide as the first rows, if they agree and no named column is lost."""
    rows = _first_rows(layout, stream.peek())
    widths = {len(row) for row in rows}
    if len(widths) != 1:
        return layout
    width = widths.pop()
    extra = width - len(header)
    if extra > 0:
        spare = tuple(f"column ({place})" for place in range(len(header) + 1, width + 1))
        return replace(layout, columns=layout.columns + spare, spare=layout.spare + extra)
    drops_name = -extra > layout.spare
    if extra == 0 or (
        drops_name and (len(rows) < 2 or set(layout.columns[width:]) & set(layout.source.columns))
    ):
        return layout
    return replace(layout, columns=layout.columns[:width], spare=max(layout.spare + extra, 0))


def _first_rows(layout: Layout, data: bytes) -> list[list[str]]:
    """Return the cells of some rows, each complete on one line."""
    lines = data.split(b"\n", _ROWS_SAMPLED + 1)[:_ROWS_SAMPLED]
    texts = [line.rstrip(b"\r").decode("utf-8", "replace") for line in lines]
    complete = [text for text in texts if text and not (layout.quoted and text.count('"') % 2)]
    return [_cells(text, layout.delimiter, layout.quoted) for text in complete]


def no_rows_error(path: Path) -> InputError:
    """Return the error for a file without a row."""
    return InputError(
        "E-EMPTY",
        "needs a header and at least one row",
        where=str(path),
        fix="export the file with its column names and rows",
    )


def check_quotes(layout: Layout, *, encoding: str | None = None) -> None:
    """Read the file with a strict parser, and raise at the first unclosed quote.

    With a lenient parser such a quote swallows all rows up to the next quote.

    Parameters
    ----------
    layout : Layout
    encoding : str, optional

    Raises
    ------
    InputError
        ``E-QUOTE`` with the line on which the row starts, ``E-LIMIT`` for a cell that is too long.
    """
    with closing(TextStream(layout.path, encoding=encoding)) as stream:
        lines = (data.decode("utf-8", "replace") for data in iter(stream.line, b""))
        reader = csv.reader(lines, delimiter=layout.delimiter, strict=True)
        start = 1
        try:
            for _ in reader:
                start = reader.line_num + 1
        except csv.Error as error:
            if reader.line_num == start and "field limit" in str(error):
                raise line_too_long_error(layout.path, start) from None
            raise _open_quote_error(layout.path, start) from None


def _open_quote_error(path: Path, line: int) -> InputError:
    return InputError(
        "E-QUOTE",
        "a quote is not closed, or not followed by a separator or the end of the line",
        where=f"{path}:{line}",
        fix="close the quote, or double it inside a cell",
    )


def line_too_long_error(path: Path, line: int) -> InputError:
    """Return the error for a line that is too long for a table of events.

    Parameters
    ----------
    path : Path
    line : int
    """
    return too_large_error(path, "the line is too long for a table", line=line, fix="remove it")
