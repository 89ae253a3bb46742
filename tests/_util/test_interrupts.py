"""A signal whose exception got lost is sent again, and raised where work checks for it."""

import subprocess
import sys

import pytest
from patience import PATIENCE

LOST = """
import os, signal, sys, time
from escalation._util.interrupts import listen, raise_if_interrupted

class Careless:
    def __del__(self):
        os.kill(os.getpid(), getattr(signal, sys.argv[1]))
        for _ in range(10_000_000):
            pass  # the handler runs here, and what it raises is printed and dropped

listen()
raise_if_interrupted()
careless = Careless()
del careless
print("continues", flush=True)
raise_if_interrupted() if sys.argv[2] == "checks" else time.sleep(600)
print("never")
"""


@pytest.mark.parametrize("then", ["checks", "sleeps"])
@pytest.mark.parametrize(("name", "status"), [("SIGINT", -2), ("SIGTERM", 143)])
def test_an_exception_dropped_by_a_finaliser_is_raised_again(tmp_path, name, status, then):
    (tmp_path / "lost.py").write_text(LOST)
    command = [sys.executable, "lost.py", name, then]
    run = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert run.stdout == "continues\n"
    assert "Exception ignored in" not in run.stderr
    assert run.returncode == status
