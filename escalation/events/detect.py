"""What a file of events is: its format, encoding, separator and dates, found by looking at it.

The format is the one whose required columns are all in the header; of several, the one that knows
most of the columns. A table of one's own is read as ``tidy``; where it calls the columns that are
needed otherwise, an obvious name is taken, and told. Nothing else is guessed about a column that
places, dates, counts or types an event: what does not fit is refused, with what is needed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from unicodedata import category

import pyarrow as pa
import pyarrow.compute as pc

from escalation import schema
from escalation.errors import InputError
from escalation.events.columns import trimmed
from escalation.events.formats import tidy
from escalation.events.obvious_names import obvious_columns, similar_columns
from escalation.events.reading.days import ISO_MIDNIGHT, formatted_days
from escalation.events.reading.header import possible_headers
from escalation.events.reading.json_records import holds_json, json_header
from escalation.events.reading.layout import Layout, added_columns, aliased, matched
from escalation.events.reading.rows import read_blocks
from escalation.events.reading.streams import TextStream, is_utf8
from escalation.events.reading.tables import is_table, table_headers
from escalation.events.source import Options, Source

Header = tuple[str, ...]
_DATE_FORMATS = (
    "%Y%m%d", "%Y/%m/%d", "%Y.%m.%d", "%d %B %Y", "%d %b %Y", "%d-%B-%Y", "%d-%b-%Y",
    "%B %d, %Y", "%b %d, %Y",
)  # fmt: skip
"""Forms of a day that can be read in one way only."""
_ENCODINGS = ("cp1252", "latin-1")
_SHOWN = 400
_PLACES = tuple(dict.fromkeys(name for group in tidy.FORMAT.one_of for name in group))


@dataclass(frozen=True)
class DetectedFile:
    """What a file is, and how it is read.

    Parameters
    ----------
    path : Path
    source : Source
        The format.
    options : Options
        As given, with what was found: encoding, form of the dates and names of the columns, where
        they are not the usual.
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
    """Find out what a file is.

    Parameters
    ----------
    path : Path
        CSV or the like, also ``.gz`` or ``.zip``; Parquet; a workbook; or JSON records.
    sources : mapping of str to Source
        The formats to choose from.
    options : Options, optional
        What is known already.

    Returns
    -------
    Detected

    Raises
    ------
    InputError
        ``E-COLUMNS`` with what was found and what is needed, where no format fits; and what reading
        any file raises.

    Examples
    --------
    >>> from escalation._util.resources import bundled
    >>> from escalation.events import SOURCES
    >>> file = detect_file(bundled("iraq_crisis_events.csv"), SOURCES)
    >>> file.source.name, file.layout.delimiter, file.options.encoding
    ('iraq_crisis', ',', None)
    """
    given = options or Options()
    sources = {name: source.with_options(given) for name, source in sources.items()}
    with_text = replace(given, encoding=given.encoding or _likely_encoding(path))
    if tidy.FORMAT.name in sources:
        found = _own_columns(path, with_text, sources)
        with_text = replace(with_text, columns={**found, **given.columns})
    source = (
        next(iter(sources.values())) if len(sources) == 1 else _source(path, with_text, sources)
    )
    if given.encoding is None and with_text.encoding in _ENCODINGS and source.fallback_encoding:
        with_text = replace(with_text, encoding=source.fallback_encoding)
    layout, blocks = read_blocks(path, source, with_text)
    if given.date_format is None and (first := next(blocks, None)) is not None:
        form = _date_format(first.cells, layout.source.dates)
        with_text = replace(with_text, date_format=form)
    return DetectedFile(path, source, with_text, layout)


def _likely_encoding(path: Path) -> str | None:
    """The encoding of a text file that is not UTF-8: by its mark, else the first that fits."""
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
        raise _hardly_text(path) from None
    return next((name for name in _ENCODINGS if _decodes(path, name)), None)


def _decodes(path: Path, encoding: str) -> bool:
    try:
        with closing(TextStream(path, encoding=encoding)) as stream:
            while stream.read(1 << 20):
                pass
    except InputError:
        return False
    return True


def _source(path: Path, options: Options, sources: Mapping[str, Source]) -> Source:
    headers = [aliased(header, options.columns) for header in _headers(path, options)]
    tidy_last = sorted(sources.values(), key=lambda source: source.name == tidy.FORMAT.name)
    fits = [
        (known, -place, source)
        for place, source in enumerate(tidy_last)
        if (known := max((_fit(header, source) for header in headers), default=0))
    ]
    if fits:
        return max(fits, key=lambda fit: fit[:2])[2]
    raise _no_format(path, max(headers, key=len, default=()), sources)


def _own_columns(path: Path, options: Options, sources: Mapping[str, Source]) -> dict[str, str]:
    """Columns of a table of one's own by obvious names; none where a format fits as it stands."""
    headers = [aliased(header, options.columns) for header in _headers(path, options)]
    if any(_fits_whole(header, source) for header in headers for source in sources.values()):
        return {}
    taken = set(options.columns.values()) - set(tidy.FORMAT.columns)
    found = (
        obvious_columns([name for name in header if name not in taken], tidy.FORMAT.columns)
        for header in headers
    )
    own = sources[tidy.FORMAT.name]
    fits = (
        new
        for header, new in zip(headers, found, strict=True)
        if new and _fit(aliased(header, new), own)
    )
    return next(fits, {})


def _fits_whole(header: Header, source: Source) -> bool:
    """Whether a format fits as the file stands, with an identifier of its own."""
    named = not source.content_id or source.content_id in matched(header, source.columns)[0]
    return named and bool(_fit(header, source))


def _headers(path: Path, options: Options) -> list[Header]:
    """What may be the column names: by sheet of a workbook, by separator of a text."""
    if is_table(path):
        return table_headers(path)
    with closing(TextStream(path, encoding=options.encoding)) as stream:
        if holds_json(stream):
            return [json_header(stream)]
        return possible_headers(stream, options.separator)


def _fit(header: Header, source: Source) -> int:
    """How many columns of a header a source knows; 0 where it lacks one that it needs."""
    counts = [_known(header, variant) for variant in (source, *source.variants)]
    return max([*counts, _width(header, source)])


def _known(header: Header, source: Source) -> int:
    known = (*source.columns, *source.ignored)
    columns = set(matched(header, known)[0])
    return len(columns & set(known)) if columns >= set(source.required) else 0


def _width(header: Header, source: Source) -> int:
    """The columns of a file without a header: as many as the source has, and numbers first."""
    numbers = all(cell.strip().isdigit() for cell in header[:2])
    fits = numbers and any(len(names) == len(header) for names in source.names)
    return len(header) if fits else 0


def _no_format(path: Path, header: Header, sources: Mapping[str, Source]) -> InputError:
    if any(category(letter) == "Cc" and letter not in "\t\r\n" for letter in "".join(header)):
        return _hardly_text(path)
    missing = [n for n in tidy.FORMAT.required if n not in matched(header, tidy.FORMAT.columns)[0]]
    places = "; or ".join(" and ".join(group) for group in tidy.FORMAT.one_of)
    found = ", ".join(name.strip() for name in header[:60])
    return InputError(
        "E-COLUMNS",
        f"the columns are of no format that can be read ({', '.join(sources)}); found: "
        f"{found[:_SHOWN]}; a table of your own needs {', '.join(tidy.FORMAT.required)}, and a "
        f"place or two sides ({places})",
        where=f"{path}:1",
        column=missing[0] if missing else "",
        fix=_advice(missing, header, is_table(path)),
    )


def _hardly_text(path: Path) -> InputError:
    return InputError(
        "E-COLUMNS",
        "it starts with what is hardly text: a picture, a program, or a packed file",
        where=f"{path}:1",
        fix="give a CSV, JSON or Parquet file, a workbook, or one of these as .gz or .zip",
    )


def _advice(missing: Sequence[str], header: Header, typed: bool) -> str:
    """Which options say what the columns are that no format knows."""
    near = similar_columns(header, missing, tidy.FORMAT.columns)
    if not any(set(group) <= {*header, *near.values()} for group in tidy.FORMAT.one_of):
        near |= obvious_columns([name for name in header if name not in near], _PLACES)
    rest = [name for name in missing if name not in near.values()]
    other = "" if typed else ", or name the right --separator"
    named = "say which column is which, such as --columns YOURS=event_date"
    one = ", or --event-type WORD if all rows are of one" if schema.EVENT_TYPE in missing else ""
    return (added_columns(near, rest) or f"{named}{other}") + one


def _date_format(cells: pa.Table, names: Collection[str]) -> str | None:
    """The one form of all dates of some rows, where it is not ISO and no time is in it."""
    values = [pc.unique(trimmed(cells[name]).drop_null()) for name in names]
    days = pa.concat_arrays([pa.array([], pa.string()), *(one.cast(pa.string()) for one in values)])
    if not len(days) or pc.any(pc.match_substring_regex(days, ISO_MIDNIGHT)).as_py():
        return None
    sample = days.slice(0, 500)
    fits = (form for form in _DATE_FORMATS if not _misfits(sample, form))
    return next(fits, None)


def _misfits(days: pa.Array, form: str) -> bool:
    if form == "%Y%m%d" and not pc.all(pc.match_substring_regex(days, "^[0-9]{8}$")).as_py():
        return True
    return bool(pc.any(pc.is_null(pa.array(formatted_days(days, [form])))).as_py())
