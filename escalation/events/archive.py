"""The event archive: every version of every event, and a snapshot as of any day."""

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
    """Convert an ISO date, a date or a timestamp to a whole day.

    Text in any other form is rejected rather than guessed at, and so are bare numbers.

    Examples
    --------
    >>> to_day("2020-03-11")
    np.datetime64('2020-03-11')
    """
    day = np.datetime64("NaT")
    ambiguous = isinstance(value, Real) or (isinstance(value, str) and not ISO_DAY.fullmatch(value))
    if not ambiguous:
        with suppress(ValueError, TypeError):
            day = np.datetime64(pd.Timestamp(value).date(), "D")
    if np.isnat(day):
        raise InputError(
            "E-DATE", "needs a day as YYYY-MM-DD", value=value, fix="write it like 2020-03-11"
        )
    return day


def covered_day(day: object, covered_to: np.datetime64) -> np.datetime64:
    """Convert a day with :func:`to_day` and check that the archive covers it.

    Parameters
    ----------
    day : date-like
    covered_to : numpy.datetime64
        The last day that the archive covers.

    Raises
    ------
    InputError
        ``E-COVERAGE`` if the day is later.
    """
    cutoff = to_day(day)
    if cutoff > covered_to:
        raise InputError(
            "E-COVERAGE",
            f"the archive covers days up to {covered_to}",
            column="as_of",
            value=cutoff,
            fix=f"use {covered_to} or ingest newer data",
        )
    return cutoff


@dataclass(frozen=True, repr=False)
class EventArchive:
    """Every version of every event, each with the day on which it became known.

    Parameters
    ----------
    versions : pandas.DataFrame
        The canonical columns and ``operation``, one row per version, sorted by source, event and
        ``known_date``. Use :meth:`of`, which sorts and checks.
    covered_to : numpy.datetime64
        The last day that the source covers. It is later than the last event if nothing has
        happened since: "we looked, nothing new" is information too.
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
        """Build an archive from a table of versions, sorted and checked.

        Exact duplicates are dropped. Two different versions of an event with the same
        ``known_date`` are an error, because there is no telling which one is right.

        Parameters
        ----------
        versions : pandas.DataFrame
            Canonical columns, one row per version. Without ``operation`` every row is an ``add``;
            :data:`escalation.schema.OPTIONAL_COLUMNS` may be left out.
        covered_to : date-like, optional
            The last day that the source covers; by default the latest ``known_date``.
        known_basis : str, optional
            How ``known_date`` was obtained.

        Raises
        ------
        InputError
            ``E-EMPTY`` without a row, ``E-WEIGHT`` for a weight below 1, ``E-OPERATION`` for an
            operation other than add, update and retract, ``E-DATE`` for a date that is missing or
            has a time of day, ``E-KNOWN`` for an event known before it happened, ``E-CONFLICT``
            for two different versions of an event on the same day.
        """
        if versions.empty:
            raise InputError("E-EMPTY", "needs at least one event", fix="check the file")
        table = with_defaults(versions)[[*schema.EVENT_COLUMNS, schema.OPERATION]]
        # A column without any value has no text dtype yet.
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
                fix="give the day each event was reported, or drop the column and set a lag",
            )
        if conflict is not None:
            raise conflict_error(conflict)
        last_day = table[schema.KNOWN_DATE].max() if covered_to is None else covered_to
        return cls(table, to_day(last_day), known_basis)

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
        """Build an archive from your own table, with the same checks as for a file.

        Rows left out and assumptions made are reported by :func:`warnings.warn`.

        Parameters
        ----------
        df : pandas.DataFrame
            One row per event: its day, its type (any word) and a place or two sides.
        columns : mapping of str to str, optional
            Canonical column by column of the table, such as ``{"when": "event_date"}``; obvious
            names are recognised.
        known_date : str or int, optional
            The column with the day each row became known, or an assumed lag in days; by default
            every event counts as known on the day it happened.
        zone : str, optional
            Time zone of timestamps, such as ``Asia/Baghdad``.
        date_format : str, optional
            Format of text dates that are not ISO, such as ``%d/%m/%Y``.
        max_bad : float, optional
            Share of the rows that may be left out.

        Raises
        ------
        UsageError
            ``E-FRAME`` for anything but a DataFrame, ``E-COLUMNS`` for an unknown column name.
        InputError
            If the table, or too many of its rows, can't be read.

        Examples
        --------
        >>> table = pd.DataFrame({"id": ["a"], "when": ["2020-03-11"], "what": ["raid"],
        ...     "where": ["Taji"], "severity": [3]})
        >>> names = {"when": "event_date", "what": "event_type", "where": "site"}
        >>> EventArchive.from_pandas(table, columns=names, known_date=2).known_basis
        'assumed'
        """
        from escalation.events.frames import archive_of_frame
        from escalation.events.source import Options

        options = Options(date_format=date_format, zone=zone)
        return archive_of_frame(df, columns or {}, known_date, options, max_bad)

    def __repr__(self) -> str:
        """Two lines: numbers of events and versions, and the days covered."""
        n_events = int(self.event_numbers[-1]) + 1 if len(self.versions) else 0
        return (
            f"EventArchive: {n_events} events in {len(self.versions)} versions,\n"
            f"  known up to {self.covered_to} (known dates: {self.known_basis})"
        )

    def as_of(self, day: object) -> pd.DataFrame:
        """Return the events as they were known at the end of a day.

        These are the latest versions known by then, without the retracted events.

        Parameters
        ----------
        day : date-like
            No later than :attr:`covered_to`.

        Returns
        -------
        pandas.DataFrame
            Canonical columns, one row per event, sorted by day and identifier.

        Raises
        ------
        InputError
            ``E-COVERAGE`` for a later day: there is no falling back to the latest one.
        """
        cutoff = covered_day(day, self.covered_to)
        known = np.flatnonzero((self.versions[schema.KNOWN_DATE] <= cutoff).to_numpy())
        event = self.event_numbers[known]
        latest = known[np.append(event[1:] != event[:-1], True)[: len(known)]]
        valid = latest[(self.versions[schema.OPERATION].iloc[latest] != "retract").to_numpy()]
        # Versions are sorted by event, so a stable sort by day keeps the order of identifiers.
        days = self.versions[schema.EVENT_DATE].to_numpy()[valid]
        rows = valid[np.argsort(days, kind="stable")]
        columns = [name for name in schema.EVENT_COLUMNS if name in self.versions]
        return self.versions[columns].iloc[rows].reset_index(drop=True)

    def until(self, day: object) -> EventArchive:
        """Return the archive as of the end of a day, with later versions removed."""
        cutoff = covered_day(day, self.covered_to)
        keep = self.versions[schema.KNOWN_DATE] <= cutoff
        if keep.all():
            return self if cutoff == self.covered_to else replace(self, covered_to=cutoff)
        return replace(self, versions=self.versions[keep].reset_index(drop=True), covered_to=cutoff)

    def plus(self, versions: pd.DataFrame) -> EventArchive:
        """Return a new archive with more versions; it covers days up to their last one known."""
        if versions.empty:
            return self
        merged = pd.concat([self.versions, with_defaults(versions)], ignore_index=True)
        last_day = max(self.covered_to, to_day(versions[schema.KNOWN_DATE].max()))
        return EventArchive.of(merged, covered_to=last_day, known_basis=self.known_basis)

    def without(self, event_id: str, source: str) -> EventArchive:
        """Return the archive without any version of an event.

        Parameters
        ----------
        event_id, source : str
            Together they identify the event.
        """
        versions = self.versions
        keep = (versions[schema.EVENT_ID] != event_id) | (versions[schema.SOURCE] != source)
        return replace(self, versions=versions[keep].reset_index(drop=True))

    @cached_property
    def event_numbers(self) -> NDArray[np.int64]:
        """Number of the event that each version belongs to, counted from 0 without gaps."""
        return np.cumsum(~same_as_previous(self.versions, EVENT_KEY)) - 1

    @cached_property
    def digest(self) -> str:
        """SHA-256 of every cell of every version, whatever the order of the input rows."""
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
    """Hash every cell; a column without a value is hashed once."""
    if len(column) and column.isna().all():
        hashed_cell = pd.util.hash_pandas_object(column.iloc[:1], index=False).to_numpy()
        return np.repeat(hashed_cell, len(column))
    return pd.util.hash_pandas_object(column, index=False).to_numpy()


def weakest_basis(bases: Iterable[schema.KnownBasis]) -> schema.KnownBasis:
    """Return the least trustworthy way in which ``known_date`` was obtained."""
    return max(bases, key=schema.KNOWN_BASES.index)


def require_archive(value: object) -> None:
    """Raise ``E-CONFIG`` for anything but an archive, such as a DataFrame."""
    require_instance(value, EventArchive, fix=_FROM_TABLE)
