"""Write rejected rows to a CSV file for whoever fixes the input."""

from __future__ import annotations

import csv
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import astuple
from pathlib import Path
from typing import TextIO

from escalation._util.files import replacing
from escalation._util.outputs import FORMULA_STARTS
from escalation.events.reading.blocks import RejectedRow

_COLUMNS = ("line", "code", "column", "value", "expected", "file")


class Quarantine:
    """A CSV file of rejected rows, written by :meth:`save`.

    Cells that a spreadsheet would execute get an apostrophe in front.

    Parameters
    ----------
    path : Path, optional
        Without it nothing is written.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._text: TextIO | None = None

    def add(self, file: Path, rejected: Iterable[RejectedRow]) -> None:
        """Add some rows of a file.

        Parameters
        ----------
        file : Path
        rejected : iterable of RejectedRow
        """
        if self.path is None:
            return
        rows = [(*astuple(row), file.name) for row in rejected]
        if rows and self._text is None:
            # It has no name, so a killed command leaves nothing behind.
            self._text = tempfile.TemporaryFile("w+", encoding="utf-8", newline="")  # noqa: SIM115
            rows.insert(0, _COLUMNS)
        if self._text is not None:
            csv.writer(self._text, lineterminator="\n").writerows(map(_escape_row, rows))

    def save(self) -> None:
        """Write the file if there are any rows.

        Raises
        ------
        StorageError
            ``E-STORAGE`` if it can't be written.
        """
        if self.path is None or self._text is None:
            return
        with (
            self._text as text,
            replacing(self.path) as new_file,
            new_file.open("w", encoding="utf-8", newline="") as target,
        ):
            text.seek(0)
            shutil.copyfileobj(text, target)


def _escape_row(cells: Iterable[object]) -> list[object]:
    return [
        f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA_STARTS) else cell
        for cell in cells
    ]
