"""What the libraries that read files raise, as one refusal of ours.

A damaged file makes zip, gzip, lzma, bz2, Arrow and the codecs stumble in ways that depend on where
it is damaged. Only the calls of a library stand inside: an error of ours is never taken for one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from escalation.errors import EscalationError, InputError, printable

_Item = TypeVar("_Item")


@contextmanager
def library_call(path: Path, what: str, *, fix: str = "download it again") -> Iterator[None]:
    """Refuse a file at which a library gives up; what the disk itself says passes.

    Parameters
    ----------
    path : Path
    what : str
        Begins the message, such as ``the zip file``.
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
            "E-FILE", f"{what} can't be read: {reason}", where=str(path), fix=fix
        ) from None


def guarded_items(items: Iterator[_Item], path: Path, what: str) -> Iterator[_Item]:
    """The same items; what the library raises for the next one is a refusal of the file.

    Parameters
    ----------
    items : iterator
        Of the library.
    path : Path
    what : str
        As for :func:`library_call`.
    """
    end = object()
    while True:
        with library_call(path, what):
            item = next(items, end)
        if item is end:
            return
        yield item  # type: ignore[misc]
