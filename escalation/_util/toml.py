"""Values and tables as TOML text, for files that people will edit."""

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
        Values that are None are omitted.
    above, below : sequence of str
        Comments before the header, and verbatim lines after the values.
    inline : mapping of str to str
        Comment at the end of a value's line, by key.
    """

    header: str
    values: Mapping[str, Any] = field(default_factory=dict)
    above: Sequence[str] = ()
    below: Sequence[str] = ()
    inline: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The table as TOML, with its comments."""
        lines = [toml_comment(text) for text in self.above]
        lines += [self.header] if self.header else []
        for name, value in self.values.items():
            if value is not None:
                note = self.inline.get(name, "")
                line = f"{toml_key(name)} = {toml_value(value)}"
                lines.append(f"{line}   {toml_comment(note)}" if note else line)
        return "\n".join([*lines, *self.below])


def toml_key(name: str) -> str:
    """A key, quoted if necessary.

    Examples
    --------
    >>> toml_key("event_type"), toml_key("bombing explosion")
    ('event_type', '"bombing explosion"')
    """
    return name if _BARE.fullmatch(name) else toml_value(name)


def toml_comment(text: str) -> str:
    r"""A comment on one line; line ends in the text become spaces.

    Examples
    --------
    >>> toml_comment("a\nb")
    '# a b'
    """
    plain = "".join(char if char.isprintable() else " " for char in text)
    return f"# {plain}".rstrip()


def toml_value(value: Any) -> str:
    """A value as TOML.

    Examples
    --------
    >>> toml_value({"event_type": ["a b"], "rung": 3})
    '{ event_type = ["a b"], rung = 3 }'
    """
    if isinstance(value, str):
        # JSON's escapes are valid in TOML; JSON only leaves DEL unescaped.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{toml_key(name)} = {toml_value(item)}" for name, item in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(toml_value(item) for item in value)}]"
    return json.dumps(value)
