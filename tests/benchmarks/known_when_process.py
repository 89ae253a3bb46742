"""Run a command in its own process and measure its cost; for ``known_when.py``."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cost:
    """The cost of a process.

    Parameters
    ----------
    cpu, seconds : float
        Of all cores together, and by the clock.
    megabytes : float
        Highest resident memory.
    end : str
        ``ok``, or how it failed.
    """

    cpu: float
    seconds: float
    megabytes: float
    end: str


@dataclass(frozen=True)
class Bounds:
    """Limits of a process: memory in bytes, and wall-clock seconds."""

    memory: int
    seconds: int

    def hold(self) -> None:
        """Set the limits in the child; writable memory counts, not memory that is only reserved."""
        resource.setrlimit(resource.RLIMIT_DATA, (self.memory, self.memory))


def run(command: Sequence[object], folder: Path, bounds: Bounds) -> Cost:
    """Run a command until it ends or its time is up, with empty caches."""
    with tempfile.TemporaryFile("w+") as errors:
        start = time.perf_counter()
        child = subprocess.Popen(
            [str(part) for part in command], cwd=folder, stdout=subprocess.DEVNULL, stderr=errors,
            preexec_fn=bounds.hold, start_new_session=True,
            env={**os.environ, "ESCALATION_CACHE": "off"},
        )  # fmt: skip
        signal.signal(signal.SIGALRM, lambda *_: os.killpg(child.pid, signal.SIGKILL))
        signal.alarm(bounds.seconds)
        _, status, usage = os.wait4(child.pid, 0)
        signal.alarm(0)
        child.returncode = os.waitstatus_to_exitcode(status)
        took = time.perf_counter() - start
        errors.seek(0)
        last = (errors.read().strip().splitlines() or [""])[-1]
    end = how(child.returncode, last, late=took >= bounds.seconds)
    return Cost(usage.ru_utime + usage.ru_stime, took, usage.ru_maxrss / 1e3, end)


def how(code: int, last_words: str, *, late: bool) -> str:
    """Describe how a process ended."""
    if code == 0:
        return "ok"
    if code == -signal.SIGKILL:
        return "stopped, out of time" if late else "killed, out of memory"
    memory = "MemoryError" in last_words or "malloc" in last_words
    return "out of memory" if memory else f"exit {code} {last_words[:60]}"
