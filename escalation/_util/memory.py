"""Memory of this process."""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_LARGEST_MMAP_THRESHOLD = 32 << 20
"""The C library's maximum, in bytes, for the size from which arrays are mapped one by one."""
_RETAINED_BYTES = 1 << 30


def keep_freed_memory() -> None:
    """Reuse the memory of freed arrays instead of returning it to the system after each.

    The system zeroes every page it hands out, which takes a fifth of the CPU time of a score. Call
    this before Arrow is imported. Nothing changes if the C library has no such setting.
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.mallopt(_MMAP_THRESHOLD, _LARGEST_MMAP_THRESHOLD)
        library.mallopt(_TRIM_THRESHOLD, _RETAINED_BYTES)
