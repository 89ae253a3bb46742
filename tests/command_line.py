"""Run the command in this process, where imports are paid once, or as a shell would."""

from __future__ import annotations

import atexit
import contextlib
import functools
import io
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import pytest
from patience import PATIENCE

from escalation import cli
from escalation.features import ACROSS, FEATURES

TEMPORARY = tempfile.gettempdir()
"""The temporary folder of the tests; each running command has its own, which it removes."""
QUICK = """
[experiment]
name = "quick"
[data]
source = "iraq_crisis"
first_day = 2019-10-01
last_day = 2020-12-31
[panel]
units = ["site", "all"]
enters = { tags = "installation_attack" }
[features.window_sums]
[[targets]]
name = "any"
horizon = 7
where = { tags = "installation_attack" }
[backtest]
first_origin = 2020-03-01
every = 14
refit_every = 15
"""


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


def escalation(*arguments, folder):
    """Run the command in a folder, in this process, so that imports are paid once."""
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(folder),
        _own_handlers(),
        mock.patch.object(sys, "argv", ["escalation", *map(str, arguments)]),
        mock.patch.dict(os.environ),
        mock.patch("escalation.tracking.store._make", _copy),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.raises(SystemExit) as ended,
    ):
        # MLflow leaves the store here that another test opened last.
        os.environ.pop("MLFLOW_TRACKING_URI", None)
        cli.main()
    return Done(int(ended.value.code or 0), out.getvalue(), err.getvalue())


def _copy(path):
    """Make a store by copying an empty one; creating one takes seconds."""
    if not path.exists() or not path.stat().st_size:
        shutil.copyfile(empty_store(), path)


@functools.cache
def empty_store():
    """Return the path of an empty sqlite store to copy; creating one takes seconds."""
    from mlflow import MlflowClient

    folder = tempfile.mkdtemp(prefix="empty_store_", dir=TEMPORARY)
    atexit.register(shutil.rmtree, folder)
    path = Path(folder) / "mlflow.db"
    uri = f"sqlite:///{path}"
    MlflowClient(uri, uri).search_experiments(max_results=1)
    return path


@contextlib.contextmanager
def _own_handlers():
    """Restore the signal handlers of the tests afterwards."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def undrawn():
    """Train without drawing pictures or pages, for tests of other things."""
    from escalation.tracking.pictures import CHILDREN, PARENT

    def folders(trained, folder, _, *, labels=()):
        for name in (PARENT, *(f"{CHILDREN}/{model}" for model in trained.models)):
            (folder / name).mkdir(parents=True)
        return folder

    def no_pages(trained):
        return [None] * len(trained)

    def no_figure(*_, **__):
        return SimpleNamespace(savefig=lambda path: Path(path).touch())

    names = ("decisions_figure", "skill_by_figure", "ablation_figure")
    no_plots = SimpleNamespace(**dict.fromkeys(names, no_figure))
    with (
        mock.patch("escalation.tracking.runs.plots", no_plots),
        mock.patch("escalation.tracking.runs.draw", folders),
        mock.patch("escalation.tracking.runs.training_pages", no_pages),
        mock.patch("escalation.report.training_pages", no_pages),
    ):
        yield


@contextlib.contextmanager
def a_new_start(*modules):
    """Remove what plug-ins register afterwards, as a new process would."""
    families = [(registry, dict(registry)) for registry in (FEATURES, ACROSS)]
    try:
        yield
    finally:
        for registry, before in families:
            registry.clear()
            registry.update(before)
        for name in modules:
            sys.modules.pop(name, None)


def in_a_fork(*arguments, folder, stdout):
    """Run the command with its own standard output, in a forked process that has the imports."""
    with tempfile.TemporaryFile("w+") as told:
        child = os.fork()
        if not child:
            _forked(arguments, folder, stdout, told.fileno())
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        told.seek(0)
        return Done(status, "", told.read())


def _forked(arguments, folder, stdout, stderr):
    """Run the command in the child as a shell would; never returns."""
    status = 1
    try:
        os.dup2(stdout, 1)
        os.dup2(stderr, 2)
        sys.stdout, sys.stderr = (os.fdopen(number, "w", closefd=False) for number in (1, 2))
        os.chdir(folder)
        os.environ.pop("MLFLOW_TRACKING_URI", None)
        sys.argv = ["escalation", *map(str, arguments)]
        cli.main()
    except SystemExit as ended:
        status = int(ended.code or 0)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError):
            sys.stderr.flush()
        os._exit(status)


def in_a_process(*arguments, folder, **environment):
    """Run the command in a new process, without the store that another test opened."""
    inherited = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    return subprocess.run(
        [sys.executable, "-m", "escalation.cli", *map(str, arguments)],
        cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=False,
        env={**inherited, **environment},
    )  # fmt: skip
