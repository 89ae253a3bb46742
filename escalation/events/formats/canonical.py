"""From the cells of a block to canonical events: what the readers of formats have in common."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from escalation import schema
from escalation.events.columns import Mask, among, blanked, flags, looked_up, lost, one_array
from escalation.events.reading import checks
from escalation.events.source import EVENT_SCHEMA, Converted, Options, Problem

NO_COUNTRY = "events at places that are no country, kept without one"


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
        return one_array(self.block[column])

    def refuse(self, code: str, column: str, rows: Mask, expected: str) -> None:
        """Note rows that can't be taken; none is no problem.

        Parameters
        ----------
        code : str
            Such as ``Q-DATE``.
        column : str
        rows : ndarray of bool, shape (row,)
        expected : str
            What the cell should hold.
        """
        if rows.any():
            self.problems.append(Problem(code, column, rows, expected))

    def require(self, *columns: str) -> None:
        """Refuse rows without a value in any of the columns."""
        for column in columns:
            rows = checks.required(self.raw(column))
            self.refuse("Q-REQUIRED", column, rows, "a value")

    def text(self, column: str, *, longest: int = 1000, lines: bool = False) -> pa.Array:
        """Text without control characters.

        Parameters
        ----------
        column : str
        longest : int, optional
            In characters.
        lines : bool, optional
            Take line ends and tabs.
        """
        values, bad = checks.text(self.raw(column), longest=longest, lines=lines)
        self.refuse("Q-TEXT", column, bad, f"up to {longest} characters, none of them hidden")
        return values

    def count(
        self, column: str, *, least: int = 0, most: int = 10_000_000, point_zero: bool = False
    ) -> pa.Array:
        """Whole numbers, from 0 on by default.

        Parameters
        ----------
        column : str
        least, most : int, optional
            The range, ends included.
        point_zero : bool, optional
            Take ``4.0``.
        """
        values, bad = checks.whole_numbers(
            self.raw(column), least=least, most=most, point_zero=point_zero
        )
        self.refuse("Q-NUMBER", column, bad, f"a whole number from {least} to {most}")
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

        Parameters
        ----------
        column : str
        options : Options
        other : tuple of str, optional
            Further strptime forms that the source itself uses.
        midnight : bool, optional
            Take a day that is followed by midnight.
        form : str, optional
            A pattern with groups for year, month and day that takes the place of the ISO form.
        shown : str, optional
            How a message names the form.
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
        """Refuse dates known less precisely than is allowed; ``days`` by the code in the cell.

        Parameters
        ----------
        column : str
        days : mapping of int to int
            Precision in days by the code in the cell.
        coarsest : int
            Longest precision kept, in days.
        """
        codes = whole(self.raw(column))
        known = among(codes, map(str, days))
        fine = among(codes, (str(code) for code, length in days.items() if length <= coarsest))
        expected = f"a whole number from {min(days)} to {max(days)}"
        self.refuse("Q-NUMBER", column, flags(pc.is_valid(codes)) & ~known, expected)
        self.refuse("Q-PRECISION", column, known & ~fine, f"a date known within {coarsest} days")

    def one_of(self, column: str, words: Collection[str]) -> pa.Array:
        """One of a few words, whatever its case."""
        values = pc.utf8_lower(self.raw(column))
        known = among(values, words)
        self.refuse(
            "Q-VALUE", column, flags(pc.is_valid(values)) & ~known, f"one of {', '.join(words)}"
        )
        return blanked(values, pa.array(~known))

    def country(self, column: str, *found: pa.Array) -> pa.Array:
        """The first country found for each row; refused where ``column`` says one that none is."""
        first = pc.coalesce(*found)
        expected = "a country by its code or one of its names"
        self.refuse("Q-COUNTRY", column, lost(self.raw(column), first), expected)
        return first

    def types(self, column: str, find: Callable[[str], str | None], expected: str) -> pa.Array:
        """Event types by the code in the cell; codes that ``find`` does not know are refused.

        Parameters
        ----------
        column : str
        find : callable
            Gives the event type of a code, or None.
        expected : str
            What the cell should hold.
        """
        values = looked_up(self.raw(column), find)
        self.refuse("Q-TYPE", column, lost(self.raw(column), values), expected)
        return values


def whole(column: pa.Array) -> pa.Array:
    """Numbers written by a table with gaps, as whole ones; anything else as it stands.

    Examples
    --------
    >>> whole(pa.array(["214797.0", "7", "1.5"])).to_pylist()
    ['214797', '7', '1.5']
    """
    return pc.replace_substring_regex(column, r"^([0-9]+)\.0+$", r"\1")


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
    cells: Cells, source: str, columns: Mapping[str, pa.Array], notes: Mapping[str, int]
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
    """
    rows = len(cells.block)
    present = {schema.WEIGHT: pa.repeat(1, rows), **columns, schema.SOURCE: pa.repeat(source, rows)}
    table = {
        field.name: present[field.name].cast(field.type)
        if field.name in present
        else pa.nulls(rows, field.type)
        for field in EVENT_SCHEMA
    }
    counted = {text: int(count) for text, count in notes.items() if count}
    return Converted(pa.table(table, schema=EVENT_SCHEMA), tuple(cells.problems), counted)
