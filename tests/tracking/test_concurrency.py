"""Several at once, servers, and kills: nothing lost, nothing half made."""

import os
import pickle
import signal
import sqlite3
import subprocess
import sys
from collections import Counter

import pytest
from patience import PATIENCE
from servers import serving
from tracking_small import SMALL

from escalation import tracking
from escalation.tracking.pictures import draw

FEWEST = SMALL.replace("[models.logistic]\n", "")
TRAIN = f"""
import os, sys
from mlflow import MlflowClient
from escalation._util import files
from escalation.cli import main

files.LOCK_SECONDS = {PATIENCE}  # a busy machine is no reason to give up
number = int(sys.argv.pop(1))
plain, calls = MlflowClient.create_run, []

def last(*args, **kwargs):
    made = plain(*args, **kwargs)
    calls.append(made)
    if len(calls) == 2:
        os.kill(os.getpid(), number)
    return made

if number:
    MlflowClient.create_run = last
main()
"""


def train(folder, *, signalled=0):
    """Start the command; once its first child run is made it gets a signal, if any."""
    (folder / "small.toml").write_text(FEWEST)
    return subprocess.Popen(
        [sys.executable, "-c", TRAIN, str(int(signalled)), "train", "small.toml", "--json",
         "--tracking-uri", "sqlite:///mlflow.db"],
        cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def at_once(count, folder):
    running = [train(folder) for _ in range(count)]
    messages = [one.communicate(timeout=PATIENCE)[1] for one in running]
    assert [one.returncode for one in running] == [0] * count, messages


@pytest.mark.slow
def test_trainings_at_once_on_no_store_and_then_on_it_all_succeed(tmp_path):
    for count, total in ((4, 4), (2, 6)):
        at_once(count, tmp_path)
        client = tracking.open_store(f"sqlite:///{tmp_path}/mlflow.db")
        versions = client.search_model_versions("name = 'small'")
        assert sorted(int(one.version) for one in versions) == list(range(1, total + 1))
        assert all(str(one.status) == "READY" for one in versions)
    store = sqlite3.connect(tmp_path / "mlflow.db")
    assert store.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    store.close()
    runs = client.search_runs([client.get_experiment_by_name("small").experiment_id])
    assert Counter(run.info.status for run in runs) == {"FINISHED": total * 4}
    assert str(client.get_model_version_by_alias("small", "champion").version) == "1"


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_training_stopped_while_it_is_logged_leaves_the_champion(
    uri, log, tmp_path, number, code
):
    client = tracking.open_store(uri)
    log(uri)
    before = client.get_model_version_by_alias("small", "champion").version
    experiment = client.get_experiment_by_name("small").experiment_id
    stopped = train(tmp_path, signalled=number)
    message = stopped.communicate(timeout=PATIENCE)[1]
    assert stopped.returncode == code, message
    assert client.get_model_version_by_alias("small", "champion").version == before
    assert len(client.search_model_versions("name = 'small'")) == 1
    log(uri)
    states = Counter(run.info.status for run in client.search_runs([experiment]))
    assert "RUNNING" not in states
    assert states["KILLED"] >= 1
    models = client.search_logged_models([experiment])
    assert {str(one.status) for one in models} == {"READY"}
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
KILLED_THERE = """
import os, pickle, signal, sys
from pathlib import Path
from mlflow import MlflowClient
from escalation.tracking import runs
uri, folder = sys.argv[1], Path(sys.argv[2])
trained, events = pickle.loads((folder / "trained.pickle").read_bytes())

def log_until(method, count):
    plain, calls = getattr(MlflowClient, method), []
    def last(*args, **kwargs):
        done = plain(*args, **kwargs)
        calls.append(method)
        if len(calls) == count:
            os.kill(os.getpid(), signal.SIGKILL)
        return done
    setattr(MlflowClient, method, last)
    runs.OWNER = f"{os.uname().nodename}:{os.getpid()}"
    runs.log_training(trained, uri=uri, events=events, pictures=folder / "drawn")

for line in sys.stdin:  # imports are paid once
    method, count = line.split()
    child = os.fork()
    if child == 0:
        log_until(method, int(count))
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.mark.slow
def test_a_kill_at_any_point_of_logging_loses_that_training_and_nothing_else(
    uri, log, trained, events, tmp_path
):
    client = tracking.open_store(uri)
    log(uri)
    experiment = client.get_experiment_by_name("small").experiment_id
    (tmp_path / "trained.pickle").write_bytes(pickle.dumps((trained, events)))
    (drawn := tmp_path / "drawn").mkdir()
    draw(trained, drawn)
    code = [sys.executable, "-c", KILLED_THERE, uri, str(tmp_path)]
    logging = subprocess.Popen(code, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    for method, count in POINTS.items():
        logging.stdin.write(f"{method} {count}\n")
        logging.stdin.flush()
        assert int(logging.stdout.readline()) == -signal.SIGKILL, method
        assert str(client.get_model_version_by_alias("small", "champion").version) == "1"
        assert tracking.clear_stale(client, experiment) >= 1, method
        runs = client.search_runs([experiment])
        assert "RUNNING" not in {run.info.status for run in runs}
        models = client.search_logged_models([experiment])
        assert {str(one.status) for one in models} == {"READY"}, method
    logging.communicate()
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
        done = tracking.promote("small", uri=address, force=True, reason="a test")
        assert (done.version, done.before) == ("2", "1")
        assert done.decision is not None
        view = f"{address}/#/experiments/{first.experiment_id}/runs?viewStateShareKey=escalation"
        assert tracking.link(address, first.experiment_id) == view
    assert list((tmp_path / "held").rglob("forecasts.parquet"))
