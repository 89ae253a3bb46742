"""Compiled loops, kept between processes where there is a place to keep them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """Compile a function of arrays when it is first called, without the interpreter's lock.

    Numba keeps machine code beside the module, or under the user's cache folder. Where neither can
    be written, as in a read-only installation without HOME, it refuses to decorate; then the
    function is compiled anew in each process.

    Parameters
    ----------
    function : callable
        What Numba compiles: loops over arrays and numbers.

    Returns
    -------
    callable
        Called in the same way.

    Examples
    --------
    >>> import numpy as np
    >>> @compiled
    ... def total(values):
    ...     result = 0.0
    ...     for value in values:
    ...         result += value
    ...     return result
    >>> total(np.array([1.0, 2.0]))
    3.0
    """
    try:
        return cast(F, njit(cache=True, nogil=True)(function))
    except RuntimeError as error:
        if "no locator available" not in str(error):
            raise
        return cast(F, njit(nogil=True)(function))
