"""The one place where an exception of a library becomes ours, with its status.

Told by the names of its classes, so that nothing is imported for it. Readers of files say more: the
line, the member of a zip. This is for what no such place has met.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Final

from escalation.errors import BusyError, EscalationError, InputError, StorageError, printable

_LOCKED: Final = ("database is locked", "database table is locked")
_UNANSWERED: Final = ("API request to", "Connection refused", "Max retries exceeded")


def translated(error: BaseException) -> EscalationError | None:
    """What an exception of a library means to a user; None where it is a defect of ours.

    Examples
    --------
    >>> print(translated(ZeroDivisionError()))
    None
    >>> import zipfile
    >>> print(translated(zipfile.BadZipFile("cut short")))
    error[E-FILE] a file can't be read: cut short
    """
    if isinstance(error, EscalationError):
        return error
    for kind in type(error).__mro__:
        make = _MEANINGS.get((kind.__module__.partition(".")[0], kind.__name__))
        if make is not None:
            return make(error, _first_line(error))
    return None


def _first_line(error: BaseException) -> str:
    # SQLAlchemy says first where it was, and keeps what the database said; MLflow wraps that.
    said = (getattr(one, "orig", None) for one in (error, error.__cause__))
    lines = str(next(filter(None, said), error)).strip().splitlines()
    return printable(lines[0]) if lines else type(error).__name__


def _of_store(error: BaseException, text: str) -> EscalationError:
    if any(words in str(error) for words in _LOCKED):
        return BusyError("E-BUSY", f"the store is locked: {text}", fix="try again later")
    if any(words in str(error) for words in _UNANSWERED):
        return StorageError(
            "E-UNREACHABLE",
            f"the tracking server does not answer: {text}",
            fix="start it, or name another store with --tracking-uri or MLFLOW_TRACKING_URI",
        )
    return StorageError(
        "E-STORAGE",
        f"the store can't be used: {text}",
        fix="restore it from a copy, make room, or name another with --tracking-uri",
    )


def _of_system(error: BaseException, text: str) -> EscalationError:
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    return StorageError("E-STORAGE", text, fix="make room on the disk" if full else "")


def _of_network(_: BaseException, text: str) -> EscalationError:
    return StorageError("E-UNREACHABLE", f"no answer: {text}", fix="try again later")


def _of_file(_: BaseException, text: str) -> EscalationError:
    return InputError("E-FILE", f"a file can't be read: {text}")


def _of_memory(_: BaseException, __: str) -> EscalationError:
    return StorageError("E-MEMORY", "this needs more memory than there is", fix="use fewer units")


_MEANINGS: Final[dict[tuple[str, str], Callable[[BaseException, str], EscalationError]]] = {
    ("sqlite3", "Error"): _of_store,
    ("sqlalchemy", "SQLAlchemyError"): _of_store,
    ("alembic", "CommandError"): _of_store,
    ("mlflow", "MlflowException"): _of_store,
    ("requests", "RequestException"): _of_network,
    ("urllib3", "HTTPError"): _of_network,
    ("http", "HTTPException"): _of_network,
    ("pyarrow", "ArrowException"): _of_file,
    ("zipfile", "BadZipFile"): _of_file,
    ("_lzma", "LZMAError"): _of_file,
    ("zlib", "error"): _of_file,
    ("_csv", "Error"): _of_file,
    ("tomllib", "TOMLDecodeError"): _of_file,
    ("json", "JSONDecodeError"): _of_file,
    ("builtins", "UnicodeError"): _of_file,
    ("builtins", "EOFError"): _of_file,
    ("builtins", "MemoryError"): _of_memory,
    ("builtins", "OSError"): _of_system,
}
