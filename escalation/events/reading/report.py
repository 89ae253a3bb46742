"""What may be wrong with a file, and what became of its rows."""

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
    """What a file may get wrong.

    Parameters
    ----------
    max_bad : float
        Share of rows that may be unfit; above it the file is refused. Rows that are left out by
        the rule about coarse dates and spans are reported, but are not unfit.
    strict : bool
        Refuse columns that the source does not know, and event types without a rung.
    today : datetime.date, optional
        Later days are in the future; by default the day that is the latest anywhere on earth.
    """

    max_bad: float = 0.01
    strict: bool = False
    today: dt.date | None = None

    @property
    def latest(self) -> dt.date:
        """The last day that can have happened."""
        return self.today or (dt.datetime.now(dt.UTC) + _FURTHEST_AHEAD).date()


@dataclass(frozen=True)
class FileReport:
    """What became of the rows of a file: accepted + quarantined + duplicates = records.

    Parameters
    ----------
    file, source : str
    records, accepted, quarantined, duplicates : int
    reasons : mapping of str to int
        Quarantined rows by code.
    first : tuple of Rejected
        The first of them.
    unknown : tuple of str
        Columns that were left out.
    notes : mapping of str to int
        What the reader counted.
    known_basis : str
    zone : str, optional
        Declared time zone.
    unrated : mapping of str to int
        Events of types without a rung, by type: the severity is 3, 4 or 5 by their casualties.
    remarks : tuple of str
        How the file was read, where that was inferred.
    added, updated, retracted : int
        What the accepted rows did to the archive, and events that the file lacks.
    refusal : InputError, optional
        Why the file as a whole can't be taken: too many rows can't.
    missing : tuple of str
        The first events of the archive that the file lacks; how many is ``missing_count``.
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
    """Which event types have no rung, what was assumed, and what to write if that is wrong.

    Examples
    --------
    >>> print(unrated_types_message({"picnic": 3}))
    event types without a rung: 'picnic' (3 events). Their severity is 3 where nobody is known to be
    hurt, 4 with wounded, 5 with killed. If that is wrong, put lines such as these into the
    experiment file:
    [severity]
    "picnic" = [3, 4, 5]
    """
    named = listed([f"{name!r} ({count} events)" for name, count in unrated.items()], _TYPES_NAMED)
    lines = "\n".join(f"{json.dumps(name)} = [3, 4, 5]" for name in [*unrated][:_TYPES_NAMED])
    return (
        f"event types without a rung: {named}. Their severity is 3 where nobody is known to "
        "be hurt, 4 with wounded, 5 with killed. If that is wrong, put lines such as these into "
        f"the experiment file:\n[severity]\n{lines}"
    )
