"""Compiled loops work where machine code can be kept, and where it can't."""

import os
import subprocess
import sys

import pytest

from escalation._util.compiled import compiled

SOURCE = "def double(value):\n    return 2 * value\n"


def test_without_a_place_for_machine_code_it_compiles_all_the_same():
    names = {}
    exec(compile(SOURCE, "/nowhere/at/all.py", "exec"), names)
    assert compiled(names["double"])(21) == 42


def test_another_refusal_is_passed_on():
    with pytest.raises(TypeError):
        compiled(42)


def test_the_kernels_keep_their_machine_code_beside_them(tmp_path):
    lines = "from escalation.panel import kernels; print(kernels.decaying_sums.stats.cache_path)"
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    answer = subprocess.run(
        [sys.executable, "-c", lines], env=environment, capture_output=True, text=True, check=True
    )
    assert answer.stdout.startswith(str(tmp_path))
