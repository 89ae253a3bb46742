"""Progress reports of long work."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Called with the task's name, how much of it is done, and the total (0 if unknown)."""


def silent(_task: str, _done: int, _total: int) -> None:
    """Report nothing."""
