"""Numbers that took long to compute, kept in a folder of the user's own under a digest."""

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

VARIABLE = "ESCALATION_CACHE"
"""Names a folder, or says ``off``."""
MOST_KEPT = 256_000_000
"""Bytes of all files together; when there are more, those that were not asked for longest go."""


@dataclass
class NumberCache:
    """Arrays of numbers by key, in files; nothing is kept, and nothing found, without a folder.

    A file holds numbers and their SHA-256, and is never run or unpickled. One whose hash differs is
    not used. A folder that others may write to is not used either. Whatever goes wrong is a warning
    once, and costs only time.

    Parameters
    ----------
    folder : Path, optional
        Made when something is first kept.
    largest : int
        Bytes of all files together.
    """

    folder: Path | None = None
    largest: int = MOST_KEPT
    _warned: bool = field(default=False, repr=False)

    def read(self, key: str, *, rows: int) -> Array | None:
        """What was kept under a key; None where there is nothing, or nothing that can be trusted.

        Parameters
        ----------
        key : str
            Hexadecimal digits.
        rows : int
            Length that the array must have.
        """
        if self.folder is None or not self._file(key).exists():
            return None
        try:
            _require_own(self.folder)
            data = BytesIO(self._file(key).read_bytes())
            with np.load(data, allow_pickle=False) as kept:
                values, digest = kept["values"], kept["sha256"].tobytes()
            if values.dtype != np.float64 or values.shape != (rows,) or digest != _hash(values):
                raise ValueError("it is not what was written")
            with suppress(OSError):
                os.utime(self._file(key))
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            self._warn(f"not used: {error}")
            return None
        return values

    def write(self, key: str, values: Array) -> None:
        """Keep an array under a key.

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
            _require_own(self.folder)
            with replacing(self._file(key)) as part, part.open("wb") as file:
                np.savez(file, values=values, sha256=digest)
            self._forget_oldest()
        except (OSError, ValueError, EscalationError) as error:
            self._warn(f"nothing is kept: {error}")

    def _file(self, key: str) -> Path:
        return Path(self.folder or "", f"{key}.npz")

    def _forget_oldest(self) -> None:
        kept = [(path, path.stat()) for path in self._file("*").parent.glob("*.npz")]
        total = sum(state.st_size for _, state in kept)
        for path, state in sorted(kept, key=lambda pair: pair[1].st_mtime):
            if total <= self.largest:
                return
            path.unlink(missing_ok=True)
            total -= state.st_size

    def _warn(self, why: str) -> None:
        if not self._warned:
            caution(f"cache of forecasts in {self.folder}: {why}")
        self._warned = True


def _hash(values: Array) -> bytes:
    return sha256(np.ascontiguousarray(values).tobytes()).digest()


def _require_own(folder: Path) -> None:
    """Refuse a folder into which others could have put something."""
    state = folder.stat()
    if state.st_uid != os.geteuid() or state.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise ValueError("others may write there")


def users_cache(environment: Mapping[str, str] | None = None) -> NumberCache:
    """The cache that the environment names, or the one in the user's cache folder.

    Parameters
    ----------
    environment : mapping of str to str, optional
        ``ESCALATION_CACHE`` names a folder or says ``off``.

    Examples
    --------
    >>> users_cache({"ESCALATION_CACHE": "off"})
    NumberCache(folder=None, largest=256000000)
    """
    known = os.environ if environment is None else environment
    named = known.get(VARIABLE, "")
    if named:
        return NumberCache(None if named.lower() == "off" else Path(named).expanduser())
    try:
        home = Path.home()
    except RuntimeError:
        return NumberCache()
    usual = home / "Library" / "Caches" if sys.platform == "darwin" else home / ".cache"
    return NumberCache(Path(known.get("XDG_CACHE_HOME") or usual) / "escalation")
