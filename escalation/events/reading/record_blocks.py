"""Rows of values, from a workbook or from JSON, as blocks of text."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa

from escalation.events.reading.blocks import Block, build_block
from escalation.events.reading.layout import Layout
from escalation.events.reading.limits import BLOCK_ROWS


def cell_text(value: object) -> str | None:
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


def record_blocks(
    layout: Layout, rows: Iterable[Sequence[str | None]], *, first: int
) -> Iterator[Block]:
    """Rows of text as blocks of a bounded number of rows.

    Parameters
    ----------
    layout : Layout
    rows : iterable of sequence of str or None
        A cell for each column of the layout.
    first : int
        Line number of the first row.
    """
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
    return build_block(pa.record_batch(cells), lines, (), layout)
