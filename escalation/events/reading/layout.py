"""The columns of a file, matched with those of its source."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from escalation.errors import InputError
from escalation.events.obvious_names import added_columns, date_parts, name_key, similar_columns
from escalation.events.reading.limits import LONGEST_CELL, too_large_error
from escalation.events.source import Source

_SHOWN = 150


@dataclass(frozen=True)
class Layout:
    """The columns of a file, matched with those of its source.

    Parameters
    ----------
    path : Path
    columns : tuple of str
        In the order of the file, with the spelling of the source for columns that it knows.
    source : Source
        The variant of the source with these columns.
    first_line : int
        Line of the first row.
    delimiter : str
    quoted : bool
        Whether quotes enclose cells.
    renamed : tuple of str
        Columns of the file whose spelling differs from that of the source.
    spare : int
        Number of nameless columns at the end, which must be empty in every row.
    leftover : int
        Number of rows at the end of a sheet without a value in any required column.
    """

    path: Path
    columns: tuple[str, ...]
    source: Source
    first_line: int = 1
    delimiter: str = ","
    quoted: bool = True
    renamed: tuple[str, ...] = ()
    spare: int = 0
    leftover: int = 0

    @property
    def unknown(self) -> tuple[str, ...]:
        """Columns that the source does not know and that are skipped."""
        known = {*self.source.columns, *self.source.ignored}
        return tuple(name for name in self.columns[: self.n_named] if name not in known)

    @property
    def n_named(self) -> int:
        """Number of columns, without the nameless ones at the end."""
        return len(self.columns) - self.spare

    def cells(self, batch: pa.RecordBatch) -> pa.Table:
        """Select the columns of the source from some rows; nulls for those that the file lacks."""
        rows = batch.num_rows
        return pa.table(
            {
                name: batch.column(name) if name in self.columns else pa.nulls(rows, pa.string())
                for name in self.source.columns
            }
        )


def checked_layout(
    path: Path,
    source: Source,
    header: Sequence[str],
    *,
    first_line: int = 1,
    delimiter: str | None = None,
    quoted: bool = True,
) -> Layout:
    """Match the columns of a file with those of a source, or of one of its variants.

    Parameters
    ----------
    path : Path
    source : Source
    header : sequence of str
        Column names of the file.
    first_line, delimiter, quoted : optional
        As for :class:`Layout`; of a text file.

    Raises
    ------
    InputError
        ``E-COLUMNS`` for a missing column, with similar names, or a repeated one; and the errors of
        the source for its unusable exports.
    """
    if any(len(name) > LONGEST_CELL for name in header):
        message = f"a column name has more than {LONGEST_CELL} characters"
        raise too_large_error(path, message, line=1, fix="remove the column")
    _refuse_alias(path, source, header)
    names = aliased(header, source.aliases)
    variant = _variant(source, names)
    columns, renamed = matched(names, variant.columns)
    renamed += tuple(f"{old} (as {new})" for old, new in source.aliases.items())
    _refuse_repeated(path, columns, variant)
    if variant.refuse_columns is not None:
        variant.refuse_columns(path, columns)
    has_place = any(set(group) & set(columns) for group in variant.one_of)
    if variant.unplaced is not None and not has_place:
        variant = replace(variant, convert=variant.unplaced, one_of=())
    _refuse_missing(path, columns, variant, delimiter)
    spare = next((n for n, name in enumerate(reversed(header)) if name.strip()), 0)
    columns = _distinct(columns)
    return Layout(path, columns, variant, first_line, delimiter or ",", quoted, renamed, spare)


def matched(header: Sequence[str], known: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return column names in the spelling of a source, and those that the file spells differently.

    Parameters
    ----------
    header : sequence of str
        Column names of the file.
    known : sequence of str
        Column names of the source.

    Examples
    --------
    >>> matched(["EVENT_ID", "Event.Date", "x"], ["event_id", "event date"])
    (('event_id', 'event date', 'x'), ('EVENT_ID', 'Event.Date'))
    """
    by_key = {name_key(name): name for name in known}
    exact = set(known) & set(header)
    columns, renamed = [], []
    for name in header:
        match = by_key.get(name_key(name), name.strip())
        if name in exact or match in exact:
            match = name.strip()
        if match in known and match != name:
            renamed.append(name)
        columns.append(match)
    return tuple(columns), tuple(renamed)


def aliased(header: Sequence[str], aliases: Mapping[str, str]) -> tuple[str, ...]:
    """Replace column names of a file by those of the source.

    Parameters
    ----------
    header : sequence of str
    aliases : mapping of str to str
        Column of the source by column of the file.

    Examples
    --------
    >>> aliased([" when", "site"], {"when": "event_date"})
    ('event_date', 'site')
    """
    return tuple(aliases.get(name.strip(), name) for name in header)


def _refuse_alias(path: Path, source: Source, header: Sequence[str]) -> None:
    """Raise for an alias of a column that the file or the source does not have."""
    in_file = [name.strip() for name in header]
    known = [name for variant in (source, *source.variants) for name in variant.columns]
    for old, new in source.aliases.items():
        for name, names, owner in ((old, in_file, "the file"), (new, known, source.name)):
            if name not in names:
                similar = difflib.get_close_matches(name, names, n=3) or names[:10]
                raise InputError(
                    "E-COLUMNS",
                    f"{owner} has no such column",
                    where=f"{path}:1",
                    value=name,
                    fix=f"use one of {', '.join(similar)}",
                )


def known_columns(header: Sequence[str], source: Source) -> int:
    """Count the column names that a source, or the best of its variants, knows."""
    header = aliased(header, source.aliases)
    return max(
        len(set(matched(header, variant.columns)[0]) & set(variant.columns))
        for variant in (source, *source.variants)
    )


def _variant(source: Source, header: Sequence[str]) -> Source:
    """Return the variant whose required columns are all there; by default the source itself."""
    variants = (source, *source.variants)
    fits = (v for v in variants if set(v.required) <= set(matched(header, v.columns)[0]))
    return next(fits, source)


def _distinct(columns: Sequence[str]) -> tuple[str, ...]:
    """Make names unique: number the empty and repeated ones by their position."""
    counts = Counter(columns)
    return tuple(
        name if name and counts[name] == 1 else f"{name or 'column'} ({place})"
        for place, name in enumerate(columns, start=1)
    )


def _refuse_repeated(path: Path, columns: Sequence[str], source: Source) -> None:
    counts = Counter(columns)
    repeated = [name for name in source.columns if counts[name] > 1]
    if repeated:
        raise InputError(
            "E-COLUMNS",
            f"columns that appear more than once: {', '.join(repeated)}",
            where=f"{path}:1",
            column=repeated[0],
            fix="remove or rename one",
        )


def _refuse_missing(
    path: Path, columns: Sequence[str], source: Source, delimiter: str | None
) -> None:
    where, names = f"{path}:1", ", ".join(columns[:60])[:_SHOWN]
    missing = [name for name in source.required if name not in columns]
    if missing:
        raise InputError(
            "E-COLUMNS",
            f"columns of {source.name} are missing: {', '.join(missing)}; found: {names}",
            where=where,
            column=missing[0],
            fix=_advice(missing, columns, source, delimiter),
        )
    if source.one_of and not any(set(group) <= set(columns) for group in source.one_of):
        groups = "; or ".join(" and ".join(group) for group in source.one_of)
        similar = similar_columns(columns, [group[0] for group in source.one_of], source.columns)
        raise InputError(
            "E-COLUMNS",
            f"needs a place or a unit: {groups}; found: {names}",
            where=where,
            fix=added_columns(similar, []) or "name the column with it: --columns YOURS=site",
        )


def _advice(
    missing: Sequence[str], columns: Sequence[str], source: Source, delimiter: str | None
) -> str:
    if delimiter and len(missing) == len(source.required) and len(columns) < len(missing):
        return (
            f"the separator was assumed to be {delimiter!r}: add --separator with the right "
            "character, or set the right --source"
        )
    similar = similar_columns(columns, missing, source.columns)
    return added_columns(similar, missing, date_parts(columns)) or (
        f"set the right --source, or map your columns: --columns YOURS={missing[0]}"
    )
