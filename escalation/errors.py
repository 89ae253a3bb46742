"""The package's errors: a stable code, an exit status, and one message format.

``error[E-CODE] file:line column=… value='…' message; fix: …``
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection
from functools import partial
from typing import Any, ClassVar

LONGEST_SHOWN = 200
"""Characters of user input that a message repeats."""
_LONGEST_LINE, _VALUE_SHOWN = 2000, 80
_LONG_WORD = re.compile(rf"\S{{{LONGEST_SHOWN},}}")


def printable(text: object, *, longest: int = LONGEST_SHOWN) -> str:
    r"""Text that is safe to print: truncated, with unprintable characters escaped.

    This covers control characters, terminal escapes and marks that reverse the text direction.

    Parameters
    ----------
    text : object
        From a file, a command line or a library.
    longest : int, optional
        Characters.

    Examples
    --------
    >>> print(printable("a\x1b[2Jb"), printable("a" * 9, longest=3))
    a\x1b[2Jb aaa…
    """
    whole = str(text)
    escaped = (
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in whole[:longest]
    )
    return "".join(escaped) + ("…" if len(whole) > longest else "")


def printable_line(text: str) -> str:
    """A line of the package's own that is safe to print, with long words truncated."""
    return printable(_LONG_WORD.sub(lambda word: printable(word[0]), text), longest=_LONGEST_LINE)


class EscalationError(Exception):
    """Base of all errors that the package raises on purpose.

    Parameters
    ----------
    code : str
        Stable identifier such as ``E-EMPTY``; scripts may rely on it.
    message : str
        What was found and what was expected.
    fix : str, optional
        What the user can do.
    where : str, optional
        ``file:line`` or a section of an experiment file.
    column, value : optional
        The offending cell.

    Examples
    --------
    >>> print(InputError("E-EMPTY", "expected a row", fix="check the export", where="a.csv"))
    error[E-EMPTY] a.csv expected a row; fix: check the export
    """

    status: ClassVar[int] = 1

    def __init__(
        self,
        code: str,
        message: str,
        *,
        fix: str = "",
        where: str = "",
        column: str = "",
        value: object = None,
    ) -> None:
        self.code, self.message, self.fix = code, message, fix
        self.where, self.column, self.value = where, column, value
        super().__init__(str(self))

    def __str__(self) -> str:
        parts = [f"error[{self.code}]", printable(self.where)]
        if self.column:
            parts.append(f"column={printable(self.column)}")
        if self.value is not None:
            parts.append(f"value={str(self.value)[:_VALUE_SHOWN]!r}")
        parts.append(printable_line(self.message))
        text = " ".join(part for part in parts if part)
        return f"{text}; fix: {printable_line(self.fix)}" if self.fix else text

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle all attributes, so that an error of another process arrives unchanged."""
        options = {name: getattr(self, name) for name in ("fix", "where", "column", "value")}
        return partial(type(self), **options), (self.code, self.message)


class UsageError(EscalationError):
    """The command line or an experiment file is invalid (exit status 2)."""

    status = 2


class InputError(EscalationError):
    """Data was refused (exit status 3)."""

    status = 3


class GateError(EscalationError):
    """A quality gate failed: a leak, too little data, an unjustified promotion (exit status 4)."""

    status = 4


class ModelError(EscalationError):
    """A stored model was refused (exit status 5)."""

    status = 5


class StorageError(EscalationError):
    """Reading or writing failed: no space, no permission (exit status 6)."""

    status = 6


class BusyError(EscalationError):
    """Another process holds a lock; trying again later may succeed (exit status 7)."""

    status = 7


def did_you_mean(name: str, known: Collection[str], otherwise: str) -> str:
    """The fix for an unknown name: the closest known one.

    Parameters
    ----------
    name : str
    known : collection of str
        Valid names.
    otherwise : str
        The fix if no name is close.

    Examples
    --------
    >>> did_you_mean("wiindow", ["window", "rung"], "remove it")
    "did you mean 'window'?"
    """
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else otherwise


def require_instance(value: object, kind: type, *, fix: str) -> None:
    """Refuse an argument of the wrong type before anything is computed.

    Parameters
    ----------
    value : object
        The argument.
    kind : type
        Expected type.
    fix : str
        How to get one.

    Raises
    ------
    UsageError
        ``E-CONFIG``.
    """
    if not isinstance(value, kind):
        raise UsageError(
            "E-CONFIG", f"expected a {kind.__name__} object, got {type(value).__name__}", fix=fix
        )
