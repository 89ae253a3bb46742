"""Start notebook kernels by forking a process that has already imported the libraries.

``python tests/forked_kernels.py NUMBER`` forks a kernel for each request at that socket. With
``PATH CONNECTION_FILE`` it requests one and runs until that kernel has ended, as Jupyter expects.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

NAME = "forked"


@contextlib.contextmanager
def forking(folder: Path, settings: dict[str, str]) -> Iterator[dict[str, str]]:
    """Provide a kernel ``forked``; yield the environment variables with which Jupyter finds it.

    Parameters
    ----------
    folder : Path
        Holds the socket and the kernel's description.
    settings : dict of str to str
        Environment variables for importing the libraries.
    """
    path, kernel = folder / "asked", folder / "kernels" / NAME
    kernel.mkdir(parents=True)
    argv = [sys.executable, __file__, str(path), "{connection_file}"]
    described = {"argv": argv, "display_name": NAME, "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(described), encoding="utf-8")
    with socket.socket(socket.AF_UNIX) as asked:
        asked.bind(str(path))
        asked.listen()
        forks = subprocess.Popen(
            [sys.executable, __file__, str(asked.fileno())],
            pass_fds=[asked.fileno()], env={**os.environ, **settings},
        )  # fmt: skip
    try:
        yield {"JUPYTER_PATH": str(folder)}
    finally:
        forks.terminate()
        forks.wait()


def _fork(number: int) -> None:
    """Fork a kernel for each request."""
    _pay_once()
    signal.signal(signal.SIGCHLD, _reap)
    with socket.socket(fileno=number) as asked:
        while True:
            one, _ = asked.accept()
            if not os.fork():
                asked.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _be_a_kernel(one)
            one.close()


def _reap(*_: object) -> None:
    """Reap the kernels that have ended."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _pay_once() -> None:
    """Import what notebooks need, except modules that look for the notebook they run in."""
    import ipykernel.kernelapp  # noqa: F401
    import matplotlib.figure  # noqa: F401
    import mlflow.pyfunc  # noqa: F401
    import skops.io  # noqa: F401
    from mlflow.store.tracking import sqlalchemy_store  # noqa: F401

    import escalation.plots  # noqa: F401
    from escalation.tracking import runs  # noqa: F401


def _be_a_kernel(one: socket.socket) -> None:
    """Run the requested kernel; the socket is closed when the process ends."""
    from ipykernel.kernelapp import launch_new_instance

    asked = json.loads(one.makefile().readline())
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    try:
        launch_new_instance(["-f", asked["file"]])
    finally:
        os._exit(0)


def _ask(path: str, file: str) -> None:
    """Request a kernel, and wait until it has ended."""
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect(path)
        asked = {"folder": os.getcwd(), "environment": dict(os.environ), "file": file}
        asking.sendall(json.dumps(asked).encode() + b"\n")
        asking.recv(1)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        _ask(*sys.argv[1:])
    else:
        _fork(int(sys.argv[1]))
