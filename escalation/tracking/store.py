"""The store: that it is whole, one writer at a time, and the experiments in it."""

from __future__ import annotations

import logging
import os
import shlex
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from escalation._util import files
from escalation._util.library_errors import translate_error
from escalation._util.owners import shared_folder
from escalation.errors import BusyError, EscalationError, StorageError
from escalation.tracking.place import SQLITE, artifact_location, local_file, settle
from escalation.tracking.server import require_answer

NOTE_TAG = "mlflow.note.content"
_SECONDS, _SECONDS_LOCKED = 8, 4
"""How long an answer of a server is waited for; MLflow's 120 s and 7 more tries take minutes."""
_TELLS = ("mlflow.store.db.utils",)
"""Loggers of MLflow that print the traceback of an error that it raises too."""
_TAKEN = ("IntegrityError", "UniqueViolation", "RESOURCE_ALREADY_EXISTS")
"""What a database says of a row that another process wrote between MLflow's look and its insert."""
_STORE_BYTES = 10_000_000
"""What must be free where a training is kept: the tables of a new store, figures, a model."""


@contextmanager
def storage(*, seconds: int = _SECONDS, retries: int = 0) -> Iterator[None]:
    """Storage trouble as our own errors, and servers waited for no longer than people do.

    Parameters
    ----------
    seconds, retries : int, optional
        For an answer of a server, where the environment does not say.
    """
    try:
        with _patience(seconds, retries), _quiet(*_TELLS, level=logging.CRITICAL):
            yield
    except EscalationError:
        raise
    except Exception as error:
        known = translate_error(error)
        if known is None:
            raise
        raise known from error


@contextmanager
def _patience(seconds: int, retries: int) -> Iterator[None]:
    """How long MLflow waits for a server in this block."""
    wanted = {
        "MLFLOW_HTTP_REQUEST_TIMEOUT": str(seconds),
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": str(retries),
    }
    here = {name: value for name, value in wanted.items() if name not in os.environ}
    os.environ.update(here)
    try:
        yield
    finally:
        for name in here:
            os.environ.pop(name, None)


@contextmanager
def store_lock(uri: str) -> Iterator[None]:
    """One writer at a time: by a file beside a local store, else by one of this machine.

    Where it is a server, it has just answered, and is waited for a few seconds at most.
    """
    file = local_file(uri)
    if file is not None:
        with files.locked(file):
            yield
        return
    require_answer(uri)
    name = f"store-{sha256(uri.encode()).hexdigest()[:16]}"
    with files.locked(shared_folder() / name), _patience(_SECONDS_LOCKED, 0):
        yield


def open_store(uri: str) -> MlflowClient:
    """A client for a store that exists.

    A local one is made under a lock, because several first starts at once break it, and beside its
    place, because one that is killed half made can't be used. One that was moved finds its
    artifacts where it stands.

    Raises
    ------
    BusyError
        ``E-BUSY`` when the store stays locked.
    StorageError
        ``E-UNREACHABLE`` when a server doesn't answer, ``E-STORAGE`` when it can't be used.
    """
    require_answer(uri)
    path = local_file(uri)
    with storage():
        if path is not None:
            files.make_folder(path.parent)
            with store_lock(uri):
                _make(path)
            _require_whole(path)
            wait_until_free(path)
            settle(path, seconds=files.LOCK_SECONDS)
            # MLflow keeps what it opened by its name, which says another file in another folder.
            uri = f"{SQLITE}{path.resolve()}"
        mlflow.set_tracking_uri(uri)
        if mlflow.get_registry_uri() != uri:  # else it goes on following the other
            mlflow.set_registry_uri(uri)
        return MlflowClient(uri, uri)


def _make(path: Path) -> None:
    """Make an sqlite store that is not there yet."""
    if path.exists() and path.stat().st_size:
        return
    with _quiet("alembic", "mlflow"), files.replacing(path) as part:
        whole = f"sqlite:///{part}"
        MlflowClient(whole, whole).search_experiments(max_results=1)


@contextmanager
def _quiet(*names: str, level: int = logging.WARNING) -> Iterator[None]:
    """Nothing below a level from some loggers; afterwards theirs are as before."""
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(level)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _require_whole(path: Path) -> None:
    """Refuse what is no sqlite file, or ends before its last page, at once and in words."""
    with path.open("rb") as file:
        start = file.read(100)
    if not start.startswith(b"SQLite format 3\0"):
        trouble = "this is no sqlite file"
    else:
        page = int.from_bytes(start[16:18], "big")
        pages, size = int.from_bytes(start[28:32], "big"), path.stat().st_size
        page = 65_536 if page == 1 else page
        wal = path.with_name(f"{path.name}-wal")
        if size >= page * pages or wal.exists():
            return
        trouble = f"it ends after {size:,} of {page * pages:,} bytes"
    raise StorageError(
        "E-STORE",
        f"the store can't be read: {trouble}",
        where=str(path),
        fix="restore it from a copy, or name another with --tracking-uri",
    )


def wait_until_free(path: Path, seconds: float | None = None) -> None:
    """Wait until nobody else writes to a local store; mlflow would retry for minutes.

    Parameters
    ----------
    path : Path
    seconds : float, optional
        As long as for our own lock by default; ``E-BUSY`` after it.
    """
    seconds = files.LOCK_SECONDS if seconds is None else seconds
    connection = sqlite3.connect(path, timeout=seconds)
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.rollback()
    except sqlite3.OperationalError as error:
        if "locked" not in str(error):
            raise
        raise BusyError(
            "E-BUSY",
            f"the database is locked for more than {seconds:.0f} s",
            where=str(path),
            fix="wait for the other command to end, or stop it",
        ) from None
    finally:
        connection.close()


def require_usable(uri: str, name: str) -> None:
    """Refuse, before any work, a store in which an experiment could not be kept.

    Parameters
    ----------
    uri : str
        The store; a local one that is not there yet is made when there is something to keep.
    name : str
        Of the experiment.

    Raises
    ------
    StorageError
        ``E-DELETED`` for an experiment that was deleted, with the command that restores it.
    StorageError, BusyError
        As for :func:`open_store`.
    """
    path = local_file(uri)
    files.require_room(path, size=_STORE_BYTES)
    if path is not None and not path.exists():
        return
    client = open_store(uri)
    with storage():
        _existing(client, uri, name)


def _existing(client: MlflowClient, uri: str, name: str) -> str | None:
    """The id of an experiment that can be used; none where there is none of that name."""
    existing = client.get_experiment_by_name(name)
    if existing is None:
        return None
    if existing.lifecycle_stage == "deleted":
        command = f"mlflow experiments restore -x {existing.experiment_id}"
        raise StorageError(
            "E-DELETED",
            "this experiment was deleted in the store",
            value=name,
            fix=f"restore it with `MLFLOW_TRACKING_URI={shlex.quote(uri)} {command}`, "
            "or give the experiment another name",
        )
    return str(existing.experiment_id)


def experiment_id(client: MlflowClient, uri: str, name: str) -> str:
    """The experiment of a name, made if need be, its artifacts beside a local store.

    Parameters
    ----------
    client : MlflowClient
    uri : str
        The store.
    name : str

    Raises
    ------
    StorageError
        ``E-DELETED`` for an experiment that was deleted.
    """
    path = local_file(uri)
    with store_lock(uri):
        location = artifact_location(path, name) if path else None

        def make() -> str:
            return _existing(client, uri, name) or client.create_experiment(name, location)

        return str(write_shared(make))


def write_shared(write: Callable[[], object]) -> object:
    """Write a row that trainings share, again where another wrote it at the same time.

    MLflow looks whether a row is there, then inserts it; a second time it finds what is there.

    Parameters
    ----------
    write : callable
        Takes nothing.
    """
    for _ in range(2):
        try:
            return write()
        except MlflowException as error:
            if not any(word in f"{error.error_code} {error}" for word in _TAKEN):
                raise
    return write()
