"""Override values of a TOML file with ``KEY=VALUE``."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from escalation.errors import UsageError

_EXAMPLE = "write it as --set features.window_sums.windows=[3,14]"


def apply_change(change: str, table: dict[str, Any]) -> None:
    """Set one value in a parsed TOML table, in place.

    Parameters
    ----------
    change : str
        ``KEY=VALUE``, such as ``features.window_sums.windows=[3,14]``; list items count from 0.
    table : dict
        As parsed from TOML; modified.

    Raises
    ------
    UsageError
        ``E-CONFIG`` if it is not ``KEY=VALUE`` or not TOML, or the table has no such key.

    Examples
    --------
    >>> table = {"targets": [{"horizon": 7}]}
    >>> apply_change("targets.0.horizon=30", table)
    >>> apply_change("data.source=acled", table)
    >>> table
    {'targets': [{'horizon': 30}], 'data': {'source': 'acled'}}
    """
    dotted, equals, text = change.partition("=")
    *parents, last = [key.strip() for key in dotted.split(".")]
    if not (equals and last and all(parents)):
        raise _change_error(change, "expected KEY=VALUE")
    place: Any = table
    try:
        for key in parents:
            place = place[int(key)] if isinstance(place, list) else place.setdefault(key, {})
        place[int(last) if isinstance(place, list) else last] = _value(text)
    except tomllib.TOMLDecodeError:
        quoted = f"quote text: --set '{dotted}=\"{text.strip()}\"'"
        fix = _EXAMPLE if '"' in text else quoted
        raise _change_error(change, "the value is not valid TOML", fix=fix) from None
    except (AttributeError, IndexError, TypeError, ValueError):
        fix = "look the key up in the file; list items count from 0"
        raise _change_error(change, "the experiment has no such key", fix=fix) from None


def _value(text: str) -> Any:
    """Parse a TOML value; a bare word is text."""
    try:
        (value,) = tomllib.loads(f"value = {text}").values()
    except RecursionError:
        raise tomllib.TOMLDecodeError from None
    except tomllib.TOMLDecodeError:
        if not re.fullmatch(r"[A-Za-z_][\w-]*", text.strip()):
            raise
        return text.strip()
    except ValueError:
        raise tomllib.TOMLDecodeError from None
    return value


def _change_error(change: str, message: str, *, fix: str = _EXAMPLE) -> UsageError:
    return UsageError("E-CONFIG", message, where="--set", value=change, fix=fix)
