"""The start and end of runs; runs of a killed process are ended by a later command."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress

from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from escalation._util import files
from escalation._util.interrupts import interrupt_status, raise_if_interrupted
from escalation._util.library_errors import translate_error
from escalation._util.owners import RUN, is_alive, note_begun, note_ended, owner
from escalation.tracking.place import SQLITE, local_file
from escalation.tracking.server import require_answer
from escalation.tracking.store import storage, wait_until_free

OWNER_TAG = "escalation.owner"


def clear_stale(client: MlflowClient, experiment: str) -> int:
    """Mark runs whose process on this machine is gone as killed; return how many there were.

    Half-written models of these runs are removed.

    Parameters
    ----------
    client : MlflowClient
    experiment : str
        Its ID.
    """
    running = client.search_runs([experiment], "attributes.status = 'RUNNING'")
    stale = [run for run in running if not is_alive(run.data.tags.get(OWNER_TAG, ""))]
    for run in stale:
        _mark_killed(client, run)
    return len(stale)


def _mark_killed(client: MlflowClient, run: Run) -> None:
    _remove_half_models(client, run.info.experiment_id, run.info.run_id)
    client.set_terminated(run.info.run_id, "KILLED")


def end_runs(store: str, experiment: str, *, owner: str) -> None:
    """Mark the unfinished runs of a dead process as killed, without waiting long for the store.

    Half-written models of any of its runs are removed.

    Parameters
    ----------
    store : str
    experiment : str
        Its ID.
    owner : str
        Name of the process.

    Raises
    ------
    StorageError, BusyError
        If the store can't be used now.
    """
    path = local_file(store)
    if path is not None:
        if not path.exists():
            return
        wait_until_free(path, 0)
    with storage(seconds=2):
        # Not through open_store, which would change the store that MLflow uses elsewhere.
        require_answer(store, seconds=2)
        client = MlflowClient(store, store)
        for run in client.search_runs([experiment], f"tags.`{OWNER_TAG}` = '{owner}'"):
            if run.info.status == "RUNNING":
                _mark_killed(client, run)
            else:  # stopped during a request that the server still completed
                _remove_half_models(client, experiment, run.info.run_id)


def begin_run(
    client: MlflowClient, uri: str, experiment: str, name: str, tags: Mapping[str, str]
) -> str:
    """Start a run that a later command ends if this process is killed; return its ID.

    Parameters
    ----------
    client : MlflowClient
    uri : str
        The store.
    experiment : str
        Its ID.
    name : str
    tags : mapping of str to str
    """
    tags = {**tags, OWNER_TAG: owner()}
    # Note it first: the process may be killed before the answer.
    note_begun(RUN, _absolute(uri), experiment)
    return str(client.create_run(experiment, run_name=name, tags=tags).info.run_id)


def _absolute(uri: str) -> str:
    """The store's address, independent of the working directory."""
    path = local_file(uri)
    return uri if path is None else f"{SQLITE}{path.resolve()}"


def _remove_half_models(client: MlflowClient, experiment: str, run_id: str) -> None:
    for model in client.search_logged_models([experiment], f"source_run_id = '{run_id}'"):
        if str(model.status) != "READY":
            client.delete_logged_model(model.model_id)


@contextmanager
def tracked_run(client: MlflowClient, uri: str, run_id: str) -> Iterator[str]:
    """End a run with the status that fits: finished, killed or failed.

    Parameters
    ----------
    client : MlflowClient
    uri : str
        The store; artifacts next to a local one get the permissions of its folder.
    run_id : str
    """
    path = local_file(uri)
    try:
        with files.sharing(path.parent) if path else nullcontext():
            yield run_id
        raise_if_interrupted()
    except BaseException as error:
        stopped = (
            isinstance(error, KeyboardInterrupt | SystemExit) or interrupt_status() is not None
        )
        storage_error = translate_error(error)
        # Don't ask a server again that does not answer; the next command ends the run.
        if storage_error is None or storage_error.code != "E-UNREACHABLE":
            with suppress(MlflowException):
                _remove_half_models(client, client.get_run(run_id).info.experiment_id, run_id)
            with suppress(MlflowException):
                client.set_terminated(run_id, "KILLED" if stopped else "FAILED")
                if not stopped:  # otherwise a server may still be writing: look again next time
                    note_ended(RUN, _absolute(uri))
        raise
    client.set_terminated(run_id, "FINISHED")
    note_ended(RUN, _absolute(uri))
