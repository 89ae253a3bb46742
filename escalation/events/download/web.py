"""Files from the web: tried again, gone on with where they stopped, checked, then put in place.

On ``requests`` and the ``Retry`` of ``urllib3``, which every installation has already. What they do
not do is here: a broken-off body goes on by a range request, if the server says that the file is
still the same one.
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
"""What a break costs at most: a chunk counts once it is complete."""
_BUSY = (429, 500, 502, 503, 504)
_NOT_THERE = (404, 410)
_REFUSED = (401, 403)
_LONGEST_WAIT = 60.0
_T = TypeVar("_T")


@dataclass(frozen=True)
class Downloaded:
    """A file that is in place.

    Parameters
    ----------
    path : Path
    sha256 : str
        Of its bytes; give it the next time, to be sure of the same file.
    size : int
        In bytes.
    """

    path: Path
    sha256: str
    size: int


class BrokenOffError(Exception):
    """The answer began to come and did not end."""


class Web:
    """A session with patience.

    Parameters
    ----------
    tries : int
        How often a request is made, and how often a broken-off body is gone on with.
    pause : float
        Seconds before the second try, doubled with each further one.
    timeout : float
        Seconds without a byte after which a try has failed.
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
        # Lengths and ranges count the bytes on the line, so nothing may be packed on the way.
        self.session.headers.update(
            {"User-Agent": f"escalation/{__version__}", "Accept-Encoding": "identity"}
        )
        for scheme in ("http://", "https://"):
            self.session.mount(scheme, HTTPAdapter(max_retries=retry))

    def ask(self, method: str, url: str, **options: object) -> requests.Response:
        """The answer to a request.

        Parameters
        ----------
        method, url : str
        **options
            For ``requests``.

        Raises
        ------
        InputError
            ``E-NOT-THERE`` or ``E-REFUSED`` or ``E-DOWNLOAD``, by what the server says.
        BusyError
            ``E-NETWORK`` when no try got an answer.
        """

        def once() -> requests.Response:
            answer = self.session.request(
                method,
                url,
                timeout=self.timeout,
                stream=True,
                **options,  # type: ignore[arg-type]
            )
            with answer, _body():
                _ = answer.content
            _check_status(answer, url)
            return answer

        return self._patiently(url, once)

    def save(
        self,
        url: str,
        path: Path,
        *,
        check: Callable[[Path], None],
        sha256: str | None = None,
    ) -> Downloaded:
        """A file of the web in its place; nothing happens where it is there already.

        Parameters
        ----------
        url : str
        path : Path
        check : callable
            Raises when the file is not what it should be.
        sha256 : str, optional
            That the file must have.

        Raises
        ------
        InputError
            As :meth:`ask`, ``E-HASH``, and what ``check`` raises. Such a file is not kept.
        BusyError
            ``E-NETWORK``; what has come so far is kept, and gone on with the next time.
        StorageError
            ``E-STORAGE`` when it can't be written.
        """
        with _disk(path):
            if path.exists():
                return _verified(path, sha256)
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(f".{path.name}.part")
            self._patiently(url, lambda: self._go_on(url, part))
            try:
                check(part)
                file = _verified(part, sha256)
            except EscalationError:
                _discard(part)
                raise
            os.replace(part, path)
            _discard(part)
        return Downloaded(path, file.sha256, file.size)

    def _patiently(self, url: str, once: Callable[[], _T]) -> _T:
        """Try again where a body broke off; what failed before it, ``Retry`` has tried again."""
        for attempt in range(1, self.tries + 1):
            try:
                return once()
            except BrokenOffError as error:
                if attempt == self.tries:
                    raise _no_answer(url, error) from error
                time.sleep(min(self.pause * 2 ** (attempt - 1), _LONGEST_WAIT))
            except requests.RequestException as error:
                raise _no_answer(url, error) from error
        raise AssertionError("at least one try")

    def _go_on(self, url: str, part: Path) -> None:
        """Ask for what is missing; everything, if the server can't tell that it is the same."""
        same = _tag(part)
        have = part.stat().st_size if same and part.exists() else 0
        headers = {"Range": f"bytes={have}-", "If-Range": same} if have else {}
        with self.session.get(url, headers=headers, stream=True, timeout=self.timeout) as answer:
            if answer.status_code == 416:
                if answer.headers.get("Content-Range", "").endswith(f"/{have}"):
                    return
                _discard(part)
                raise BrokenOffError("the file has changed on the server")
            _check_status(answer, url)
            resumed = answer.status_code == 206
            if resumed and not answer.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
                _discard(part)
                raise BrokenOffError("the server sent another range")
            _mark(part, answer.headers)
            self._write(answer, part, have if resumed else 0)

    def _write(self, answer: requests.Response, part: Path, done: int) -> None:
        total = done + int(answer.headers.get("Content-Length", 0))
        name = part.name.removeprefix(".").removesuffix(".part")
        with part.open("ab" if done else "wb") as file, _body():
            for chunk in answer.iter_content(_CHUNK):
                file.write(chunk)
                done += len(chunk)
                self.progress(name, done, total)


def _check_status(answer: requests.Response, url: str) -> None:
    """Refuse an answer that is no success, in words."""
    status = answer.status_code
    if status < 400:
        return
    if status in _BUSY:
        raise BusyError(
            "E-NETWORK", f"the server is busy ({status})", where=url, fix="run it again later"
        )
    code, message = "E-DOWNLOAD", "the file can't be had"
    if status in _NOT_THERE:
        code, message = "E-NOT-THERE", "the server has no file under this address"
    elif status in _REFUSED:
        code, message = "E-REFUSED", "access denied"
    raise InputError(
        code,
        f"{message} ({status})",
        where=url,
        fix="check what you ask for, and that you may have it",
    )


def whole_zip(path: Path) -> None:
    """Refuse a zip file that is cut or damaged."""
    try:
        with zipfile.ZipFile(path) as archive:
            bad = archive.testzip()
    except (zipfile.BadZipFile, EOFError, ValueError) as error:
        bad = str(error)
    if bad is not None:
        raise InputError(
            "E-ZIP",
            f"the zip file is damaged: {bad}",
            where=path.name,
            fix="run it again",
        )


def csv_with(column: str) -> Callable[[Path], None]:
    """A check that a file is CSV whose header names a column, and no page about an error."""

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
                fix="check what you ask for",
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
            fix="ask the publisher whether the file was changed",
        )
    return Downloaded(path, actual, path.stat().st_size)


def _tag_file(part: Path) -> Path:
    return part.with_name(f"{part.name}.tag")


def _tag(part: Path) -> str:
    path = _tag_file(part)
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _mark(part: Path, headers: Mapping[str, str]) -> None:
    """Remember by what the server tells one state of the file from another; weak tags don't."""
    tag = headers.get("ETag", "")
    if not tag or tag.startswith("W/"):
        tag = headers.get("Last-Modified", "")
    _tag_file(part).write_text(tag, encoding="utf-8")


def _discard(part: Path) -> None:
    for path in (part, _tag_file(part)):
        path.unlink(missing_ok=True)


@contextmanager
def _body() -> Iterator[None]:
    try:
        yield
    except requests.RequestException as error:
        raise BrokenOffError(str(error)) from error


def _no_answer(url: str, error: Exception) -> BusyError:
    return BusyError(
        "E-NETWORK",
        f"no answer: {type(error).__name__}: {error}",
        where=url,
        fix="run it again; it goes on where it stopped",
    )


@contextmanager
def _disk(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            "E-STORAGE", f"the file can't be written: {error.strerror or error}", where=str(path)
        ) from error
