"""Every engine gives the same results in the same order, whatever happens to a worker."""

from __future__ import annotations

import datetime as dt
import operator
import os
import pickle
import signal
import sys
import time

import numpy as np
import pytest
import random_archives as archives
from command_line import a_new_start, escalation
from iraq_2020 import experiment_of_2020

from escalation._util.engine import engine, in_threads, in_turn, on_dask
from escalation._util.outputs import write_table
from escalation.backtest.rolling import backtest_labels
from escalation.cli import work
from escalation.errors import EscalationError, InputError, UsageError
from escalation.features import ACROSS, FEATURES
from escalation.features.stream import write_features
from escalation.panel.by_unit import history

EVERY = {name: {} for name in (*FEATURES, *ACROSS)}


@pytest.fixture(scope="module")
def cluster():
    with engine("dask") as run:
        yield run


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """Features of an archive, and the file that this process writes."""
    source = history(archives.archive(1, count=120), archives.SPEC)
    path = tmp_path_factory.mktemp("plain") / "features.parquet"
    write_features(source, EVERY, path, units_per_chunk=1, engine=in_turn)
    return source, path.read_bytes()


def workers_of(cluster):
    (client,) = cluster.args
    return client.run(os.getpid)


@pytest.mark.parametrize("run", [in_turn, in_threads(1), in_threads(3)])
def test_results_come_in_the_order_of_the_items(run):
    def work(_, item):
        time.sleep(0.01 * (item % 3))
        return item

    assert list(run(work, range(10), make_shared=lambda: None)) == list(range(10))


@pytest.mark.parametrize("run", [in_turn, in_threads(2)])
def test_few_tasks_are_pending_at_a_time(run):
    requested = []

    def items():
        for item in range(50):
            requested.append(item)
            yield item

    results = run(operator.add, items(), make_shared=lambda: 1)
    assert [next(results) for _ in range(3)] == [1, 2, 3]
    assert len(requested) <= 3 + 3 * 2
    list(results)
    assert len(requested) == 50


def test_another_engine_and_a_scheduler_without_dask_are_refused():
    for name, scheduler in (("spark", None), ("local", "tcp://127.0.0.1:1")):
        with pytest.raises(UsageError, match="E-ENGINE"), engine(name, scheduler=scheduler):
            pass


def test_without_dask_the_command_that_installs_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    message = r"E-DASK.*pip install '\.\[dask\]'"
    with pytest.raises(UsageError, match=message), engine("dask"):
        pass


def test_an_error_survives_pickling():
    error = InputError("E-X", "expected y", fix="do z", where="a:1", column="c", value=3)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is InputError
    assert str(again) == str(error)
    assert issubclass(type(again), EscalationError)


def test_a_killed_worker_loses_nothing(cluster):
    def make():
        import numpy

        return numpy.arange(1000.0)

    def work(shared, item):
        import os
        import time

        time.sleep(0.1)
        return item, float(shared.sum() * item), os.getpid()

    before = set(workers_of(cluster).values())
    assert len(before - {os.getpid()}) == 2
    results = cluster(work, range(24), make_shared=make)
    first = next(results)
    os.kill(first[2], signal.SIGKILL)
    rest = list(results)
    total = float(np.arange(1000.0).sum())
    assert [(item, value) for item, value, _ in [first, *rest]] == [
        (item, total * item) for item in range(24)
    ]
    assert first[2] in before
    assert {pid for *_, pid in rest} - {first[2]}, "expected the other worker to continue"


def test_an_error_on_a_worker_is_raised_here(cluster, tmp_path, monkeypatch):
    source = history(archives.archive(1), archives.SPEC)

    def wrong(panel):
        return {"short": panel["events"][:, : max(1, panel.shape[1] - panel.shape[0] + 1)]}

    monkeypatch.setitem(FEATURES, "wrong", wrong)
    with pytest.raises(UsageError, match=r"E-FEATURE.*short"):
        write_features(source, {"wrong": {}}, tmp_path / "x.parquet", units_per_chunk=2,
                       engine=cluster)  # fmt: skip


def test_a_running_cluster_is_found_by_its_address_and_nothing_elsewhere(cluster):
    (client,) = cluster.args
    with engine("dask", scheduler=client.scheduler.address) as run:
        assert list(run(operator.mul, [1, 2, 3], make_shared=lambda: 7)) == [7, 14, 21]
    assert client.status == "running"
    import dask

    with (
        dask.config.set({"distributed.comm.timeouts.connect": "1s"}),
        pytest.raises(UsageError, match="E-SCHEDULER"),
        on_dask("tcp://127.0.0.1:9"),
    ):
        pass


MINE = """
def doubled(panel, *, channel: str = "events"):
    return {f"{channel}_doubled": panel[channel] * 2}
"""
EXPERIMENT = """
[experiment]
name = "quick"
[data]
source = "iraq_crisis"
first_day = 2019-10-01
last_day = 2020-03-31
[panel]
units = ["site"]
[features.window_sums]
[features."mine:doubled"]
[[targets]]
name = "any"
horizon = 7
"""


def test_the_command_writes_the_same_file_by_either_engine_with_a_custom_family(cluster, tmp_path):
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "quick.toml").write_text(EXPERIMENT)
    (client,) = cluster.args
    scheduler = ("--scheduler", client.scheduler.address)
    for name, options in (("local", ()), ("dask", scheduler)):
        with a_new_start("mine"):
            command = escalation(
                "features", "quick.toml", "--engine", name, *options, "--plugin", "mine.py",
                "--out", f"{name}.parquet", folder=tmp_path,
            )  # fmt: skip
        assert command.returncode == 0, command.stderr
        assert "of 15 features written" in command.stderr
    files = [(tmp_path / f"{name}.parquet").read_bytes() for name in ("local", "dask")]
    assert files[0] == files[1]


def killing(cluster):
    """The cluster, with one of its processes killed after the first result."""

    def run(work, items, *, make_shared):
        results = cluster(work, items, make_shared=make_shared)
        yield next(results)
        os.kill(next(iter(workers_of(cluster).values())), signal.SIGKILL)
        yield from results

    return run


def test_a_backtest_gives_the_same_file_if_one_of_two_processes_is_killed(
    cluster, crisis, tmp_path
):
    when = {"first_origin": dt.date(2020, 11, 10), "every": 7, "refit_every": 2, "update_every": 1}
    experiment = experiment_of_2020(models={"logistic": {}, "pool": {}}, **when)
    for name, run in (("dask", killing(cluster)), ("local", in_turn)):
        forecasts = backtest_labels(crisis, experiment, engine=run)
        write_table(forecasts, tmp_path / f"{name}.parquet")
    files = [(tmp_path / f"{name}.parquet").read_bytes() for name in ("dask", "local")]
    assert files[0] == files[1]
    assert set(forecasts["model"]) > {"logistic", "pool", "climatology"}


def test_features_give_the_same_file_if_one_of_two_processes_is_killed(cluster, plain, tmp_path):
    source, expected = plain
    path = tmp_path / "dask.parquet"
    write_features(source, EVERY, path, units_per_chunk=1, engine=killing(cluster))
    assert path.read_bytes() == expected


def test_a_folder_of_parts_is_the_same_by_either_engine(cluster, plain, tmp_path):
    source, _ = plain
    for name, run in (("dask", cluster), ("here", in_turn)):
        write_features(source, EVERY, tmp_path / name, units_per_chunk=2, engine=run)
    dask, here = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}
        for name in ("dask", "here")
    )
    assert dask == here and len(here) > 1


def test_the_command_refuses_dask_for_csv_and_a_scheduler_without_dask(tmp_path):
    (tmp_path / "quick.toml").write_text(EXPERIMENT.replace('[features."mine:doubled"]', ""))
    for options, message in (
        ({"engine": "dask", "out": tmp_path / "x.csv"}, "E-FORMAT"),
        ({"scheduler": "tcp://127.0.0.1:9", "out": tmp_path / "x.parquet"}, "E-ENGINE"),
    ):
        with pytest.raises(UsageError, match=message):
            work.features_command(tmp_path / "quick.toml", **options)
