"""Slashed dates: day first or month first, where every date of a file admits one order only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

import pyarrow as pa
import pyarrow.compute as pc

from escalation.events.columns import trimmed
from escalation.events.reading.blocks import Block
from escalation.events.reading.layout import Layout
from escalation.events.reading.rows import read_blocks
from escalation.events.source import Options, Source

_MARKS = "/.-"
_HALVES = 12


def day_order(
    blocks: Iterator[Block], layout: Layout, source: Source, options: Options
) -> tuple[Iterator[Block], str | None]:
    """The blocks again, and the strptime form of their dates where that is certain.

    Only where no form is declared and the dates of the first block are slashed is the file read a
    second time, whole: one date that fits neither order, or another form, and nothing is certain.

    Parameters
    ----------
    blocks : iterator of Block
    layout : Layout
    source : Source
        As it was asked for, to read the file again.
    options : Options

    Returns
    -------
    iterator of Block, str or None
    """
    first = next(blocks, None)
    if first is None:
        return blocks, None
    whole = chain([first], blocks)
    names = layout.source.dates
    mark = next((m for m in _MARKS if _Order.of([first], names, m) is not None), None)
    if options.date_format is not None or mark is None:
        return whole, None
    order = _Order.of(read_blocks(layout.path, source, options)[1], names, mark)
    return whole, order.form(mark) if order else None


@dataclass(frozen=True)
class _Order:
    """The highest first and second number of any date."""

    first: int
    second: int

    @classmethod
    def of(cls, blocks: Iterable[Block], names: Iterable[str], mark: str) -> _Order | None:
        """Of all dates; None where one has another form, or there is none."""
        highest = [0, 0]
        pattern = rf"^(?P<a>[0-9]{{1,2}})[{mark}](?P<b>[0-9]{{1,2}})[{mark}][0-9]{{4}}$"
        for block in blocks:
            for name in names:
                values = pc.unique(trimmed(block.cells[name]).drop_null())
                parts = pc.extract_regex(values, pattern)
                if parts.null_count:
                    return None
                for place, part in enumerate("ab"):
                    number = pc.max(pc.struct_field(parts, part).cast(pa.int32())).as_py()
                    highest[place] = max(highest[place], number or 0)
        return cls(*highest) if highest[0] else None

    def form(self, mark: str) -> str | None:
        """As strptime writes it; None where both orders are possible, or neither."""
        if self.first > _HALVES >= self.second:
            return f"%d{mark}%m{mark}%Y"
        if self.second > _HALVES >= self.first:
            return f"%m{mark}%d{mark}%Y"
        return None
