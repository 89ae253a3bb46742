"""Writing files whole or not at all, one writer at a time, and text that no spreadsheet runs."""

from __future__ import annotations

import csv
import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pandas as pd

from escalation.errors import BusyError, StorageError, UsageError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOCK_SECONDS = 30.0


def _umask() -> int:
    """What this process takes from the permissions of new files; reading it means setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path`` that is renamed into place when all went well.

    Raises
    ------
    StorageError
        ``E-STORAGE`` when it can't be written; what was at ``path`` is untouched.
    """
    handle, name = -1, ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        os.close(handle)
        yield Path(name)
        os.chmod(name, path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())
        os.replace(name, path)
    except OSError as error:
        raise StorageError(
            "E-STORAGE", f"could not write the file: {error.strerror or error}", where=str(path)
        ) from error
    finally:
        if name and os.path.exists(name):
            os.unlink(name)


@contextmanager
def locked(path: Path, *, seconds: float | None = None) -> Iterator[None]:
    """Hold the lock file beside ``path``, or say who is busy.

    The lock ends with the process that holds it, however that ends; the empty file stays.

    Parameters
    ----------
    path : Path
        File to be written; the lock is ``path`` with ``.lock`` appended.
    seconds : float, optional
        Longest wait.

    Raises
    ------
    BusyError
        ``E-BUSY`` naming the lock after ``seconds``, or ``LOCK_SECONDS``.
    """
    lock = path.with_name(path.name + ".lock")
    seconds = LOCK_SECONDS if seconds is None else seconds
    deadline = time.monotonic() + seconds
    with lock.open("a") as handle:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise BusyError(
                        "E-BUSY",
                        f"locked by another command for more than {seconds:.0f} s",
                        where=str(lock),
                        fix="wait for the other command to end, or stop it",
                    ) from None
                time.sleep(0.05)
        yield


RISKY = ("=", "+", "-", "@", "\t", "\r")


def defused(frame: pd.DataFrame) -> pd.DataFrame:
    """Text that a spreadsheet would run, prefixed with an apostrophe; numbers untouched.

    Cells, categories and headers.
    """
    safe = frame.rename(columns=lambda name: f"'{name}" if str(name).startswith(RISKY) else name)
    categories = safe.select_dtypes("category").columns
    safe = safe.astype(dict.fromkeys(categories, object))
    for column in safe.columns:
        if pd.api.types.is_string_dtype(safe[column]) or safe[column].dtype == object:
            text = safe[column].astype("str")
            risky = text.str.startswith(RISKY, na=False)
            safe[column] = safe[column].mask(risky, "'" + text)
    return safe


def _quoting(frame: pd.DataFrame) -> Literal[0, 2]:
    """Quotes around all text where some holds a bare CR, which Python 3.11 leaves open."""
    for column in frame.select_dtypes(["str", "object"]):
        if frame[column].astype("str").str.contains("\r", regex=False, na=False).any():
            return csv.QUOTE_NONNUMERIC
    return csv.QUOTE_MINIMAL


PROBE_BYTES = 65_536
FORMATS = (".parquet", ".csv", ".json")
FIGURE_FORMATS = (".png", ".svg")


def require_room(path: Path) -> None:
    """Find out before long work that a file can't be written, by writing a little beside it.

    Raises
    ------
    StorageError
        ``E-STORAGE`` for a folder that can't be made or written to, or that is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(prefix=f".{path.name}.", dir=path.parent) as probe:
            probe.write(bytes(PROBE_BYTES))
            probe.flush()
    except OSError as error:
        raise StorageError(
            "E-STORAGE", f"could not write the file: {error.strerror}", where=str(path)
        ) from error


def require_format(path: Path) -> None:
    """Refuse an ending that no table is written in; ``E-FORMAT``."""
    if path.suffix not in FORMATS:
        raise UsageError(
            "E-FORMAT", "expected a file name that ends in .parquet, .csv or .json", where=str(path)
        )


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """A table as Parquet, CSV or JSON by the file's ending.

    Parameters
    ----------
    frame : DataFrame
    path : Path
        Ends in ``.parquet``, ``.csv`` or ``.json``; replaced whole or not at all.

    Raises
    ------
    UsageError
        ``E-FORMAT`` for another ending.
    """
    require_format(path)
    with replacing(path) as part:
        if path.suffix == ".parquet":
            frame.to_parquet(part, index=False)
        elif path.suffix == ".csv":
            safe = defused(frame)
            safe.to_csv(part, index=False, quoting=_quoting(safe))
        else:
            frame.to_json(part, orient="records", date_format="iso", indent=1)


def require_figure_format(path: Path | None) -> None:
    """Refuse an ending that no figure is written in; ``E-FORMAT``."""
    if path is not None and path.suffix not in FIGURE_FORMATS:
        raise UsageError("E-FORMAT", "needs a file name that ends in .png or .svg", where=str(path))


def write_figure(figure: Figure, path: Path) -> None:
    """A figure as a picture by the file's ending, the same bytes at any time of day.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    path : Path
        Ends in ``.png`` or ``.svg``; replaced whole or not at all.

    Raises
    ------
    UsageError
        ``E-FORMAT`` for another ending.
    """
    require_figure_format(path)
    with replacing(path) as part:
        undated = {"Date": None} if path.suffix == ".svg" else None
        figure.savefig(part, format=path.suffix[1:], metadata=undated)
