"""Compiled loops, cached between processes where there is a writable place for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """Compile a function of arrays and numbers at its first call; it runs without the GIL.

    Numba caches machine code next to the module, or in the user's cache folder. If neither is
    writable, as in a read-only installation without HOME, it refuses to decorate; then the
    function is compiled in each process.
    """
    try:
        return cast(F, njit(cache=True, nogil=True)(function))
    except RuntimeError as error:
        if "no locator available" not in str(error):
            raise
        return cast(F, njit(nogil=True)(function))
