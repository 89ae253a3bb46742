"""Small operations on whole Arrow columns, shared by readers, checks and the store."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
"""One truth value per row."""
_OUTER = np.isin(np.arange(256), [*range(33), *range(0x80, 0x100)])
"""Bytes at the edge of a text that may be blank: all of ASCII's, and of any other alphabet."""


def flags(mask: pa.Array | pa.ChunkedArray) -> Mask:
    """An Arrow mask as numpy; null is false.

    Examples
    --------
    >>> flags(pa.array([True, None])).tolist()
    [True, False]
    """
    filled = pc.fill_null(one_array(mask), False)
    return filled.to_numpy(zero_copy_only=False)


def one_array(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """The column in one piece."""
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def trimmed(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Text without blanks around it; null where nothing is left.

    Examples
    --------
    >>> trimmed(pa.array([" Bay", "Gedo", " ", None])).to_pylist()
    ['Bay', 'Gedo', None, None]
    """
    array = one_array(column)
    if not _may_be_padded(array):
        return array
    bare = pc.utf8_trim_whitespace(array)
    return blanked(bare, pc.equal(bare, ""))


def _may_be_padded(array: pa.Array) -> bool:
    """Whether any text begins or ends with a byte that a blank begins or ends with."""
    data = array.buffers()[2]
    if data is None or not len(array):
        return False
    offsets = np.frombuffer(array.buffers()[1], np.int32)[array.offset :][: len(array) + 1]
    starts, ends = offsets[:-1], offsets[1:]
    full = ends > starts
    text = np.frombuffer(data, np.uint8)
    return bool((_OUTER[text[starts[full]]] | _OUTER[text[ends[full] - 1]]).any())


def looked_up(column: pa.Array, find: Callable[[str], str | None]) -> pa.Array:
    """The result of ``find`` for every cell, computed once per distinct value.

    Parameters
    ----------
    column : pyarrow.Array of string
    find : callable
        Gives None for a value that it does not know.

    Returns
    -------
    pyarrow.Array of string

    Examples
    --------
    >>> looked_up(pa.array(["1", None, "9"]), {"1": "one"}.get).to_pylist()
    ['one', None, None]
    """
    encoded = column.dictionary_encode()
    values = [find(value) for value in encoded.dictionary.to_pylist()]
    return pc.take(pa.array(values, pa.string()), encoded.indices)


def blanked(column: pa.Array, rows: pa.Array) -> pa.Array:
    """The column with null in the rows of an Arrow mask.

    Parameters
    ----------
    column : pyarrow.Array
    rows : pyarrow.Array of bool
        Null is false.

    Examples
    --------
    >>> blanked(pa.array(["a", "b"]), pa.array([True, None])).to_pylist()
    [None, 'b']
    """
    return pc.if_else(pc.fill_null(rows, False), pa.scalar(None, column.type), column)


def is_one_of(column: pa.Array, values: Iterable[str]) -> Mask:
    """Rows that hold one of the values.

    Parameters
    ----------
    column : pyarrow.Array of string
    values : iterable of str

    Examples
    --------
    >>> is_one_of(pa.array(["a", "b", None]), ["b"]).tolist()
    [False, True, False]
    """
    return flags(pc.is_in(column, pa.array(list(values), pa.string())))


def became_null(before: pa.Array, after: pa.Array) -> Mask:
    """Rows that had a value before and have none after.

    Parameters
    ----------
    before, after : pyarrow.Array
        Of the same length.

    Examples
    --------
    >>> became_null(pa.array(["a", None]), pa.nulls(2)).tolist()
    [True, False]
    """
    return flags(pc.and_(pc.is_valid(before), pc.is_null(after)))


def add_days(days: pa.Array, lag: int) -> pa.Array:
    """Days moved by a lag in days.

    Parameters
    ----------
    days : pyarrow.Array of date32
    lag : int
        In days; negative ones move back.

    Examples
    --------
    >>> import datetime
    >>> add_days(pa.array([datetime.date(2024, 2, 28)]), 2).to_pylist()
    [datetime.date(2024, 3, 1)]
    """
    return pc.add(days.cast(pa.int32()), pa.scalar(lag, pa.int32())).cast(pa.date32())
