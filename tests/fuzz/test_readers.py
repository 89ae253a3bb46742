"""A few dozen random files of every source; `python tests/fuzz/readers.py` tries thousands."""

import sys
from pathlib import Path

import pytest
from command_line import escalation

sys.path.insert(0, str(Path(__file__).parent))
from readers import TABLES, try_one

sys.path.pop(0)


@pytest.mark.parametrize("name", TABLES)
def test_random_files_are_read_or_refused_and_say_what_pandas_finds_in_them(name, tmp_path):
    assert sum(try_one(name, seed, tmp_path) == "taken" for seed in range(45)) >= 30


@pytest.mark.parametrize("name", ["acled", "tidy"])
def test_the_command_ends_with_a_status_and_without_a_traceback(name, tmp_path):
    for seed in (0, 2):
        try_one(name, seed, tmp_path)
        done = escalation("validate", "--source", name, tmp_path / "a.csv", folder=tmp_path)
        assert done.returncode in (0, 3), done.stderr
