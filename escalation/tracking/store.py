"""The store: where it is, that it is whole, and one writer at a time."""

from __future__ import annotations

import logging
import os
import shlex
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from escalation._util import files
from escalation._util.interrupts import raise_if_asked, status_if_asked
from escalation.errors import BusyError, StorageError
from escalation.tracking.place import SQLITE, artifact_location, local_file, settle
from escalation.tracking.server import require_answer

NOTE_TAG = "mlflow.note.content"
OWNER_TAG = "escalation.owner"
OWNER = f"{os.uname().nodename}:{os.getpid()}"


@contextmanager
def storage() -> Iterator[None]:
    """Storage trouble as our own errors."""
    try:
        yield
    except (OSError, MlflowException, sqlite3.Error) as error:
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        if "database is locked" in str(error):
            raise BusyError(
                "E-BUSY", f"the store is locked: {text}", fix="try again later"
            ) from error
        raise StorageError("E-STORAGE", f"the store can't be used: {text}") from error


@contextmanager
def store_lock(uri: str) -> Iterator[None]:
    """One writer at a time: by a file beside a local store, else by one of this machine."""
    name = f"escalation-{sha256(uri.encode()).hexdigest()[:16]}"
    with files.locked(local_file(uri) or Path(tempfile.gettempdir()) / name):
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
            path.parent.mkdir(parents=True, exist_ok=True)
            with store_lock(uri):
                _make(path)
            _wait_until_free(path)
            settle(path, seconds=files.LOCK_SECONDS)
            # MLflow keeps what it opened by its name, which says another file in another folder.
            uri = f"{SQLITE}{path.resolve()}"
        mlflow.set_tracking_uri(uri)
        mlflow.set_registry_uri(uri)
        return MlflowClient(uri, uri)


def _make(path: Path) -> None:
    """Make an sqlite store that is not there yet; clear up what a killed start left."""
    for left in path.parent.glob(f".{path.name}.*.part*"):
        left.unlink()
    if path.exists() and path.stat().st_size:
        return
    with _quiet(), files.replacing(path) as part:
        whole = f"sqlite:///{part}"
        MlflowClient(whole, whole).search_experiments(max_results=1)


@contextmanager
def _quiet() -> Iterator[None]:
    """Nothing of how the tables are made; log levels are as before afterwards."""
    loggers = [logging.getLogger(name) for name in ("alembic", "mlflow")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _wait_until_free(path: Path) -> None:
    """Wait for another writer as long as for our own lock; mlflow would retry for minutes."""
    connection = sqlite3.connect(path, timeout=files.LOCK_SECONDS)
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.rollback()
    except sqlite3.OperationalError as error:
        if "locked" not in str(error):
            raise
        raise BusyError(
            "E-BUSY",
            f"the database is locked for more than {files.LOCK_SECONDS:.0f} s",
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
        existing = _existing(client, uri, name)
        if existing is not None:
            return existing
        return str(client.create_experiment(name, artifact_location(path, name) if path else None))


def clear_stale(client: MlflowClient, experiment: str) -> int:
    """Mark runs as killed whose process on this machine is gone; how many there were.

    A model that such a run left half written is removed.

    Parameters
    ----------
    client : MlflowClient
    experiment : str
        Its id.
    """
    stale = 0
    for run in client.search_runs([experiment], "attributes.status = 'RUNNING'"):
        host, _, pid = run.data.tags.get(OWNER_TAG, "").partition(":")
        if host == os.uname().nodename and pid and not Path(f"/proc/{pid}").exists():
            _drop_half_models(client, experiment, run.info.run_id)
            client.set_terminated(run.info.run_id, "KILLED")
            stale += 1
    return stale


def _drop_half_models(client: MlflowClient, experiment: str, run_id: str) -> None:
    for model in client.search_logged_models([experiment], f"source_run_id = '{run_id}'"):
        if str(model.status) != "READY":
            client.delete_logged_model(model.model_id)


@contextmanager
def tracked_run(client: MlflowClient, run_id: str) -> Iterator[str]:
    """A run that ends as what happened to it: finished, killed or failed.

    Parameters
    ----------
    client : MlflowClient
    run_id : str
    """
    try:
        yield run_id
        raise_if_asked()
    except BaseException as error:
        stopped = isinstance(error, KeyboardInterrupt | SystemExit) or status_if_asked() is not None
        client.set_terminated(run_id, "KILLED" if stopped else "FAILED")
        raise
    client.set_terminated(run_id, "FINISHED")
