"""Event sources and the archive of what was known when."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from escalation import schema
from escalation._util.resources import bundled
from escalation.errors import EscalationError, InputError, UsageError
from escalation.events.archive import EventArchive
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
from escalation.events.reading.quarantine import Quarantine
from escalation.events.reading.report import Limits, own_types
from escalation.events.reading.validate import FileCheck
from escalation.events.source import EVENT_SCHEMA, Options, Source
from escalation.events.store.folder import ArchiveStore
from escalation.events.store.parts import to_frame

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
_ROWS_SHOWN = 3


def source_named(name: str) -> Source:
    """The source of a name.

    Raises
    ------
    UsageError
        ``E-SOURCE`` for a name that none has.
    """
    if name not in SOURCES:
        raise UsageError(
            "E-SOURCE", f"invalid value: must be one of {', '.join(SOURCES)}", value=name
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

    Rows that can't be taken are left out, with a warning on standard error.

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
    with _advice_for_experiments():
        check = FileCheck(file, form, chosen, limits or Limits(), Quarantine(None))
        tables = [table for table, _ in check.tables()]
        check.raise_if_over_limit()
    _tell(check)
    if not tables:
        raise InputError("E-EMPTY", "no row can be taken", where=str(file))
    events = pa.concat_tables([EVENT_SCHEMA.empty_table(), *tables])
    return EventArchive.of(to_frame(events), known_basis=check.basis)


def _tell(check: FileCheck) -> None:
    for remark in check.remarks:
        _warn(f"{check.path}: {remark}")
    if check.unrated:
        _warn(f"{check.path}: {own_types(dict(check.unrated.most_common()))}")
    if check.quarantined:
        rows = "; ".join(
            f"line {row.line} {row.code} {row.column}={row.value!r}"
            for row in check.first[:_ROWS_SHOWN]
        )
        _warn(
            f"{check.quarantined} of {check.records} rows of {check.path} were left out: {rows}; "
            "`escalation validate` lists them"
        )


def _warn(text: str) -> None:
    sys.stderr.write(f"warning: {text}\n")


@contextmanager
def _advice_for_experiments() -> Iterator[None]:
    """What to do, in the words of an experiment file instead of the options of an ingest."""
    try:
        yield
    except EscalationError as error:
        option = re.search("--(encoding|separator|date-format|zone)", error.fix)
        if option:
            key = option[1].replace("-", "_")
            error.fix = f"{error.fix.replace(option[0], key)}; under [data] of the experiment"
        elif "--quarantine" in error.fix:
            error.fix = "mend the rows; `escalation validate` lists them"
        raise


__all__ = ["SOURCES", "EventArchive", "Limits", "Options", "load_events", "source_named"]
