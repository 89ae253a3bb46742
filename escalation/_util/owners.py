"""Who is at work on this machine, and what the dead left behind.

Each process that writes holds the system's lock on a small file of its own, and notes there what it
has begun. However the process ends, the system releases the lock, and the next command reads the
note, clears up and removes the file. All users share the folder, so that each may ask whether
another's process lives; only one's own notes are ever acted upon.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import re
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

_NOBODY: Final = "00000000"
_TOKEN: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{16}")
_LEFT: Final = re.compile(rf"\..*-[0-9a-f]{{6}}\.({_TOKEN.pattern})\.part")
_LONGEST_NAME: Final = 100
RUN, ARCHIVE, _FOLDER, _TRIED = "run", "archive", "folder", "tried"
_FIRST_PAUSE: Final = 10.0
"""Seconds until what could not be cleared is tried again; twice as long after each try."""
_MOST_TRIES: Final = 15
"""After these, two days, a note is given up; a training in its store ends the run all the same."""


@dataclass(frozen=True)
class Left:
    """What a process had begun when it ended, and only those who know its kind can clear.

    Parameters
    ----------
    kind : str
        ``RUN`` or ``ARCHIVE``.
    name : str
        Of the experiment in which runs were begun, its id; empty for an archive.
    place : str
        The store, or the archive's folder.
    note : Path
        Where it was noted; for :func:`forget`, once it is cleared.
    """

    kind: str
    name: str
    place: str
    note: Path


@dataclass
class _Own:
    """The file of this process, while it is open."""

    token: str = ""
    handle: int = -1
    path: Path | None = None
    pid: int = 0
    begun: list[tuple[str, str]] = field(default_factory=list)


_own = _Own()


def shared_folder() -> Path:
    """Where the owners of all users of this machine lie; anybody may add, nobody may take away."""
    tops = [place for place in ("/var/tmp", "/tmp") if os.access(place, os.W_OK)]
    folder = Path(*(tops or [tempfile.gettempdir()])[:1]) / "escalation-owners"
    with suppress(FileExistsError):
        folder.mkdir()
        folder.chmod(0o1777)
    return folder


def _host() -> str:
    """Name of the machine, as far as it shares that folder: another container has another one."""
    place = f"{os.uname().nodename}:{shared_folder().stat().st_ino}"
    return sha256(place.encode()).hexdigest()[:8]


def owner() -> str:
    """The name of this process, unlike that of any other that ever was; it is alive until it ends.

    Where nothing can be written down, it is a name that is taken to live for ever.
    """
    if _own.pid != os.getpid():
        _reset()
        unlike = secrets.token_hex(8)
        _own.pid, _own.token = os.getpid(), f"{_NOBODY}-{unlike}"
        with suppress(OSError):
            _open(f"{_host()}-{unlike}")
    return _own.token


def _open(token: str) -> None:
    """Make the file and hold it; once more where somebody cleared it before it was held."""
    path = shared_folder() / f"{token}.owner"
    while True:
        flags = os.O_CREAT | os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW
        handle = os.open(path, flags, 0o644)
        fcntl.flock(handle, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            if os.path.samestat(os.stat(path), os.fstat(handle)):
                break
        os.close(handle)
    with suppress(OSError):
        os.fchmod(handle, 0o644)  # whatever the umask, anybody may ask
    _own.token, _own.handle, _own.path = token, handle, path


def _reset() -> None:
    """Forget the file of the process that this one was forked from; it stays that one's."""
    if _own.handle >= 0:
        with suppress(OSError):
            os.close(_own.handle)
    _own.token, _own.handle, _own.path, _own.pid = "", -1, None, 0
    _own.begun.clear()


@atexit.register
def retire() -> None:
    """Remove the file of this process, unless something that it began is not done."""
    if _own.pid == os.getpid() and _own.path is not None and not _own.begun:
        with suppress(OSError):
            _own.path.unlink()
        _reset()


os.register_at_fork(after_in_child=_reset)


def lives(token: str) -> bool:
    """Whether a process is still at work, as far as can be told from here.

    Parameters
    ----------
    token : str
        From :func:`owner`. One of another machine is taken to live.
    """
    if _own.pid == os.getpid() and token == _own.token:
        return True
    try:
        if not _TOKEN.fullmatch(token) or not token.startswith(_host()):
            return True
        path = shared_folder() / f"{token}.owner"
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False


def note(kind: str, place: str, name: str = "") -> None:
    """Note what is begun; the command that finds the note after a kill clears it.

    Parameters
    ----------
    kind, place, name : str
        As of :class:`Left`.
    """
    owner()
    _own.begun.append((kind, place))
    if _own.handle >= 0 and "\n" not in place:
        with suppress(OSError):
            os.write(_own.handle, f"{kind}\t{name}\t{place}\n".encode(errors="surrogateescape"))


def done(kind: str, place: str) -> None:
    """What was noted has ended, and the next command need not look at it.

    Parameters
    ----------
    kind, place : str
        As for :func:`note`; of several, one.
    """
    with suppress(ValueError):
        _own.begun.remove((kind, place))


@contextmanager
def own_folder(parent: Path, name: str = "") -> Iterator[Path]:
    """A folder that is gone afterwards, or after the next command if this process is killed.

    Parameters
    ----------
    parent : Path
    name : str, optional
        Of the file that is made there; leftovers of that name are cleared.
    """
    clear_beside(parent, name)
    unlike = secrets.token_hex(3)
    path = parent.absolute() / f".{name[:_LONGEST_NAME]}-{unlike}.{owner()}.part"
    note(_FOLDER, str(path))
    try:
        path.mkdir()
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        if not path.exists():
            done(_FOLDER, str(path))


def clear_beside(parent: Path, name: str) -> None:
    """Remove what the dead left of a file in a folder, whoever they were.

    Parameters
    ----------
    parent : Path
    name : str
    """
    if not name:
        return
    with suppress(OSError):
        for entry in os.scandir(parent):
            if entry.name.startswith(f".{name[:_LONGEST_NAME]}-"):
                _clear(Path(entry.path))


def _clear(path: Path, token: str | None = None) -> None:
    """Remove a folder of ours whose owner is dead."""
    match = _LEFT.fullmatch(path.name)
    if match is None or token not in (None, match[1]) or lives(match[1]):
        return
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)


def clear_dead() -> list[Left]:
    """Remove the temporary folders of this user's dead; give what else they left.

    A note of more than folders stays until :func:`forget` is told that all was cleared, or until
    it was put off too often.
    """
    left: list[Left] = []
    with suppress(OSError):
        for entry in list(os.scandir(shared_folder())):
            token = entry.name.removesuffix(".owner")
            with suppress(OSError):
                if _TOKEN.fullmatch(token) and not lives(token):
                    left += _cleared(Path(entry.path), token)
    return left


def _cleared(path: Path, token: str) -> list[Left]:
    """What a dead owner of this user had noted, its folders removed."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(handle, encoding="utf-8", errors="surrogateescape") as file:
        state = os.fstat(handle)
        if state.st_uid != os.geteuid() or not stat.S_ISREG(state.st_mode):
            return []
        lines = [line.split("\t", 2) for line in file.read().split("\n")[:-1]]
    noted = [Left(line[0], line[1], line[2], path) for line in lines if len(line) == 3]
    for one in noted:
        if one.kind == _FOLDER:
            _clear(Path(one.place), token)
    others = [one for one in dict.fromkeys(noted) if one.kind in (RUN, ARCHIVE)]
    tries = [float(one.place) for one in noted if one.kind == _TRIED and one.place.isdigit()]
    if not others or len(tries) >= _MOST_TRIES:
        path.unlink()
        return []
    return others if _due(tries, time.time()) else []


def _due(tries: list[float], now: float) -> bool:
    """Whether it is time to try again; at once where the clock was set back."""
    pause = _FIRST_PAUSE * 2.0 ** (len(tries) - 1)
    return not tries or not 0 <= now - tries[-1] < pause


def put_off(notes: Iterable[Path]) -> None:
    """Note that what the dead left could not be cleared; the next try waits longer each time."""
    for path in notes:
        with suppress(OSError):
            handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK)
            with os.fdopen(handle, "w") as file:
                file.write(f"{_TRIED}\t\t{int(time.time())}\n")


def forget(notes: Iterable[Path]) -> None:
    """Remove notes of the dead, all of which was cleared."""
    for path in notes:
        with suppress(OSError):
            path.unlink()


@contextmanager
def temporary_files() -> Iterator[None]:
    """All temporary files of this process, those of libraries too, in a folder of its own."""
    before = tempfile.tempdir
    try:
        opened = own_folder(Path(tempfile.gettempdir()))
        folder = opened.__enter__()
    except OSError:
        yield
        return
    tempfile.tempdir = str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before
        opened.__exit__(None, None, None)
