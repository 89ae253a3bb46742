"""Download GDELT events: a file per day (1.0) or per quarter of an hour (2.0)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

from escalation._util.text import listed
from escalation.errors import InputError, UsageError
from escalation.events.download.web import Downloaded, Web, whole_zip

GDELT_URL = "https://storage.googleapis.com/data.gdeltproject.org"
"""GDELT's own bucket, over TLS, which its main host does not offer."""
_FIRST_DAYS = {1: dt.datetime(2013, 4, 1), 2: dt.datetime(2015, 2, 18, 23)}
_QUARTER = dt.timedelta(minutes=15)
_ABSENT = ("E-NOT-THERE", "E-REFUSED")
"""A bucket that can't be listed answers "access denied" for a file that it does not have."""
_SHOWN = 10


def _gdelt_names(first: dt.date, last: dt.date, *, version: int) -> Iterator[str]:
    """Paths of the files of a range of days, both included, relative to the base address.

    Examples
    --------
    >>> list(_gdelt_names(dt.date(2020, 1, 1), dt.date(2020, 1, 2), version=1))
    ['events/20200101.export.CSV.zip', 'events/20200102.export.CSV.zip']
    >>> names = list(_gdelt_names(dt.date(2020, 1, 1), dt.date(2020, 1, 1), version=2))
    >>> len(names), names[1]
    (96, 'gdeltv2/20200101001500.export.CSV.zip')
    """
    step, name = (
        (dt.timedelta(days=1), "events/%Y%m%d.export.CSV.zip")
        if version == 1
        else (_QUARTER, "gdeltv2/%Y%m%d%H%M%S.export.CSV.zip")
    )
    time = max(dt.datetime.combine(first, dt.time()), _FIRST_DAYS[version])
    while time.date() <= last:
        yield time.strftime(name)
        time += step


def fetch_gdelt(
    first: dt.date,
    last: dt.date,
    out: Path,
    *,
    web: Web,
    version: int = 1,
    base: str = GDELT_URL,
    allow_missing: bool = False,
) -> list[Downloaded]:
    """Download the event files of a range of days into a folder.

    Parameters
    ----------
    first, last : datetime.date
        Both included.
    out : Path
    web : Web
    version : int, optional
        1 has a file per day, 2 a file per quarter of an hour.
    base : str, optional
        Address of the folders ``events`` and ``gdeltv2``.
    allow_missing : bool, optional
        Skip files that the server lacks; GDELT has gaps of hours.

    Raises
    ------
    InputError
        ``E-NOT-THERE`` with the names of missing files; the others have been downloaded.
    UsageError
        ``E-DATES`` if the range is empty or starts before the first file.
    """
    names = list(_gdelt_names(first, last, version=version))
    if not names or first < _FIRST_DAYS[version].date():
        raise UsageError(
            "E-DATES",
            f"needs days in order, on or after {_FIRST_DAYS[version].date()} for GDELT {version}.0",
            value=f"{first} to {last}",
        )
    downloaded, missing = [], []
    for name in names:
        try:
            path = out / name.rpartition("/")[2]
            downloaded.append(web.save(f"{base}/{name}", path, check=whole_zip))
        except InputError as error:
            if error.code not in _ABSENT:
                raise
            missing.append(name)
    if missing and not (allow_missing and downloaded):
        raise InputError(
            "E-NOT-THERE",
            f"the server lacks {len(missing)} of {len(names)} files: {listed(missing, _SHOWN)}",
            where=base,
            fix="choose other days, or skip missing files with --allow-missing",
        )
    return downloaded
