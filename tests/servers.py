"""Start a server on a free loopback port for a test, wait for it, and stop it."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path

from patience import PATIENCE

LIGHT = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


def free_port():
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def serving(*arguments, folder, health="/health", **environment):
    """Run ``python -m ARGUMENTS --port PORT`` until the block ends; yield its address."""
    port = free_port()
    command = [sys.executable, "-m", *map(str, arguments), "--port", str(port)]
    # Find the environment's other commands even if it was not activated.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    with (folder / f"server-{port}.log").open("w") as log:
        server = subprocess.Popen(
            command, cwd=folder, stdout=log, stderr=log, start_new_session=True,
            env={**os.environ, **LIGHT, "PATH": path, **environment},
        )  # fmt: skip
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_for(address + health, server, folder / f"server-{port}.log")
        yield address
    finally:
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(server.pid, number)
            with suppress(subprocess.TimeoutExpired):
                server.wait(10)


def _wait_for(address, server, log):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        assert server.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(address, timeout=PATIENCE):
                return
        except OSError:
            time.sleep(0.3)
    raise AssertionError(f"no answer within {PATIENCE:.0f} s: {log.read_text()}")
