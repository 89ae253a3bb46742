"""Running tallies and levels of the Iraq crisis, as their publishers gave them at the time.

A press agency's "23rd attack" on 14 March 2020, the dead of the unrest, the troops in the country.
They are no events and no model sees them: they tell how much of a period the chronology covers.
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
    """A number that somebody published.

    Parameters
    ----------
    as_of_date : datetime.date
        The last day that it counts.
    published_date : datetime.date
        The day on which it was published; never before ``as_of_date``.
    publisher : str
        Who counted.
    what : str
        What was counted, with "at least" or "about" where the publisher said so.
    since_date : datetime.date or None
        The first day that it counts; None for a level, such as troops.
    value : int
    unit : str
        attacks, killed, wounded, troops and the like.
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
    """The bundled tallies, or those of a file with the same columns, in the file's order.

    Raises
    ------
    InputError
        ``E-COLUMNS`` for other columns, ``E-VALUE`` with the line for a cell that is no ISO day or
        no whole number, ``E-KNOWN`` for a tally that was published before its last day.

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
