"""Whether a tracking server answers, asked before any work and told within seconds."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import threading
from typing import Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

from escalation.errors import StorageError, printable
from escalation.tracking.place import SQLITE, STORE_FILE, local_file

SECONDS: Final = 5.0
"""How long a connection, and then an answer, is waited for."""
MOST_SECONDS: Final = 8.0
"""How long the whole question may take: a name that nobody resolves, an answer byte by byte."""
QUESTION: Final = "/api/2.0/mlflow/experiments/search?max_results=1"
PORTS: Final = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
OTHERS: Final = {"databricks", "databricks-uc"}
"""Stores that MLflow asks by an address of its own."""
FIX: Final = "start it, or name another store with --tracking-uri or MLFLOW_TRACKING_URI"
OTHER_NAME: Final = "it does not go by that name (403, invalid host header)"
ALLOW: Final = "start it with --allowed-hosts HOST:PORT, as they stand in this address"


def require_answer(uri: str, *, seconds: float | None = None) -> None:
    """Refuse a server that doesn't answer; MLflow would ask it again for minutes.

    A server that answers at all, even that it wants a password, is asked by MLflow itself.

    Parameters
    ----------
    uri : str
        A tracking store; an sqlite file is not asked, nor what MLflow finds by itself.
    seconds : float, optional
        How long the question may take; :data:`MOST_SECONDS` by default.

    Raises
    ------
    StorageError
        ``E-UNREACHABLE``, and ``E-STORE`` for what is no store.
    """
    scheme = uri.partition(":")[0].partition("+")[0]
    seconds, file = MOST_SECONDS if seconds is None else seconds, local_file(uri)
    if file is not None and (not file.exists() or file.is_file()) and uri != SQLITE:
        return
    if scheme in OTHERS:
        return
    if scheme not in {"http", "https", *PORTS}:
        raise StorageError(
            "E-STORE",
            "this is no store of runs: a folder, a device, or an address of an unknown kind",
            where=printable(re.sub("//[^/]*@", "//", uri)),
            fix=f"--tracking-uri {SQLITE}FOLDER/{STORE_FILE}, or the address of an MLflow server",
        )
    answers: list[str] = []

    def ask() -> None:
        answers.append(_http(uri) if scheme not in PORTS else _port(uri, PORTS[scheme]))

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(seconds)
    trouble = answers[0] if answers else f"no answer within {seconds:.0f} s"
    if trouble:
        raise StorageError(
            "E-UNREACHABLE",
            f"the tracking server can't be reached: {trouble}",
            where=re.sub("//[^/]*@", "//", uri),  # no password is shown
            fix=ALLOW if trouble == OTHER_NAME else FIX,
        )


def _http(uri: str) -> str:
    """What is wrong with an HTTP server; empty if it answers."""
    try:
        with urlopen(uri.rstrip("/") + QUESTION, timeout=SECONDS):
            return ""
    except HTTPError as error:
        if error.code == 403 and b"Invalid Host header" in error.read(1000):
            return OTHER_NAME
        return f"it answers {error.code} {error.reason}" if error.code >= 500 else ""
    except URLError as error:
        # Which certificates count is for MLflow to say.
        trusted = not isinstance(error.reason, ssl.SSLCertVerificationError)
        return _words(error.reason) if trusted else ""
    except (OSError, http.client.HTTPException, ValueError) as error:
        return _words(error)


def _port(uri: str, default: int) -> str:
    """What is wrong with the place of a database; empty if somebody listens there."""
    try:
        place = urlsplit(uri)
        if place.hostname is None:
            return ""
        with socket.create_connection((place.hostname, place.port or default), timeout=SECONDS):
            return ""
    except (OSError, ValueError) as error:
        return _words(error)


def _words(error: object) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {SECONDS:.0f} s"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
