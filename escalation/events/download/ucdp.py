"""Download UCDP releases: the yearly GED and the Candidate releases, by version."""

from __future__ import annotations

import re
from pathlib import Path

from escalation.errors import UsageError
from escalation.events.download.web import Downloaded, Web, csv_with, whole_zip

UCDP_URL = "https://ucdp.uu.se/downloads"
_YEARLY = re.compile(r"\d{1,2}\.\d")
_CANDIDATE = re.compile(r"\d{2}\.(0\.\d{1,2}|01\.\d{2}\.\d{2})")


def _ucdp_name(version: str) -> str:
    """Path of a version relative to the base address; ``E-VERSION`` for other text.

    Examples
    --------
    >>> _ucdp_name("25.1"), _ucdp_name("25.0.3")
    ('ged/ged251-csv.zip', 'candidateged/GEDEvent_v25_0_3.csv')
    """
    if _YEARLY.fullmatch(version):
        return f"ged/ged{version.replace('.', '')}-csv.zip"
    if _CANDIDATE.fullmatch(version):
        return f"candidateged/GEDEvent_v{version.replace('.', '_')}.csv"
    raise UsageError(
        "E-VERSION",
        "needs a version such as 25.1 (GED), 25.0.3 or 25.01.25.06 (Candidate)",
        value=version,
    )


def fetch_ucdp(
    version: str, out: Path, *, web: Web, base: str = UCDP_URL, sha256: str | None = None
) -> list[Downloaded]:
    """Download a release into a folder.

    Parameters
    ----------
    version : str
        ``25.1`` for GED, ``25.0.3`` for a monthly Candidate, ``25.01.25.06`` for several months.
    out : Path
    web : Web
    base : str, optional
        Address of the releases.
    sha256 : str, optional
        Expected hash of the file.
    """
    name = _ucdp_name(version)
    path = out / name.rpartition("/")[2]
    check = whole_zip if path.suffix == ".zip" else csv_with("date_start")
    return [web.save(f"{base}/{name}", path, check=check, sha256=sha256)]
