"""Small operations on whole Arrow columns, shared by readers, checks and the store."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
"""One boolean per row."""
_BLANK_EDGE = np.isin(np.arange(256), [*range(33), *range(0x80, 0x100)])
"""Bytes that may start or end a blank: ASCII blanks and all bytes of other characters."""


def flags(mask: pa.Array | pa.ChunkedArray) -> Mask:
    """Convert an Arrow mask to NumPy; null becomes False."""
    return pc.fill_null(one_array(mask), False).to_numpy(zero_copy_only=False)


def one_array(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Combine the chunks of a column."""
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def trimmed(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Strip text; null where nothing is left.

    Examples
    --------
    >>> trimmed(pa.array([" Bay", "Gedo", " ", None])).to_pylist()
    ['Bay', 'Gedo', None, None]
    """
    array = one_array(column)
    if not _may_be_padded(array):
        return array
    stripped = pc.utf8_trim_whitespace(array)
    return blanked(stripped, pc.equal(stripped, ""))


def _may_be_padded(array: pa.Array) -> bool:
    """Return whether any text starts or ends with a byte of a blank; a quick first check."""
    text, offsets = text_bytes(array)
    starts, ends = offsets[:-1], offsets[1:]
    nonempty = ends > starts
    first, last = text[starts[nonempty]], text[ends[nonempty] - 1]
    return bool((_BLANK_EDGE[first] | _BLANK_EDGE[last]).any())


def text_bytes(array: pa.Array) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Return the bytes of a text column, and the offsets of the cells in them."""
    _, offsets, data = array.buffers()
    if data is None or not len(array):
        return np.zeros(0, np.uint8), np.zeros(1, np.int32)
    starts = np.frombuffer(offsets, np.int32)[array.offset :][: len(array) + 1]
    return np.frombuffer(data, np.uint8), starts


def looked_up(column: pa.Array, find: Callable[[str], str | None]) -> pa.Array:
    """Apply ``find`` to every cell, once per distinct value.

    Parameters
    ----------
    column : pyarrow.Array of string
    find : callable
        Returns None for an unknown value.

    Examples
    --------
    >>> looked_up(pa.array(["1", None, "9"]), {"1": "one"}.get).to_pylist()
    ['one', None, None]
    """
    encoded = column.dictionary_encode()
    values = [find(value) for value in encoded.dictionary.to_pylist()]
    return pc.take(pa.array(values, pa.string()), encoded.indices)


def blanked(column: pa.Array, rows: pa.Array) -> pa.Array:
    """Set the rows of an Arrow mask to null.

    Parameters
    ----------
    column : pyarrow.Array
    rows : pyarrow.Array of bool
        Null counts as False.
    """
    return pc.if_else(pc.fill_null(rows, False), pa.scalar(None, column.type), column)


def is_one_of(column: pa.Array, values: Iterable[str]) -> Mask:
    """Return the rows that hold one of some values.

    Parameters
    ----------
    column : pyarrow.Array of string
    values : iterable of str
    """
    return flags(pc.is_in(column, pa.array(list(values), pa.string())))


def became_null(before: pa.Array, after: pa.Array) -> Mask:
    """Return the rows that had a value before and have none after.

    Parameters
    ----------
    before, after : pyarrow.Array
        Of equal length.
    """
    return flags(pc.and_(pc.is_valid(before), pc.is_null(after)))


def add_days(days: pa.Array, lag: int) -> pa.Array:
    """Shift days by a lag.

    Parameters
    ----------
    days : pyarrow.Array of date32
    lag : int
        In days; negative to go back.
    """
    return pc.add(days.cast(pa.int32()), pa.scalar(lag, pa.int32())).cast(pa.date32())
