"""Inspect a file of events: its format, its contents, and the settings to read it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from escalation import schema
from escalation.backtest.facts import Facts, facts_of
from escalation.events import Limits, Options, sources_named
from escalation.events.archive import EventArchive
from escalation.events.detect import DetectedFile, detect_file
from escalation.events.load import load_file
from escalation.events.reading.report import FileReport
from escalation.events.store.folder import ArchiveStore


@dataclass(frozen=True)
class Inspection:
    """Result of inspecting a file or an archive.

    Parameters
    ----------
    archive : EventArchive
        Unknown event types with telling words are rated as words or coercion.
    facts : Facts
    reading : mapping of str to Any
        Settings for ``[data]``, without the path.
    file : DetectedFile or None
    report : FileReport or None
        What happened to the rows; like ``file``, None for an archive on disk.
    """

    archive: EventArchive
    facts: Facts
    reading: Mapping[str, Any]
    file: DetectedFile | None = None
    report: FileReport | None = None


def inspect_file(
    path: Path,
    *,
    source: str | None = None,
    options: Options | None = None,
    limits: Limits | None = None,
) -> Inspection:
    """Detect the format of a file, read it and collect facts about it.

    Parameters
    ----------
    path : Path
        A file, or the folder of an archive.
    source : str, optional
        Name of a format; detected from the columns by default.
    options, limits : optional
        As for an ingest.

    Raises
    ------
    InputError
        If the file or too many of its rows can't be read.

    Examples
    --------
    >>> from escalation._util.resources import bundled
    >>> inspection = inspect_file(bundled("iraq_crisis_events.csv"))
    >>> inspection.reading["source"], inspection.report.quarantined
    ('iraq_crisis', 0)
    """
    if path.is_dir():
        archive = ArchiveStore(path).archive()
        # Severity is stored with the events: rungs set now would not change it.
        facts = replace(facts_of(archive, ladder=schema.SEVERITY_LADDER), unrated_types={})
        return Inspection(archive, facts, {"source": "tidy"})
    file = detect_file(path, sources_named(source), options=options)
    loaded = load_file(path, file.source, file.options, limits or Limits())
    facts = facts_of(loaded.archive, ladder=file.options.ladder)
    if quiet := {name: rungs for name, rungs in facts.unrated_types.items() if rungs is not None}:
        rated = replace(file.options, ladder={**file.options.ladder, **quiet})
        loaded = load_file(path, file.source, rated, limits or Limits())
        facts = replace(
            facts_of(loaded.archive, ladder=rated.ladder), unrated_types=facts.unrated_types
        )
    return Inspection(loaded.archive, facts, _reading(file, loaded.options), file, loaded.report)


def _reading(file: DetectedFile, options: Options) -> dict[str, Any]:
    """Settings of `[data]` for reading; None for defaults."""
    delimiter = file.layout.delimiter
    return {
        "source": file.source.name,
        "encoding": options.encoding,
        "separator": delimiter if delimiter not in (",", file.source.delimiter) else None,
        "date_format": options.date_format,
        "zone": options.zone,
        "columns": dict(options.columns) or None,
        "event_type": options.event_type,
    }
