"""Parquet made in parts, in any order and by any process, joined without writing a value again.

Every part is a whole Parquet file of one schema. Joining copies the bytes of its row groups and
adds up the footers, where only positions change, so it takes as long as a copy; encoding everything
anew in one process takes as long as computing it. A footer is one value in Thrift's compact
protocol, which is read here without a schema: field numbers are those of the format.

References
----------
https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from io import BytesIO
from typing import Any, BinaryIO, TypeAlias

from escalation.errors import InputError

Buffer: TypeAlias = bytes | bytearray | memoryview
"""Whatever gives its bytes without a copy."""

MAGIC = b"PAR1"
TRUE, FALSE, BYTE, DOUBLE, BINARY, LIST, SET, STRUCT = 1, 2, 3, 7, 8, 9, 10, 12
INTEGERS = (4, 5, 6)
Fields = dict[int, tuple[int, Any]]
"""Type and value by field number."""

ROWS, GROUPS = 3, 4  # of the file
COLUMNS, GROUP_POSITION, ORDINAL = 1, 5, 7  # of a row group
CHUNK_POSITION, CHUNK = 2, 3  # of a column chunk
POSITIONS = (9, 10, 11, 14)  # of a chunk: data pages, index, dictionary, bloom filter
INDEXES = (4, 6)  # of a column chunk: where its page indexes are


def join(parts: Iterable[Buffer], into: BinaryIO) -> int:
    """Write one Parquet file whose row groups are those of the parts, in their order.

    Parameters
    ----------
    parts : iterable of bytes-like
        Whole files with one schema, without page indexes; asked for one at a time.
    into : binary file

    Returns
    -------
    int
        Rows.

    Raises
    ------
    InputError
        ``E-PARQUET`` for a part that is no Parquet file, for one of another schema, or for none.
    """
    position = into.write(MAGIC)
    whole: Fields = {}
    for part in parts:
        body, footer = _split(part)
        for group in footer[GROUPS][1][1]:
            _move(group, position - len(MAGIC))
        position += into.write(body)
        whole = _added(whole, footer) if whole else footer
    if not whole:
        raise InputError("E-PARQUET", "expected at least one part")
    for number, group in enumerate(whole[GROUPS][1][1]):
        if ORDINAL in group:
            group[ORDINAL] = (group[ORDINAL][0], number)
    out = BytesIO()
    _write_struct(out, whole)
    into.write(out.getvalue() + struct.pack("<I", out.tell()) + MAGIC)
    return int(whole[ROWS][1])


def _split(part: Buffer) -> tuple[memoryview, Fields]:
    """The pages and the footer of a file."""
    view = memoryview(part)
    if bytes(view[:4]) != MAGIC or bytes(view[-4:]) != MAGIC:
        raise InputError("E-PARQUET", "expected a whole Parquet file", value=bytes(view[:4]))
    start = len(view) - 8 - struct.unpack("<I", view[-8:-4])[0]
    return view[len(MAGIC) : start], _read_struct(BytesIO(view[start:-8]))


def _move(group: Fields, by: int) -> None:
    """Add to every position within a row group."""
    _shift(group, (GROUP_POSITION,), by)
    for column in group[COLUMNS][1][1]:
        if any(index in column for index in INDEXES):
            raise InputError("E-PARQUET", "expected parts without page indexes")
        _shift(column, (CHUNK_POSITION,), by)
        _shift(column[CHUNK][1], POSITIONS, by)


def _shift(fields: Fields, numbers: tuple[int, ...], by: int) -> None:
    for number in numbers:
        # Some writers leave a position at 0, which says nothing.
        if number in fields and fields[number][1] > 0:
            fields[number] = (fields[number][0], fields[number][1] + by)


def _added(whole: Fields, part: Fields) -> Fields:
    """One footer for both; all but rows and row groups must be the same."""
    for number in whole.keys() | part.keys():
        if number not in (ROWS, GROUPS) and whole.get(number) != part.get(number):
            raise InputError("E-PARQUET", "expected parts of one schema", value=f"field {number}")
    (kind, groups), (_, more) = whole[GROUPS][1], part[GROUPS][1]
    rows = whole[ROWS][0], whole[ROWS][1] + part[ROWS][1]
    return {**whole, ROWS: rows, GROUPS: (LIST, (kind, [*groups, *more]))}


def _read_number(data: BytesIO) -> int:
    value = shift = 0
    while True:
        byte = data.read(1)[0]
        value |= (byte & 127) << shift
        if byte < 128:
            return value
        shift += 7


def _write_number(out: BytesIO, value: int) -> None:
    while value > 127:
        out.write(bytes((value & 127 | 128,)))
        value >>= 7
    out.write(bytes((value,)))


def _read_struct(data: BytesIO) -> Fields:
    fields: Fields = {}
    number = 0
    while (head := data.read(1)[0]) != 0:
        kind, step = head & 15, head >> 4
        number = number + step if step else _signed(_read_number(data))
        fields[number] = kind, _read_value(data, kind)
    return fields


def _write_struct(out: BytesIO, fields: Fields) -> None:
    before = 0
    for number in sorted(fields):
        kind, value = fields[number]
        if number - before < 16:
            out.write(bytes(((number - before) << 4 | kind,)))
        else:
            out.write(bytes((kind,)))
            _write_number(out, _unsigned(number))
        _write_value(out, kind, value)
        before = number
    out.write(b"\0")


def _signed(value: int) -> int:
    return value >> 1 ^ -(value & 1)


def _unsigned(value: int) -> int:
    return value << 1 if value >= 0 else -value * 2 - 1


def _read_value(data: BytesIO, kind: int) -> Any:
    if kind in (TRUE, FALSE):
        return kind == TRUE
    if kind in INTEGERS:
        return _signed(_read_number(data))
    if kind in (BYTE, DOUBLE):
        return data.read(1 if kind == BYTE else 8)
    if kind == BINARY:
        return data.read(_read_number(data))
    if kind == STRUCT:
        return _read_struct(data)
    if kind in (LIST, SET):
        head = data.read(1)[0]
        inner, size = head & 15, head >> 4
        size = _read_number(data) if size == 15 else size
        return inner, [_read_item(data, inner) for _ in range(size)]
    raise InputError("E-PARQUET", "expected a footer of Parquet", value=f"type {kind}")


def _write_value(out: BytesIO, kind: int, value: Any) -> None:
    if kind in INTEGERS:
        _write_number(out, _unsigned(value))
    elif kind in (BYTE, DOUBLE):
        out.write(value)
    elif kind == BINARY:
        _write_number(out, len(value))
        out.write(value)
    elif kind == STRUCT:
        _write_struct(out, value)
    elif kind in (LIST, SET):
        inner, items = value
        out.write(bytes((min(len(items), 15) << 4 | inner,)))
        if len(items) > 14:
            _write_number(out, len(items))
        for item in items:
            _write_item(out, inner, item)


def _read_item(data: BytesIO, kind: int) -> Any:
    """In a list a truth value takes a byte of its own; as a field it is its type."""
    return data.read(1) if kind in (TRUE, FALSE) else _read_value(data, kind)


def _write_item(out: BytesIO, kind: int, item: Any) -> None:
    if kind in (TRUE, FALSE):
        out.write(item)
    else:
        _write_value(out, kind, item)
