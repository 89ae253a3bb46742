"""Event sources and the archive of what was known when."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from escalation import schema
from escalation.errors import InputError, UsageError
from escalation.events.archive import EventArchive
from escalation.events.iraq_crisis import read_iraq_crisis
from escalation.resources import bundled

SOURCES = {
    "iraq_crisis": read_iraq_crisis,
}
BUNDLED = {"iraq_crisis": "iraq_crisis_events.csv"}
"""Sources whose file comes with the package."""


def load_events(
    source: str,
    path: Path | None = None,
    *,
    ladder: Mapping[str, schema.Rungs] = schema.SEVERITY_LADDER,
) -> EventArchive:
    """Read a file of a known format, or the bundled one.

    Raises
    ------
    UsageError
        ``E-SOURCE`` for an unknown format or a missing file name.
    InputError
        Whatever the reader refuses.
    """
    if source not in SOURCES:
        raise UsageError("E-SOURCE", f"expected one of {', '.join(SOURCES)}", value=source)
    if path is None and source not in BUNDLED:
        raise UsageError(
            "E-SOURCE", "expected a file of events", value=source, fix="add --events FILE"
        )
    file = path or bundled(BUNDLED[source])
    if not file.is_file():
        raise InputError("E-FILE", "expected a file", where=str(file))
    return SOURCES[source](file, ladder=ladder)


__all__ = ["SOURCES", "EventArchive", "load_events"]
