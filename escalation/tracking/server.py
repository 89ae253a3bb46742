"""Check within seconds, before any work, that a tracking server answers."""

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
"""Time limit for a connection, and then for an answer."""
MOST_SECONDS: Final = 8.0
"""Time limit for the whole check: a name may not resolve, an answer may come byte by byte."""
REQUEST: Final = "/api/2.0/mlflow/experiments/search?max_results=1"
PORTS: Final = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
_MLFLOW_FINDS: Final = {"databricks", "databricks-uc"}
"""Schemes whose address MLflow finds by itself."""
_FIX: Final = "start it, or name another store with --tracking-uri or MLFLOW_TRACKING_URI"
_WRONG_HOST: Final = "it does not accept this host name (403, invalid host header)"
_FIX_HOST: Final = "start it with --allowed-hosts HOST:PORT, as in this address"


def require_answer(uri: str, *, seconds: float | None = None) -> None:
    """Refuse a server that doesn't answer; MLflow would retry for minutes.

    Any answer will do, even a request for a password: MLflow deals with it.

    Parameters
    ----------
    uri : str
        A tracking store; sqlite files and addresses that MLflow finds by itself are not checked.
    seconds : float, optional
        Time limit; :data:`MOST_SECONDS` by default.

    Raises
    ------
    StorageError
        ``E-UNREACHABLE``, and ``E-STORE`` if this is not a store.
    """
    scheme = uri.partition(":")[0].partition("+")[0]
    seconds, file = MOST_SECONDS if seconds is None else seconds, local_file(uri)
    if file is not None and (not file.exists() or file.is_file()) and uri != SQLITE:
        return
    if scheme in _MLFLOW_FINDS:
        return
    without_password = re.sub("//[^/]*@", "//", uri)
    if scheme not in {"http", "https", *PORTS}:
        raise StorageError(
            "E-STORE",
            "this is not a store of runs: a folder, a device, or an unknown kind of address",
            where=printable(without_password),
            fix=f"--tracking-uri {SQLITE}FOLDER/{STORE_FILE}, or the address of an MLflow server",
        )
    problems: list[str] = []

    def check() -> None:
        problems.append(_http_problem(uri) if scheme not in PORTS else _port_problem(uri, scheme))

    thread = threading.Thread(target=check, daemon=True)
    thread.start()
    thread.join(seconds)
    problem = problems[0] if problems else f"no answer within {seconds:.0f} s"
    if problem:
        raise StorageError(
            "E-UNREACHABLE",
            f"the tracking server can't be reached: {problem}",
            where=without_password,
            fix=_FIX_HOST if problem == _WRONG_HOST else _FIX,
        )


def _http_problem(uri: str) -> str:
    """What is wrong with an HTTP server; empty if it answers."""
    try:
        with urlopen(uri.rstrip("/") + REQUEST, timeout=SECONDS):
            return ""
    except HTTPError as error:
        if error.code == 403 and b"Invalid Host header" in error.read(1000):
            return _WRONG_HOST
        return f"it answers {error.code} {error.reason}" if error.code >= 500 else ""
    except URLError as error:
        # MLflow decides which certificates to accept.
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            return ""
        return _in_words(error.reason)
    except (OSError, http.client.HTTPException, ValueError) as error:
        return _in_words(error)


def _port_problem(uri: str, scheme: str) -> str:
    """What is wrong with a database server; empty if its port is open."""
    try:
        address = urlsplit(uri)
        if address.hostname is None:
            return ""
        port = address.port or PORTS[scheme]
        with socket.create_connection((address.hostname, port), timeout=SECONDS):
            return ""
    except (OSError, ValueError) as error:
        return _in_words(error)


def _in_words(error: object) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {SECONDS:.0f} s"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
