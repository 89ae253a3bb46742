"""Run the command line in processes forked from one that has the imports.

Each runs as a shell would run it, with its own folder, standard streams, limits and exit status.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import runpy
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LONGEST = 60.0
ASKED = (signal.SIGINT, signal.SIGTERM)
PROGRAMS: dict[str, Callable[..., None]] = {}


@dataclass(frozen=True)
class Ended:
    """How a command ended, and its cost.

    Parameters
    ----------
    status : int
        Of its exit; negative for a signal.
    out, err : str
    seconds, megabytes : float
        Of processor time, which others on the machine do not lengthen, and the highest resident
        memory.
    """

    status: int
    out: str
    err: str
    seconds: float
    megabytes: float

    @property
    def said(self) -> str:
        """Return both streams."""
        return self.out + self.err

    @property
    def traceback(self) -> bool:
        """Whether a traceback or a defect was printed."""
        return "Traceback (most" in self.said or self.status == 1


class Warm:
    """A process that has imported the package and forks for every command.

    Parameters
    ----------
    programs : Path, optional
        A Python file with further programs, as ``PROGRAMS``: functions of texts by ``@NAME``.
    """

    def __init__(self, programs: Path | None = None) -> None:
        inherited = {k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"}
        self._process = subprocess.Popen(
            [sys.executable, __file__, *([str(programs)] if programs else [])],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=inherited,
        )  # fmt: skip

    def __enter__(self) -> Warm:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def run(
        self, *arguments: object, folder: Path, longest: float = LONGEST, **how: object
    ) -> Ended:
        """Run ``escalation ARGUMENTS`` in a folder.

        ``how``: ``out`` and ``err`` name a file in place of a stream, or ``closed``; ``user`` is an
        id; ``signal`` is sent after ``after`` seconds; ``nofile``, ``umask``.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        asked = {"arguments": list(map(str, arguments)), "folder": str(folder), "longest": longest,
                 "how": how}  # fmt: skip
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return Ended(**json.loads(self._process.stdout.readline()))


def _child(arguments: list[str], folder: str, out: int, err: int, how: dict[str, Any]) -> None:
    from escalation._util.interrupts import listen

    listen()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(out, 1)
    os.dup2(err, 2)
    for number, name in ((1, how.get("out")), (2, how.get("err"))):
        if name == "closed":
            setattr(sys, "stdout" if number == 1 else "stderr", None)
            os.close(number)
        elif name:
            os.dup2(os.open(name, os.O_WRONLY), number)
    os.chdir(folder)
    if "umask" in how:
        os.umask(how["umask"])
    if "user" in how:
        os.setgroups([])
        os.setgid(how.get("group", how["user"]))
        os.setuid(how["user"])
        os.environ["HOME"] = folder
    sys.argv = ["escalation", *arguments]
    status = 0
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ASKED)  # signals sent since the fork arrive now
        if arguments[:1] and (program := PROGRAMS.get(arguments[0])):
            program(*arguments[1:])
        else:
            from escalation import cli

            cli.main()
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except KeyboardInterrupt:
        status = 130
    except BaseException:
        import traceback

        traceback.print_exc()
        status = 1
    signal.pthread_sigmask(signal.SIG_BLOCK, ASKED)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, AttributeError):
            stream.flush()
    os._exit(status)


def _run(
    arguments: list[str], folder: str, longest: float, how: dict[str, Any]
) -> dict[str, object]:
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        start = time.monotonic()
        signal.pthread_sigmask(signal.SIG_BLOCK, ASKED)
        child = os.fork()
        if not child:
            _child(arguments, folder, out.fileno(), err.fileno(), how)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ASKED)
        state, usage, after = 0, None, how.get("after")
        while usage is None:
            if after is not None and time.monotonic() - start > after:
                after = None
                os.kill(child, how["signal"])
            done, state, spent = os.wait4(child, os.WNOHANG)
            usage = spent if done else None
            if usage is None:
                if time.monotonic() - start > longest:
                    os.kill(child, 9)
                time.sleep(0.005)
        took = usage.ru_utime + usage.ru_stime
        texts = []
        for stream in (out, err):
            stream.seek(0)
            texts.append(stream.read().decode("utf-8", "backslashreplace"))
    return {
        "status": os.waitstatus_to_exitcode(state), "out": texts[0], "err": texts[1],
        "seconds": took, "megabytes": usage.ru_maxrss / 1024,
    }  # fmt: skip


def _pay_once() -> None:
    """Import what commands need, and load compiled code, before the first command."""
    import escalation.experiment  # noqa: F401
    from escalation import cli

    text = "event_id,event_date,event_type,country,admin1\n1,2020-01-01,battle,IRQ,a\n"
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        file.write(text)
        file.flush()
        for arguments in (
            ("validate", file.name, "--source", "tidy"),
            ("features", f"{file.name}.none", "--out", "never.parquet"),
        ):
            sys.argv = ["escalation", *arguments]
            quiet = contextlib.redirect_stdout(io.StringIO())
            with quiet, contextlib.redirect_stderr(io.StringIO()), contextlib.suppress(SystemExit):
                cli.main()


def _serve() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for path in sys.argv[1:]:
        PROGRAMS.update(runpy.run_path(path)["PROGRAMS"])
    _pay_once()
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(_run(**asked)), flush=True)


if __name__ == "__main__":
    _serve()
