"""Read tables from JSON records."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from escalation.errors import InputError, printable
from escalation.events.reading.blocks import Block, cell_text, record_blocks
from escalation.events.reading.header import no_rows_error
from escalation.events.reading.layout import Layout, checked_layout
from escalation.events.reading.limits import LARGEST_RECORDS, too_large_error
from escalation.events.reading.streams import TextStream
from escalation.events.source import Source


def json_header(stream: TextStream) -> tuple[str, ...]:
    """Return all names in JSON records, in order of appearance.

    Parameters
    ----------
    stream : TextStream
        At its start.
    """
    return _names(_records(stream))


def holds_json(stream: TextStream) -> bool:
    """Return whether a text file contains JSON: an object, or a list of them."""
    start = stream.peek()[:1000].lstrip()
    return start.startswith(b"{") or (start.startswith(b"[") and start[1:].lstrip()[:1] in b"{]")


def read_json(stream: TextStream, source: Source) -> tuple[Layout, Iterator[Block]]:
    """Read JSON records: a list, the list under ``data`` of an API response, or JSON Lines.

    Parameters
    ----------
    stream : TextStream
        At its start.
    source : Source

    Raises
    ------
    InputError
        ``E-FORMAT`` for anything else, ``E-EMPTY`` without a record, ``E-LIMIT`` for a large file.
    """
    records = _records(stream)
    if not records:
        raise no_rows_error(stream.path)
    names = _names(records)
    layout = checked_layout(stream.path, source, names)
    rows = ([_json_cell(record.get(name), stream.path) for name in names] for record in records)
    return layout, record_blocks(layout, rows, first=1)


def _names(records: list[dict[str, object]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for record in records for name in record))


def _records(stream: TextStream) -> list[dict[str, object]]:
    data = bytearray()
    while piece := stream.read():
        data += piece
        if len(data) > LARGEST_RECORDS:
            raise too_large_error(stream.path, "the JSON file is too large", fix="save it as CSV")
    try:
        value = _decoded(data)
    except (ValueError, RecursionError) as error:
        raise _no_records_error(stream.path, printable(error)) from None
    if isinstance(value, dict):
        is_record = value and not value.keys() & {"status", "error", "success"}
        value = value.get("data", [value] if is_record else None)
    if not isinstance(value, list) or not all(isinstance(record, dict) for record in value):
        raise _no_records_error(stream.path, "this is not a list of records")
    return value


def _decoded(data: bytearray) -> object:
    # Numbers stay text, so that nothing is rounded.
    try:
        return json.loads(data, parse_float=str, parse_int=str)
    except json.JSONDecodeError as error:
        if not error.msg.startswith("Extra data"):
            raise
        lines = filter(None, (line.strip() for line in bytes(data).splitlines()))
        return [json.loads(line, parse_float=str, parse_int=str) for line in lines]


def _no_records_error(path: Path, reason: str) -> InputError:
    return InputError(
        "E-FORMAT",
        f"needs JSON records, {reason}",
        where=str(path),
        fix="save the list of events, or an API response with the list under 'data'",
    )


def _json_cell(value: object, path: Path) -> str | None:
    if isinstance(value, (dict, list)):
        raise _no_records_error(path, "a record contains a list or another record")
    return cell_text(value)
