"""From columns read of a block to canonical events: what the readers of formats have in common."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from escalation import schema
from escalation.events.columns import blanked
from escalation.events.formats.cells import Cells
from escalation.events.source import EVENT_SCHEMA, Converted

NO_COUNTRY = "events at places that are no country, kept without one"


def words(*columns: pa.Array) -> pa.Array:
    """Tags of several columns in one; null where there is none.

    Arrow's own join leaves out rows in which everything is null, and so moves those below.

    Examples
    --------
    >>> words(pa.array(["a", None, None]), pa.array(["b", "c", None])).to_pylist()
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


def converted(
    cells: Cells,
    source: str,
    columns: Mapping[str, pa.Array],
    notes: Mapping[str, int],
    *,
    known_basis: schema.KnownBasis | None = None,
) -> Converted:
    """The canonical table; columns that the source does not have are null.

    Notes that count nothing are left out.

    Parameters
    ----------
    cells : Cells
    source : str
        Name of the source, for every row.
    columns : mapping of str to pyarrow.Array
        By canonical name.
    notes : mapping of str to int
        Counts by what is counted.
    known_basis : str, optional
        How the weakest ``known_date`` of the block came about, if the rows decide it.
    """
    rows = len(cells.block)
    present = {schema.WEIGHT: pa.repeat(1, rows), **columns, schema.SOURCE: pa.repeat(source, rows)}
    table = {
        field.name: present[field.name].cast(field.type)
        if field.name in present
        else pa.nulls(rows, field.type)
        for field in EVENT_SCHEMA
    }
    counted = {text: int(count) for text, count in notes.items() if count} | cells.notes
    events = pa.table(table, schema=EVENT_SCHEMA)
    return Converted(events, tuple(cells.problems), counted, known_basis=known_basis)
