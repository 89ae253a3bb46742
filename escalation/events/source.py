"""Source formats: their columns, conversion to canonical events, and reading options."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa

from escalation import schema
from escalation.errors import UsageError
from escalation.events.columns import Mask

_TYPES = {
    **dict.fromkeys(schema.TEXT_COLUMNS, pa.string()),
    **dict.fromkeys(schema.DATE_COLUMNS, pa.date32()),
    **dict.fromkeys((schema.LATITUDE, schema.LONGITUDE), pa.float64()),
    **dict.fromkeys((schema.SEVERITY, schema.HOUR), pa.int8()),
    **dict.fromkeys((schema.KILLED, schema.WOUNDED, schema.WEIGHT, schema.MUNITIONS), pa.int32()),
}
EVENT_SCHEMA = pa.schema([(name, _TYPES[name]) for name in schema.EVENT_COLUMNS])
"""Arrow schema of canonical events. Null means unknown, never zero; a null weight means 1."""


def column_names(text: str) -> tuple[str, ...]:
    """Split text at commas into column names.

    Examples
    --------
    >>> column_names("Event ID, Event Date")
    ('Event ID', 'Event Date')
    """
    return tuple(" ".join(name.split()) for name in text.split(","))


@dataclass(frozen=True)
class Options:
    """Options for reading a file, in addition to its format.

    Parameters
    ----------
    encoding : str, optional
        Text encoding; UTF-8 by default.
    separator : str, optional
        Character between cells; by default detected from the header.
    date_format : str, optional
        A strptime format that replaces the one of the source.
    zone : str, optional
        Time zone of naive timestamps; without it they are rejected if the day depends on it.
    lag : int, optional
        Days from an event until it counts as known, for sources without that information.
    spans : str
        ``first`` dates an event of several days by its first day; ``refuse`` quarantines it.
    coarsest : int
        Coarsest date precision kept, in days: 7 keeps "within a week".
    ladder : mapping of str to Rungs
        Severity by event type.
    columns : mapping of str to str
        Column of the source by column of the file.
    event_type : str, optional
        Type of the events of your own table that have none.
    """

    encoding: str | None = None
    separator: str | None = None
    date_format: str | None = None
    zone: str | None = None
    lag: int | None = None
    spans: str = "first"
    coarsest: int = 7
    ladder: Mapping[str, schema.Rungs] = field(default_factory=lambda: schema.SEVERITY_LADDER)
    columns: Mapping[str, str] = field(default_factory=dict)
    event_type: str | None = None

    def __post_init__(self) -> None:
        char = self.separator
        if char is not None and not (len(char) == 1 and char.isascii() and char not in '"\r\n\0'):
            raise UsageError(
                "E-SEPARATOR", "needs one character such as ;", value=char, fix="--separator ';'"
            )
        if self.date_format is not None and not _is_date_format(self.date_format):
            raise UsageError(
                "E-DATE-FORMAT",
                "needs a year, a month and a day, each once, such as %d/%m/%Y",
                value=self.date_format,
                fix="use %Y, %m and %d: --date-format %d/%m/%Y",
            )


_SAMPLE_DAYS = (dt.datetime(2021, 11, 23), dt.datetime(1999, 4, 5))


def _is_date_format(form: str) -> bool:
    """Return whether a strptime format identifies a day: both sample days survive a round trip.

    Examples
    --------
    >>> [_is_date_format(form) for form in ("%d/%m/%Y", "%d/%m", "%d/%m/%Y %d", "%q")]
    [True, False, False, False]
    """
    try:
        return all(dt.datetime.strptime(f"{day:{form}}", form) == day for day in _SAMPLE_DAYS)
    except (ValueError, re.error):
        return False


@dataclass(frozen=True)
class Problem:
    """Rows that can't be used, and the reason.

    Parameters
    ----------
    code : str
        Such as ``Q-DATE``.
    column : str
        Source column with the invalid value.
    rows : ndarray of bool, shape (row,)
    expected : str
        A description of valid values.
    """

    code: str
    column: str
    rows: Mask
    expected: str


@dataclass(frozen=True)
class Converted:
    """Canonical events of a block, row for row; rows with a problem must not be used.

    Parameters
    ----------
    events : pyarrow.Table
        With :data:`EVENT_SCHEMA`, one row per row of the block.
    problems : tuple of Problem
    notes : mapping of str to int
        Counts to report, such as events that span several days.
    unrated : ndarray of bool, shape (row,), optional
        Events whose type is not on the ladder, with a rung from their casualties.
    known_basis : str, optional
        Basis of the weakest ``known_date`` of the block, if it depends on the rows.
    """

    events: pa.Table
    problems: tuple[Problem, ...] = ()
    notes: Mapping[str, int] = field(default_factory=dict)
    unrated: Mask | None = None
    known_basis: schema.KnownBasis | None = None


@dataclass(frozen=True)
class Source:
    """A readable file format.

    Parameters
    ----------
    name : str
    required, optional, ignored : tuple of str
        Column names in the file. Ignored ones are not read; any others cause a warning.
    convert : callable
        ``convert(block, options) -> Converted``; the block has every known column as text, with
        nulls for empty cells and for missing optional columns.
    known_basis : str
        How ``known_date`` is obtained.
    licence : str
        What users must know before they use the data.
    delimiter : str
        Character between cells in published files.
    names : tuple of tuple of str
        For files without a header: alternative lists of column names, chosen by their number;
        empty if files have headers.
    skip_hxl : bool
        Whether a line of HXL tags may follow the header.
    one_of : tuple of tuple of str
        Groups of optional columns; a file needs all columns of at least one group.
    basis : callable, optional
        ``basis(columns, options)`` returns how ``known_date`` is obtained, in place of
        ``known_basis``, if that depends on the columns of the file.
    dates : tuple of str
        Date columns that spreadsheets may have rewritten as ``31/01/2024``.
    variants : tuple of Source
        Other layouts of the same source, recognised by their columns.
    refuse_columns : callable, optional
        ``refuse_columns(path, columns)`` raises for unusable exports of the source.
    zoned : bool
        Whether a time zone makes a difference.
    fallback_encoding : str, optional
        Encoding of published files that are not UTF-8.
    aliases : mapping of str to str
        Column of the source by column of your own file.
    unplaced : callable, optional
        Replaces ``convert`` for a file without any column of ``one_of``.
    content_id : str
        Optional column that identifies an event; without it, identifiers are hashes of rows.
    """

    name: str
    required: tuple[str, ...]
    optional: tuple[str, ...]
    convert: Callable[[pa.Table, Options], Converted]
    known_basis: schema.KnownBasis
    licence: str
    ignored: tuple[str, ...] = ()
    delimiter: str = ","
    names: tuple[tuple[str, ...], ...] = ()
    skip_hxl: bool = False
    one_of: tuple[tuple[str, ...], ...] = ()
    basis: Callable[[Collection[str], Options], schema.KnownBasis] | None = None
    dates: tuple[str, ...] = ()
    variants: tuple[Source, ...] = ()
    refuse_columns: Callable[[Path, Collection[str]], None] | None = None
    zoned: bool = True
    fallback_encoding: str | None = None
    aliases: Mapping[str, str] = field(default_factory=dict)
    unplaced: Callable[[pa.Table, Options], Converted] | None = None
    content_id: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that are read, required ones first."""
        return (*self.required, *self.optional)

    def with_options(self, options: Options) -> Source:
        """Return the source with the aliases of some options, and without columns they replace."""
        source = replace(self, aliases=options.columns)
        replaced = schema.EVENT_TYPE
        if not (options.event_type and self.content_id and replaced in self.required):
            return source
        required = tuple(name for name in self.required if name != replaced)
        return replace(source, required=required, optional=(*self.optional, replaced))
