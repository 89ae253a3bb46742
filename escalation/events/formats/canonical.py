"""Build canonical events from the parsed columns of a block."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from escalation import schema
from escalation.events.columns import Mask, blanked
from escalation.events.formats.cells import Cells
from escalation.events.severity import severity_of
from escalation.events.source import EVENT_SCHEMA, Converted, Options, Source

NO_COUNTRY = "events at places outside any country, kept without one"


def join_tags(*columns: pa.Array) -> pa.Array:
    """Join the tags of several columns; null if there are none.

    Arrow's own join omits rows that are null in every column, which shifts the rows below.

    Examples
    --------
    >>> join_tags(pa.array(["a", None, None]), pa.array(["b", "c", None])).to_pylist()
    ['a b', 'c', None]
    """
    joined = pc.binary_join_element_wise(*(pc.fill_null(column, "") for column in columns), " ")
    spaced = pc.replace_substring_regex(pc.utf8_trim_whitespace(joined), " +", " ")
    return blanked(spaced, pc.equal(spaced, ""))


def tag(text: str) -> str:
    """A phrase as one word, because tags are separated by spaces.

    Examples
    --------
    >>> tag("Check type of violence")
    'check_type_of_violence'
    """
    return "_".join(text.lower().split())


def assemble(
    cells: Cells,
    source: str,
    columns: Mapping[str, pa.Array],
    notes: Mapping[str, int],
    *,
    interstate: Mask | None = None,
    known_basis: schema.KnownBasis | None = None,
    unrated: Mask | None = None,
) -> Converted:
    """Build the canonical table, with severity; columns that the source lacks are null.

    Parameters
    ----------
    cells : Cells
    source : str
        Name of the source, for every row.
    columns : mapping of str to pyarrow.Array
        By canonical name.
    notes : mapping of str to int
        Counts by what is counted; zeros are dropped.
    interstate : ndarray of bool, shape (row,), optional
        Events between two states.
    known_basis, unrated : optional
        As in :class:`Converted`.
    """
    rows = len(cells.block)
    severity = severity_of(
        columns[schema.EVENT_TYPE],
        ladder=cells.options.ladder,
        killed=columns.get(schema.KILLED),
        wounded=columns.get(schema.WOUNDED),
        interstate=interstate,
    )
    present = {schema.WEIGHT: pa.repeat(1, rows), schema.SEVERITY: severity, **columns}
    present[schema.SOURCE] = pa.repeat(source, rows)
    table = {
        field.name: present[field.name].cast(field.type)
        if field.name in present
        else pa.nulls(rows, field.type)
        for field in EVENT_SCHEMA
    }
    counts = {text: int(count) for text, count in notes.items() if count} | cells.notes
    events = pa.table(table, schema=EVENT_SCHEMA)
    return Converted(
        events, tuple(cells.problems), counts, unrated=unrated, known_basis=known_basis
    )


def convert_row(source: Source, row: Mapping[str, str]) -> dict[str, Any]:
    """The canonical event of one row, for examples.

    Parameters
    ----------
    source : Source
    row : mapping of str to str
        Cells by the source's column names.
    """
    block = pa.table({name: pa.array([row.get(name)], pa.string()) for name in source.columns})
    return source.convert(block, Options()).events.to_pylist()[0]
