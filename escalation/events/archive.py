"""What was known when: every version of every event, and the snapshot of any day."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from numbers import Real

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from escalation import schema
from escalation.errors import InputError, require_instance
from escalation.events.versions import (
    EVENT_KEY,
    cast_columns,
    check_rows,
    conflict_error,
    drop_repeats,
    same_as_previous,
    sort_versions,
    with_defaults,
    with_integer_columns,
)

_FROM_TABLE = "EventArchive.from_pandas(df, columns=...), or read_events(path)"
ISO_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}([ T].*)?")


def to_day(value: object) -> np.datetime64:
    """A whole day from an ISO date, a date, or a time stamp.

    Text in any other form is refused rather than guessed, and so are bare numbers.

    Examples
    --------
    >>> to_day("2020-03-11")
    np.datetime64('2020-03-11')
    """
    day = np.datetime64("NaT")
    guessed = isinstance(value, Real) or (isinstance(value, str) and not ISO_DAY.fullmatch(value))
    if not guessed:
        with suppress(ValueError, TypeError):
            day = np.datetime64(pd.Timestamp(value).date(), "D")
    if np.isnat(day):
        raise InputError(
            "E-DATE", "needs a day as YYYY-MM-DD", value=value, fix="write it like 2020-03-11"
        )
    return day


def covered_day(day: object, covered_to: np.datetime64) -> np.datetime64:
    """A day that an archive covers.

    Parameters
    ----------
    day : date-like
    covered_to : numpy.datetime64
        The last day that the archive covers.

    Raises
    ------
    InputError
        ``E-COVERAGE`` for a later one.
    """
    when = to_day(day)
    if when > covered_to:
        raise InputError(
            "E-COVERAGE",
            f"the archive covers days up to {covered_to}",
            column="as_of",
            value=when,
            fix=f"ask for {covered_to} or ingest newer data",
        )
    return when


@dataclass(frozen=True, repr=False)
class EventArchive:
    """Every version of every event, each with the day on which it became known.

    Parameters
    ----------
    versions : pandas.DataFrame
        The canonical columns and ``operation``, one row per version, sorted by source, event and
        ``known_date``. Make it with :meth:`of`, which sorts and checks.
    covered_to : numpy.datetime64
        The last day the source looked at. Later than the last event when nothing happened since:
        "we looked, nothing new" is knowledge too.
    known_basis : str
        How ``known_date`` was obtained: observed, overwritten, assumed or event_date.
    """

    versions: pd.DataFrame
    covered_to: np.datetime64
    known_basis: schema.KnownBasis

    @classmethod
    def of(
        cls,
        versions: pd.DataFrame,
        *,
        covered_to: object = None,
        known_basis: schema.KnownBasis = "event_date",
    ) -> EventArchive:
        """Sort, check and freeze a table of versions.

        Identical repeats are dropped. Two different versions of one event known on the same day
        are refused, because nobody can say which holds.

        Parameters
        ----------
        versions : pandas.DataFrame
            Canonical columns, a row per version. Without ``operation`` every row is an ``add``;
            :data:`escalation.schema.OPTIONAL_COLUMNS` may be left out.
        covered_to : date-like, optional
            The last day the source looked at; by default the last on which something became known.
        known_basis : str, optional
            How ``known_date`` was obtained.

        Raises
        ------
        InputError
            ``E-EMPTY`` without a row, ``E-WEIGHT`` for a weight below 1, ``E-OPERATION`` for an
            operation other than add, update and retract, ``E-DATE`` for a date that is missing or
            has a time of day, ``E-KNOWN`` when something was known before it happened,
            ``E-CONFLICT`` for two different versions of an event on the same day.
        """
        if versions.empty:
            raise InputError("E-EMPTY", "needs at least one event", fix="check the file")
        table = with_defaults(versions)[[*schema.EVENT_COLUMNS, schema.OPERATION]]
        # A column without any value has no text type of its own, and pandas keeps missing missing.
        table = cast_columns(table, dict.fromkeys(schema.TEXT_COLUMNS, "str"))
        table = with_integer_columns(table)
        check_rows(table)
        table, conflict = drop_repeats(sort_versions(table))
        early = table[schema.KNOWN_DATE] < table[schema.EVENT_DATE]
        if early.any():
            raise InputError(
                "E-KNOWN",
                f"known_date is before event_date in {int(early.sum())} rows",
                column=schema.KNOWN_DATE,
                value=table.loc[early, schema.EVENT_ID].iloc[0],
                fix="give the day on which each was reported, or drop the column and give a lag",
            )
        if conflict is not None:
            raise conflict_error(conflict)
        last = (
            to_day(covered_to) if covered_to is not None else to_day(table[schema.KNOWN_DATE].max())
        )
        return cls(table, last, known_basis)

    @classmethod
    def from_pandas(
        cls,
        df: pd.DataFrame,
        *,
        columns: Mapping[str, str] | None = None,
        known_date: str | int | None = None,
        zone: str | None = None,
        date_format: str | None = None,
        max_bad: float = 0.01,
    ) -> EventArchive:
        """An archive from a table of one's own, checked as a file is.

        What is left out or assumed is told with :func:`warnings.warn`.

        Parameters
        ----------
        df : pandas.DataFrame
            A row per event: its day, its type (any word of your own) and a place or two sides.
        columns : mapping of str to str, optional
            Columns of the project by the table's names, such as ``{"when": "event_date"}``;
            obvious ones are found.
        known_date : str or int, optional
            The column that says when a row became known, or an assumed lag in days; without it
            every event is taken to be known on its own day.
        zone : str, optional
            Time zone of time stamps, such as ``Asia/Baghdad``.
        date_format : str, optional
            Such as ``%d/%m/%Y``, where dates are text and not ISO.
        max_bad : float, optional
            Share of the rows that may be left out.

        Raises
        ------
        UsageError
            ``E-FRAME`` for anything but a DataFrame, ``E-COLUMNS`` for a name that it has not.
        InputError
            When the table can't be taken, or too many of its rows.

        Examples
        --------
        >>> table = pd.DataFrame({"id": ["a"], "when": ["2020-03-11"], "what": ["raid"],
        ...     "where": ["Taji"], "severity": [3]})
        >>> names = {"when": "event_date", "what": "event_type", "where": "site"}
        >>> EventArchive.from_pandas(table, columns=names, known_date=2).known_basis
        'assumed'
        """
        from escalation.events.frames import archive_of_frame

        return archive_of_frame(
            df,
            columns=columns or {},
            known_date=known_date,
            zone=zone,
            date_format=date_format,
            max_bad=max_bad,
        )

    def __repr__(self) -> str:
        """What it holds, in two lines."""
        events = int(self.event_numbers[-1]) + 1 if len(self.versions) else 0
        return (
            f"EventArchive: {events} events in {len(self.versions)} versions,\n"
            f"  known up to {self.covered_to} (known dates: {self.known_basis})"
        )

    def as_of(self, day: object) -> pd.DataFrame:
        """The events as they were known at the end of a day.

        The last version per event known by then, less the retracted ones.

        Parameters
        ----------
        day : date-like
            At most :attr:`covered_to`.

        Returns
        -------
        pandas.DataFrame
            Canonical columns, one row per event, sorted by day and identifier.

        Raises
        ------
        InputError
            ``E-COVERAGE`` beyond what the archive covers: it never falls back to the latest.
        """
        when = covered_day(day, self.covered_to)
        known = np.flatnonzero((self.versions[schema.KNOWN_DATE] <= when).to_numpy())
        event = self.event_numbers[known]
        last = known[np.append(event[1:] != event[:-1], True)[: len(known)]]
        alive = last[(self.versions[schema.OPERATION].iloc[last] != "retract").to_numpy()]
        # Versions lie in the order of their events, so a stable sort by day needs no names.
        days = self.versions[schema.EVENT_DATE].to_numpy()[alive]
        rows = alive[np.argsort(days, kind="stable")]
        columns = [name for name in schema.EVENT_COLUMNS if name in self.versions]
        return self.versions[columns].iloc[rows].reset_index(drop=True)

    def until(self, day: object) -> EventArchive:
        """The archive as it stood at the end of a day: later versions are gone, not hidden."""
        when = covered_day(day, self.covered_to)
        keep = self.versions[schema.KNOWN_DATE] <= when
        if keep.all():
            return self if when == self.covered_to else replace(self, covered_to=when)
        return replace(self, versions=self.versions[keep].reset_index(drop=True), covered_to=when)

    def plus(self, versions: pd.DataFrame) -> EventArchive:
        """A new archive with more versions; coverage grows to the last day one was known."""
        if versions.empty:
            return self
        both = pd.concat([self.versions, with_defaults(versions)], ignore_index=True)
        last = max(self.covered_to, to_day(versions[schema.KNOWN_DATE].max()))
        return EventArchive.of(both, covered_to=last, known_basis=self.known_basis)

    def without(self, event_id: str, source: str) -> EventArchive:
        """The archive in which an event never was.

        Parameters
        ----------
        event_id, source : str
            What identifies it.
        """
        versions = self.versions
        keep = (versions[schema.EVENT_ID] != event_id) | (versions[schema.SOURCE] != source)
        return replace(self, versions=versions[keep].reset_index(drop=True))

    @cached_property
    def event_numbers(self) -> NDArray[np.int64]:
        """A number for each version, the same for those of one event; they follow each other."""
        changes = ~same_as_previous(self.versions, EVENT_KEY)
        return np.cumsum(changes) - 1

    @cached_property
    def digest(self) -> str:
        """SHA-256 over every cell of every version, in whatever order the rows came."""
        total = sha256(str(self.covered_to).encode())
        for column in self.versions:
            total.update(column.encode())
            total.update(_hashed(self.versions[column]).tobytes())
        return total.hexdigest()

    @property
    def first_day(self) -> np.datetime64:
        """The day of the earliest event."""
        return to_day(self.versions[schema.EVENT_DATE].min())


def _hashed(column: pd.Series) -> NDArray[np.uint64]:
    """A hash of every cell; once where there is nothing in any."""
    if len(column) and column.isna().all():
        one = pd.util.hash_pandas_object(column.iloc[:1], index=False).to_numpy()
        return np.repeat(one, len(column))
    return pd.util.hash_pandas_object(column, index=False).to_numpy()


def weakest_basis(bases: Iterable[schema.KnownBasis]) -> schema.KnownBasis:
    """The least trustworthy way in which ``known_date`` was obtained.

    Examples
    --------
    >>> weakest_basis(["observed", "assumed"])
    'assumed'
    """
    return max(bases, key=schema.KNOWN_BASES.index)


def require_archive(value: object) -> None:
    """Refuse what is no archive, such as a DataFrame; ``E-CONFIG``."""
    require_instance(value, EventArchive, fix=_FROM_TABLE)
