"""Read files of events as blocks of text cells, with the line on which each row starts.

Blocks are streamed, so memory use does not grow with the file. Nothing is converted here: cells are
text, null if empty, and ``NA`` is a word. Rows are rejected if they have too few or too many cells,
a NUL, or a very long cell.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
from numpy.typing import NDArray

from escalation.errors import InputError
from escalation.events.reading.blocks import VALUE_SHOWN, Block, RejectedRow, build_block, line_ends
from escalation.events.reading.header import check_quotes, csv_layout, line_too_long_error
from escalation.events.reading.json_records import holds_json, read_json
from escalation.events.reading.layout import Layout
from escalation.events.reading.limits import BLOCK_ROWS, LONGEST_ROW, MOST_REFUSED, too_large_error
from escalation.events.reading.streams import TextStream
from escalation.events.reading.tables import is_table, read_table
from escalation.events.source import Options, Source

_BLOCK_BYTES = LONGEST_ROW
"""Also the longest readable line."""
_LAST_READ_SECONDS = 0.2
_FEWEST_ROWS, _BATCH_ROWS = 8_192, BLOCK_ROWS
_SUSPICIOUS_LINES = 50


def read_blocks(
    path: Path, source: Source, options: Options | None = None
) -> tuple[Layout, Iterator[Block]]:
    """Read the layout of a file, and its rows lazily.

    Parameters
    ----------
    path : Path
        CSV or similar text, also as ``.gz`` or ``.zip``; Parquet; a workbook; or JSON records.
    source : Source
    options : Options, optional
        With encoding, separator and column names, if they are known.

    Raises
    ------
    InputError
        ``E-EMPTY``, ``E-COLUMNS``, ``E-ENCODING``, ``E-QUOTE`` with the line, ``E-LIMIT``,
        ``E-FILE``.

    Examples
    --------
    >>> from escalation.events import SOURCES
    >>> from escalation._util.resources import bundled
    >>> layout, blocks = read_blocks(bundled("iraq_crisis_events.csv"), SOURCES["iraq_crisis"])
    >>> block = next(blocks)
    >>> block.cells["event_id"][0].as_py(), block.lines[0].item()
    ('IQ-2019-10-01-01', 2)
    """
    options = options or Options()
    source = source.with_options(options)
    if is_table(path):
        return read_table(path, source)
    with closing(TextStream(path, encoding=options.encoding)) as stream:
        if holds_json(stream):
            return read_json(stream, source)
        layout = csv_layout(stream, source, options)
    return layout, _csv_blocks(layout, options.encoding)


@contextmanager
def _closing_slowly(stream: TextStream) -> Iterator[None]:
    """Close a stream that Arrow reads ahead in its own thread.

    After an error Python may exit at once, and abort if that thread is still in its last read.
    """
    try:
        with closing(stream):
            yield
    except BaseException:
        time.sleep(_LAST_READ_SECONDS)
        raise


def _csv_blocks(layout: Layout, encoding: str | None) -> Iterator[Block]:
    lines = _LineCounter(layout.first_line)
    stream = TextStream(layout.path, encoding=encoding)
    with _closing_slowly(stream):
        try:
            for _ in range(1, layout.first_line):
                stream.line()
            stream.quotes = 0
            for batch in _csv_batches(stream, lines, layout):
                starts, rejected = lines.locate(line_ends(batch))
                yield build_block(batch, starts, rejected, layout)
        except pa.ArrowInvalid as error:
            if len(lines.rejected) >= MOST_REFUSED:
                raise _not_a_table_error(layout, lines) from None
            if "Empty CSV" not in str(error):
                raise _read_error(error, layout, encoding, lines.line) from None
    if lines.rejected:
        _, rejected = lines.locate(np.zeros(0, np.int64))
        no_cells = pa.record_batch({name: pa.nulls(0, pa.string()) for name in layout.columns})
        yield Block(layout.cells(no_cells), np.zeros(0, np.int64), rejected)
    if layout.quoted and (stream.quotes % 2 or lines.longest_row > _SUSPICIOUS_LINES):
        check_quotes(layout, encoding=encoding)


def _csv_batches(
    stream: TextStream, lines: _LineCounter, layout: Layout
) -> Iterator[pa.RecordBatch]:
    # Columns are named by position, because a header may contain anything.
    positions = [str(k) for k in range(len(layout.columns))]
    reader = pa_csv.open_csv(
        stream,
        read_options=pa_csv.ReadOptions(
            block_size=_BLOCK_BYTES, use_threads=False, column_names=positions
        ),
        parse_options=pa_csv.ParseOptions(
            delimiter=layout.delimiter,
            quote_char='"' if layout.quoted else False,
            newlines_in_values=layout.quoted,
            ignore_empty_lines=False,
            invalid_row_handler=lines.reject,
        ),
        convert_options=pa_csv.ConvertOptions(
            column_types=dict.fromkeys(positions, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
        ),
    )
    for batch in _rebatched(reader):
        yield batch.rename_columns(list(layout.columns))


def _rebatched(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Merge and split batches into ones of a reasonable number of rows.

    A batch of wide rows has too few to be worth a pass, one of blank lines a million.
    """
    pending: list[pa.RecordBatch] = []
    for batch in batches:
        pending.append(batch)
        if sum(batch.num_rows for batch in pending) >= _FEWEST_ROWS:
            yield from _resized(pending)
            pending = []
    yield from _resized(pending)


def _resized(batches: list[pa.RecordBatch]) -> list[pa.RecordBatch]:
    if not batches:
        return []
    return pa.Table.from_batches(batches).combine_chunks().to_batches(max_chunksize=_BATCH_ROWS)


@dataclass
class _LineCounter:
    """Keeps track of line numbers and rejected rows from block to block."""

    line: int
    row: int = 1
    longest_row: int = 1
    """In lines."""
    rejected: list[tuple[int, int, RejectedRow]] = field(default_factory=list)
    """Row number, line breaks inside, and the rejected row, still without its line."""

    def reject(self, row: pa_csv.InvalidRow) -> str:
        """Note a row that is too short or too long; give up after too many without a good one."""
        if len(self.rejected) >= MOST_REFUSED:
            return "error"
        expected = f"{row.expected_columns} cells, found {row.actual_columns}"
        rejected = RejectedRow(0, "Q-ROW", "", row.text[:VALUE_SHOWN], expected)
        self.rejected.append((row.number, row.text.count("\n"), rejected))
        return "skip"

    def locate(
        self, inside: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], tuple[RejectedRow, ...]]:
        """Return the lines of the next readable rows, and the rejected rows among them.

        ``inside`` has the line breaks inside each readable row; the numbers of the rejected rows
        tell where they belong.
        """
        gaps = np.array([number for number, _, _ in self.rejected], np.int64) - self.row
        gaps -= np.arange(len(gaps))
        due = int(np.searchsorted(gaps, len(inside), side="right"))
        order = np.arange(len(inside))
        readable = order + np.searchsorted(gaps[:due], order, side="right")
        unreadable = gaps[:due] + np.arange(due)
        ends = np.zeros(len(inside) + due, np.int64)
        ends[readable] = inside
        ends[unreadable] = [ends_inside for _, ends_inside, _ in self.rejected[:due]]
        starts = self.line + np.arange(len(ends)) + np.cumsum(ends) - ends
        located = tuple(
            replace(row, line=int(starts[i]))
            for i, (_, _, row) in zip(unreadable, self.rejected[:due], strict=True)
        )
        self.rejected = self.rejected[due:]
        self.row += len(ends)
        self.line += len(ends) + int(ends.sum())
        self.longest_row = max(self.longest_row, int(ends.max(initial=0)) + 1)
        return starts[readable], located


def _not_a_table_error(layout: Layout, lines: _LineCounter) -> InputError:
    _, rejected = lines.locate(np.zeros(0, np.int64))
    return too_large_error(
        layout.path,
        f"more than {MOST_REFUSED} consecutive rows can't be read: the first needs "
        f"{rejected[0].expected}",
        line=rejected[0].line,
        fix="set the right --separator, or check the export",
    )


def _read_error(
    error: pa.ArrowInvalid, layout: Layout, encoding: str | None, line: int
) -> InputError:
    """Return the error for what Arrow could not read, with its line."""
    if "straddling" in str(error):
        if layout.quoted:
            check_quotes(layout, encoding=encoding)
        return line_too_long_error(layout.path, line)
    return InputError(
        "E-FORMAT",
        f"not a table: {error}",
        where=f"{layout.path}:{line}",
        fix="fix that line, or export the table as CSV again",
    )
