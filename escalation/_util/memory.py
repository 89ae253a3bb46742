"""Memory of this process."""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_LARGEST = 32 << 20
"""The most that the C library takes for arrays that are mapped one by one."""
_KEPT = 1 << 30


def keep_freed_memory() -> None:
    """Use memory that large arrays free again, instead of giving it back after each of them.

    The system clears every page that it hands out: a fifth of the CPU of a score. To be called
    before Arrow is imported. Where the C library has no such setting, nothing changes.
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.mallopt(_MMAP_THRESHOLD, _LARGEST)
        library.mallopt(_TRIM_THRESHOLD, _KEPT)
