"""Compiled loops work with and without a writable cache for machine code."""

import os
import subprocess
import sys

import pytest

from escalation._util.compiled import compiled

SOURCE = "def double(value):\n    return 2 * value\n"


def test_without_a_writable_cache_it_still_compiles():
    names = {}
    exec(compile(SOURCE, "/nowhere/at/all.py", "exec"), names)
    assert compiled(names["double"])(21) == 42


def test_other_errors_are_passed_on():
    with pytest.raises(TypeError):
        compiled(42)


def test_the_kernels_cache_their_machine_code(tmp_path):
    lines = "from escalation.panel import kernels; print(kernels.decaying_sums.stats.cache_path)"
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    answer = subprocess.run(
        [sys.executable, "-c", lines], env=environment, capture_output=True, text=True, check=True
    )
    assert answer.stdout.startswith(str(tmp_path))
