"""From the cells of a block to canonical events: what the readers of formats have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from escalation import schema
from escalation.errors import InputError
from escalation.events.reading import checks
from escalation.events.source import EVENT_SCHEMA, Converted, Options, Problem


@dataclass(frozen=True)
class Cells:
    """The text cells of a block, and the problems found while they were read.

    Parameters
    ----------
    block : pyarrow.Table
        Every known column as text, null where empty.
    problems : list of Problem
        Grows with every cell that can't be read.
    """

    block: pa.Table
    problems: list[Problem] = field(default_factory=list)

    def raw(self, column: str) -> pa.Array:
        """The cells as they stand."""
        return checks.one_array(self.block[column])

    def refuse(self, code: str, column: str, rows: NDArray[np.bool_], expected: str) -> None:
        """Note rows that can't be taken; none is no problem."""
        if rows.any():
            self.problems.append(Problem(code, column, rows, expected))

    def require(self, *columns: str) -> None:
        """Refuse rows without a value in any of the columns."""
        for column in columns:
            rows = checks.required(self.raw(column))
            self.refuse("Q-REQUIRED", column, rows, "a value")

    def text(self, column: str, *, longest: int = 1000, lines: bool = False) -> pa.Array:
        """Text without control characters."""
        values, bad = checks.text(self.raw(column), longest=longest, lines=lines)
        self.refuse("Q-TEXT", column, bad, f"up to {longest} characters, none of them hidden")
        return values

    def count(self, column: str, *, most: int = 10_000_000, point_zero: bool = False) -> pa.Array:
        """Whole numbers from 0 on."""
        values, bad = checks.whole_numbers(self.raw(column), most=most, point_zero=point_zero)
        self.refuse("Q-NUMBER", column, bad, f"a whole number from 0 to {most}")
        return values

    def degrees(self, column: str, *, limit: float) -> pa.Array:
        """Degrees of latitude or longitude."""
        values, bad = checks.degrees(self.raw(column), limit=limit)
        self.refuse("Q-PLACE", column, bad, f"degrees with a decimal point, at most {limit:g}")
        return values

    def day(
        self,
        column: str,
        options: Options,
        *,
        other: tuple[str, ...] = (),
        midnight: bool = False,
        form: str | None = None,
        shown: str = "YYYY-MM-DD",
    ) -> pa.Array:
        """Days in the source's own form, or in the one that the user declared.

        ``form`` is a pattern with groups for year, month and day; without it the form is ISO, or
        one of ``other`` (strptime).
        """
        values = self.raw(column)
        declared = options.date_format
        if form and not declared:
            dashed = pc.replace_substring_regex(values, form, r"\1-\2-\3")
            # What does not fit the form is left to fail, even where it happens to be ISO.
            values = pc.if_else(pc.match_substring_regex(values, form), dashed, "no date")
        days, bad = checks.dates(values, format=declared, other=other, midnight=midnight)
        expected = " or ".join([declared] if declared else [shown, *other])
        self.refuse("Q-DATE", column, bad, f"a day as {expected}")
        return days

    def check_precision(self, column: str, days: Mapping[int, int], coarsest: int) -> None:
        """Refuse dates known less precisely than is allowed; ``days`` by the code in the cell."""
        codes = whole(self.raw(column))
        known = among(codes, map(str, days))
        fine = among(codes, (str(code) for code, length in days.items() if length <= coarsest))
        expected = f"a whole number from {min(days)} to {max(days)}"
        self.refuse("Q-NUMBER", column, flags(pc.is_valid(codes)) & ~known, expected)
        self.refuse("Q-PRECISION", column, known & ~fine, f"a date known within {coarsest} days")

    def country(self, column: str, *found: pa.Array) -> pa.Array:
        """The first country found for each row; refused where ``column`` says one that none is."""
        first = pc.coalesce(*found)
        expected = "a country by its code or one of its names"
        self.refuse("Q-COUNTRY", column, lost(self.raw(column), first), expected)
        return first

    def types(self, column: str, find: Callable[[str], str | None], expected: str) -> pa.Array:
        """Event types by the code in the cell; codes that ``find`` does not know are refused."""
        values = looked_up(self.raw(column), find)
        self.refuse("Q-TYPE", column, lost(self.raw(column), values), expected)
        return values


def looked_up(column: pa.Array, find: Callable[[str], str | None]) -> pa.Array:
    """What ``find`` says of every cell, asked once per different value.

    Examples
    --------
    >>> looked_up(pa.array(["1", None, "9"]), {"1": "one"}.get).to_pylist()
    ['one', None, None]
    """
    encoded = column.dictionary_encode()
    found = [find(value) for value in encoded.dictionary.to_pylist()]
    return pc.take(pa.array(found, pa.string()), encoded.indices)


def blanked(column: pa.Array, rows: pa.Array) -> pa.Array:
    """The column, null in some rows.

    Examples
    --------
    >>> blanked(pa.array(["a", "b"]), pa.array([True, None])).to_pylist()
    [None, 'b']
    """
    return pc.if_else(pc.fill_null(rows, False), pa.scalar(None, column.type), column)


def whole(column: pa.Array) -> pa.Array:
    """Numbers written by a table with gaps, as whole ones; anything else as it stands.

    Examples
    --------
    >>> whole(pa.array(["214797.0", "7", "1.5"])).to_pylist()
    ['214797', '7', '1.5']
    """
    return pc.replace_substring_regex(column, r"^([0-9]+)\.0+$", r"\1")


def among(column: pa.Array, values: Iterable[str]) -> NDArray[np.bool_]:
    """Rows that hold one of the values.

    Examples
    --------
    >>> among(pa.array(["a", "b", None]), ["b"]).tolist()
    [False, True, False]
    """
    return flags(pc.is_in(column, pa.array(list(values), pa.string())))


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


def flags(mask: pa.Array) -> NDArray[np.bool_]:
    """An Arrow mask as numpy; null is false.

    Examples
    --------
    >>> flags(pa.array([True, None])).tolist()
    [True, False]
    """
    return pc.fill_null(mask, False).to_numpy(zero_copy_only=False)


def lost(before: pa.Array, after: pa.Array) -> NDArray[np.bool_]:
    """Rows that had a value before and have none after.

    Examples
    --------
    >>> lost(pa.array(["a", None]), pa.nulls(2)).tolist()
    [True, False]
    """
    return flags(pc.and_(pc.is_valid(before), pc.is_null(after)))


def later(days: pa.Array, lag: int) -> pa.Array:
    """Days moved by a lag.

    Examples
    --------
    >>> import datetime
    >>> later(pa.array([datetime.date(2024, 2, 28)]), 2).to_pylist()
    [datetime.date(2024, 3, 1)]
    """
    return pc.add(days.cast(pa.int32()), pa.scalar(lag, pa.int32())).cast(pa.date32())


def rungs(
    types: pa.Array,
    *,
    ladder: Mapping[str, schema.Rungs],
    killed: pa.Array | None = None,
    interstate: NDArray[np.bool_] | None = None,
) -> pa.Array:
    """Rung of the severity ladder for each event, as :mod:`escalation.events.severity` has it.

    Parameters
    ----------
    types : pyarrow.Array of string
        Words of the ladder.
    ladder : mapping of str to Rungs
    killed : pyarrow.Array of int32, optional
        Null, or no column at all, proves no harm.
    interstate : ndarray of bool, optional
        Where one state acted on another: violence there is the highest rung.

    Raises
    ------
    InputError
        ``E-LADDER`` for a type without a rung.

    Examples
    --------
    >>> types = pa.array(["battle", "battle", "protest", None])
    >>> rungs(types, ladder=schema.SEVERITY_LADDER, killed=pa.array([3, None, 1, 0])).to_pylist()
    [5, 3, 2, None]
    """
    encoded = types.dictionary_encode()
    words_used = encoded.dictionary.to_pylist()
    for word in sorted(set(words_used) - set(ladder)):
        raise InputError("E-LADDER", "expected a rung for every event type",
                         column=schema.EVENT_TYPE, value=word,
                         fix="add it under [severity] in the experiment file")  # fmt: skip
    table = np.array([ladder[word] for word in words_used], np.int8).reshape(-1, 3)
    table = table if len(table) else np.zeros((1, 3), np.int8)
    row = pc.fill_null(encoded.indices, 0).to_numpy()
    dead = flags(pc.greater(killed, 0)) if killed is not None else np.zeros(len(types), np.bool_)
    rung = np.where(dead, table[row, 2], table[row, 0])
    if interstate is not None:
        rung = np.where(interstate & (table[row, 0] >= 3), np.int8(schema.HIGHEST_RUNG), rung)
    return pa.array(rung, pa.int8(), mask=flags(pc.is_null(types)))


def converted(
    cells: Cells, source: str, columns: Mapping[str, pa.Array], notes: Mapping[str, int]
) -> Converted:
    """The canonical table; columns that the source does not have are null.

    Notes that count nothing are left out.
    """
    rows = len(cells.block)
    present = {**columns, schema.SOURCE: pa.repeat(source, rows)}
    table = {
        field.name: present[field.name].cast(field.type)
        if field.name in present
        else pa.nulls(rows, field.type)
        for field in EVENT_SCHEMA
    }
    told = {text: int(count) for text, count in notes.items() if count}
    return Converted(pa.table(table, schema=EVENT_SCHEMA), tuple(cells.problems), told)
