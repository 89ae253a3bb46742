"""Event sources, and the archive of event versions with the days they became known."""

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
"""Files that come with the package, by source."""


def source_named(name: str) -> Source:
    """Return the source with a name.

    Raises
    ------
    UsageError
        ``E-SOURCE`` for an unknown name.
    """
    if name not in SOURCES:
        raise UsageError(
            "E-SOURCE",
            f"invalid value: must be one of {', '.join(SOURCES)}",
            value=name,
            fix="use one of these, or leave it out: the columns then decide the format",
        )
    return SOURCES[name]


def load_events(
    source: str,
    path: Path | None = None,
    *,
    options: Options | None = None,
    limits: Limits | None = None,
    columns: Collection[str] | None = None,
) -> EventArchive:
    """Read a file of a known format, an archive on disk or a bundled file into memory.

    Rows that can't be read are left out, with a warning.

    Parameters
    ----------
    source : str
        Name of a format; ignored for an archive on disk.
    path : Path, optional
        A file, or the folder of an archive.
    options, limits : optional
        As for an ingest.
    columns : collection of str, optional
        Read only these columns, and those that every version needs, from an archive on disk.

    Raises
    ------
    UsageError
        ``E-SOURCE`` for an unknown format or a missing file name.
    InputError
        If the file, or too many of its rows, can't be read.
    """
    if path is not None and path.is_dir():
        return ArchiveStore(path).archive(columns=columns)
    file_format = source_named(source)
    if path is None:
        if source not in _BUNDLED:
            raise UsageError(
                "E-SOURCE", "needs a file of events", value=source, fix="add --events FILE"
            )
        path = bundled(_BUNDLED[source])
    return _load_with_warnings(path, file_format, options or Options(), limits or Limits())


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
    """Read a file of any known format, or an archive on disk, into memory.

    Rows left out and assumptions made are reported by :func:`warnings.warn`.

    Parameters
    ----------
    path : str or Path
        A file: CSV or similar text, also as ``.gz`` or ``.zip``; Parquet; a workbook; JSON
        records. Or the folder of an archive.
    source : str, optional
        Name of a format; by default the columns decide.
    encoding, separator, date_format, zone, lag : optional
        As for :class:`Options`; by default detected if the file allows it.
    ladder : mapping of str to Rungs, optional
        Severity by event type.
    columns : mapping of str to str, optional
        Column of the format by column of the file, such as ``{"when": "event_date"}``; obvious
        names are recognised.
    event_type : str, optional
        Type of the events of your own table that have none.
    max_bad : float, optional
        Share of the rows that may be left out.

    Raises
    ------
    UsageError
        ``E-SOURCE`` for an unknown format.
    InputError
        If the file, or too many of its rows, can't be read.

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
            fix="for a table: EventArchive.from_pandas(df, columns=...)",
        )
    path = Path(path)
    if path.is_dir():
        return ArchiveStore(path).archive()
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
        file = detect_file(path, sources_named(source), options=options)
        return _load_with_warnings(path, file.source, file.options, Limits(max_bad=max_bad))


def _load_with_warnings(
    path: Path, source: Source, options: Options, limits: Limits
) -> EventArchive:
    archive, report, _ = load_file(path, source, options, limits)
    for text in report_warnings(report):
        caution(text)
    return archive


def sources_named(name: str | None) -> Mapping[str, Source]:
    """Return the formats to choose from: the named one, or all for None.

    Raises
    ------
    UsageError
        ``E-SOURCE`` for an unknown name.
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
