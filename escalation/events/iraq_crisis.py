"""The bundled chronology of the Iraq crisis: ``data/iraq_crisis_events.csv``.

``reported_date`` is the day on which a page that the row cites was published, so ``known_date`` is
observed; casualty figures that became known later still are the exception that the data card names.

The archive covers up to the last day on which anything was reported. Nobody looked after it, so a
quiet day later than that is not known to have been quiet.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from escalation import schema
from escalation.errors import InputError
from escalation.events.archive import EventArchive
from escalation.severity import severity

INSTALLATION_ATTACK = "installation_attack"
COLUMNS = (
    "event_id", "event_date", "reported_date", "country", "admin1", "site", "latitude",
    "longitude", "event_type", "actor", "target", "killed", "wounded",
    "counts_as_installation_attack", "confidence", "notes",
)  # fmt: skip
"""Columns that are read; the others are for people."""


def read_iraq_crisis(
    path: Path, *, ladder: Mapping[str, schema.Rungs] = schema.SEVERITY_LADDER
) -> EventArchive:
    """The chronology as an archive of canonical events.

    Parameters
    ----------
    path : Path
        The CSV file; its columns are described in ``data/README.md``.
    ladder : mapping of str to Rungs, optional
        Severity by event type.

    Returns
    -------
    EventArchive
        One version per event; tag ``installation_attack`` marks what press tallies count.

    Raises
    ------
    InputError
        ``E-COLUMNS`` when the file lacks a column; and what :meth:`EventArchive.of` refuses.

    Examples
    --------
    >>> from escalation.resources import bundled
    >>> archive = read_iraq_crisis(bundled("iraq_crisis_events.csv"))
    >>> len(archive.as_of("2020-03-11")), archive.covered_to
    (82, np.datetime64('2024-09-11'))
    """
    raw = pd.read_csv(path, dtype=str, keep_default_na=False)
    missing = [name for name in COLUMNS if name not in raw]
    if missing:
        raise InputError(
            "E-COLUMNS",
            f"expected the chronology's columns, without: {', '.join(missing)}",
            where=f"{path}:1",
            fix="name the right source, or see data/README.md for the columns",
        )
    text = raw.replace("", pd.NA)
    events = pd.DataFrame(
        {
            schema.EVENT_ID: raw["event_id"],
            schema.EVENT_DATE: pd.to_datetime(raw["event_date"], format="%Y-%m-%d"),
            schema.KNOWN_DATE: pd.to_datetime(raw["reported_date"], format="%Y-%m-%d"),
            schema.COUNTRY: text["country"],
            schema.ADMIN1: text["admin1"],
            schema.SITE: text["site"],
            schema.LATITUDE: pd.to_numeric(text["latitude"]),
            schema.LONGITUDE: pd.to_numeric(text["longitude"]),
            schema.EVENT_TYPE: raw["event_type"],
            schema.ACTOR: text["actor"],
            schema.TARGET: text["target"],
            schema.KILLED: pd.to_numeric(text["killed"]).astype("Int64"),
            schema.WOUNDED: pd.to_numeric(text["wounded"]).astype("Int64"),
            schema.SOURCE: "iraq_crisis",
            schema.CONFIDENCE: raw["confidence"],
            schema.TAGS: np.where(
                raw["counts_as_installation_attack"] == "1", INSTALLATION_ATTACK, ""
            ),
            schema.NOTE: text["notes"],
        }
    )
    events[schema.SEVERITY] = severity(events, ladder=ladder)
    return EventArchive.of(events, known_basis="observed")
