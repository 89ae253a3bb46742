"""Prefetched items come in order, one at a time, and errors are raised in their place."""

from __future__ import annotations

import pytest

from escalation._util.ahead import prefetch


def test_all_items_come_in_order():
    assert list(prefetch(iter("abc"))) == ["a", "b", "c"]
    assert list(prefetch(iter(()))) == []


def test_at_most_one_item_is_prefetched():
    prepared = []

    def items():
        for number in range(10):
            prepared.append(number)
            yield number

    items_ahead = prefetch(items())
    assert next(items_ahead) == 0
    items_ahead.close()
    assert prepared == [0, 1]


def test_an_error_comes_after_the_items_before_it():
    def items():
        yield "first"
        raise LookupError("second")

    items_ahead = prefetch(items())
    assert next(items_ahead) == "first"
    with pytest.raises(LookupError, match="second"):
        next(items_ahead)
