"""Size limits for cells, rows, blocks and files, of any format."""

from __future__ import annotations

from pathlib import Path

from escalation.errors import InputError

LONGEST_CELL = 100_000
"""Bytes; a row with a longer cell is rejected."""
LONGEST_ROW = 1 << 20
"""Bytes; a file with a longer row is rejected. CSV is read in chunks of this size."""
BLOCK_ROWS, BLOCK_BYTES = 32_768, 16 << 20
"""Size limits of a block of text cells in memory."""
MOST_REFUSED = 100_000
"""Rows; a file is rejected once more rows, and most of them, are invalid."""
MOST_CELLS = 20_000_000
"""Cells of a workbook, with the empty ones in between: all are in memory at once."""
LARGEST_RECORDS = 128 << 20
"""Bytes of JSON, or of an unpacked workbook: all are in memory at once."""
_MOST_EXPANSION = 200
"""Highest compression ratio; texts of events have ratios of 5 to 30."""
_ALWAYS_UNPACKED = 16 << 20
SHORTEST_ROW = 10
"""Bytes; every row has a day."""


def too_large_error(path: Path, message: str, *, line: int | None = None, fix: str) -> InputError:
    """Return an error ``E-LIMIT``.

    Parameters
    ----------
    path : Path
    message : str
    line : int, optional
    fix : str
    """
    where = str(path) if line is None else f"{path}:{line}"
    return InputError("E-LIMIT", message, where=where, fix=fix)


class Unpacked:
    """Guard against decompression bombs: count the unpacked bytes of a packed file.

    Parameters
    ----------
    path : Path
    packed : int
        Size on disk, in bytes.
    """

    def __init__(self, path: Path, packed: int) -> None:
        self.path, self.packed, self.size = path, packed, 0

    def add(self, size: int) -> None:
        """Count some bytes, and raise ``E-LIMIT`` once there are implausibly many."""
        self.size += size
        self.check(self.size)

    def check(self, size: int) -> None:
        """Raise ``E-LIMIT`` for an implausible unpacked size.

        Parameters
        ----------
        size : int
            Lower bound of the size of the whole text, in bytes.
        """
        if size > max(_ALWAYS_UNPACKED, _MOST_EXPANSION * self.packed):
            raise too_large_error(
                self.path,
                f"unpacks to more than {_MOST_EXPANSION} times its size of {self.packed} bytes",
                fix="unpack it yourself if you trust it, and save it as CSV",
            )
