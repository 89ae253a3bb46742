"""The text cells of a block of rows, read column by column, and what can't be read of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from escalation.events.columns import (
    Mask,
    became_null,
    blanked,
    flags,
    is_one_of,
    looked_up,
    trimmed,
)
from escalation.events.reading import checks
from escalation.events.source import Options, Problem

LONGEST_NOTE = 20_000
NAMED_MONTHS = ("%d %B %Y", "%d-%B-%Y", "%d %b %Y", "%d-%b-%Y")
"""Forms of a date that can't be misread."""
MISSING_WORDS = ("NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NULL", "null", "None", "none")
"""How programs spell a missing value, letter by letter: Nan is a province of Thailand."""
_MENDED = "cells of {column} in which hidden characters were replaced or the end was cut off"


@dataclass(frozen=True)
class Cells:
    """The text cells of a block; a cell's value is what stands between its outer blanks.

    Parameters
    ----------
    block : pyarrow.Table
        Every known column as text, null where empty.
    options : Options
    problems : list of Problem
        Grows with every cell that can't be read.
    notes : Counter of str
        What was mended on the way.
    """

    block: pa.Table
    options: Options
    problems: list[Problem] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)
    _trimmed: dict[str, pa.Array] = field(default_factory=dict)

    def raw(self, column: str) -> pa.Array:
        """The cells without blanks around them; null where nothing is left."""
        if column not in self._trimmed:
            self._trimmed[column] = trimmed(self.block[column])
        return self._trimmed[column]

    def present(self, column: str) -> pa.Array:
        """The same, null where the cell holds only a word for a missing value."""
        values = self.raw(column)
        return blanked(values, pc.is_in(values, pa.array(MISSING_WORDS)))

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
            self.refuse("Q-REQUIRED", column, flags(pc.is_null(self.raw(column))), "a value")

    def text(self, column: str, *, longest: int = 1000) -> pa.Array:
        """Text that identifies something: refused where it holds hidden characters.

        Parameters
        ----------
        column : str
        longest : int, optional
            In characters.
        """
        return self._checked_text(column, self.raw(column), longest)

    def place(self, column: str, *, longest: int = 1000) -> pa.Array:
        """The name of a place; a word for a missing value is none.

        Parameters
        ----------
        column : str
        longest : int, optional
            In characters.
        """
        return self._checked_text(column, self.present(column), longest)

    def _checked_text(self, column: str, values: pa.Array, longest: int) -> pa.Array:
        clean, bad = checks.text(values, longest=longest)
        self.refuse("Q-TEXT", column, bad, f"up to {longest} characters, none of them hidden")
        return clean

    def note(self, column: str, *, longest: int = LONGEST_NOTE) -> pa.Array:
        """Text that only describes: mended where it holds hidden characters, and counted.

        Parameters
        ----------
        column : str
        longest : int, optional
            In characters; what is longer is cut off.
        """
        values, mended = checks.repaired(self.raw(column), longest=longest)
        if count := int(mended.sum()):
            self.notes[_MENDED.format(column=column)] += count
        return values

    def count(
        self,
        column: str,
        *,
        least: int = 0,
        most: int = 10_000_000,
        values: pa.Array | None = None,
    ) -> pa.Array:
        """Whole numbers, from 0 on by default; ``NA`` is unknown.

        Parameters
        ----------
        column : str
        least, most : int, optional
            The range, ends included.
        values : pyarrow.Array of string, optional
            The cells, where the source spells some of them in its own way.
        """
        text = self.raw(column) if values is None else values
        values, bad = checks.whole_numbers(_without_na(text), least=least, most=most)
        self.refuse("Q-NUMBER", column, bad, f"a whole number from {least} to {most}")
        return values

    def degrees(self, column: str, *, limit: float) -> pa.Array:
        """Degrees of latitude or longitude; ``NA`` is unknown.

        Parameters
        ----------
        column : str
        limit : float
            90 or 180.
        """
        values, bad = checks.degrees(self.without_na(column), limit=limit)
        self.refuse("Q-PLACE", column, bad, f"degrees with a decimal point, at most {limit:g}")
        return values

    def without_na(self, column: str) -> pa.Array:
        """The cells, null where they hold the ``NA`` of R; no other word is a missing number."""
        return _without_na(self.raw(column))

    def day(
        self,
        column: str,
        *,
        form: str | None = None,
        shown: str = "YYYY-MM-DD",
        declared: bool = True,
    ) -> pa.Array:
        """Days in the source's own form, or in the one that the user declared.

        Parameters
        ----------
        column : str
        form : str, optional
            A pattern with groups for year, month and day that takes the place of the ISO form.
        shown : str, optional
            How a message names the form.
        declared : bool, optional
            Whether what the user declares holds for this column.
        """
        options = self.options if declared else Options()
        values, zone = self.raw(column), options.zone
        if form and not options.date_format:
            dashed = pc.replace_substring_regex(values, form, r"\1-\2-\3")
            # What does not fit the form is left to fail, even where it happens to be ISO.
            values = pc.if_else(pc.match_substring_regex(values, form), dashed, "no date")
        other = () if form else NAMED_MONTHS
        days, bad = checks.dates(
            values, format=options.date_format, other=other, midnight=not form, zone=zone
        )
        expected = f"a day as {options.date_format or shown}"
        if zone:
            expected += f" that clocks in {zone} showed"
        self.refuse("Q-DATE", column, bad, expected)
        return days

    def days_of(self, values: pa.Array) -> tuple[pa.Array, Mask]:
        """ISO days that a reader put together of several cells, and those that are none."""
        return checks.dates(values)

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
        known = is_one_of(codes, map(str, days))
        fine = is_one_of(codes, (str(code) for code, length in days.items() if length <= coarsest))
        expected = f"a whole number from {min(days)} to {max(days)}"
        self.refuse("Q-NUMBER", column, flags(pc.is_valid(codes)) & ~known, expected)
        self.refuse("Q-PRECISION", column, known & ~fine, f"a date known within {coarsest} days")

    def one_of(self, column: str, words: Collection[str]) -> pa.Array:
        """One of a few words, whatever its case.

        Parameters
        ----------
        column : str
        words : collection of str
            In lower case.
        """
        values = pc.utf8_lower(self.raw(column))
        unknown = flags(pc.is_valid(values)) & ~is_one_of(values, words)
        self.refuse("Q-VALUE", column, unknown, f"one of {', '.join(words)}")
        return blanked(values, pa.array(unknown))

    def country(self, column: str, *found: pa.Array) -> pa.Array:
        """The first country found for each row; refused where ``column`` says one that none is.

        Parameters
        ----------
        column : str
        *found : pyarrow.Array of string
            Codes by several columns, the most reliable first.
        """
        first = pc.coalesce(*found)
        expected = "a country by its code or one of its names"
        self.refuse("Q-COUNTRY", column, became_null(self.present(column), first), expected)
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
        self.refuse("Q-TYPE", column, became_null(self.raw(column), values), expected)
        return values


def without_words(block: pa.Table, words: Collection[str]) -> pa.Table:
    """The block with null where a cell holds one of some words.

    Parameters
    ----------
    block : pyarrow.Table of string columns
    words : collection of str
        That stand for a missing value, letter by letter.
    """
    missing = pa.array(words)
    columns = [blanked(column, pc.is_in(column, missing)) for column in block.itercolumns()]
    return pa.table(columns, names=block.column_names)


def _without_na(values: pa.Array) -> pa.Array:
    return blanked(values, pc.equal(values, "NA"))


def whole(column: pa.Array) -> pa.Array:
    """Numbers written by a table with gaps, as whole ones; anything else as it stands.

    Examples
    --------
    >>> whole(pa.array(["214797.0", "7", "1.5"])).to_pylist()
    ['214797', '7', '1.5']
    """
    return pc.replace_substring_regex(column, r"^([0-9]+)\.0+$", r"\1")
