"""Ctrl-C and SIGTERM that are not lost.

A signal's exception rises wherever the process happens to be, and where that is a finaliser or a
callback of the garbage collector, Python prints it and goes on. So the signal is remembered too,
and work that must not be finished after it asks.
"""

from __future__ import annotations

import signal
from types import FrameType
from typing import NoReturn

_seen: list[int] = []


def listen() -> None:
    """Remember Ctrl-C and SIGTERM, and raise KeyboardInterrupt or SystemExit at once."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _note)


def _note(number: int, _frame: FrameType | None) -> None:
    _seen.append(number)
    _raise(number)


def _raise(number: int) -> NoReturn:
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + number)


def raise_if_asked() -> None:
    """Raise again what was asked for and got lost."""
    if _seen:
        _raise(_seen[0])


def status_if_asked() -> int | None:
    """Exit status of a process that was asked to end, whatever else went wrong since."""
    return 128 + _seen[0] if _seen else None
