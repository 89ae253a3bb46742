"""Download ACLED events of some countries and days through its API, page by page."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from escalation._util.files import replacing
from escalation.errors import EscalationError, InputError, UsageError
from escalation.events.download.web import Downloaded, Web

ACLED_URL = "https://acleddata.com"
USERNAME, PASSWORD = "ACLED_USERNAME", "ACLED_PASSWORD"
_CLIENT = "acled"
_ROWS_PER_PAGE = 5000
_KEY = "event_id_cnty"


def _acled_token(web: Web, base: str, environment: Mapping[str, str]) -> str:
    """An access token for the user in the environment.

    ``E-CREDENTIALS`` if the name or password is missing, would be sent unencrypted, or is rejected.
    """
    missing = [name for name in (USERNAME, PASSWORD) if not environment.get(name)]
    if missing:
        raise UsageError(
            "E-CREDENTIALS",
            f"needs {' and '.join(missing)} in the environment",
            fix=f"set them to your login at {ACLED_URL}",
        )
    address = urlsplit(base)
    if address.scheme != "https" and address.hostname not in {"127.0.0.1", "localhost", "::1"}:
        raise UsageError("E-CREDENTIALS", "a password is only sent to an https address", value=base)
    form = {
        "username": environment[USERNAME],
        "password": environment[PASSWORD],
        "grant_type": "password",
        "client_id": _CLIENT,
    }
    try:
        response = web.request("POST", f"{base}/oauth/token", data=form)
        return str(response.json()["access_token"])
    except (InputError, ValueError, KeyError, TypeError) as error:
        reason = error.message if isinstance(error, EscalationError) else "no token in the response"
        raise InputError(
            "E-CREDENTIALS",
            f"ACLED rejected {USERNAME} and {PASSWORD}: {reason}",
            where=f"{base}/oauth/token",
            fix="check that you can log in there with them",
        ) from None


def _rows(text: str) -> tuple[str, str, int]:
    """The header line, the lines below it, and the number of their records."""
    header, _, body = text.partition("\n")
    return header.rstrip("\r"), body, sum(1 for row in csv.reader(io.StringIO(body)) if row)


def _pages(web: Web, url: str, token: str, filters: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Header and records of each page, until one is empty: some accounts get smaller pages."""
    first_header, previous = "", ""
    for page in itertools.count(1):
        query = {**filters, "limit": str(_ROWS_PER_PAGE), "page": str(page)}
        response = web.request(
            "GET", url, params=query, headers={"Authorization": f"Bearer {token}"}
        )
        header, body, count = _rows(response.content.decode("utf-8-sig"))
        if header and _KEY not in header:
            raise _content_error(
                url, header, f"CSV with a column {_KEY}", "check that your account has API access"
            )
        if not count:
            return
        first_header = first_header or header
        if header != first_header or body == previous:
            raise _content_error(url, header, "the same columns and other rows on every page", "")
        yield header, body if body.endswith("\n") else f"{body}\n"
        previous = body


def _content_error(url: str, header: str, expected: str, fix: str) -> InputError:
    return InputError("E-CONTENT", f"needs {expected}", where=url, value=header, fix=fix)


def fetch_acled(
    countries: Sequence[str],
    first: dt.date,
    last: dt.date,
    out: Path,
    *,
    web: Web,
    environment: Mapping[str, str],
    base: str = ACLED_URL,
) -> list[Downloaded]:
    """Download the events of some countries into one CSV file, written once all pages arrived.

    ACLED revises events, so a later export holds further versions of them.

    Parameters
    ----------
    countries : sequence of str
        As ACLED names them.
    first, last : datetime.date
        First and last day of the events, both included.
    out : Path
        Folder.
    web : Web
    environment : mapping of str to str
        With ``ACLED_USERNAME`` and ``ACLED_PASSWORD``.
    base : str, optional

    Raises
    ------
    UsageError
        ``E-DATES`` if the last day is before the first, ``E-CREDENTIALS``.
    InputError
        ``E-EMPTY`` without events, ``E-CREDENTIALS``, ``E-CONTENT``, and those of ``Web.request``.
    """
    if first > last:
        raise UsageError("E-DATES", "the first day is after the last", value=f"{first} to {last}")
    token = _acled_token(web, base, environment)
    filters = {
        "_format": "csv",
        "country": "|".join(countries),
        "event_date": f"{first}|{last}",
        "event_date_where": "BETWEEN",
    }
    places = re.sub(r"[^A-Za-z0-9]+", "-", "-".join(countries)).strip("-")[:60]
    path = out / f"acled_{places}_{first}_{last}.csv"
    digest, size = hashlib.sha256(), 0
    with replacing(path) as part, part.open("wb") as file:
        for header, body in _pages(web, f"{base}/api/acled/read", token, filters):
            data = (body if size else f"{header}\n{body}").encode()
            file.write(data)
            digest.update(data)
            size += len(data)
            web.progress(path.name, size, 0)
        if not size:
            raise InputError(
                "E-EMPTY",
                "there are no such events",
                value=path.stem,
                where=base,
                fix="check the countries and the days",
            )
    return [Downloaded(path, digest.hexdigest(), size)]
