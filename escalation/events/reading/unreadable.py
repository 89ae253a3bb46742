"""Turn the exceptions of file-reading libraries into one error for unreadable files.

A damaged file makes zip, gzip, lzma, bz2, Arrow and the codecs raise various exceptions, depending
on where it is damaged. Only calls of a library are wrapped, so bugs of this package still surface.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from escalation.errors import EscalationError, InputError, printable


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
