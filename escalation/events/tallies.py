"""Running tallies and levels of the Iraq crisis, as published at the time.

Examples are a press agency's "23rd attack" on 14 March 2020, the dead of the unrest and the troops
in the country. They are not events and no model uses them: they show how complete the chronology
is.
"""

from __future__ import annotations

import csv
import datetime as dt
from dataclasses import dataclass, fields
from pathlib import Path

from escalation._util.resources import bundled
from escalation.errors import InputError

_FILE = "iraq_crisis_tallies.csv"


@dataclass(frozen=True)
class Tally:
    """A published number.

    Parameters
    ----------
    as_of_date : datetime.date
        The last day counted.
    published_date : datetime.date
        The day of publication; never before ``as_of_date``.
    publisher : str
        Who counted.
    what : str
        What was counted, with the publisher's "at least" or "about".
    since_date : datetime.date or None
        The first day counted; None for a level, such as troops.
    value : int
    unit : str
        Such as attacks, killed, wounded or troops.
    source_url : str
        One or two pages, separated by ``" ; "``.
    """

    as_of_date: dt.date
    published_date: dt.date
    publisher: str
    what: str
    since_date: dt.date | None
    value: int
    unit: str
    source_url: str


def load_tallies(path: Path | None = None) -> tuple[Tally, ...]:
    """Load the bundled tallies, or a file with the same columns, in the order of the file.

    Raises
    ------
    InputError
        ``E-COLUMNS`` for other columns, ``E-VALUE`` with the line for an invalid ISO day or whole
        number, ``E-KNOWN`` for a tally published before its last day.

    Examples
    --------
    >>> attacks = [tally for tally in load_tallies() if "23rd" in tally.what]
    >>> attacks[0].as_of_date.isoformat(), attacks[0].publisher, attacks[0].value
    ('2020-03-14', 'AFP', 23)
    """
    file = path or bundled(_FILE)
    with file.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines)
        expected = [field.name for field in fields(Tally)]
        if rows.fieldnames != expected:
            raise InputError("E-COLUMNS", f"needs {', '.join(expected)}", where=str(file))
        return tuple(_tally(row, f"{file}:{rows.line_num}") for row in rows)


def _tally(row: dict[str, str], where: str) -> Tally:
    try:
        tally = Tally(
            as_of_date=dt.date.fromisoformat(row["as_of_date"]),
            published_date=dt.date.fromisoformat(row["published_date"]),
            publisher=row["publisher"],
            what=row["what"],
            since_date=dt.date.fromisoformat(row["since_date"]) if row["since_date"] else None,
            value=int(row["value"]),
            unit=row["unit"],
            source_url=row["source_url"],
        )
    except (TypeError, ValueError) as error:
        raise InputError("E-VALUE", f"invalid value: {error}", where=where) from None
    if tally.published_date < tally.as_of_date:
        raise InputError("E-KNOWN", "published before its last day", where=where)
    return tally
