"""Turn the exceptions of file-reading libraries into one error for unreadable files.

A damaged file makes zip, gzip, lzma, bz2, Arrow and the codecs raise various exceptions, depending
on where it is damaged. Only calls of a library are wrapped, so bugs of this package still surface.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from escalation.errors import EscalationError, InputError, printable

_Item = TypeVar("_Item")


@contextmanager
def library_call(path: Path, subject: str, *, fix: str = "download it again") -> Iterator[None]:
    """Raise ``E-FILE`` for any exception except errors of the operating system and our own.

    Parameters
    ----------
    path : Path
    subject : str
        Start of the message, such as ``the zip file``.
    fix : str, optional

    Raises
    ------
    InputError
        ``E-FILE``.

    Examples
    --------
    >>> with library_call(Path("a.gz"), "the packed file"):
    ...     raise EOFError("it ends early")
    Traceback (most recent call last):
    escalation.errors.InputError: error[E-FILE] a.gz the packed file can't be read: it ends early; \
fix: download it again
    """
    try:
        yield
    except EscalationError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        reason = printable(error) or type(error).__name__
        raise InputError(
            "E-FILE", f"{subject} can't be read: {reason}", where=str(path), fix=fix
        ) from None


def guarded_items(items: Iterator[_Item], path: Path, subject: str) -> Iterator[_Item]:
    """Yield the items of a library's iterator, with each step in a :func:`library_call`.

    Parameters
    ----------
    items : iterator
    path : Path
    subject : str
        As for :func:`library_call`.
    """
    end = object()
    while True:
        with library_call(path, subject):
            item = next(items, end)
        if item is end:
            return
        yield item  # type: ignore[misc]
