"""Which columns a file has, which of them are known, and where its rows begin."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from escalation.errors import InputError
from escalation.events.obvious_names import columns_options, name_key, similar_columns
from escalation.events.reading.limits import LONGEST_CELL, too_large_error
from escalation.events.source import Source

_SHOWN = 150


@dataclass(frozen=True)
class Layout:
    """The columns of a file, against those of its source.

    Parameters
    ----------
    path : Path
    columns : tuple of str
        In the order of the file; one that the source knows by a name of other case or punctuation
        has the source's name.
    source : Source
        The variant of the source that has these columns.
    first_line : int
        Line of the first row.
    delimiter : str
    quoted : bool
        Whether quotes hold cells together.
    renamed : tuple of str
        Columns as the file spells them, where the source spells them otherwise.
    spare : int
        How many columns at the end have no name, and no value in any row.
    leftover : int
        How many rows at the end of a sheet have no value in any column that is required.
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
    def wanted(self) -> tuple[str, ...]:
        """Columns of the source, required ones first."""
        return self.source.columns

    @property
    def unknown(self) -> tuple[str, ...]:
        """Columns that the source does not know, and that are left out."""
        named = self.columns[: len(self.columns) - self.spare]
        known = {*self.wanted, *self.source.ignored}
        return tuple(name for name in named if name not in known)

    @property
    def spare_columns(self) -> tuple[str, ...]:
        """Columns at the end without a name."""
        return self.columns[len(self.columns) - self.spare :]

    def cells(self, batch: pa.RecordBatch) -> pa.Table:
        """The wanted columns of some rows, in their order; nulls for those that the file lacks."""
        rows = batch.num_rows
        return pa.table(
            {
                name: batch.column(name) if name in self.columns else pa.nulls(rows, pa.string())
                for name in self.wanted
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
    """A layout whose columns are those of the source, or of one of its variants.

    Parameters
    ----------
    path : Path
    source : Source
    header : sequence of str
        As the file has it.
    first_line : int, optional
        Line of the first row.
    delimiter : str, optional
        Of a text file.
    quoted : bool, optional
        Whether quotes hold cells together.

    Raises
    ------
    InputError
        ``E-COLUMNS`` for a column that is there twice or missing, with the nearest names, and what
        the source refuses of its own exports.
    """
    if any(len(name) > LONGEST_CELL for name in header):
        message = f"the name of a column has more than {LONGEST_CELL} characters"
        raise too_large_error(path, message, line=1, fix="remove the column")
    _refuse_alias(path, source, header)
    told = aliased(header, source.aliases)
    variant = _variant(source, told)
    columns, renamed = matched(told, variant.columns)
    renamed += tuple(f"{old} (as {new})" for old, new in source.aliases.items())
    _refuse_repeated(path, columns, variant)
    if variant.refuse_columns is not None:
        variant.refuse_columns(path, columns)
    variant = _as_placed(variant, columns)
    _refuse_missing(path, columns, variant, delimiter)
    spare = next((n for n, name in enumerate(reversed(header)) if name.strip()), 0)
    columns = _distinct(columns)
    return Layout(path, columns, variant, first_line, delimiter or ",", quoted, renamed, spare)


def matched(header: Sequence[str], known: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Column names as a source spells them, and those that the file spells otherwise.

    Parameters
    ----------
    header : sequence of str
        As the file has it.
    known : sequence of str
        As the source has them.

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
    """Column names with those of the source in place of the file's own.

    Parameters
    ----------
    header : sequence of str
    aliases : mapping of str to str
        The source's names by the file's own.

    Examples
    --------
    >>> aliased([" when", "site"], {"when": "event_date"})
    ('event_date', 'site')
    """
    return tuple(aliases.get(name.strip(), name) for name in header)


def _refuse_alias(path: Path, source: Source, header: Sequence[str]) -> None:
    """Names that are not in the file, or that the source does not know."""
    there = [name.strip() for name in header]
    known = [name for one in (source, *source.variants) for name in one.columns]
    for old, new in source.aliases.items():
        if old in there and new in known:
            continue
        name, names = (old, there) if old not in there else (new, known)
        place = "the file" if old not in there else source.name
        near = difflib.get_close_matches(name, names, n=3) or names[:10]
        raise InputError(
            "E-COLUMNS",
            f"columns that are declared: {place} has none of this name",
            where=f"{path}:1",
            value=name,
            fix=f"name one of {', '.join(near)}",
        )


def known_columns(header: Sequence[str], source: Source) -> int:
    """How many names of a header a source or one of its variants knows."""
    header = aliased(header, source.aliases)
    return max(
        len(set(matched(header, one.columns)[0]) & set(one.columns))
        for one in (source, *source.variants)
    )


def _variant(source: Source, header: Sequence[str]) -> Source:
    """The variant whose required columns are all there; the source itself if none has them."""
    for one in (source, *source.variants):
        if set(one.required) <= set(matched(header, one.columns)[0]):
            return one
    return source


def _as_placed(source: Source, columns: Sequence[str]) -> Source:
    """The source as it reads a file in which nothing says where or who, if it does."""
    if source.unplaced is None or any(set(group) & set(columns) for group in source.one_of):
        return source
    return replace(source, convert=source.unplaced, one_of=())


def _distinct(columns: Sequence[str]) -> tuple[str, ...]:
    """The same names, those without a name or that are there twice with their place."""
    counts = Counter(columns)
    return tuple(
        name if name and counts[name] == 1 else f"{name or 'column'} ({place})"
        for place, name in enumerate(columns, start=1)
    )


def _refuse_repeated(path: Path, columns: Sequence[str], source: Source) -> None:
    counts = Counter(columns)
    twice = [name for name in source.columns if counts[name] > 1]
    if twice:
        raise InputError(
            "E-COLUMNS",
            f"columns that appear more than once: {', '.join(twice)}",
            where=f"{path}:1",
            column=twice[0],
            fix="remove or rename one",
        )


def _refuse_missing(
    path: Path, columns: Sequence[str], source: Source, delimiter: str | None
) -> None:
    where = f"{path}:1"
    missing = [name for name in source.required if name not in columns]
    if missing:
        found = ", ".join(columns[:60])
        raise InputError(
            "E-COLUMNS",
            f"columns of {source.name} are missing: {', '.join(missing)}; found: {found[:_SHOWN]}",
            where=where,
            column=missing[0],
            fix=_advice(missing, columns, source, delimiter),
        )
    if source.one_of and not any(set(group) <= set(columns) for group in source.one_of):
        groups = "; or ".join(" and ".join(group) for group in source.one_of)
        found = ", ".join(columns[:60])
        near = similar_columns(columns, [group[0] for group in source.one_of], source.columns)
        raise InputError(
            "E-COLUMNS",
            f"needs a place or a unit: {groups}; found: {found[:_SHOWN]}",
            where=where,
            fix=added_columns(near, []) or "name the column that has it: --columns YOURS=site",
        )


def _advice(
    missing: Sequence[str], columns: Sequence[str], source: Source, delimiter: str | None
) -> str:
    if delimiter and len(missing) == len(source.required) and len(columns) < len(missing):
        return (
            f"cells are taken to be separated by {delimiter!r}: add --separator with the right "
            "character, or name the right --source"
        )
    near = similar_columns(columns, missing, source.columns)
    rest = [name for name in missing if name not in near.values()]
    return added_columns(near, rest) or (
        f"name the right --source, or say which column is which: --columns YOURS={missing[0]}"
    )


def added_columns(near: Mapping[str, str], rest: Sequence[str]) -> str:
    """What to add to a command where columns are missing; nothing where none is near.

    Parameters
    ----------
    near : mapping of str to str
        Missing columns by the file's own names that they may have.
    rest : sequence of str
        Missing columns without one.

    Examples
    --------
    >>> added_columns({"kind": "event_type"}, ["event_date"])
    'add --columns kind=event_type, and name a column for event_date likewise'
    """
    more = f", and name a column for {', '.join(rest)} likewise" if rest else ""
    return f"add {columns_options(near)}{more}" if near else ""
