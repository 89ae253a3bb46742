"""Concurrent trainings, servers and kills: nothing is lost or half-written."""

import json
import os
import pickle
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import Counter

import pytest
from patience import PATIENCE
from servers import serving
from tracking_small import SMALL

from escalation import tracking
from escalation.backtest.evaluation import evaluate
from escalation.tracking import runs


@pytest.fixture(scope="module")
def folder(trained, events, drawn, empty_store, tmp_path_factory):
    """The training for processes that only log it, and a store in which the first is logged."""
    path = tmp_path_factory.mktemp("training")
    evaluation = evaluate(trained.case, trained.forecasts, summary=trained.summary, others=None)
    (path / "trained.pickle").write_bytes(pickle.dumps((trained, events, evaluation)))
    (path / "drawn").symlink_to(drawn)
    (path / "files").mkdir()
    runs._parent_files(path / "files", trained, evaluation)
    (path / "mlflow.db").write_bytes(empty_store.read_bytes())
    return path


FORKING = f"""
import json, os, pickle, shutil, signal, sys, traceback
from pathlib import Path
from mlflow import MlflowClient
from escalation import cli
from escalation._util import files
from escalation.tracking import runs

folder = Path(sys.argv[1])
files.LOCK_SECONDS = {PATIENCE}  # a busy machine is no reason to give up
trained, events, evaluation = pickle.loads((folder / "trained.pickle").read_bytes())
evaluate, parent_files = runs.evaluate, runs._parent_files
runs.evaluate = lambda *_, **__: evaluation
runs._parent_files = lambda to, *_: shutil.copytree(folder / "files", to, dirs_exist_ok=True)

def log(uri):
    runs.log_training(trained, uri=uri, events=events, pictures=folder / "drawn")

def end_after(method, count, number):
    plain, calls = getattr(MlflowClient, method), []
    def last(*args, **kwargs):
        done = plain(*args, **kwargs)
        calls.append(method)
        if len(calls) == count:
            os.kill(os.getpid(), number)
        return done
    setattr(MlflowClient, method, last)

def train(*arguments):
    runs.evaluate, runs._parent_files = evaluate, parent_files
    os.dup2(2, 1)
    sys.argv = ["escalation", "train", *arguments]
    cli.main()

def start(todo, arguments, end):
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        if end:
            end_after(*end)
        {{"log": log, "train": train}}[todo](*arguments)
        status = 0
    except SystemExit as ended:
        status = ended.code
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)

# What a first training imports and prepares on its way: paid here, and not by every child.
log(f"sqlite:///{{folder}}/mlflow.db")
for line in sys.stdin:
    asked = json.loads(line)
    os.chdir(asked["folder"])
    children = [start(*asked["what"]) for _ in range(asked["times"])]
    ended = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    print("ended:", *ended, flush=True)
"""


@pytest.fixture(scope="module")
def ends(folder):
    """Exit statuses of processes that log the training, or train; forked after doing it once."""
    command = [sys.executable, "-c", FORKING, str(folder)]
    # Each process sets its own tracking URI.
    there = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    forking = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=there,
        start_new_session=True,
    )  # fmt: skip

    def ended(todo, *arguments, place, times=1, end=None):
        job = (todo, arguments, end)
        request = {"folder": str(place), "times": times, "what": job}
        late = threading.Timer(PATIENCE, os.killpg, (forking.pid, signal.SIGKILL))
        late.start()
        try:
            forking.stdin.write(json.dumps(request) + "\n")
            forking.stdin.flush()
            line = next((line for line in forking.stdout if line.startswith("ended:")), "")
        finally:
            late.cancel()
        assert line, f"no end within {PATIENCE} s, or none at all: see its output above"
        return [int(status) for status in line.split()[1:]]

    yield ended
    try:
        forking.communicate(timeout=PATIENCE)
    finally:
        forking.kill()


@pytest.mark.slow
def test_trainings_logged_at_once_into_a_new_and_an_existing_store_all_succeed(tmp_path, ends):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    for times in (3, 2):
        assert ends("log", uri, place=tmp_path, times=times) == [0] * times
    client = tracking.open_store(uri)
    versions = client.search_model_versions("name = 'small'")
    assert sorted(int(version.version) for version in versions) == list(range(1, 6))
    assert all(str(version.status) == "READY" for version in versions)
    store = sqlite3.connect(tmp_path / "mlflow.db")
    assert store.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    store.close()
    runs = client.search_runs([client.get_experiment_by_name("small").experiment_id])
    assert Counter(run.info.status for run in runs) == {"FINISHED": 5 * 5}
    assert str(client.get_model_version_by_alias("small", "champion").version) == "1"


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_training_stopped_while_it_is_logged_leaves_the_champion(
    uri, log, ends, tmp_path, number, code
):
    client = tracking.open_store(uri)
    log(uri)
    before = client.get_model_version_by_alias("small", "champion").version
    experiment = client.get_experiment_by_name("small").experiment_id
    (tmp_path / "small.toml").write_text(SMALL.replace("[models.logistic]\n", ""))
    first_child = ("create_run", 2, number)
    arguments = ("small.toml", "--tracking-uri", uri)
    assert ends("train", *arguments, place=tmp_path, end=first_child) == [code]
    assert client.get_model_version_by_alias("small", "champion").version == before
    assert len(client.search_model_versions("name = 'small'")) == 1
    log(uri)
    states = Counter(run.info.status for run in client.search_runs([experiment]))
    assert "RUNNING" not in states
    assert states["KILLED"] >= 1
    models = client.search_logged_models([experiment])
    assert {str(model.status) for model in models} == {"READY"}
    assert len(client.search_model_versions("name = 'small'")) == 2


POINTS = {
    "create_run": 1,  # the parent's
    "log_batch": 1,
    "log_artifacts": 1,
    "log_outputs": 1,  # the model's, which is begun by then
    "log_model_artifacts": 1,
    "set_terminated": 2,  # the second child's
    "create_model_version": 1,
    "set_registered_model_alias": 1,
}
"""Methods of the client, and after which of their calls the process is killed."""


@pytest.mark.slow
def test_a_kill_at_any_point_of_logging_loses_that_training_and_nothing_else(
    uri, log, ends, tmp_path
):
    client = tracking.open_store(uri)
    log(uri)
    experiment = client.get_experiment_by_name("small").experiment_id
    for method, count in POINTS.items():
        there = (method, count, signal.SIGKILL)
        assert ends("log", uri, place=tmp_path, end=there) == [-signal.SIGKILL], method
        assert str(client.get_model_version_by_alias("small", "champion").version) == "1"
        assert tracking.clear_stale(client, experiment) >= 1, method
        runs = client.search_runs([experiment])
        assert "RUNNING" not in {run.info.status for run in runs}
        models = client.search_logged_models([experiment])
        assert {str(model.status) for model in models} == {"READY"}, method
    log(uri)
    assert tracking.load_scorer("small", uri=uri).reference == "small@champion v1"


@pytest.mark.slow
def test_a_server_with_a_database_takes_trainings_and_promotions(tmp_path, empty_store, log):
    (tmp_path / "mlflow.db").write_bytes(empty_store.read_bytes())
    arguments = ("mlflow", "server", "--backend-store-uri", f"sqlite:///{tmp_path}/mlflow.db",
                 "--artifacts-destination", tmp_path / "held", "--workers", "1")  # fmt: skip
    with serving(*arguments, folder=tmp_path) as address:
        first, second = log(address), log(address)
        assert (first.alias, second.alias) == ("champion", "challenger")
        scorer = tracking.load_scorer("small", uri=address)
        assert scorer.reference == "small@champion v1"
        result = tracking.promote("small", uri=address, force=True, reason="a test")
        assert (result.version, result.before) == ("2", "1")
        assert result.decision is not None
        view = f"{address}/#/experiments/{first.experiment_id}/runs"
        query = "workflowType=machine_learning&viewStateShareKey=escalation"
        assert tracking.link(address, first.experiment_id) == f"{view}?{query}"
    assert list((tmp_path / "held").rglob("forecasts.parquet"))
