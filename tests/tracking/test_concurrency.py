"""Several at once, servers, and kills: nothing lost, nothing half made."""

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
from escalation.backtest.evaluation import evaluate
from escalation.tracking import runs


@pytest.fixture(scope="module")
def folder(trained, events, drawn, tmp_path_factory):
    """The training for processes that only log it."""
    made = tmp_path_factory.mktemp("training")
    evaluation = evaluate(trained.case, trained.forecasts, summary=trained.summary, others=None)
    (made / "trained.pickle").write_bytes(pickle.dumps((trained, events, evaluation)))
    (made / "drawn").symlink_to(drawn)
    (made / "files").mkdir()
    runs._parent_files(made / "files", trained, evaluation)
    return made


LOGGING = f"""
import importlib, os, pickle, shutil, signal, sys
from pathlib import Path
from mlflow import MlflowClient
from escalation._util import files
from escalation.tracking import runs

uri, folder = sys.argv[1], Path(sys.argv[2])
files.LOCK_SECONDS = {PATIENCE}  # a busy machine is no reason to give up
trained, events, evaluation = pickle.loads((folder / "trained.pickle").read_bytes())
runs.evaluate = lambda *_, **__: evaluation
runs._parent_files = lambda to, *_: shutil.copytree(folder / "files", to, dirs_exist_ok=True)

# What a first training imports on its way: paid here, and not by every child.
for name in ("alembic.command", "git", "IPython", "mlflow.genai", "mlflow.models", "mlflow.pyfunc",
             "mlflow.store.db.utils", "mlflow.store.tracking.sqlalchemy_store", "skops.io"):
    importlib.import_module(name)

def start(prepare=lambda: None):
    child = os.fork()
    if child:
        return child
    try:
        prepare()
        runs.log_training(trained, uri=uri, events=events, pictures=folder / "drawn")
        os._exit(0)
    except BaseException as error:
        print(repr(error), file=sys.stderr)
        os._exit(1)

def status_of(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
"""
AT_ONCE = f"""{LOGGING}
for count in sys.argv[3:]:
    children = [start() for _ in range(int(count))]
    print(*map(status_of, children))
"""


@pytest.mark.slow
def test_trainings_logged_at_once_into_no_store_and_then_into_it_all_succeed(tmp_path, folder):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    command = [sys.executable, "-c", AT_ONCE, uri, str(folder), "3", "2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.stdout.split() == ["0"] * 5, done.stderr
    client = tracking.open_store(uri)
    versions = client.search_model_versions("name = 'small'")
    assert sorted(int(one.version) for one in versions) == list(range(1, 6))
    assert all(str(one.status) == "READY" for one in versions)
    store = sqlite3.connect(tmp_path / "mlflow.db")
    assert store.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    store.close()
    runs = client.search_runs([client.get_experiment_by_name("small").experiment_id])
    assert Counter(run.info.status for run in runs) == {"FINISHED": 5 * 5}
    assert str(client.get_model_version_by_alias("small", "champion").version) == "1"


STOPPED = """
import os, sys
from mlflow import MlflowClient
from escalation.cli import main

number = int(sys.argv.pop(1))
plain, calls = MlflowClient.create_run, []

def last(*args, **kwargs):
    made = plain(*args, **kwargs)
    calls.append(made)
    if len(calls) == 2:  # the first child's
        os.kill(os.getpid(), number)
    return made

MlflowClient.create_run = last
main()
"""


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_training_stopped_while_it_is_logged_leaves_the_champion(
    uri, log, tmp_path, number, code
):
    client = tracking.open_store(uri)
    log(uri)
    before = client.get_model_version_by_alias("small", "champion").version
    experiment = client.get_experiment_by_name("small").experiment_id
    (tmp_path / "small.toml").write_text(SMALL.replace("[models.logistic]\n", ""))
    stopped = subprocess.run(
        [sys.executable, "-c", STOPPED, str(int(number)), "train", "small.toml",
         "--tracking-uri", uri],
        cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert stopped.returncode == code, stopped.stderr
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
KILLED_THERE = f"""{LOGGING}
def kill_after(method, count):
    plain, calls = getattr(MlflowClient, method), []
    def last(*args, **kwargs):
        done = plain(*args, **kwargs)
        calls.append(method)
        if len(calls) == count:
            os.kill(os.getpid(), signal.SIGKILL)
        return done
    setattr(MlflowClient, method, last)

for line in sys.stdin:
    method, count = line.split()
    print(status_of(start(lambda: kill_after(method, int(count)))), flush=True)
"""


@pytest.mark.slow
def test_a_kill_at_any_point_of_logging_loses_that_training_and_nothing_else(uri, log, folder):
    client = tracking.open_store(uri)
    log(uri)
    experiment = client.get_experiment_by_name("small").experiment_id
    code = [sys.executable, "-c", KILLED_THERE, uri, str(folder)]
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
        view = f"{address}/#/experiments/{first.experiment_id}/runs"
        query = "workflowType=machine_learning&viewStateShareKey=escalation"
        assert tracking.link(address, first.experiment_id) == f"{view}?{query}"
    assert list((tmp_path / "held").rglob("forecasts.parquet"))
