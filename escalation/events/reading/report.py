"""Limits on invalid rows, and the report on a file that was read."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from escalation import schema
from escalation._util.text import listed
from escalation.errors import InputError
from escalation.events.reading.blocks import RejectedRow

_FURTHEST_AHEAD = dt.timedelta(hours=14)
_TYPES_NAMED = 10


@dataclass(frozen=True)
class Limits:
    """How much of a file may be invalid.

    Parameters
    ----------
    max_bad : float
        Share of rows that may be invalid; above it the whole file is rejected. Rows left out for
        coarse dates or long spans are reported, but are not invalid.
    strict : bool
        Reject unknown columns, and event types that are not on the ladder.
    today : datetime.date, optional
        Later days are in the future; by default the latest date anywhere on earth.
    """

    max_bad: float = 0.01
    strict: bool = False
    today: dt.date | None = None

    @property
    def latest(self) -> dt.date:
        """The last day on which an event can have happened."""
        return self.today or (dt.datetime.now(dt.UTC) + _FURTHEST_AHEAD).date()


@dataclass(frozen=True)
class FileReport:
    """Counts of the rows of a file: accepted + quarantined + duplicates = records.

    Parameters
    ----------
    file, source : str
    records, accepted, quarantined, duplicates : int
    reasons : mapping of str to int
        Quarantined rows by code.
    first : tuple of RejectedRow
        The first quarantined rows.
    unknown : tuple of str
        Columns that were skipped.
    notes : mapping of str to int
        Counts of the reader, such as repaired cells.
    known_basis : str
    zone : str, optional
        Time zone of the options.
    unrated : mapping of str to int
        Number of events by type not on the ladder; their severity is 3, 4 or 5 by casualties.
    remarks : tuple of str
        Assumptions about the file.
    added, updated, retracted : int
        Changes of the archive.
    refusal : InputError, optional
        Set if too many rows are invalid.
    missing : tuple of str
        The first events of the archive that the file lacks; ``missing_count`` is their number.
    """

    file: str
    source: str
    records: int
    accepted: int
    quarantined: int
    duplicates: int
    reasons: Mapping[str, int]
    first: tuple[RejectedRow, ...]
    unknown: tuple[str, ...]
    notes: Mapping[str, int]
    known_basis: schema.KnownBasis
    zone: str | None = None
    unrated: Mapping[str, int] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    added: int = 0
    updated: int = 0
    retracted: int = 0
    refusal: InputError | None = None
    missing: tuple[str, ...] = ()
    missing_count: int = 0


def unrated_types_message(unrated: Mapping[str, int]) -> str:
    """Describe event types that are not on the ladder, and how to set their rungs.

    Examples
    --------
    >>> print(unrated_types_message({"picnic": 3}))
    event types without a rung: 'picnic' (3 events). Their severity is 3 if nobody is known to be
    hurt, 4 with wounded, 5 with killed. If that is wrong, add lines like these to the experiment
    file:
    [severity]
    "picnic" = [3, 4, 5]
    """
    named = listed([f"{name!r} ({count} events)" for name, count in unrated.items()], _TYPES_NAMED)
    lines = "\n".join(f"{json.dumps(name)} = [3, 4, 5]" for name in [*unrated][:_TYPES_NAMED])
    return (
        f"event types without a rung: {named}. Their severity is 3 if nobody is known to be hurt, "
        "4 with wounded, 5 with killed. If that is wrong, add lines like these to the experiment "
        f"file:\n[severity]\n{lines}"
    )
