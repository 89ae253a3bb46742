"""Faults when writing, with the command in its own process; the quick cases of each row."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from warm import Warm

from outputs import CASES, Skipped, copied, prepared

sys.path.pop(0)
QUICK = [case for case in CASES if not case.full]


@pytest.fixture(scope="module")
def warm():
    with Warm(Path(__file__).with_name("kill_programs.py")) as started:
        yield started


@pytest.fixture(scope="module")
def trained(warm, tmp_path_factory):
    return prepared(warm, tmp_path_factory.mktemp("trained"))


@pytest.mark.parametrize("row", sorted({case.row for case in QUICK}))
def test_faults_of_a_row_are_told_and_change_nothing(row, warm, trained, tmp_path):
    wrong, skipped = {}, []
    for number, case in enumerate(case for case in QUICK if case.row == row):
        try:
            wrong[case.name] = case.run(copied(warm, trained, tmp_path / str(number)))
        except Skipped as reason:
            skipped.append(f"{case.name}: {reason}")
    assert not any(wrong.values()), {name: what for name, what in wrong.items() if what}
    if skipped and not wrong:
        pytest.skip("; ".join(skipped))
