"""A few trials of every kind of input; `make fuzz` runs for an hour."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from doors import DOORS, PROGRAMS, Warm, try_door

sys.path.pop(0)

TRIES = 6


@pytest.fixture(scope="module")
def warm():
    with Warm(PROGRAMS) as started:
        yield started


@pytest.mark.parametrize("name", [name for name in DOORS if name != "files of sources"])
def test_what_is_spoilt_is_refused_and_what_is_not_is_read(name, warm):
    tried = [try_door(name, seed, warm) for seed in range(TRIES)]
    wrong = [(one.wrong, one.arguments, one.ended.err[-500:]) for one in tried if one.wrong]
    assert not wrong
