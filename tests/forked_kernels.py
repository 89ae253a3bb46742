"""Kernels of notebooks, each a process of its own, forked from one that has paid for the imports.

``python tests/forked_kernels.py NUMBER`` forks them for those who ask at that socket, and with
``PATH CONNECTION_FILE`` it asks for one and lasts as long, as Jupyter expects of a kernel.
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
    """For a while there is a kernel ``forked``; gives what is set where it is looked for.

    Parameters
    ----------
    folder : Path
        For the socket and the kernel's description.
    settings : dict of str to str
        Of the environment in which libraries are imported.
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
    """Fork a kernel for each who asks."""
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
    """Take notice of those that have ended."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _pay_once() -> None:
    """Import what notebooks need, but for what looks for the notebook that it is in."""
    import ipykernel.kernelapp  # noqa: F401
    import matplotlib.figure  # noqa: F401
    import mlflow.pyfunc  # noqa: F401
    import skops.io  # noqa: F401
    from mlflow.store.tracking import sqlalchemy_store  # noqa: F401

    import escalation.plots  # noqa: F401
    from escalation.tracking import runs  # noqa: F401


def _be_a_kernel(one: socket.socket) -> None:
    """Where and as it is asked for; the socket is closed with the process."""
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
    """Ask for a kernel, and last until it has ended."""
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
