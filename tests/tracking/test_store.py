"""Faults of the store: locked, half-written, left behind by killed processes."""

import logging
import os
import shlex
import signal
import socket
import sqlite3
import subprocess
import sys
from contextlib import contextmanager, suppress

import mlflow.experiments
import pytest
from click.testing import CliRunner
from command_line import QUICK, escalation
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput
from mlflow.exceptions import MlflowException
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError

from escalation import tracking
from escalation._util import files, owners
from escalation._util.owners import owner, retire
from escalation.cli.process import _clear_up
from escalation.errors import BusyError, StorageError
from escalation.tracking.lifecycle import OWNER_TAG, begin_run, tracked_run
from escalation.tracking.store import experiment_id, require_usable, storage, write_shared


@pytest.fixture
def client(uri):
    return tracking.open_store(uri)


@pytest.fixture(scope="module")
def gone():
    """The name of a process that was killed."""
    code = (
        "import os; from escalation._util.owners import owner; print(owner(), flush=True); "
        "os.kill(os.getpid(), 9)"
    )
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    ).stdout.strip()


def run_of(client, name, *, status="RUNNING"):
    run = client.create_run("0", tags={OWNER_TAG: name})
    if status != "RUNNING":
        client.set_terminated(run.info.run_id, status)
    return run.info.run_id


@pytest.fixture
def overtaken(uri):
    """Another process writes a row just after MLflow looked for it."""
    path = uri.removeprefix("sqlite:///")

    @contextmanager
    def by(row, table):
        def first(_, __, statement, *___):
            if rows and f"INSERT INTO {table}" in statement:
                with sqlite3.connect(path) as other:
                    other.execute(*rows.pop())

        rows = [row]
        event.listen(Engine, "before_cursor_execute", first)
        try:
            yield
        finally:
            event.remove(Engine, "before_cursor_execute", first)
        assert not rows

    return by


def test_a_dataset_that_another_training_has_just_written_is_reused(client, overtaken):
    run = client.create_run("0").info.run_id
    data = DatasetInput(Dataset("events", "abc", "local", "{}"), [])
    row = (
        "INSERT INTO datasets (dataset_uuid, experiment_id, name, digest, dataset_source_type, "
        "dataset_source) VALUES ('theirs', 0, 'events', 'abc', 'local', '{}')",
    )
    with overtaken(row, "datasets"):
        write_shared(lambda: client.log_inputs(run, [data]))
    inputs = client.get_run(run).inputs.dataset_inputs
    assert [data_input.dataset.digest for data_input in inputs] == ["abc"]


def test_a_tag_that_another_training_has_just_written_is_replaced(client, overtaken):
    row = ("INSERT INTO experiment_tags VALUES ('note', 'theirs', 0)",)
    with overtaken(row, "experiment_tags"):
        write_shared(lambda: client.set_experiment_tag("0", "note", "ours"))
    assert client.get_experiment("0").tags["note"] == "ours"


def test_an_experiment_that_another_machine_has_just_created_is_reused(client, uri, overtaken):
    row = (
        "INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage, "
        "creation_time, last_update_time, workspace) "
        "VALUES (7, 'shared', '', 'active', 1, 1, 'default')",
    )
    with overtaken(row, "experiments"):
        assert experiment_id(client, uri, "shared") == "7"


def test_only_runs_of_dead_processes_are_marked_killed(client, gone):
    stale, alive = run_of(client, gone), run_of(client, owner())
    finished = run_of(client, gone, status="FINISHED")
    foreign = run_of(client, f"00000000{gone[8:]}")
    assert tracking.clear_stale(client, "0") == 1
    status = {
        run_id: client.get_run(run_id).info.status for run_id in (stale, alive, finished, foreign)
    }
    assert status == {stale: "KILLED", alive: "RUNNING", finished: "FINISHED", foreign: "RUNNING"}


def test_only_runs_of_the_given_process_are_ended(client, uri, gone):
    stale, alive, finished = (
        run_of(client, gone), run_of(client, owner()), run_of(client, gone, status="FINISHED")
    )  # fmt: skip
    tracking.end_runs(uri, "0", owner=gone)
    status = {run_id: client.get_run(run_id).info.status for run_id in (stale, alive, finished)}
    assert status == {stale: "KILLED", alive: "RUNNING", finished: "FINISHED"}


@pytest.mark.parametrize("point", ["created", "begun", "ended"])
def test_a_run_interrupted_at_its_start_or_end_is_ended_by_the_next_command(
    client, uri, monkeypatch, point
):
    plain = {name: getattr(MlflowClient, name) for name in ("create_run", "set_terminated")}

    def stop(name):
        def then_stopped(*args, **kwargs):
            plain[name](*args, **kwargs) if name == "create_run" else None
            raise KeyboardInterrupt

        return then_stopped

    def stopped():
        if point != "begun":
            name = "create_run" if point == "created" else "set_terminated"
            monkeypatch.setattr(MlflowClient, name, stop(name))
        run_id = begin_run(client, uri, "0", "a", {})
        if point == "begun":
            raise KeyboardInterrupt
        with tracked_run(client, uri, run_id):
            pass

    child = os.fork()
    if not child:
        with suppress(KeyboardInterrupt):
            stopped()
        retire()  # as a command does, however it ended
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    (run,) = client.search_runs(["0"])
    assert run.info.status == "RUNNING"
    _clear_up()
    assert client.get_run(run.info.run_id).info.status == "KILLED"


@pytest.mark.parametrize(("error", "tries"), [(StorageError, 1), (BusyError, 4)])
def test_an_unreachable_store_is_tried_once_and_a_busy_one_again(
    monkeypatch, tmp_path, error, tries
):
    monkeypatch.setattr(owners, "shared_folder", lambda: tmp_path)  # out of others' sight
    notes = [tmp_path / f"{owners._host()}-{digit * 16}.owner" for digit in "01"]
    for path in notes:
        path.write_text("run\t7\thttp://never.example\n")
    stores = []

    def refuse(store, _experiment, **_):
        stores.append(store)
        raise error("E-A", "no answer", fix="wait")

    monkeypatch.setattr(tracking, "end_runs", refuse)
    _clear_up()
    _clear_up()
    assert len(stores) == tries and all(path.exists() for path in notes)


def test_mlflow_prints_no_traceback_of_errors_that_we_report():
    logger = logging.getLogger("mlflow.store.db.utils")
    with storage():
        assert not logger.isEnabledFor(logging.ERROR)
    assert logger.isEnabledFor(logging.ERROR)


def test_a_full_disk_is_reported_in_the_words_of_the_database():
    full = OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))
    full.add_detail("raised as a result of Query-invoked autoflush")
    with pytest.raises(StorageError, match="E-STORAGE.*: database or disk is full; fix"), storage():
        raise MlflowException(message=full) from full


def test_a_half_written_model_of_a_killed_run_is_removed(client, gone):
    run_id = run_of(client, gone)
    client.create_logged_model("0", name="half", source_run_id=run_id)
    tracking.clear_stale(client, "0")
    assert client.search_logged_models(["0"]) == []


@pytest.mark.parametrize(
    ("error", "status"),
    [(KeyboardInterrupt, "KILLED"), (SystemExit, "KILLED"), (ValueError, "FAILED")],
)
def test_a_run_gets_the_status_that_fits_and_leaves_no_half_written_model(
    client, uri, error, status
):
    run_id = client.create_run("0").info.run_id
    with pytest.raises(error), tracked_run(client, uri, run_id):
        client.create_logged_model("0", name="half", source_run_id=run_id)
        raise error
    assert client.get_run(run_id).info.status == status
    assert client.search_logged_models(["0"]) == []


def test_a_half_written_model_that_a_server_adds_to_a_stopped_run_is_removed_later(
    client, uri, gone, monkeypatch
):
    run_id = run_of(client, gone)
    monkeypatch.setattr(owners._note_file, "begun", [(owners.RUN, uri), (owners.RUN, "another")])
    with pytest.raises(KeyboardInterrupt), tracked_run(client, uri, run_id):
        raise KeyboardInterrupt
    assert (owners.RUN, uri) in owners._note_file.begun  # the next command looks again
    client.create_logged_model("0", name="half", source_run_id=run_id)
    tracking.end_runs(uri, "0", owner=gone)
    assert client.search_logged_models(["0"]) == []
    assert client.get_run(run_id).info.status == "KILLED"


def test_the_error_for_a_deleted_experiment_has_the_command_that_restores_it(
    client, uri, monkeypatch
):
    experiment = client.create_experiment("small")
    client.delete_experiment(experiment)
    with pytest.raises(StorageError, match="E-DELETED.*small") as refused:
        require_usable(uri, "small")
    with pytest.raises(StorageError, match="E-DELETED"):
        experiment_id(client, uri, "small")
    setting, *command = shlex.split(refused.value.fix.split("`")[1])
    assert command == ["mlflow", "experiments", "restore", "-x", experiment]
    monkeypatch.setenv(*setting.split("=", 1))
    assert CliRunner().invoke(mlflow.experiments.commands, command[2:]).exit_code == 0
    require_usable(uri, "small")
    assert experiment_id(client, uri, "small") == experiment


def test_a_check_creates_no_store(tmp_path):
    require_usable(f"sqlite:///{tmp_path}/mlflow.db", "small")
    assert list(tmp_path.iterdir()) == []


def test_a_deleted_experiment_stops_a_training_before_it_reads(client, tmp_path):
    client.delete_experiment(client.create_experiment("quick"))
    (tmp_path / "quick.toml").write_text(QUICK)
    result = escalation("train", "quick.toml", "--events", "no.csv", folder=tmp_path)
    assert (result.returncode, result.stdout) == (6, "")
    assert "E-DELETED" in result.stderr and "mlflow experiments restore -x" in result.stderr


def test_the_same_relative_name_in_another_folder_is_another_store(
    empty_store, tmp_path, monkeypatch
):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mlflow.db").write_bytes(empty_store.read_bytes())
        monkeypatch.chdir(tmp_path / name)
        client = tracking.open_store("sqlite:///mlflow.db")
        assert client.get_experiment_by_name("here") is None
        client.create_experiment("here")


class Clock:
    """A clock that advances without sleeping."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


def test_a_held_lock_is_reported_as_busy_after_the_time_limit(uri, tmp_path, monkeypatch):
    with files.locked(tmp_path / "mlflow.db"):
        monkeypatch.setattr(files, "time", clock := Clock())
        with pytest.raises(BusyError, match=r"mlflow\.db\.lock.*more than 30 s"):
            tracking.open_store(uri)
    assert 30 <= clock.now < 31


def test_a_locked_database_is_reported_as_busy(uri, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "LOCK_SECONDS", 0.3)
    other = sqlite3.connect(tmp_path / "mlflow.db")
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(BusyError, match=r"E-BUSY.*mlflow\.db"):
        tracking.open_store(uri)
    other.rollback()
    other.close()
    assert tracking.open_store(uri).search_experiments()


def test_a_file_that_is_not_a_database_is_refused_and_unchanged(tmp_path):
    (tmp_path / "mlflow.db").write_text("not a database, by far long enough to be read as one" * 9)
    before = (tmp_path / "mlflow.db").read_bytes()
    with pytest.raises(StorageError, match=r"E-STORE.*not an sqlite file"):
        tracking.open_store(f"sqlite:///{tmp_path}/mlflow.db")
    assert (tmp_path / "mlflow.db").read_bytes() == before


def test_storage_errors_get_our_codes():
    with pytest.raises(StorageError, match="E-STORAGE"), storage():
        raise OSError("no space")
    with pytest.raises(BusyError, match="E-BUSY"), storage():
        raise sqlite3.OperationalError("database is locked")


KILLED_HALF_WAY = """
import os, pathlib, signal
from sqlalchemy import Engine, event
from escalation import tracking
from escalation._util.owners import owner
tables = []

@event.listens_for(Engine, "after_cursor_execute")
def count(connection, cursor, statement, *_):
    if statement.strip().startswith("CREATE TABLE"):
        tables.append(statement)
    if len(tables) == 20:
        (part,) = pathlib.Path().glob(".mlflow.db-*.part")
        assert (part / "mlflow.db").stat().st_size
        os.kill(os.getpid(), signal.SIGKILL)

tracking.open_store("sqlite:///mlflow.db")
"""


@pytest.mark.slow
def test_after_a_kill_while_a_store_is_created_the_next_start_creates_it(tmp_path):
    """A process killed while it creates the tables leaves no file in the store's place."""
    maker = subprocess.run([sys.executable, "-c", KILLED_HALF_WAY], cwd=tmp_path, check=False)
    assert maker.returncode == -signal.SIGKILL
    assert not (tmp_path / "mlflow.db").exists()
    client = tracking.open_store(f"sqlite:///{tmp_path}/mlflow.db")
    assert client.create_run("0").info.status == "RUNNING"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mlflow.db", "mlflow.db.lock"]


def test_a_busy_port_is_reported_before_mlflow_starts(tmp_path):
    from escalation.cli.models import ui_command

    (tmp_path / "mlflow.db").touch()
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(BusyError, match=f"E-PORT.*port {port}.*--port {port - 1}"):
            ui_command(tracking_uri=f"sqlite:///{tmp_path}/mlflow.db", port=port)


def test_after_a_store_was_opened_the_registry_still_follows_the_tracking_uri(
    uri, tmp_path, monkeypatch
):
    monkeypatch.delenv("MLFLOW_REGISTRY_URI", raising=False)  # which tests before it may have set
    code = (
        "import sys, mlflow; from escalation.tracking import open_store; open_store(sys.argv[1]); "
        "mlflow.set_tracking_uri(sys.argv[2]); print(mlflow.get_registry_uri())"
    )
    other = f"sqlite:///{tmp_path / 'other.db'}"
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, uri, other],
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.splitlines()[-1] == other
