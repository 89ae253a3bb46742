"""Writing files whole or not at all, and text that no spreadsheet runs."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from escalation.errors import StorageError, UsageError


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
        os.replace(name, path)
    except OSError as error:
        raise StorageError("E-STORAGE", f"expected to write the file: {error.strerror or error}",
                           where=str(path)) from error  # fmt: skip
    finally:
        if name and os.path.exists(name):
            os.unlink(name)


RISKY = ("=", "+", "-", "@", "\t", "\r")


def defused(frame: pd.DataFrame) -> pd.DataFrame:
    """Text cells that a spreadsheet would run, prefixed with an apostrophe; numbers untouched."""
    safe = frame.copy()
    for column in safe.columns:
        if pd.api.types.is_string_dtype(safe[column]) or safe[column].dtype == object:
            text = safe[column].astype("str")
            risky = text.str.startswith(RISKY, na=False)
            safe[column] = safe[column].mask(risky, "'" + text)
    return safe


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """A table as Parquet, CSV or JSON by the file's ending.

    Raises
    ------
    UsageError
        ``E-FORMAT`` for another ending.
    """
    if path.suffix not in {".parquet", ".csv", ".json"}:
        raise UsageError("E-FORMAT", "expected a file name that ends in .parquet, .csv or .json",
                         where=str(path))  # fmt: skip
    with replacing(path) as part:
        if path.suffix == ".parquet":
            frame.to_parquet(part, index=False)
        elif path.suffix == ".csv":
            defused(frame).to_csv(part, index=False)
        else:
            frame.to_json(part, orient="records", date_format="iso", indent=1)
