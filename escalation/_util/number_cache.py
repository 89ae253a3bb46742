"""A private folder that caches arrays that took long to compute."""

from __future__ import annotations

import os
import stat
import sys
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import numpy as np

from escalation._util.arrays import Array
from escalation._util.cautions import caution
from escalation._util.files import make_folder, replacing
from escalation.errors import EscalationError

CACHE_VARIABLE = "ESCALATION_CACHE"
"""Environment variable: the cache's folder, or ``off``."""
MAX_CACHE_BYTES = 256_000_000
"""Size of all files together; beyond it, the least recently used are deleted."""


@dataclass
class NumberCache:
    """Arrays of numbers by key, in files; without a folder it stores nothing.

    A file holds numbers and their SHA-256, and is never run or unpickled. A file with a wrong hash
    is ignored, and so is a folder that others may write to. The first problem raises a warning;
    none costs more than time.

    Parameters
    ----------
    folder : Path, optional
        Created at the first write.
    largest : int
        Bytes of all files together.
    """

    folder: Path | None = None
    largest: int = MAX_CACHE_BYTES
    _warned: bool = field(default=False, repr=False)

    def read(self, key: str, *, rows: int) -> Array | None:
        """The array with this key; None if there is none, or none that can be trusted.

        Parameters
        ----------
        key : str
            Hexadecimal digits.
        rows : int
            Expected length of the array.
        """
        if self.folder is None or not self._file(key).exists():
            return None
        try:
            _require_private(self.folder)
            data = BytesIO(self._file(key).read_bytes())
            with np.load(data, allow_pickle=False) as stored:
                values, digest = stored["values"], stored["sha256"].tobytes()
            if values.dtype != np.float64 or values.shape != (rows,) or digest != _hash(values):
                raise ValueError("the file has changed since it was written")
            with suppress(OSError):
                os.utime(self._file(key))
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            self._warn(f"not used: {error}")
            return None
        return values

    def write(self, key: str, values: Array) -> None:
        """Store an array under a key.

        Parameters
        ----------
        key : str
            Hexadecimal digits.
        values : ndarray of float64, shape (row,)
        """
        if self.folder is None:
            return
        digest = np.frombuffer(_hash(values), dtype=np.uint8)
        try:
            make_folder(self.folder.parent)
            self.folder.mkdir(mode=0o700, exist_ok=True)
            _require_private(self.folder)
            with replacing(self._file(key)) as part, part.open("wb") as file:
                np.savez(file, values=values, sha256=digest)
            self._delete_oldest()
        except (OSError, ValueError, EscalationError) as error:
            self._warn(f"nothing is stored: {error}")

    def _file(self, key: str) -> Path:
        return Path(self.folder or "", f"{key}.npz")

    def _delete_oldest(self) -> None:
        files = [(path, path.stat()) for path in self._file("*").parent.glob("*.npz")]
        total = sum(state.st_size for _, state in files)
        for path, state in sorted(files, key=lambda file: file[1].st_mtime):
            if total <= self.largest:
                return
            path.unlink(missing_ok=True)
            total -= state.st_size

    def _warn(self, reason: str) -> None:
        if not self._warned:
            caution(f"cache of forecasts in {self.folder}: {reason}")
        self._warned = True


def _hash(values: Array) -> bytes:
    return sha256(np.ascontiguousarray(values).tobytes()).digest()


def _require_private(folder: Path) -> None:
    state = folder.stat()
    if state.st_uid != os.geteuid() or state.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise ValueError("others may write there")


def users_cache(environment: Mapping[str, str] | None = None) -> NumberCache:
    """The cache that ``ESCALATION_CACHE`` names, or the one in the user's cache folder.

    Examples
    --------
    >>> users_cache({"ESCALATION_CACHE": "off"})
    NumberCache(folder=None, largest=256000000)
    """
    variables = os.environ if environment is None else environment
    if choice := variables.get(CACHE_VARIABLE, ""):
        return NumberCache(None if choice.lower() == "off" else Path(choice).expanduser())
    try:
        home = Path.home()
    except RuntimeError:
        return NumberCache()
    usual = home / "Library" / "Caches" if sys.platform == "darwin" else home / ".cache"
    return NumberCache(Path(variables.get("XDG_CACHE_HOME") or usual) / "escalation")
