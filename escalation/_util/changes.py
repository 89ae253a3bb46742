"""Values put in place of what a TOML file says: ``KEY=VALUE``."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from escalation.errors import UsageError

_AS = "write it as --set features.window_sums.windows=[3,14]"


def put(change: str, table: dict[str, Any]) -> None:
    """Put a value into the table of a file, in place of what that says.

    Parameters
    ----------
    change : str
        ``KEY=VALUE``, such as ``features.window_sums.windows=[3,14]``; lists count from 0.
    table : dict
        As TOML gives it; changed.

    Raises
    ------
    UsageError
        ``E-CONFIG`` where it is not ``KEY=VALUE``, not TOML, or has no place in the table.

    Examples
    --------
    >>> table = {"targets": [{"horizon": 7}]}
    >>> put("targets.0.horizon=30", table)
    >>> put("data.source=acled", table)
    >>> table
    {'targets': [{'horizon': 30}], 'data': {'source': 'acled'}}
    """
    dotted, equals, text = change.partition("=")
    *above, last = [part.strip() for part in dotted.split(".")]
    if not (equals and last and all(above)):
        raise _refused_change(change, "expected KEY=VALUE")
    place: Any = table
    try:
        for part in above:
            place = place[int(part)] if isinstance(place, list) else place.setdefault(part, {})
        place[int(last) if isinstance(place, list) else last] = _value(text)
    except tomllib.TOMLDecodeError:
        quoted = f"a text needs quotation marks: --set '{dotted}=\"{text.strip()}\"'"
        fix = _AS if '"' in text else quoted
        raise _refused_change(change, "the value is not valid TOML", fix=fix) from None
    except (AttributeError, IndexError, TypeError, ValueError):
        fix = "look the key up in the file; lists count from 0"
        raise _refused_change(change, "the experiment has no such key", fix=fix) from None


def _value(text: str) -> Any:
    """A TOML value; a bare word is a text."""
    try:
        (value,) = tomllib.loads(f"value = {text}").values()
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        if isinstance(error, RecursionError):
            raise tomllib.TOMLDecodeError from None
        if not re.fullmatch(r"[A-Za-z_][\w-]*", text.strip()):
            raise
        return text.strip()
    except ValueError:
        raise tomllib.TOMLDecodeError from None
    return value


def _refused_change(change: str, message: str, *, fix: str = _AS) -> UsageError:
    return UsageError("E-CONFIG", message, where="--set", value=change, fix=fix)
