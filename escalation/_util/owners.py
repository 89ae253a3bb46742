"""Detect which processes on this machine are alive, and clean up after those that are not.

Each process that writes holds a system lock on its own small note file, where it records what it
has begun. However the process ends, the system releases the lock; the next command reads the note,
cleans up and removes the file. All users share the folder of notes, so anyone can check whether
a process is alive, but a user's notes are acted upon only by that user.
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

_NO_HOST: Final = "00000000"
_TOKEN: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{16}")
_TEMPORARY: Final = re.compile(rf"\..*-[0-9a-f]{{6}}\.({_TOKEN.pattern})\.part")
_LONGEST_NAME: Final = 100
RUN, ARCHIVE, _FOLDER, _TRIED = "run", "archive", "folder", "tried"
_FIRST_PAUSE: Final = 10.0
"""Seconds until a failed cleanup is retried; the pause doubles with each attempt."""
_MOST_TRIES: Final = 15
"""After these, two days, a note is dropped; the next training in that store still ends the run."""


@dataclass(frozen=True)
class Unfinished:
    """Work of a dead process that only the code responsible for its kind can clean up.

    Parameters
    ----------
    kind : str
        ``RUN`` or ``ARCHIVE``.
    name : str
        Id of the runs' experiment; empty for an archive.
    place : str
        The store, or the archive's folder.
    note : Path
        The note that records it; for :func:`remove_notes` after the cleanup.
    """

    kind: str
    name: str
    place: str
    note: Path


@dataclass
class _NoteFile:
    """The open note file of this process."""

    token: str = ""
    handle: int = -1
    path: Path | None = None
    pid: int = 0
    begun: list[tuple[str, str]] = field(default_factory=list)


_note_file = _NoteFile()


def shared_folder() -> Path:
    """The folder of all users' note files; sticky, so only a file's owner can remove it."""
    parents = [place for place in ("/var/tmp", "/tmp") if os.access(place, os.W_OK)]
    folder = Path(*(parents or [tempfile.gettempdir()])[:1]) / "escalation-owners"
    with suppress(FileExistsError):
        folder.mkdir()
        folder.chmod(0o1777)
    return folder


def _host() -> str:
    """Digest of the machine's name and the shared folder; each container has its own."""
    place = f"{os.uname().nodename}:{shared_folder().stat().st_ino}"
    return sha256(place.encode()).hexdigest()[:8]


def owner() -> str:
    """A token for this process that no other process ever has; alive until the process ends.

    If the note file can't be written, the token counts as alive forever.
    """
    if _note_file.pid != os.getpid():
        _reset()
        suffix = secrets.token_hex(8)
        _note_file.pid, _note_file.token = os.getpid(), f"{_NO_HOST}-{suffix}"
        with suppress(OSError):
            _open(f"{_host()}-{suffix}")
    return _note_file.token


def _open(token: str) -> None:
    """Create and lock the note file; retry if another process removed it before it was locked."""
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
        os.fchmod(handle, 0o644)  # readable for everyone, whatever the umask
    _note_file.token, _note_file.handle, _note_file.path = token, handle, path


def _reset() -> None:
    """Close the note file without removing it; after a fork it belongs to the parent process."""
    if _note_file.handle >= 0:
        with suppress(OSError):
            os.close(_note_file.handle)
    vars(_note_file).update(vars(_NoteFile()))


@atexit.register
def retire() -> None:
    """Remove the note file of this process unless some of its work is unfinished."""
    if _note_file.pid == os.getpid() and _note_file.path is not None and not _note_file.begun:
        with suppress(OSError):
            _note_file.path.unlink()
        _reset()


os.register_at_fork(after_in_child=_reset)


def is_alive(token: str) -> bool:
    """Whether a process may still be running.

    Parameters
    ----------
    token : str
        From :func:`owner`. Tokens of other machines count as alive.
    """
    if _note_file.pid == os.getpid() and token == _note_file.token:
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


def note_begun(kind: str, place: str, name: str = "") -> None:
    """Record work that the next command must clean up if this process is killed.

    Parameters
    ----------
    kind, place, name : str
        As in :class:`Unfinished`.
    """
    owner()
    _note_file.begun.append((kind, place))
    if _note_file.handle >= 0 and "\n" not in place:
        line = f"{kind}\t{name}\t{place}\n".encode(errors="surrogateescape")
        with suppress(OSError):
            os.write(_note_file.handle, line)


def note_ended(kind: str, place: str) -> None:
    """Record that work has ended and needs no cleanup.

    Parameters
    ----------
    kind, place : str
        As for :func:`note_begun`; one of several equal ones.
    """
    with suppress(ValueError):
        _note_file.begun.remove((kind, place))


@contextmanager
def temporary_folder(parent: Path, name: str = "") -> Iterator[Path]:
    """A folder that is removed after the block, or by the next command if this process is killed.

    Parameters
    ----------
    parent : Path
    name : str, optional
        Name of the file that is written in it; leftovers of that name are removed first.
    """
    if name:
        _clear_beside(parent, name)
    suffix = secrets.token_hex(3)
    path = parent.absolute() / f".{name[:_LONGEST_NAME]}-{suffix}.{owner()}.part"
    note_begun(_FOLDER, str(path))
    try:
        path.mkdir()
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        if not path.exists():
            note_ended(_FOLDER, str(path))


def _clear_beside(parent: Path, name: str) -> None:
    """Remove temporary folders that any dead process left in ``parent`` for the file ``name``."""
    with suppress(OSError):
        for entry in os.scandir(parent):
            if entry.name.startswith(f".{name[:_LONGEST_NAME]}-"):
                _clear(Path(entry.path))


def _clear(path: Path, token: str | None = None) -> None:
    """Remove a temporary folder of this package if its owner is dead."""
    match = _TEMPORARY.fullmatch(path.name)
    if match is None or token not in (None, match[1]) or is_alive(match[1]):
        return
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)


def clear_dead() -> list[Unfinished]:
    """Remove temporary folders of this user's dead processes; return their other unfinished work.

    A note of such work stays until :func:`remove_notes`, or until it was postponed too often.
    """
    unfinished: list[Unfinished] = []
    with suppress(OSError):
        for entry in list(os.scandir(shared_folder())):
            token = entry.name.removesuffix(".owner")
            with suppress(OSError):
                if _TOKEN.fullmatch(token) and not is_alive(token):
                    unfinished += _clear_noted(Path(entry.path), token)
    return unfinished


def _clear_noted(path: Path, token: str) -> list[Unfinished]:
    """Remove the folders in a note of this user; return its other work if a try is due."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(handle, encoding="utf-8", errors="surrogateescape") as file:
        state = os.fstat(handle)
        if state.st_uid != os.geteuid() or not stat.S_ISREG(state.st_mode):
            return []
        lines = [line.split("\t", 2) for line in file.read().split("\n")[:-1]]
    records = [Unfinished(line[0], line[1], line[2], path) for line in lines if len(line) == 3]
    for record in records:
        if record.kind == _FOLDER:
            _clear(Path(record.place), token)
    others = [record for record in dict.fromkeys(records) if record.kind in (RUN, ARCHIVE)]
    tries = [float(r.place) for r in records if r.kind == _TRIED and r.place.isdigit()]
    if not others or len(tries) >= _MOST_TRIES:
        path.unlink()
        return []
    return others if _due(tries, time.time()) else []


def _due(tries: list[float], now: float) -> bool:
    """Whether it is time to try again; immediately if the clock was set back."""
    pause = _FIRST_PAUSE * 2.0 ** (len(tries) - 1)
    return not tries or not 0 <= now - tries[-1] < pause


def postpone(notes: Iterable[Path]) -> None:
    """Record a failed cleanup in the notes; each retry waits longer."""
    for path in notes:
        with suppress(OSError):
            handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK)
            with os.fdopen(handle, "w") as file:
                file.write(f"{_TRIED}\t\t{int(time.time())}\n")


def remove_notes(notes: Iterable[Path]) -> None:
    """Remove notes of dead processes after a complete cleanup."""
    for path in notes:
        with suppress(OSError):
            path.unlink()


@contextmanager
def temporary_files() -> Iterator[None]:
    """Put this process's temporary files, including those of libraries, in one folder."""
    before = tempfile.tempdir
    try:
        context = temporary_folder(Path(tempfile.gettempdir()))
        folder = context.__enter__()
    except OSError:
        yield
        return
    tempfile.tempdir = str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before
        context.__exit__(None, None, None)
