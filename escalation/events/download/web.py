"""Download files: retried, resumed, checked, then moved into place.

Built on ``requests`` and urllib3's ``Retry``. In addition, an interrupted body is resumed with a
range request if the server confirms that the file has not changed.
"""

from __future__ import annotations

import hashlib
import os
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from escalation import __version__
from escalation._util.progress import Progress, silent
from escalation.errors import BusyError, EscalationError, InputError, StorageError

_CHUNK = 1 << 14
"""Bytes that an interruption costs at most: only complete chunks are written."""
_BUSY = (429, 500, 502, 503, 504)
_ERRORS = {
    401: ("E-REFUSED", "access denied"),
    403: ("E-REFUSED", "access denied"),
    404: ("E-NOT-THERE", "the server has no file at this address"),
    410: ("E-NOT-THERE", "the server has no file at this address"),
}
_LONGEST_WAIT = 60.0
_T = TypeVar("_T")


@dataclass(frozen=True)
class Downloaded:
    """A downloaded file.

    Parameters
    ----------
    path : Path
    sha256 : str
        Of its bytes; pass it next time to make sure of the same file.
    size : int
        In bytes.
    """

    path: Path
    sha256: str
    size: int


class InterruptedBodyError(Exception):
    """The body of a response was cut off."""


class Web:
    """A session that retries requests and resumes downloads.

    Parameters
    ----------
    tries : int
        Attempts per request, and per interrupted body.
    pause : float
        Seconds before the second attempt, doubled for each further one.
    timeout : float
        Seconds without a byte after which an attempt has failed.
    progress : callable, optional
    """

    def __init__(
        self,
        *,
        tries: int = 5,
        pause: float = 0.5,
        timeout: float = 60.0,
        progress: Progress = silent,
    ) -> None:
        self.tries, self.pause, self.timeout, self.progress = tries, pause, timeout, progress
        retry = Retry(
            total=tries - 1,
            backoff_factor=pause,
            backoff_max=_LONGEST_WAIT,
            status_forcelist=_BUSY,
            retry_after_max=int(_LONGEST_WAIT),
            allowed_methods={"GET", "POST"},
            raise_on_status=False,
        )
        self.session = requests.Session()
        # Lengths and ranges count the bytes sent, so the transfer must not be compressed.
        self.session.headers.update(
            {"User-Agent": f"escalation/{__version__}", "Accept-Encoding": "identity"}
        )
        for scheme in ("http://", "https://"):
            self.session.mount(scheme, HTTPAdapter(max_retries=retry))

    def request(self, method: str, url: str, **options: object) -> requests.Response:
        """Send a request and return its response.

        Parameters
        ----------
        method, url : str
        **options
            For ``requests``.

        Raises
        ------
        InputError
            ``E-NOT-THERE``, ``E-REFUSED`` or ``E-DOWNLOAD``, depending on the status.
        BusyError
            ``E-NETWORK`` if no attempt got a response.
        """

        def send() -> requests.Response:
            response = self.session.request(
                method,
                url,
                timeout=self.timeout,
                stream=True,
                **options,  # type: ignore[arg-type]
            )
            with response, _reading_body():
                _ = response.content
            _check_status(response, url)
            return response

        return self._retry(url, send)

    def save(
        self, url: str, path: Path, *, check: Callable[[Path], None], sha256: str | None = None
    ) -> Downloaded:
        """Download a file unless it is already there.

        Parameters
        ----------
        url : str
        path : Path
        check : callable
            Raises if the file is not what it should be.
        sha256 : str, optional
            Expected hash of the file.

        Raises
        ------
        InputError
            As :meth:`request`, ``E-HASH``, and whatever ``check`` raises; the file is deleted.
        BusyError
            ``E-NETWORK``; the partial download stays, and is resumed next time.
        StorageError
            ``E-STORAGE`` if it can't be written.
        """
        with _disk(path):
            if path.exists():
                return _verified(path, sha256)
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(f".{path.name}.part")
            self._retry(url, lambda: self._resume(url, part))
            try:
                check(part)
                file = _verified(part, sha256)
            except EscalationError:
                _discard(part)
                raise
            os.replace(part, path)
            _discard(part)
        return Downloaded(path, file.sha256, file.size)

    def _retry(self, url: str, attempt: Callable[[], _T]) -> _T:
        """Retry after an interrupted body; ``Retry`` covers earlier failures."""
        for number in range(self.tries):
            try:
                return attempt()
            except InterruptedBodyError as error:
                last_error = error
                if number + 1 < self.tries:
                    time.sleep(min(self.pause * 2**number, _LONGEST_WAIT))
            except requests.RequestException as error:
                raise _no_answer(url, error) from error
        raise _no_answer(url, last_error) from last_error

    def _resume(self, url: str, part: Path) -> None:
        """Request the missing bytes, or all if the file on the server may have changed."""
        tag = _tag(part)
        size = part.stat().st_size if tag and part.exists() else 0
        headers = {"Range": f"bytes={size}-", "If-Range": tag} if size else {}
        with self.session.get(url, headers=headers, stream=True, timeout=self.timeout) as response:
            content_range = response.headers.get("Content-Range", "")
            if response.status_code == 416:
                if content_range.endswith(f"/{size}"):
                    return
                _discard(part)
                raise InterruptedBodyError("the file has changed on the server")
            _check_status(response, url)
            resumed = response.status_code == 206
            if resumed and not content_range.startswith(f"bytes {size}-"):
                _discard(part)
                raise InterruptedBodyError("the server sent another range")
            _save_tag(part, response.headers)
            self._write(response, part, size if resumed else 0)

    def _write(self, response: requests.Response, part: Path, size: int) -> None:
        total = size + int(response.headers.get("Content-Length", 0))
        name = part.name.removeprefix(".").removesuffix(".part")
        with part.open("ab" if size else "wb") as file, _reading_body():
            for chunk in response.iter_content(_CHUNK):
                file.write(chunk)
                size += len(chunk)
                self.progress(name, size, total)


def _check_status(response: requests.Response, url: str) -> None:
    status = response.status_code
    if status < 400:
        return
    if status in _BUSY:
        raise BusyError(
            "E-NETWORK", f"the server is busy ({status})", where=url, fix="run it again later"
        )
    code, message = _ERRORS.get(status, ("E-DOWNLOAD", "the download failed"))
    raise InputError(
        code,
        f"{message} ({status})",
        where=url,
        fix="check what you requested, and that your account has access",
    )


def whole_zip(path: Path) -> None:
    """Refuse a zip file that is truncated or damaged."""
    try:
        with zipfile.ZipFile(path) as archive:
            problem = archive.testzip()
    except (zipfile.BadZipFile, EOFError, ValueError) as error:
        problem = str(error)
    if problem is not None:
        raise InputError(
            "E-ZIP", f"the zip file is damaged: {problem}", where=path.name, fix="run it again"
        )


def csv_with(column: str) -> Callable[[Path], None]:
    """A check that a file is CSV with a column of this name, and not an error page."""

    def check(path: Path) -> None:
        with path.open("rb") as file:
            header = file.readline(_CHUNK)
        names = header.decode("utf-8-sig", errors="replace").strip().split(",")
        if column not in [name.strip('" ') for name in names]:
            raise InputError(
                "E-CONTENT",
                f"needs CSV with a column {column}",
                where=path.name,
                value=header[:60],
                fix="check what you requested",
            )

    return check


def _verified(path: Path, sha256: str | None) -> Downloaded:
    with path.open("rb") as file:
        actual = hashlib.file_digest(file, "sha256").hexdigest()
    if sha256 is not None and actual != sha256.lower():
        raise InputError(
            "E-HASH",
            f"SHA-256 is {actual}, not {sha256}",
            where=str(path),
            fix="ask the publisher whether the file has changed",
        )
    return Downloaded(path, actual, path.stat().st_size)


def _tag_file(part: Path) -> Path:
    return part.with_name(f"{part.name}.tag")


def _tag(part: Path) -> str:
    path = _tag_file(part)
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _save_tag(part: Path, headers: Mapping[str, str]) -> None:
    """Save what identifies this state of the file on the server; a weak ETag does not."""
    tag = headers.get("ETag", "")
    if not tag or tag.startswith("W/"):
        tag = headers.get("Last-Modified", "")
    _tag_file(part).write_text(tag, encoding="utf-8")


def _discard(part: Path) -> None:
    for path in (part, _tag_file(part)):
        path.unlink(missing_ok=True)


@contextmanager
def _reading_body() -> Iterator[None]:
    try:
        yield
    except requests.RequestException as error:
        raise InterruptedBodyError(str(error)) from error


def _no_answer(url: str, error: Exception) -> BusyError:
    return BusyError(
        "E-NETWORK",
        f"no answer: {type(error).__name__}: {error}",
        where=url,
        fix="run it again; it resumes where it stopped",
    )


@contextmanager
def _disk(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            "E-STORAGE", f"could not write the file: {error.strerror or error}", where=str(path)
        ) from error
