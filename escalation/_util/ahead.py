"""Make the next item while the last one is worked on."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_Item = TypeVar("_Item")


def one_ahead(items: Iterator[_Item]) -> Iterator[_Item]:
    """The same items in the same order, the next one made in a thread meanwhile.

    Arrow works without Python's lock, so that a file is unpacked on one core and its rows are
    checked on another. One item more than without it is in memory.

    Parameters
    ----------
    items : iterator
        What it raises is raised here, after the items before.

    Examples
    --------
    >>> list(one_ahead(iter("abc")))
    ['a', 'b', 'c']
    """
    end = object()
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, items, end)
        while (item := coming.result()) is not end:
            coming = pool.submit(next, items, end)
            yield item  # type: ignore[misc]
