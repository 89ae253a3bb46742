"""Values of an experiment file are taken as written: ``"7"`` is not a number."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Mapping
from typing import Any

LARGEST_NUMBER = 2**32 - 1
LONGEST_TEXT = 10_000
_FIRST_YEAR, _LAST_YEAR = 1900, 2100


def require_as_written(value: Any, converted: Any) -> None:
    """Reject a value that pydantic has coerced to another type, or that is out of range.

    Parameters
    ----------
    value, converted : object
        Before and after pydantic's type check.

    Raises
    ------
    ValueError
        Says what is needed instead.

    Examples
    --------
    >>> require_as_written([7, 28], (7, 28))
    >>> require_as_written("7", 7)
    Traceback (most recent call last):
    ValueError: needs a whole number, not text
    """
    for reason in _reasons(value, converted):
        raise ValueError(reason)


def _reasons(value: Any, converted: Any) -> Iterator[str]:
    if isinstance(converted, Mapping) and isinstance(value, Mapping):
        for key, item in value.items():
            yield from _reasons(key, key)
            yield from (f"{key}: {reason}" for reason in _reasons(item, converted.get(key, item)))
    elif isinstance(converted, list | tuple) and isinstance(value, list | tuple):
        for items in zip(value, converted, strict=False):
            yield from _reasons(*items)
    elif isinstance(value, bool) or isinstance(converted, bool):
        if value is not converted:
            yield f"needs {_kind(converted)}, not {_kind(value)}"
    elif isinstance(converted, int | float):
        if isinstance(value, str) or (isinstance(converted, int) and not isinstance(value, int)):
            yield f"needs {_kind(converted)}, not {_kind(value)}"
        elif not math.isfinite(converted) or abs(converted) > LARGEST_NUMBER:
            yield f"needs a number from -{LARGEST_NUMBER} to {LARGEST_NUMBER}"
    elif isinstance(converted, dt.date):
        if not isinstance(value, str | dt.date):
            yield f"needs a day, not {_kind(value)}"
        elif not _FIRST_YEAR <= converted.year <= _LAST_YEAR:
            yield f"needs a day of the years {_FIRST_YEAR} to {_LAST_YEAR}"
    elif isinstance(converted, str) and (len(converted) > LONGEST_TEXT or "\0" in converted):
        yield f"needs at most {LONGEST_TEXT} characters, and no NUL"


def _kind(value: Any) -> str:
    kinds = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
    return kinds.get(type(value), type(value).__name__)
