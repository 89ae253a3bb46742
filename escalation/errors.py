"""The error family: a stable code, an exit status, and one message shape.

``error[E-CODE] file:line column=… value='…' message; fix: …``
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection
from functools import partial
from typing import Any, ClassVar

LONGEST_SHOWN = 200
"""Characters of anything that was given and is repeated to a person."""
_LONGEST_LINE, _VALUE_SHOWN = 2000, 80
_LONG_WORD = re.compile(rf"\S{{{LONGEST_SHOWN},}}")


def printable(text: object, *, longest: int = LONGEST_SHOWN) -> str:
    r"""Text as people may see it: of bounded length, and nothing in it moves a cursor.

    Control characters, terminal escapes and marks that turn a line around are written out.

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
    letters = (
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii")
        for letter in whole[:longest]
    )  # fmt: skip
    return "".join(letters) + ("…" if len(whole) > longest else "")


def printable_line(text: str) -> str:
    """A line of ours in which nothing that was given goes on for ever."""
    return printable(_LONG_WORD.sub(lambda word: printable(word[0]), text), longest=_LONGEST_LINE)


class EscalationError(Exception):
    """Base of every refusal that the package makes on purpose.

    Parameters
    ----------
    code : str
        Stable identifier such as ``E-EMPTY``; scripts may rely on it.
    message : str
        What was found and what was expected.
    fix : str, optional
        What the user can do about it.
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
        """As it was made, so that a refusal in another process is the same refusal here."""
        options: dict[str, Any] = {
            "fix": self.fix,
            "where": self.where,
            "column": self.column,
            "value": self.value,
        }
        return partial(type(self), **options), (self.code, self.message)


class UsageError(EscalationError):
    """The command line or an experiment file can't be understood (exit status 2)."""

    status = 2


class InputError(EscalationError):
    """Data was refused (exit status 3)."""

    status = 3


class GateError(EscalationError):
    """A quality gate is closed: a leak, too little data, a promotion not earned (exit status 4)."""

    status = 4


class ModelError(EscalationError):
    """A stored model was refused (exit status 5)."""

    status = 5


class StorageError(EscalationError):
    """Reading or writing failed: no space, no permission (exit status 6)."""

    status = 6


class BusyError(EscalationError):
    """Somebody else holds a lock; trying again later may succeed (exit status 7)."""

    status = 7


def did_you_mean(name: str, known: Collection[str], otherwise: str) -> str:
    """What to do about a name that there is not.

    Parameters
    ----------
    name : str
    known : collection of str
        Names that there are.
    otherwise : str
        Said where none is near.

    Examples
    --------
    >>> did_you_mean("wiindow", ["window", "rung"], "remove it")
    "did you mean 'window'?"
    """
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else otherwise


def require_instance(value: object, kind: type, *, fix: str) -> None:
    """Refuse an argument of another type before anything is computed.

    Parameters
    ----------
    value : object
        The argument.
    kind : type
        What it must be.
    fix : str
        How to get one.

    Raises
    ------
    UsageError
        ``E-CONFIG``.
    """
    if not isinstance(value, kind):
        raise UsageError(
            "E-CONFIG", f"needs an object of {kind.__name__}, got {type(value).__name__}", fix=fix
        )
