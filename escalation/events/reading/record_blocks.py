"""Turn rows of a workbook or of JSON into blocks of text cells."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np
import pyarrow as pa

from escalation.events.reading.blocks import Block, build_block
from escalation.events.reading.layout import Layout
from escalation.events.reading.limits import BLOCK_ROWS


def cell_text(value: object) -> str | None:
    """Convert a workbook cell or JSON value to text, with plain days and whole numbers."""
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
    """Split rows of text cells into blocks.

    Parameters
    ----------
    layout : Layout
    rows : iterable of sequence of str or None
        One cell per column of the layout.
    first : int
        Line number of the first row.
    """
    remaining = iter(rows)
    while block := list(islice(remaining, BLOCK_ROWS)):
        columns = [pa.array(column, pa.string()) for column in zip(*block, strict=True)]
        lines = np.arange(first, first + len(block))
        first += len(block)
        yield build_block(pa.record_batch(columns, list(layout.columns)), lines, (), layout)
