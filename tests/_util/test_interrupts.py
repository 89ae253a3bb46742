"""A signal whose exception got lost is sent again, and raised where it is asked for."""

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
one = Careless()
del one
print("goes on", flush=True)
raise_if_interrupted() if sys.argv[2] == "asks" else time.sleep(600)
print("never")
"""


@pytest.mark.parametrize("then", ["asks", "sleeps"])
@pytest.mark.parametrize(("name", "status"), [("SIGINT", -2), ("SIGTERM", 143)])
def test_what_a_finaliser_drops_is_raised_again(tmp_path, name, status, then):
    (tmp_path / "lost.py").write_text(LOST)
    done = subprocess.run(
        [sys.executable, "lost.py", name, then], cwd=tmp_path, capture_output=True, text=True,
        check=False, timeout=PATIENCE,
    )  # fmt: skip
    assert done.stdout == "goes on\n"
    assert "Exception ignored in" not in done.stderr
    assert done.returncode == status
