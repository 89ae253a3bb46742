"""Translate exceptions of libraries into the package's own errors.

Classes are recognised by name, so no library is imported for it. Code that reads files raises more
precise errors (the line, the member of a zip); this is the fallback for everything else.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Final

from escalation.errors import BusyError, EscalationError, InputError, StorageError, printable

_LOCKED: Final = ("database is locked", "database table is locked")
_UNANSWERED: Final = ("API request to", "Connection refused", "Max retries exceeded")


def translate_error(error: BaseException) -> EscalationError | None:
    """The package's error for a library's exception; None if it is a bug.

    Examples
    --------
    >>> print(translate_error(ZeroDivisionError()))
    None
    >>> import zipfile
    >>> print(translate_error(zipfile.BadZipFile("cut short")))
    error[E-FILE] could not read a file: cut short
    """
    if isinstance(error, EscalationError):
        return error
    for kind in type(error).__mro__:
        translate = _BY_CLASS.get(f"{kind.__module__.partition('.')[0]}.{kind.__name__}")
        if translate is not None:
            return translate(error, _first_line(error))
    return None


def _first_line(error: BaseException) -> str:
    # SQLAlchemy keeps the database's message in `orig`; MLflow wraps SQLAlchemy's exception.
    originals = (getattr(wrapper, "orig", None) for wrapper in (error, error.__cause__))
    lines = str(next(filter(None, originals), error)).strip().splitlines()
    return printable(lines[0]) if lines else type(error).__name__


def _store_error(error: BaseException, text: str) -> EscalationError:
    if any(phrase in str(error) for phrase in _LOCKED):
        return BusyError("E-BUSY", f"the store is locked: {text}", fix="try again later")
    if any(phrase in str(error) for phrase in _UNANSWERED):
        return StorageError(
            "E-UNREACHABLE",
            f"the tracking server does not answer: {text}",
            fix="start it, or name another store with --tracking-uri or MLFLOW_TRACKING_URI",
        )
    return StorageError(
        "E-STORAGE",
        f"the store can't be used: {text}",
        fix="restore a copy, free some space, or name another store with --tracking-uri",
    )


def _system_error(error: BaseException, text: str) -> EscalationError:
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    return StorageError("E-STORAGE", text, fix="free some disk space" if full else "")


def _network_error(_: BaseException, text: str) -> EscalationError:
    return StorageError("E-UNREACHABLE", f"no answer: {text}", fix="try again later")


def _file_error(_: BaseException, text: str) -> EscalationError:
    return InputError("E-FILE", f"could not read a file: {text}")


def _memory_error(_: BaseException, __: str) -> EscalationError:
    return StorageError("E-MEMORY", "not enough memory", fix="use fewer units")


_TRANSLATORS: Final = (
    (_store_error, "sqlite3.Error sqlalchemy.SQLAlchemyError alembic.CommandError"),
    (_store_error, "mlflow.MlflowException"),
    (_network_error, "requests.RequestException urllib3.HTTPError http.HTTPException"),
    (_file_error, "pyarrow.ArrowException zipfile.BadZipFile _lzma.LZMAError zlib.error"),
    (_file_error, "_csv.Error tomllib.TOMLDecodeError json.JSONDecodeError"),
    (_file_error, "builtins.UnicodeError builtins.EOFError"),
    (_memory_error, "builtins.MemoryError"),
    (_system_error, "builtins.OSError"),
)
_BY_CLASS: Final[dict[str, Callable[[BaseException, str], EscalationError]]] = {
    name: translate for translate, names in _TRANSLATORS for name in names.split()
}
