"""How long work reports on its progress."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and the total (0 if unknown)."""


def silent(_task: str, _done: int, _total: int) -> None:
    """Report nothing."""
