"""What a source is: a layout, a way to make canonical events of it, and how it knows when."""

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

EVENT_SCHEMA = pa.schema(
    [
        (schema.EVENT_ID, pa.string()),
        (schema.EVENT_DATE, pa.date32()),
        (schema.KNOWN_DATE, pa.date32()),
        (schema.COUNTRY, pa.string()),
        (schema.ADMIN1, pa.string()),
        (schema.SITE, pa.string()),
        (schema.LATITUDE, pa.float64()),
        (schema.LONGITUDE, pa.float64()),
        (schema.EVENT_TYPE, pa.string()),
        (schema.ACTOR, pa.string()),
        (schema.TARGET, pa.string()),
        (schema.ATTRIBUTION, pa.string()),
        (schema.SEVERITY, pa.int8()),
        (schema.KILLED, pa.int32()),
        (schema.WOUNDED, pa.int32()),
        (schema.WEIGHT, pa.int32()),
        (schema.HOUR, pa.int8()),
        (schema.MUNITIONS, pa.int32()),
        (schema.CONDITION, pa.string()),
        (schema.SOURCE, pa.string()),
        (schema.CONFIDENCE, pa.string()),
        (schema.TAGS, pa.string()),
        (schema.NOTE, pa.string()),
    ]
)
"""The canonical event table in Arrow; null is unknown, never zero. A null weight is 1."""


def column_names(text: str) -> tuple[str, ...]:
    """Column names from text in which commas separate them.

    Examples
    --------
    >>> column_names("Event ID, Event Date")
    ('Event ID', 'Event Date')
    """
    return tuple(" ".join(name.split()) for name in text.split(","))


@dataclass(frozen=True)
class Options:
    """What a user may say about a file beyond its format.

    Parameters
    ----------
    encoding : str, optional
        Of the text; UTF-8 by default.
    separator : str, optional
        Between two cells; found by the header by default.
    date_format : str, optional
        A strptime format, where dates are not in the source's own form.
    zone : str, optional
        Time zone of naive time stamps; without it a time stamp is refused where it matters.
    lag : int, optional
        Days after the event on which it is taken to be known, for sources that do not say.
    spans : str
        ``first`` puts an event that spans days on its first day; ``refuse`` quarantines it.
    coarsest : int
        Longest date precision kept, in days: 7 keeps "within a week".
    ladder : mapping of str to Rungs
        Severity by event type.
    columns : mapping of str to str
        Columns of the file by its own names, as the source calls them.
    event_type : str, optional
        Of rows of a table of one's own that have none.
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
        mark = self.separator
        if mark is not None and not (len(mark) == 1 and mark.isascii() and mark not in '"\r\n\0'):
            raise UsageError(
                "E-SEPARATOR", "needs one character such as ;", value=mark, fix="--separator ';'"
            )
        if self.date_format is not None and not _is_date_format(self.date_format):
            raise UsageError(
                "E-DATE-FORMAT",
                "needs a year, a month and a day, each once, such as %d/%m/%Y",
                value=self.date_format,
                fix="write it with %Y, %m and %d: --date-format %d/%m/%Y",
            )


_SAMPLE_DAYS = (dt.datetime(2021, 11, 23), dt.datetime(1999, 4, 5))


def _is_date_format(form: str) -> bool:
    """Whether a strptime format tells any two days apart.

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
    """Rows that can't be taken, and why.

    Parameters
    ----------
    code : str
        Such as ``Q-DATE``.
    column : str
        Source column at fault.
    rows : ndarray of bool, shape (row,)
    expected : str
        What would have been right.
    """

    code: str
    column: str
    rows: Mask
    expected: str


@dataclass(frozen=True)
class Converted:
    """Canonical events of a block, row for row; rows with a problem are not to be used.

    Parameters
    ----------
    events : pyarrow.Table
        Of :data:`EVENT_SCHEMA`, as many rows as the block.
    problems : tuple of Problem
    notes : mapping of str to int
        Counts worth telling, such as events that span several days.
    unrated : ndarray of bool, shape (row,), optional
        Events whose type has no rung on the ladder, which was taken by their casualties.
    known_basis : str, optional
        How the weakest ``known_date`` of the block came about, where that depends on its rows.
    """

    events: pa.Table
    problems: tuple[Problem, ...] = ()
    notes: Mapping[str, int] = field(default_factory=dict)
    unrated: Mask | None = None
    known_basis: schema.KnownBasis | None = None


@dataclass(frozen=True)
class Source:
    """A format that can be read.

    Parameters
    ----------
    name : str
    required, optional, ignored : tuple of str
        Columns by their name in the file; others are unknown and warn. Ignored ones are not read.
    convert : callable
        ``convert(block, options) -> Converted``; the block holds every known column of the file as
        text (missing optional columns as nulls), empty cells as nulls.
    known_basis : str
        How ``known_date`` comes about.
    licence : str
        What a user must know before using the data.
    delimiter : str
        Between two cells of the files as they are published.
    names : tuple of tuple of str
        Column names of a file without a header, by number of columns tried in turn; empty if the
        files have headers.
    skip_hxl : bool
        A second header line of HXL tags may follow the first.
    one_of : tuple of tuple of str
        Groups of optional columns of which the file needs at least one whole group.
    basis : callable, optional
        ``basis(columns, options)`` tells how ``known_date`` comes about where that depends on the
        columns of the file; it takes the place of ``known_basis``.
    dates : tuple of str
        Columns of dates that spreadsheets may have rewritten as ``31/01/2024``.
    variants : tuple of Source
        Other layouts of the same source, told apart by their columns.
    refuse_columns : callable, optional
        ``refuse_columns(path, columns)`` raises for an export of the source that can't be used.
    zoned : bool
        Whether a declared time zone changes anything.
    fallback_encoding : str, optional
        Of files that are not UTF-8, where the source is known to publish such.
    aliases : mapping of str to str
        Columns by the name that a file of one's own gives them.
    unplaced : callable, optional
        As ``convert``, for a file that has no column of any group of ``one_of``.
    content_id : str
        The optional column that identifies an event; without it a row is named by what it says.
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
        """Every column that is read, required ones first."""
        return (*self.required, *self.optional)

    def with_options(self, options: Options) -> Source:
        """The source with the names that a user gave, and without need of what a user said."""
        said = {schema.EVENT_TYPE} if options.event_type and self.content_id else set()
        return replace(
            self,
            aliases=options.columns,
            required=tuple(name for name in self.required if name not in said),
            optional=(*self.optional, *(name for name in self.required if name in said)),
        )
