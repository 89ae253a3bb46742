"""What a cell, a row, a block and a file may take in memory, whatever it is written in."""

from __future__ import annotations

from pathlib import Path

from escalation.errors import InputError

LONGEST_CELL = 100_000
"""Bytes; a row with a longer one is refused."""
LONGEST_ROW = 1 << 20
"""Bytes; a file with a longer one is refused. CSV is read this much at a time."""
BLOCK_ROWS, BLOCK_BYTES = 32_768, 16 << 20
"""Of the cells that are held at once as text."""
MOST_REFUSED = 100_000
"""Rows; a file of which more are refused, and more than it has others, is no table of events."""
MOST_CELLS = 20_000_000
"""Of a workbook, empty ones between others included: all are held at once."""
LARGEST_RECORDS = 128 << 20
"""Bytes of JSON, or of a workbook's parts unpacked: they are held at once."""
_MOST_EXPANSION = 200
"""Text of events packs 5 to 30 times; what packs better than this is no table of events."""
_ALWAYS_UNPACKED = 16 << 20
LEAST_ROW = 10
"""Bytes of text in any row: it has a day."""


def too_large_error(
    path: Path, message: str, *, line: int | None = None, fix: str = ""
) -> InputError:
    """The refusal ``E-LIMIT``.

    Parameters
    ----------
    path : Path
    message : str
    line : int, optional
    fix : str, optional
    """
    where = str(path) if line is None else f"{path}:{line}"
    return InputError("E-LIMIT", message, where=where, fix=fix)


class Unpacked:
    """How much text a packed file has given so far.

    Parameters
    ----------
    path : Path
    packed : int
        Its bytes on disk.
    """

    def __init__(self, path: Path, packed: int) -> None:
        self.path, self.packed, self.taken = path, packed, 0

    def take(self, size: int) -> None:
        """Count some bytes.

        Raises
        ------
        InputError
            ``E-LIMIT`` once they are more than any table of events packs.
        """
        self.taken += size
        self.require(self.taken)

    def require(self, size: int) -> None:
        """Refuse a file that says to hold too much; ``E-LIMIT``.

        Parameters
        ----------
        size : int
            Bytes of all its text, at least.
        """
        if size > max(_ALWAYS_UNPACKED, _MOST_EXPANSION * self.packed):
            raise too_large_error(
                self.path,
                f"unpacks to more than {_MOST_EXPANSION} times its size of {self.packed} bytes",
                fix="unpack it yourself if you trust it, and save it as CSV",
            )
