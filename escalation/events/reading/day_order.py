"""Detect whether slashed dates are day first or month first, from all dates of a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

import pyarrow as pa
import pyarrow.compute as pc

from escalation.events.columns import trimmed
from escalation.events.reading.blocks import Block
from escalation.events.reading.layout import Layout
from escalation.events.reading.rows import read_blocks
from escalation.events.source import Options, Source

_SEPARATORS = "/.-"
_MONTHS = 12


def day_order(
    blocks: Iterator[Block], layout: Layout, source: Source, options: Options
) -> tuple[Iterator[Block], str | None]:
    """Detect the strptime format of slashed dates, if all dates of the file agree on one.

    If no format is given and the dates of the first block are slashed, the whole file is read a
    second time: a single date that fits neither order, or has another form, leaves it undecided.

    Parameters
    ----------
    blocks : iterator of Block
    layout : Layout
    source : Source
        As requested, to read the file again.
    options : Options

    Returns
    -------
    iterator of Block, str or None
        All the blocks, and the format.
    """
    first = next(blocks, None)
    if first is None:
        return blocks, None
    all_blocks = chain([first], blocks)
    names = layout.source.dates
    mark = next((mark for mark in _SEPARATORS if _highest([first], names, mark)), None)
    if options.date_format is not None or mark is None:
        return all_blocks, None
    highest = _highest(read_blocks(layout.path, source, options)[1], names, mark)
    return all_blocks, _format(*highest, mark) if highest else None


def _highest(blocks: Iterable[Block], names: Iterable[str], mark: str) -> tuple[int, int] | None:
    """Return the highest first and second number of all dates.

    None without any date, or if one is not slashed.
    """
    highest = [0, 0]
    pattern = rf"^(?P<a>[0-9]{{1,2}})[{mark}](?P<b>[0-9]{{1,2}})[{mark}][0-9]{{4}}$"
    for block in blocks:
        for name in names:
            values = pc.unique(trimmed(block.cells[name]).drop_null())
            numbers = pc.extract_regex(values, pattern)
            if numbers.null_count:
                return None
            for place, key in enumerate("ab"):
                number = pc.max(pc.struct_field(numbers, key).cast(pa.int32())).as_py()
                highest[place] = max(highest[place], number or 0)
    return (highest[0], highest[1]) if highest[0] else None


def _format(first: int, second: int, mark: str) -> str | None:
    """Return the strptime format; None if both orders are possible, or neither."""
    if first > _MONTHS >= second:
        return f"%d{mark}%m{mark}%Y"
    if second > _MONTHS >= first:
        return f"%m{mark}%d{mark}%Y"
    return None
