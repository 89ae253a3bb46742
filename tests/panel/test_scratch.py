"""Memory that is used again never reaches a result."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import random_archives as archives

from escalation.features import FEATURES
from escalation.features import build as building
from escalation.panel import scratch
from escalation.panel.vintages import vintages


def test_outside_every_array_is_fresh():
    one, other = scratch.empty((3, 4)), scratch.empty((3, 4))
    assert one.shape == (3, 4)
    assert one.dtype == np.float32
    assert not np.shares_memory(one, other)


def test_two_arrays_of_one_block_never_overlap_whether_they_fit_or_not():
    for _ in range(3):
        with scratch.reused():
            parts = [scratch.empty((size, 5)) for size in (2, 7, 1)]
            for number, part in enumerate(parts):
                part[:] = number
            assert [set(part.ravel()) for part in parts] == [{0}, {1}, {2}]


def test_threads_never_share_at_a_time_and_an_error_gives_the_memory_back():
    found, both = [], threading.Barrier(2)

    def take():
        for _ in range(2):
            with scratch.reused():
                array = scratch.empty((50,))
                both.wait(timeout=10)
                found.append(array)
                both.wait(timeout=10)

    threads = [threading.Thread(target=take) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert not np.shares_memory(found[0], found[1])
    assert not np.shares_memory(found[2], found[3])
    with pytest.raises(RuntimeError), scratch.reused():
        raise RuntimeError
    assert not np.shares_memory(scratch.empty((9,)), scratch.empty((9,)))


def test_arrays_are_joined_only_where_they_lie_side_by_side():
    for _ in range(2):
        with scratch.reused():
            made = [scratch.empty((2, 3)) for _ in range(6)]
            for number, array in enumerate(made):
                array[:] = number
            one, two, three, four, five, six = made
            mixed = [one, two, np.full((2, 3), 9, np.float32), four, three, five, six]
            joined = list(scratch.runs(mixed))
            again = np.concatenate(joined)
            assert again.tolist() == np.stack(mixed).tolist()
    assert [len(run) for run in joined] == [2, 1, 1, 1, 2]
    assert list(scratch.runs([])) == []


@pytest.mark.parametrize("threads", [1, 2])
def test_blocks_of_any_size_give_the_same_bytes(threads, monkeypatch):
    stack = vintages(archives.archive(0), archives.SPEC)
    families = {name: {} for name in FEATURES}
    whole = building.build(stack, families, threads=1).values.tobytes()
    for cells in (1, 130, 1000):
        monkeypatch.setattr(building, "BLOCK_CELLS", cells)
        assert building.build(stack, families, threads=threads).values.tobytes() == whole
