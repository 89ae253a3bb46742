"""Ctrl-C and SIGTERM that are not lost.

A signal's exception rises wherever the process happens to be, and where that is a finaliser or a
callback of the garbage collector, Python prints it and goes on. So it is not printed, the signal is
sent again, and it is remembered too: work that must not be finished after it asks.
"""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType
from typing import Any, Final, NoReturn

_seen: list[int] = []
_AGAIN_SECONDS: Final = 0.05


def listen() -> None:
    """Remember Ctrl-C and SIGTERM, and raise KeyboardInterrupt or SystemExit at once."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _note)
    sys.unraisablehook = _send_again


def _note(number: int, _frame: FrameType | None) -> None:
    _seen.append(number)
    _raise(number)


def _raise(number: int) -> NoReturn:
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + number)


def _send_again(lost: Any) -> None:
    """Send a signal once more whose exception was dropped; print any other exception."""
    if not (_seen and issubclass(lost.exc_type, KeyboardInterrupt | SystemExit)):
        sys.__unraisablehook__(lost)
        return
    main = threading.main_thread().ident
    again = threading.Timer(_AGAIN_SECONDS, signal.pthread_kill, (main, _seen[0]))
    again.daemon = True
    again.start()


def raise_if_asked() -> None:
    """Raise again what was asked for and got lost."""
    if _seen:
        _raise(_seen[0])


def status_if_asked() -> int | None:
    """Exit status of a process that was asked to end, whatever else went wrong since."""
    return 128 + _seen[0] if _seen else None
