"""Faulty inputs, read by the command in its own process; `run.py` adds large ones."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from inputs import FAULTS, tried
from warm import Warm

sys.path.pop(0)


@pytest.fixture(scope="module")
def warm():
    with Warm() as started:
        yield started


@pytest.mark.parametrize("row", sorted({fault.row for fault in FAULTS if not fault.full}))
def test_faults_of_a_row_are_told_and_leave_nothing(row, warm, tmp_path):
    wrong = {f.name: tried(f, warm, tmp_path) for f in FAULTS if f.row == row and not f.full}
    assert not any(wrong.values()), {name: what for name, what in wrong.items() if what}
