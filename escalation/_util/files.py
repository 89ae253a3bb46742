"""Writing files whole or not at all, one writer at a time."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from escalation._util.owners import own_folder
from escalation.errors import BusyError, StorageError, UsageError

LOCK_SECONDS = 30.0
PROBE_BYTES = 65_536
LEAST_FREE = 1_000_000
"""Bytes below which a disk is full, whatever is to be written."""


def _umask() -> int:
    """What this process takes from the permissions of new files; reading it means setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _written_through(path: Path) -> Path:
    """Where a file is written: what a link points to, and only a regular file.

    ``E-FILE-KIND`` for a folder, device, FIFO or socket, none of which is ever replaced;
    ``E-STORAGE`` where one may not look.
    """
    target = Path(os.path.realpath(path))
    try:
        mode = target.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return target
    except OSError as error:
        raise _unwritable(path, error) from error
    if stat.S_ISREG(mode):
        return target
    kinds = {
        stat.S_IFDIR: "a folder",
        stat.S_IFIFO: "a FIFO",
        stat.S_IFSOCK: "a socket",
        stat.S_IFLNK: "a link to itself",
    }
    raise UsageError(
        "E-FILE-KIND",
        f"needs the name of a regular file; this is {kinds.get(stat.S_IFMT(mode), 'a device')}",
        where=str(path),
        fix="name another file",
    )


def _unwritable(path: Path, error: OSError) -> StorageError:
    """The refusal of a file that can't be written, naming the file as it was given."""
    return StorageError(
        "E-STORAGE",
        f"could not write the file: {error.strerror or error}",
        where=str(path),
        fix="make room, ask for permission, or name another file",
    )


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path near ``path`` that is renamed into place when all went well.

    A link is written through. What a killed writer left is cleared.

    Raises
    ------
    UsageError
        ``E-FILE-KIND`` for what is no regular file.
    StorageError
        ``E-STORAGE`` when it can't be written; what was at ``path`` is untouched.
    """
    target = _written_through(path)
    try:
        make_folder(target.parent)
        with own_folder(target.parent, target.name) as near:
            part = near / target.name
            yield part
            old = target.stat().st_mode & 0o777 if target.exists() else 0
            os.chmod(part, old or (0o666 & ~_umask()) | _shared_bits(target.parent) & 0o066)
            os.replace(part, target)
    except OSError as error:
        raise _unwritable(path, error) from error


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder that takes the place of one that is not there yet when all went well.

    Raises
    ------
    UsageError
        ``E-EXISTS`` for one that is there already.
    StorageError
        ``E-STORAGE`` when it can't be written.
    """
    if folder.exists():
        raise UsageError(
            "E-EXISTS", "the folder is there already", where=str(folder), fix="name another"
        )
    try:
        make_folder(folder.parent)
        with own_folder(folder.parent, folder.name) as near:
            part = near / folder.name
            part.mkdir()
            part.chmod(0o777 & ~_umask() | _shared_bits(folder.parent))
            yield part
            os.replace(part, folder)
    except OSError as error:
        raise _unwritable(folder, error) from error


def _shared_bits(folder: Path) -> int:
    """Permissions that a folder gives to others who may write in it; none in a sticky one.

    Whoever opens a folder to a group means what is made in it to be that group's.
    """
    mode = folder.stat().st_mode
    if mode & stat.S_ISVTX:
        return 0
    bits = (0o070 if mode & stat.S_IWGRP else 0) | (0o007 if mode & stat.S_IWOTH else 0)
    return mode & bits


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, as open to others as the one that was there."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    try:
        folder.mkdir()
    except FileExistsError:
        return
    if bits := _shared_bits(folder.parent):
        folder.chmod(folder.stat().st_mode & 0o7777 | bits)


@contextmanager
def sharing(folder: Path) -> Iterator[None]:
    """Everything that this process makes in this block is as open to others as a folder."""
    before = os.umask(0o077)
    os.umask(before & ~_shared_bits(folder))
    try:
        yield
    finally:
        os.umask(before)


@contextmanager
def locked(path: Path, *, seconds: float | None = None) -> Iterator[None]:
    """Hold the lock file beside ``path``, or say who is busy.

    The lock ends with the process that holds it, however that ends; the empty file stays, and any
    user who may reach it may hold it.

    Parameters
    ----------
    path : Path
        File to be written; the lock is ``path`` with ``.lock`` appended.
    seconds : float, optional
        Longest wait.

    Raises
    ------
    BusyError
        ``E-BUSY`` naming the lock after ``seconds``, or ``LOCK_SECONDS``.
    StorageError
        ``E-STORAGE`` when the lock can't be made.
    """
    path = Path(os.path.realpath(path))
    lock = path.with_name(path.name + ".lock")
    seconds = LOCK_SECONDS if seconds is None else seconds
    deadline = time.monotonic() + seconds
    try:
        handle = _open_lock(lock)
    except OSError as error:
        raise _unwritable(lock, error) from error
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise BusyError(
                        "E-BUSY",
                        f"locked by another command for more than {seconds:.0f} s",
                        where=str(lock),
                        fix="wait for the other command to end, or stop it",
                    ) from None
                time.sleep(0.05)
        yield
    finally:
        os.close(handle)


def _open_lock(lock: Path) -> int:
    """The lock file, made so that every user who finds it may hold it.

    In a folder for all, such as /tmp, even root may not open another's file with O_CREAT.
    """
    for flags in (os.O_RDWR, os.O_RDONLY, os.O_RDWR | os.O_CREAT | os.O_EXCL, os.O_RDONLY):
        try:
            handle = os.open(lock, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        except (FileNotFoundError, FileExistsError, PermissionError) as error:
            trouble = error
            continue
        if flags & os.O_CREAT:
            with suppress(OSError):
                os.fchmod(handle, 0o666)
        return handle
    raise trouble


def require_room(path: Path | None, *, size: int = LEAST_FREE) -> None:
    """Find out before long work that a file can't be written, by writing a little beside it.

    Parameters
    ----------
    path : Path or None
        Nothing is asked where nothing will be written.
    size : int, optional
        Bytes that must be free.

    Raises
    ------
    UsageError
        ``E-FILE-KIND`` for what is no regular file.
    StorageError
        ``E-STORAGE`` for a folder that can't be made or written to, or that is full, and for a file
        that may not be changed. Folders that were made for it are gone.
    """
    if path is None:
        return
    target = _written_through(path)
    new = [folder for folder in target.parents if not folder.exists()]
    try:
        make_folder(target.parent)
        with own_folder(target.parent, target.name) as near:
            (near / "probe").write_bytes(bytes(PROBE_BYTES))
        state = os.statvfs(target.parent)
        if state.f_bavail * state.f_frsize < size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if target.exists() and not os.access(target, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        with suppress(OSError):
            for folder in new:
                folder.rmdir()
        raise _unwritable(path, error) from error
