"""Values of an experiment file, taken as they are written: nothing is turned into a number."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Mapping
from typing import Any

LARGEST_NUMBER = 2**32 - 1
LONGEST_TEXT = 10_000
_FIRST_YEAR, _LAST_YEAR = 1900, 2100


def require_as_written(given: Any, made: Any) -> None:
    """Refuse a value that a lenient check has made into another, or that is beyond any use.

    Parameters
    ----------
    given, made : object
        Before and after the check of types.

    Raises
    ------
    ValueError
        With what was needed instead.

    Examples
    --------
    >>> require_as_written([7, 28], (7, 28))
    >>> require_as_written("7", 7)
    Traceback (most recent call last):
    ValueError: needs a whole number, not text
    """
    for reason in _reasons(given, made):
        raise ValueError(reason)


def _reasons(given: Any, made: Any) -> Iterator[str]:
    if isinstance(made, Mapping) and isinstance(given, Mapping):
        for key, value in given.items():
            yield from _reasons(key, key)
            yield from (f"{key}: {one}" for one in _reasons(value, made.get(key, value)))
    elif isinstance(made, list | tuple) and isinstance(given, list | tuple):
        for one, other in zip(given, made, strict=False):
            yield from _reasons(one, other)
    elif isinstance(given, bool) or isinstance(made, bool):
        if given is not made:
            yield f"needs {_kind(made)}, not {_kind(given)}"
    elif isinstance(made, int | float):
        yield from _wrong_number(given, made)
    elif isinstance(made, dt.date):
        if not isinstance(given, str | dt.date):
            yield f"needs a day, not {_kind(given)}"
        elif not _FIRST_YEAR <= made.year <= _LAST_YEAR:
            yield f"needs a day of the years {_FIRST_YEAR} to {_LAST_YEAR}"
    elif isinstance(made, str) and (len(made) > LONGEST_TEXT or "\0" in made):
        yield f"needs at most {LONGEST_TEXT} characters, and no NUL"


def _wrong_number(given: Any, made: float) -> Iterator[str]:
    if isinstance(given, str) or (isinstance(made, int) and not isinstance(given, int)):
        yield f"needs {_kind(made)}, not {_kind(given)}"
    elif not math.isfinite(made) or abs(made) > LARGEST_NUMBER:
        yield f"needs a number from -{LARGEST_NUMBER} to {LARGEST_NUMBER}"


def _kind(value: Any) -> str:
    kinds = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
    return kinds.get(type(value), type(value).__name__)
