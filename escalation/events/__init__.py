"""Event sources and the archive of what was known when."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from os import PathLike
from pathlib import Path

from escalation import schema
from escalation._util.cautions import caution
from escalation._util.resources import bundled
from escalation.errors import UsageError
from escalation.events.archive import EventArchive
from escalation.events.detect import detect_file
from escalation.events.formats import (
    acled,
    gdelt,
    gtd,
    icews,
    iraq_crisis,
    polecat,
    tidy,
    ucdp,
)
from escalation.events.load import load_file, python_advice, report_warnings
from escalation.events.reading.report import Limits
from escalation.events.source import Options, Source
from escalation.events.store.folder import ArchiveStore

SOURCES: dict[str, Source] = {
    "acled": acled.FORMAT,
    "gdelt": gdelt.FORMAT,
    "gtd": gtd.FORMAT,
    "icews": icews.FORMAT,
    "iraq_crisis": iraq_crisis.FORMAT,
    "polecat": polecat.FORMAT,
    "tidy": tidy.FORMAT,
    "ucdp": ucdp.FORMAT,
}
_BUNDLED = {"iraq_crisis": "iraq_crisis_events.csv"}
"""Sources whose file comes with the package."""


def source_named(name: str) -> Source:
    """The source of a name.

    Raises
    ------
    UsageError
        ``E-SOURCE`` for a name that none has.
    """
    if name not in SOURCES:
        raise UsageError(
            "E-SOURCE",
            f"invalid value: must be one of {', '.join(SOURCES)}",
            value=name,
            fix="name one of these, or leave it out: the format is then found by the columns",
        )
    return SOURCES[name]


def load_events(
    source: str,
    path: Path | None = None,
    *,
    ladder: Mapping[str, schema.Rungs] = schema.SEVERITY_LADDER,
    options: Options | None = None,
    limits: Limits | None = None,
    columns: Collection[str] | None = None,
) -> EventArchive:
    """Read a file of a known format into memory, an archive on disk, or the bundled file.

    Rows that can't be taken are left out, with a warning.

    Parameters
    ----------
    source : str
        Name of a format; what an archive on disk holds was read before.
    path : Path, optional
        A file, or the folder of an archive.
    ladder : mapping of str to Rungs, optional
        Severity by event type.
    options, limits : optional
        As for an ingest.
    columns : collection of str, optional
        Of an archive on disk, read only these and what every version needs.

    Raises
    ------
    UsageError
        ``E-SOURCE`` for an unknown format or a missing file name.
    InputError
        When the file can't be taken, or too many of its rows.

    Examples
    --------
    >>> archive = load_events("iraq_crisis")
    >>> len(archive.as_of("2020-03-11")), archive.covered_to
    (86, np.datetime64('2024-10-01'))
    """
    if path is not None and path.is_dir():
        return ArchiveStore(path).archive(columns=columns)
    form = source_named(source)
    if path is None and source not in _BUNDLED:
        raise UsageError(
            "E-SOURCE", "needs a file of events", value=source, fix="add --events FILE"
        )
    chosen = Options(ladder=ladder) if options is None else options
    file = path or bundled(_BUNDLED[source])
    archive, report, _ = load_file(file, form, chosen, limits or Limits())
    for text in report_warnings(report):
        caution(text)
    return archive


def read_events(
    path: str | Path,
    source: str | None = None,
    *,
    encoding: str | None = None,
    separator: str | None = None,
    date_format: str | None = None,
    zone: str | None = None,
    lag: int | None = None,
    ladder: Mapping[str, schema.Rungs] = schema.SEVERITY_LADDER,
    columns: Mapping[str, str] | None = None,
    event_type: str | None = None,
    max_bad: float = 0.01,
) -> EventArchive:
    """Read a file of any known format into memory, or an archive on disk.

    What is left out or assumed is told with :func:`warnings.warn`.

    Parameters
    ----------
    path : str or Path
        A file: CSV or the like, also ``.gz`` or ``.zip``; Parquet; a workbook; JSON records. Or
        the folder of an archive.
    source : str, optional
        Name of a format; found by the columns by default.
    encoding, separator, date_format, zone, lag : optional
        As for :class:`Options`; what the file itself tells need not be given.
    ladder : mapping of str to Rungs, optional
        Severity by event type.
    columns : mapping of str to str, optional
        Columns of the format by the file's own names, such as ``{"when": "event_date"}``; obvious
        ones are found.
    event_type : str, optional
        Of rows of a table of one's own that have none.
    max_bad : float, optional
        Share of the rows that may be left out.

    Raises
    ------
    UsageError
        ``E-SOURCE`` for an unknown format.
    InputError
        When the file can't be taken, or too many of its rows.

    Examples
    --------
    >>> archive = read_events(bundled("iraq_crisis_events.csv"))
    >>> archive.known_basis, archive.covered_to
    ('observed', np.datetime64('2024-10-01'))
    """
    if not isinstance(path, str | PathLike):
        raise UsageError(
            "E-CONFIG",
            f"needs the path of a file or an archive, got {type(path).__name__}",
            fix="of a table: EventArchive.from_pandas(df, columns=...)",
        )
    place = Path(path)
    if place.is_dir():
        return ArchiveStore(place).archive()
    options = Options(
        encoding,
        separator,
        date_format,
        zone,
        lag,
        ladder=ladder,
        columns=columns or {},
        event_type=event_type,
    )
    with python_advice():
        file = detect_file(place, sources_named(source), options=options)
        archive, report, _ = load_file(place, file.source, file.options, Limits(max_bad=max_bad))
    for text in report_warnings(report):
        caution(text)
    return archive


def sources_named(name: str | None) -> Mapping[str, Source]:
    """The formats to choose from: the one of a name, or all.

    Raises
    ------
    UsageError
        ``E-SOURCE`` for a name that none has.
    """
    return SOURCES if name is None else {name: source_named(name)}


__all__ = [
    "SOURCES",
    "EventArchive",
    "Limits",
    "Options",
    "load_events",
    "read_events",
    "source_named",
    "sources_named",
]
