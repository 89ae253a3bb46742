"""The store: opening and checking it, locking it for one writer, and its experiments."""

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
from escalation.tracking.place import SQLITE, artifact_location, local_file, relocate_artifacts
from escalation.tracking.server import require_answer

NOTE_TAG = "mlflow.note.content"
_SECONDS, _SECONDS_LOCKED = 8, 4
"""Time limits for an answer of a server; MLflow's 120 s and 7 retries would take minutes."""
_TRACEBACKS = "mlflow.store.db.utils"
"""Logger of MLflow that prints the traceback of errors that it also raises."""
_ALREADY_THERE = ("IntegrityError", "UniqueViolation", "RESOURCE_ALREADY_EXISTS")
"""Database errors for a row that another process wrote between MLflow's check and its insert."""
_STORE_BYTES = 10_000_000
"""Free space that a training needs: the tables of a new store, figures, a model."""


@contextmanager
def storage(*, seconds: int = _SECONDS, retries: int = 0) -> Iterator[None]:
    """Raise storage trouble as our own errors, and wait for servers only briefly.

    Parameters
    ----------
    seconds, retries : int, optional
        For an answer of a server, unless set in the environment.
    """
    try:
        with _patience(seconds, retries), _quiet(_TRACEBACKS, level=logging.CRITICAL):
            yield
    except EscalationError:
        raise
    except Exception as error:
        translation = translate_error(error)
        if translation is None:
            raise
        raise translation from error


@contextmanager
def _patience(seconds: int, retries: int) -> Iterator[None]:
    """Limit how long MLflow waits for a server in this block."""
    limits = {
        "MLFLOW_HTTP_REQUEST_TIMEOUT": str(seconds),
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": str(retries),
    }
    added = {name: value for name, value in limits.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


@contextmanager
def store_lock(uri: str) -> Iterator[None]:
    """One writer at a time, by a lock file next to a local store, or one of this machine.

    A server has just answered, and is then waited for a few seconds at most.
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
    """A client for a store, which is created if it is local and missing.

    A local store is created under a lock, because several first starts at once would break it, and
    under a temporary name, because a process may be killed half-way. One that was moved is
    pointed to the artifacts next to it.

    Raises
    ------
    BusyError
        ``E-BUSY`` if the store stays locked.
    StorageError
        ``E-UNREACHABLE`` if a server doesn't answer, ``E-STORAGE`` if the store can't be used.
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
            relocate_artifacts(path, seconds=files.LOCK_SECONDS)
            # MLflow caches stores by address; a relative one means another file in another folder.
            uri = f"{SQLITE}{path.resolve()}"
        mlflow.set_tracking_uri(uri)
        if mlflow.get_registry_uri() != uri:  # otherwise leave it: unset, it follows the tracking
            mlflow.set_registry_uri(uri)
        return MlflowClient(uri, uri)


def _make(path: Path) -> None:
    """Create an sqlite store unless there is one."""
    if path.exists() and path.stat().st_size:
        return
    with _quiet("alembic", "mlflow"), files.replacing(path) as part:
        uri = f"{SQLITE}{part}"
        MlflowClient(uri, uri).search_experiments(max_results=1)


@contextmanager
def _quiet(*names: str, level: int = logging.WARNING) -> Iterator[None]:
    """Raise the level of some loggers in this block."""
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
    """Refuse a file that is not sqlite, or is shorter than its header says."""
    with path.open("rb") as file:
        header = file.read(100)
    if not header.startswith(b"SQLite format 3\0"):
        problem = "this is not an sqlite file"
    else:
        page = int.from_bytes(header[16:18], "big")
        page = 65_536 if page == 1 else page
        expected, size = page * int.from_bytes(header[28:32], "big"), path.stat().st_size
        if size >= expected or path.with_name(f"{path.name}-wal").exists():
            return
        problem = f"it ends after {size:,} of {expected:,} bytes"
    raise StorageError(
        "E-STORE",
        f"the store can't be read: {problem}",
        where=str(path),
        fix="restore it from a copy, or name another with --tracking-uri",
    )


def wait_until_free(path: Path, seconds: float | None = None) -> None:
    """Wait until nobody else writes to a local store; MLflow would retry for minutes.

    Parameters
    ----------
    path : Path
    seconds : float, optional
        Time limit, after which ``E-BUSY`` is raised; as for our own lock by default.
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
            f"the database has been locked for more than {seconds:.0f} s",
            where=str(path),
            fix="wait for the other command to end, or stop it",
        ) from None
    finally:
        connection.close()


def require_usable(uri: str, name: str) -> None:
    """Refuse, before any work, a store that can't take an experiment's runs.

    Parameters
    ----------
    uri : str
        The store; a missing local one is only created once there is something to store.
    name : str
        Of the experiment.

    Raises
    ------
    StorageError
        ``E-DELETED`` for a deleted experiment, with the command that restores it.
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
    """The ID of an experiment that can be used; None if there is none of that name."""
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        return None
    if experiment.lifecycle_stage == "deleted":
        command = f"mlflow experiments restore -x {experiment.experiment_id}"
        raise StorageError(
            "E-DELETED",
            "this experiment was deleted in the store",
            value=name,
            fix=f"restore it with `MLFLOW_TRACKING_URI={shlex.quote(uri)} {command}`, "
            "or give the experiment another name",
        )
    return str(experiment.experiment_id)


def experiment_id(client: MlflowClient, uri: str, name: str) -> str:
    """The ID of an experiment, which is created if need be; artifacts lie next to a local store.

    Parameters
    ----------
    client : MlflowClient
    uri : str
        The store.
    name : str

    Raises
    ------
    StorageError
        ``E-DELETED`` for a deleted experiment.
    """
    path = local_file(uri)
    location = artifact_location(path, name) if path else None
    with store_lock(uri):
        return str(
            write_shared(
                lambda: _existing(client, uri, name) or client.create_experiment(name, location)
            )
        )


def write_shared(write: Callable[[], object]) -> object:
    """Write a row that trainings share, again if another wrote it at the same time.

    MLflow checks whether the row exists, then inserts it; the second time it finds the row.

    Parameters
    ----------
    write : callable
        Without arguments.
    """
    for _ in range(2):
        try:
            return write()
        except MlflowException as error:
            if not any(code in f"{error.error_code} {error}" for code in _ALREADY_THERE):
                raise
    return write()
