"""Parse the text cells of a block of rows column by column, and collect what can't be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from escalation import schema
from escalation.events.columns import (
    Mask,
    add_days,
    became_null,
    blanked,
    flags,
    is_one_of,
    looked_up,
    trimmed,
)
from escalation.events.countries import Scheme, to_iso3
from escalation.events.reading import checks
from escalation.events.source import Options, Problem

LONGEST_NOTE = 20_000
NAMED_MONTHS = ("%d %B %Y", "%d-%B-%Y", "%d %b %Y", "%d-%b-%Y")
"""Unambiguous date formats."""
MISSING_WORDS = ("NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NULL", "null", "None", "none")
"""How programs write a missing value; case matters, because Nan is a province of Thailand."""
_REPAIRED = "cells of {column} with hidden characters replaced or the end cut off"


@dataclass(frozen=True)
class Cells:
    """The text cells of a block; blanks around a value are ignored.

    Parameters
    ----------
    block : pyarrow.Table
        Every known column as text, null where empty.
    options : Options
    problems : list of Problem
        Grows with every column that has unreadable cells.
    notes : Counter of str
        Counts of repaired cells.
    """

    block: pa.Table
    options: Options
    problems: list[Problem] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)
    _trimmed: dict[str, pa.Array] = field(default_factory=dict)

    def raw(self, column: str) -> pa.Array:
        """The cells without surrounding blanks; null if nothing remains."""
        if column not in self._trimmed:
            self._trimmed[column] = trimmed(self.block[column])
        return self._trimmed[column]

    def present(self, column: str) -> pa.Array:
        """Like :meth:`raw`, with null for words that mean a missing value."""
        values = self.raw(column)
        return blanked(values, pc.is_in(values, pa.array(MISSING_WORDS)))

    def refuse(self, code: str, column: str, rows: Mask, expected: str) -> None:
        """Record rows that can't be used, if there are any.

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
        """Refuse rows without a value in one of the columns."""
        for column in columns:
            self.refuse("Q-REQUIRED", column, flags(pc.is_null(self.raw(column))), "a value")

    def text(self, column: str, *, longest: int = 1000) -> pa.Array:
        """Text that identifies something; refused if it has hidden characters.

        Parameters
        ----------
        column : str
        longest : int, optional
            In characters.
        """
        return self._clean_text(column, self.raw(column), longest)

    def place(self, column: str, *, longest: int = 1000) -> pa.Array:
        """The name of a place: :meth:`text`, with null for words that mean a missing value.

        Parameters
        ----------
        column : str
        longest : int, optional
            In characters.
        """
        return self._clean_text(column, self.present(column), longest)

    def _clean_text(self, column: str, values: pa.Array, longest: int) -> pa.Array:
        clean, invalid = checks.text(values, longest=longest)
        self.refuse("Q-TEXT", column, invalid, f"up to {longest} characters, none of them hidden")
        return clean

    def note(self, column: str, *, longest: int = LONGEST_NOTE) -> pa.Array:
        """Text that only describes: hidden characters are replaced, and the cells counted.

        Parameters
        ----------
        column : str
        longest : int, optional
            In characters; longer text is cut off.
        """
        values, repaired = checks.repaired(self.raw(column), longest=longest)
        if count := int(repaired.sum()):
            self.notes[_REPAIRED.format(column=column)] += count
        return values

    def count(
        self,
        column: str,
        *,
        least: int = 0,
        most: int = 10_000_000,
        values: pa.Array | None = None,
    ) -> pa.Array:
        """Whole numbers; ``NA`` is unknown.

        Parameters
        ----------
        column : str
        least, most : int, optional
            The range, both ends included.
        values : pyarrow.Array of string, optional
            The cells, if the source spells some of them in its own way.
        """
        text = self.raw(column) if values is None else values
        values, invalid = checks.whole_numbers(_without_na(text), least=least, most=most)
        self.refuse("Q-NUMBER", column, invalid, f"a whole number from {least} to {most}")
        return values

    def coordinates(self, latitude: str, longitude: str) -> dict[str, pa.Array]:
        """Degrees of latitude and longitude by canonical name; ``NA`` is unknown.

        Parameters
        ----------
        latitude, longitude : str
            Columns.
        """
        degrees = {}
        pairs = ((schema.LATITUDE, latitude, 90), (schema.LONGITUDE, longitude, 180))
        for name, column, limit in pairs:
            degrees[name], invalid = checks.degrees(self.without_na(column), limit=limit)
            self.refuse(
                "Q-PLACE", column, invalid, f"degrees with a decimal point, at most {limit}"
            )
        return degrees

    def without_na(self, column: str) -> pa.Array:
        """The cells, with null for R's ``NA``; no other word is a missing number."""
        return _without_na(self.raw(column))

    def day(
        self,
        column: str,
        *,
        form: str | None = None,
        shown: str = "YYYY-MM-DD",
        declared: bool = True,
    ) -> pa.Array:
        """Days in the source's own format, or in the one that the user declared.

        Parameters
        ----------
        column : str
        form : str, optional
            A regular expression with groups for year, month and day that replaces the ISO format.
        shown : str, optional
            Name of the format in messages.
        declared : bool, optional
            Whether the user's declared format and time zone apply to this column.
        """
        options = self.options if declared else Options()
        values, zone = self.raw(column), options.zone
        if form and not options.date_format:
            dashed = pc.replace_substring_regex(values, form, r"\1-\2-\3")
            # Cells in another format must fail, even if they happen to be ISO dates.
            values = pc.if_else(pc.match_substring_regex(values, form), dashed, "no date")
        other = () if form else NAMED_MONTHS
        days, invalid = checks.dates(
            values, format=options.date_format, other=other, midnight=not form, zone=zone
        )
        expected = f"a day as {options.date_format or shown}"
        if zone:
            expected += f" that clocks in {zone} showed"
        self.refuse("Q-DATE", column, invalid, expected)
        return days

    def known_after(self, days: pa.Array, lag: int) -> pa.Array:
        """Assumed known dates: ``days`` plus the declared reporting lag.

        Parameters
        ----------
        days : pyarrow.Array of date32
        lag : int
            In days, if the user declares none.
        """
        return add_days(days, lag if self.options.lag is None else self.options.lag)

    def check_precision(self, column: str, days: Mapping[int, int]) -> None:
        """Refuse dates that are less precise than the user allows.

        Parameters
        ----------
        column : str
        days : mapping of int to int
            Precision in days, by the code in the cell.
        """
        coarsest = self.options.coarsest
        codes = whole(self.raw(column))
        known = is_one_of(codes, map(str, days))
        precise = is_one_of(
            codes, (str(code) for code, length in days.items() if length <= coarsest)
        )
        expected = f"a whole number from {min(days)} to {max(days)}"
        self.refuse("Q-NUMBER", column, flags(pc.is_valid(codes)) & ~known, expected)
        self.refuse("Q-PRECISION", column, known & ~precise, f"a date known within {coarsest} days")

    def one_of(self, column: str, words: Collection[str]) -> pa.Array:
        """One of a few words, in any case.

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

    def country(self, column: str, **codes: Scheme) -> pa.Array:
        """The first known country of each row; refused if ``column`` has text but none is known.

        Parameters
        ----------
        column : str
        **codes : str
            Kind of code by column, the most reliable column first.
        """
        first = pc.coalesce(*(to_iso3(self.raw(name), code=code) for name, code in codes.items()))
        expected = "a country by its code or one of its names"
        self.refuse("Q-COUNTRY", column, became_null(self.present(column), first), expected)
        return first

    def types(self, column: str, types: Mapping[str, str], expected: str) -> pa.Array:
        """Event types by the name or code in the cell, in any case; unknown ones are refused.

        Parameters
        ----------
        column : str
        types : mapping of str to str
            Event type by name or code.
        expected : str
            What the cell should hold.
        """
        by_name = {name.casefold(): event_type for name, event_type in types.items()}
        values = looked_up(self.raw(column), lambda name: by_name.get(name.casefold()))
        self.refuse("Q-TYPE", column, became_null(self.raw(column), values), expected)
        return values


def without_words(block: pa.Table, words: Collection[str]) -> pa.Table:
    """The block with null in cells that hold one of some words.

    Parameters
    ----------
    block : pyarrow.Table of string columns
    words : collection of str
        Words for a missing value; case matters.
    """
    missing = pa.array(words)
    columns = [blanked(column, pc.is_in(column, missing)) for column in block.itercolumns()]
    return pa.table(columns, names=block.column_names)


def _without_na(values: pa.Array) -> pa.Array:
    return blanked(values, pc.equal(values, "NA"))


def whole(column: pa.Array) -> pa.Array:
    """Text of whole numbers without the ``.0`` that tables with gaps add; other text unchanged.

    Examples
    --------
    >>> whole(pa.array(["214797.0", "7", "1.5"])).to_pylist()
    ['214797', '7', '1.5']
    """
    return pc.replace_substring_regex(column, r"^([0-9]+)\.0+$", r"\1")
