"""Items that are made ahead come in order, one at a time, and what fails fails in its place."""

from __future__ import annotations

import pytest

from escalation._util.ahead import prefetch


def test_no_more_than_one_item_is_made_ahead():
    made = []

    def items():
        for number in range(10):
            made.append(number)
            yield number

    ahead = prefetch(items())
    assert next(ahead) == 0
    ahead.close()
    assert made == [0, 1]


def test_an_error_comes_after_the_items_before_it():
    def items():
        yield "first"
        raise LookupError("second")

    ahead = prefetch(items())
    assert next(ahead) == "first"
    with pytest.raises(LookupError, match="second"):
        next(ahead)
