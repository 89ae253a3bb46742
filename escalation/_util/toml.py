"""Values and sections as TOML text, for files that people go on to edit."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_BARE = re.compile("[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class TomlTable:
    """A table of a TOML file.

    Parameters
    ----------
    header : str
        ``[data]`` or ``[[targets]]``; empty for the top of the file.
    values : mapping of str to Any
        Those that are None are left out.
    above, below : sequence of str
        Comments over the header, and lines under the values, as they are.
    beside : mapping of str to str
        Comments after a value, by its key.
    """

    header: str
    values: Mapping[str, Any] = field(default_factory=dict)
    above: Sequence[str] = ()
    below: Sequence[str] = ()
    beside: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The table, with its comments."""
        lines = [comment(text) for text in self.above]
        lines += [self.header] if self.header else []
        for name, value in self.values.items():
            if value is not None:
                note = self.beside.get(name, "")
                line = f"{key(name)} = {written(value)}"
                lines.append(f"{line}   {comment(note)}" if note else line)
        return "\n".join([*lines, *self.below])


def key(name: str) -> str:
    """A key, quoted where it must be.

    Examples
    --------
    >>> key("event_type"), key("bombing explosion")
    ('event_type', '"bombing explosion"')
    """
    return name if _BARE.fullmatch(name) else written(name)


def comment(text: str) -> str:
    r"""One line that is not read; no line end in a text can end it.

    Examples
    --------
    >>> comment("a\nb")
    '# a b'
    """
    plain = "".join(char if char.isprintable() else " " for char in text)
    return f"# {plain}".rstrip()


def written(value: Any) -> str:
    """A value as TOML.

    Examples
    --------
    >>> written({"event_type": ["a b"], "rung": 3})
    '{ event_type = ["a b"], rung = 3 }'
    """
    if isinstance(value, str):
        # JSON's escapes are TOML's; it only leaves DEL as it is.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{key(name)} = {written(part)}" for name, part in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(written(part) for part in value)}]"
    return json.dumps(value)
