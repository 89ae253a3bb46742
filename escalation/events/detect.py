"""Detect the format, encoding, separator and date format of a file of events.

The format is the one whose required columns are all in the header; among several, the one that
knows most of the columns. Any other table is read as ``tidy``: required columns may have obvious
names, and those in use are reported. No other column that places, dates, counts or types an event
is guessed: a file that does not fit is rejected with a list of what it needs.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from unicodedata import category

import pyarrow as pa
import pyarrow.compute as pc

from escalation import schema
from escalation.errors import InputError
from escalation.events.columns import trimmed
from escalation.events.formats import tidy
from escalation.events.obvious_names import (
    added_columns,
    date_parts,
    obvious_columns,
    similar_columns,
)
from escalation.events.reading.days import ISO_MIDNIGHT, formatted_days
from escalation.events.reading.header import possible_headers
from escalation.events.reading.json_records import holds_json, json_header
from escalation.events.reading.layout import Layout, aliased, matched
from escalation.events.reading.rows import read_blocks
from escalation.events.reading.streams import TextStream, is_utf8, read_through
from escalation.events.reading.tables import is_table, table_headers
from escalation.events.source import Options, Source

Header = tuple[str, ...]
_DATE_FORMATS = (
    "%Y%m%d", "%Y/%m/%d", "%Y.%m.%d", "%d %B %Y", "%d %b %Y", "%d-%B-%Y", "%d-%b-%Y",
    "%B %d, %Y", "%b %d, %Y",
)  # fmt: skip
"""Unambiguous date formats."""
_ENCODINGS = ("cp1252", "latin-1")
_SHOWN = 400
_PLACES = tuple(dict.fromkeys(name for group in tidy.FORMAT.one_of for name in group))


@dataclass(frozen=True)
class DetectedFile:
    """The format of a file, and the options to read it with.

    Parameters
    ----------
    path : Path
    source : Source
        The format.
    options : Options
        The options given, completed by the detected encoding, date format and column names.
    layout : Layout
        Its columns and separator.
    """

    path: Path
    source: Source
    options: Options
    layout: Layout


def detect_file(
    path: Path, sources: Mapping[str, Source], *, options: Options | None = None
) -> DetectedFile:
    """Detect the format of a file.

    Parameters
    ----------
    path : Path
        CSV or similar text, also as ``.gz`` or ``.zip``; Parquet; a workbook; or JSON records.
    sources : mapping of str to Source
        The formats to choose from.
    options : Options, optional
        Whatever is known already.

    Raises
    ------
    InputError
        ``E-COLUMNS`` if no format fits, with the columns found and those needed; and whatever
        reading a file raises.

    Examples
    --------
    >>> from escalation._util.resources import bundled
    >>> from escalation.events import SOURCES
    >>> file = detect_file(bundled("iraq_crisis_events.csv"), SOURCES)
    >>> file.source.name, file.layout.delimiter, file.options.encoding
    ('iraq_crisis', ',', None)
    """
    requested = options or Options()
    sources = {name: source.with_options(requested) for name, source in sources.items()}
    options = replace(requested, encoding=requested.encoding or _likely_encoding(path))
    known_format = len(sources) == 1 and tidy.FORMAT.name not in sources
    headers = [] if known_format else _headers(path, options)
    if tidy.FORMAT.name in sources:
        obvious = _obvious_columns(headers, options, sources)
        options = replace(options, columns={**obvious, **requested.columns})
    headers = [aliased(header, options.columns) for header in headers]
    source = (
        next(iter(sources.values())) if len(sources) == 1 else _best_source(path, headers, sources)
    )
    if requested.encoding is None and options.encoding in _ENCODINGS and source.fallback_encoding:
        options = replace(options, encoding=source.fallback_encoding)
    layout, blocks = read_blocks(path, source, options)
    if requested.date_format is None and (block := next(blocks, None)) is not None:
        date_format = _date_format(block.cells, layout.source.dates)
        options = replace(options, date_format=date_format)
    return DetectedFile(path, source, options, layout)


def _likely_encoding(path: Path) -> str | None:
    """Return the encoding of a text file unless UTF-8: by its BOM, else the first that fits."""
    if is_table(path):
        return None
    try:
        if is_utf8(path):
            return None
    except InputError as error:
        if error.code != "E-ENCODING":
            raise
        if _decodes(path, "utf-16"):
            return "utf-16"
        raise _binary_file_error(path) from None
    return next((name for name in _ENCODINGS if _decodes(path, name)), None)


def _decodes(path: Path, encoding: str) -> bool:
    with suppress(InputError):
        read_through(path, encoding)
        return True
    return False


def _headers(path: Path, options: Options) -> list[Header]:
    """Return the possible headers: one per sheet of a workbook or per separator of a text."""
    if is_table(path):
        return table_headers(path)
    with closing(TextStream(path, encoding=options.encoding)) as stream:
        if holds_json(stream):
            return [json_header(stream)]
        return possible_headers(stream, options.separator)


def _best_source(path: Path, headers: Sequence[Header], sources: Mapping[str, Source]) -> Source:
    tidy_last = sorted(sources.values(), key=lambda source: source.name == tidy.FORMAT.name)
    scores = [
        max((_score(header, source) for header in headers), default=0) for source in tidy_last
    ]
    if not any(scores):
        raise _no_format_error(path, max(headers, key=len, default=()), sources)
    return tidy_last[scores.index(max(scores))]


def _obvious_columns(
    headers: Sequence[Header], options: Options, sources: Mapping[str, Source]
) -> dict[str, str]:
    """Return columns with obvious names for ``tidy``; none if a format fits without them."""
    headers = [aliased(header, options.columns) for header in headers]
    if any(_fits_exactly(header, source) for header in headers for source in sources.values()):
        return {}
    other_formats = set(options.columns.values()) - set(tidy.FORMAT.columns)
    for header in headers:
        names = [name for name in header if name not in other_formats]
        columns = obvious_columns(names, tidy.FORMAT.columns)
        if columns and _score(aliased(header, columns), sources[tidy.FORMAT.name]):
            return columns
    return {}


def _fits_exactly(header: Header, source: Source) -> bool:
    """Return whether a format fits, and its identifier column, if it has one, is there too."""
    has_id = not source.content_id or source.content_id in matched(header, source.columns)[0]
    return has_id and bool(_score(header, source))


def _score(header: Header, source: Source) -> int:
    """Count the columns of a header that a source knows; 0 if a required one is missing."""
    counts = [_n_known(header, variant) for variant in (source, *source.variants)]
    return max([*counts, _n_unnamed(header, source)])


def _n_known(header: Header, source: Source) -> int:
    known = (*source.columns, *source.ignored)
    columns = set(matched(header, known)[0])
    return len(columns & set(known)) if columns >= set(source.required) else 0


def _n_unnamed(header: Header, source: Source) -> int:
    """Count the columns of a file without a header: numbers first, and a known width."""
    numbers = all(cell.strip().isdigit() for cell in header[:2])
    fits = numbers and any(len(names) == len(header) for names in source.names)
    return len(header) if fits else 0


def _no_format_error(path: Path, header: Header, sources: Mapping[str, Source]) -> InputError:
    if any(category(letter) == "Cc" and letter not in "\t\r\n" for letter in "".join(header)):
        return _binary_file_error(path)
    columns = matched(header, tidy.FORMAT.columns)[0]
    missing = [name for name in tidy.FORMAT.required if name not in columns]
    places = "; or ".join(" and ".join(group) for group in tidy.FORMAT.one_of)
    names = ", ".join(name.strip() for name in header[:60])
    return InputError(
        "E-COLUMNS",
        f"the columns match no known format ({', '.join(sources)}); found: {names[:_SHOWN]}; "
        f"a table of your own needs {', '.join(tidy.FORMAT.required)}, and a place or two sides "
        f"({places})",
        where=f"{path}:1",
        column=missing[0] if missing else "",
        fix=_advice(missing, header, is_table(path)),
    )


def _binary_file_error(path: Path) -> InputError:
    return InputError(
        "E-COLUMNS",
        "this is not text; it looks like an image, a program or an archive",
        where=f"{path}:1",
        fix="give a CSV, JSON or Parquet file, a workbook, or one of these as .gz or .zip",
    )


def _advice(missing: Sequence[str], header: Header, typed: bool) -> str:
    """Return the options that map the columns of an unknown format."""
    similar = similar_columns(header, missing, tidy.FORMAT.columns)
    if not any(set(group) <= {*header, *similar.values()} for group in tidy.FORMAT.one_of):
        similar |= obvious_columns([name for name in header if name not in similar], _PLACES)
    separator = "" if typed else ", or set the right --separator"
    default = f"map your columns, for example --columns YOURS=event_date{separator}"
    advice = added_columns(similar, missing, date_parts(header)) or default
    if schema.EVENT_TYPE in missing:
        advice += ", or --event-type WORD if all events are of one type"
    return advice


def _date_format(cells: pa.Table, names: Collection[str]) -> str | None:
    """Return the one format of all dates of some rows; None for ISO dates and times of day."""
    columns = [pc.unique(trimmed(cells[name]).drop_null()).cast(pa.string()) for name in names]
    days = pa.concat_arrays([pa.array([], pa.string()), *columns])
    if not len(days) or pc.any(pc.match_substring_regex(days, ISO_MIDNIGHT)).as_py():
        return None
    sample = days.slice(0, 500)
    return next((form for form in _DATE_FORMATS if _all_fit(sample, form)), None)


def _all_fit(days: pa.Array, form: str) -> bool:
    if form == "%Y%m%d" and not pc.all(pc.match_substring_regex(days, "^[0-9]{8}$")).as_py():
        return False
    return pa.array(formatted_days(days, [form])).null_count == 0
