"""Runs that are begun and ended, by their own process or, where it was killed, by a later one."""

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
        if not is_alive(run.data.tags.get(OWNER_TAG, "")):
            _end(client, run)
            stale += 1
    return stale


def _end(client: MlflowClient, run: Run) -> None:
    """Mark a run whose process is gone."""
    _drop_half_models(client, run.info.experiment_id, run.info.run_id)
    client.set_terminated(run.info.run_id, "KILLED")


def end_runs(store: str, experiment: str, *, owner: str) -> None:
    """Mark the runs as killed that a process had begun when it ended; little is waited for.

    Half a model of any run of that process is removed.

    Parameters
    ----------
    store : str
    experiment : str
        Its id.
    owner : str
        The process, by its name.

    Raises
    ------
    StorageError, BusyError
        Where the store can't be used now.
    """
    path = local_file(store)
    if path is not None:
        if not path.exists():
            return
        wait_until_free(path, 0)
    with storage(seconds=2):
        # Not by open_store: the store that MLflow uses elsewhere stays as it is.
        require_answer(store, seconds=2)
        client = MlflowClient(store, store)
        for run in client.search_runs([experiment], f"tags.`{OWNER_TAG}` = '{owner}'"):
            if run.info.status == "RUNNING":
                _end(client, run)
            else:  # stopped in the middle of a request, which the server went on with
                _drop_half_models(client, experiment, run.info.run_id)


def begin_run(
    client: MlflowClient, uri: str, experiment: str, name: str, tags: Mapping[str, str]
) -> str:
    """Begin a run that a later command ends if this process is killed; its id.

    Parameters
    ----------
    client : MlflowClient
    uri : str
        The store.
    experiment : str
        Its id.
    name : str
    tags : mapping of str to str
    """
    tags = {**tags, OWNER_TAG: owner()}
    note_begun(RUN, _place(uri), experiment)  # first: a kill may come before the answer
    return str(client.create_run(experiment, run_name=name, tags=tags).info.run_id)


def _place(uri: str) -> str:
    """The store, whatever the working directory."""
    path = local_file(uri)
    return uri if path is None else f"{SQLITE}{path.resolve()}"


def _drop_half_models(client: MlflowClient, experiment: str, run_id: str) -> None:
    for model in client.search_logged_models([experiment], f"source_run_id = '{run_id}'"):
        if str(model.status) != "READY":
            client.delete_logged_model(model.model_id)


@contextmanager
def tracked_run(client: MlflowClient, uri: str, run_id: str) -> Iterator[str]:
    """A run that ends as what happened to it: finished, killed or failed.

    Parameters
    ----------
    client : MlflowClient
    uri : str
        The store; artifacts beside a local one are as open to others as its folder.
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
        known = translate_error(error)
        # A server that does not answer is not asked again; the next command ends the run.
        if known is None or known.code != "E-UNREACHABLE":
            with suppress(MlflowException):
                _drop_half_models(client, client.get_run(run_id).info.experiment_id, run_id)
            with suppress(MlflowException):
                client.set_terminated(run_id, "KILLED" if stopped else "FAILED")
                if not stopped:  # else the next command looks again: a server may be at it still
                    note_ended(RUN, _place(uri))
        raise
    client.set_terminated(run_id, "FINISHED")
    note_ended(RUN, _place(uri))
