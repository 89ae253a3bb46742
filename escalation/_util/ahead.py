"""Prepare the next item in a thread."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_Item = TypeVar("_Item")


def prefetch(items: Iterator[_Item]) -> Iterator[_Item]:
    """Yield the same items in order while a thread prepares the next one.

    Arrow releases Python's lock, so one core decompresses a file while another checks its rows.
    At most one extra item is in memory. An exception from ``items`` is raised after the items
    before it.
    """
    end = object()
    with ThreadPoolExecutor(1) as pool:
        upcoming = pool.submit(next, items, end)
        while (item := upcoming.result()) is not end:
            upcoming = pool.submit(next, items, end)
            yield item  # type: ignore[misc]
