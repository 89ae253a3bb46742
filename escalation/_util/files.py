"""Write files completely or not at all, one writer at a time."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from escalation._util.owners import temporary_folder
from escalation.errors import BusyError, StorageError, UsageError

LOCK_SECONDS = 30.0
PROBE_BYTES = 65_536
LEAST_FREE = 1_000_000
"""A disk with fewer free bytes counts as full, however small the file."""


def _umask() -> int:
    """The process's umask; reading it requires setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _link_target(path: Path) -> Path:
    """The file that a path refers to once links are followed: a regular file, or none yet.

    ``E-FILE-KIND`` for a folder, device, FIFO or socket, none of which is ever replaced;
    ``E-STORAGE`` if its folder can't be searched.
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
        f"expected a regular file; this is {kinds.get(stat.S_IFMT(mode), 'a device')}",
        where=str(path),
        fix="name another file",
    )


def _unwritable(path: Path, error: OSError) -> StorageError:
    return StorageError(
        "E-STORAGE",
        f"could not write the file: {error.strerror or error}",
        where=str(path),
        fix="free some space, ask for permission, or name another file",
    )


@contextmanager
def _renamed_to(path: Path, *, shown: Path) -> Iterator[Path]:
    """A temporary path near ``path``, renamed to it if the block succeeds."""
    try:
        make_folder(path.parent)
        with temporary_folder(path.parent, path.name) as folder:
            yield folder / path.name
            os.replace(folder / path.name, path)
    except OSError as error:
        raise _unwritable(shown, error) from error


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path near ``path``, renamed to it if the block succeeds.

    A link is followed, not replaced. Leftovers of a killed writer are removed.

    Raises
    ------
    UsageError
        ``E-FILE-KIND`` if ``path`` is not a regular file.
    StorageError
        ``E-STORAGE`` if it can't be written; the old file is untouched.
    """
    target = _link_target(path)
    with _renamed_to(target, shown=path) as part:
        yield part
        old = target.stat().st_mode & 0o777 if target.exists() else 0
        os.chmod(part, old or (0o666 & ~_umask()) | _shared_bits(target.parent) & 0o066)


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder, renamed to ``folder`` if the block succeeds.

    Raises
    ------
    UsageError
        ``E-EXISTS`` if ``folder`` exists already.
    StorageError
        ``E-STORAGE`` if it can't be written.
    """
    if folder.exists():
        raise UsageError(
            "E-EXISTS", "the folder already exists", where=str(folder), fix="name another folder"
        )
    with _renamed_to(folder, shown=folder) as part:
        part.mkdir()
        part.chmod(0o777 & ~_umask() | _shared_bits(folder.parent))
        yield part


def _shared_bits(folder: Path) -> int:
    """Permissions that a folder gives to others who may write in it; none if it is sticky.

    A folder that is writable for a group is meant to hold files of that group.
    """
    mode = folder.stat().st_mode
    if mode & stat.S_ISVTX:
        return 0
    bits = (0o070 if mode & stat.S_IWGRP else 0) | (0o007 if mode & stat.S_IWOTH else 0)
    return mode & bits


def make_folder(folder: Path) -> None:
    """Create a folder and its parents, as open to others as the closest one that exists."""
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
    """Make everything that this process creates in the block as open to others as ``folder``."""
    before = os.umask(0o077)
    os.umask(before & ~_shared_bits(folder))
    try:
        yield
    finally:
        os.umask(before)


@contextmanager
def locked(path: Path, *, seconds: float | None = None) -> Iterator[None]:
    """Hold the lock file next to ``path``.

    The lock ends with the process that holds it, however that ends. The empty lock file stays; any
    user who can reach it may hold it.

    Parameters
    ----------
    path : Path
        File to be written; the lock file's name is ``path`` with ``.lock`` appended.
    seconds : float, optional
        Longest wait, ``LOCK_SECONDS`` by default.

    Raises
    ------
    BusyError
        ``E-BUSY`` with the name of the lock file if another process holds it for longer.
    StorageError
        ``E-STORAGE`` if the lock file can't be created.
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
                        fix="wait for the other command to finish, or stop it",
                    ) from None
                time.sleep(0.05)
        yield
    finally:
        os.close(handle)


def _open_lock(lock: Path) -> int:
    """Open or create the lock file, with permissions that let every user hold it.

    In a sticky folder such as /tmp, even root can't open another user's file with O_CREAT.
    """
    for flags in (os.O_RDWR, os.O_RDONLY, os.O_RDWR | os.O_CREAT | os.O_EXCL, os.O_RDONLY):
        try:
            handle = os.open(lock, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        except (FileNotFoundError, FileExistsError, PermissionError) as error:
            last_error = error
            continue
        if flags & os.O_CREAT:
            with suppress(OSError):
                os.fchmod(handle, 0o666)
        return handle
    raise last_error


def require_room(path: Path | None, *, size: int = LEAST_FREE) -> None:
    """Check before long work that a file can be written, by writing a little in its folder.

    Parameters
    ----------
    path : Path or None
        Nothing is checked if there is no file to write.
    size : int, optional
        Bytes that must be free.

    Raises
    ------
    UsageError
        ``E-FILE-KIND`` if ``path`` is not a regular file.
    StorageError
        ``E-STORAGE`` if the folder can't be created or written to or is full, or the file is
        read-only. Folders created for the check are removed.
    """
    if path is None:
        return
    target = _link_target(path)
    new = [folder for folder in target.parents if not folder.exists()]
    try:
        make_folder(target.parent)
        with temporary_folder(target.parent, target.name) as folder:
            (folder / "probe").write_bytes(bytes(PROBE_BYTES))
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
