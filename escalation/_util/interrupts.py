"""Make sure that Ctrl-C and SIGTERM are not lost.

A signal's exception is raised wherever the process happens to be. In a finaliser or a garbage
collector callback, Python prints the exception and continues. Here the print is suppressed and the
signal is sent again; it is also remembered for :func:`raise_if_interrupted`, which guards work that
must not be completed after an interrupt.
"""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType
from typing import Any, Final, NoReturn

_signals: list[int] = []
_RESEND_SECONDS: Final = 0.05


def listen() -> None:
    """Remember Ctrl-C and SIGTERM, and raise KeyboardInterrupt or SystemExit at once."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _handle)
    sys.unraisablehook = _resend


def _handle(number: int, _frame: FrameType | None) -> None:
    _signals.append(number)
    _raise(number)


def _raise(number: int) -> NoReturn:
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + number)


def _resend(unraisable: Any) -> None:
    """Resend a signal whose exception was dropped; print any other exception."""
    if not (_signals and issubclass(unraisable.exc_type, KeyboardInterrupt | SystemExit)):
        sys.__unraisablehook__(unraisable)
        return
    main = threading.main_thread().ident
    timer = threading.Timer(_RESEND_SECONDS, signal.pthread_kill, (main, _signals[0]))
    timer.daemon = True
    timer.start()


def raise_if_interrupted() -> None:
    """Raise the exception of a signal that was received earlier and got lost."""
    if _signals:
        _raise(_signals[0])


def interrupt_status() -> int | None:
    """Exit status of a process that received a signal, whatever else failed since."""
    return 128 + _signals[0] if _signals else None
