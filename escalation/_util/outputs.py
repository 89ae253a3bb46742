"""Tables and figures by their file's ending, and text that no spreadsheet runs."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pandas as pd

from escalation._util.files import replacing
from escalation.errors import UsageError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = (".parquet", ".csv", ".json")
FIGURE_FORMATS = (".png", ".svg")
RISKY = ("=", "+", "-", "@", "\t", "\r")


def defused(frame: pd.DataFrame) -> pd.DataFrame:
    """Text that a spreadsheet would run, prefixed with an apostrophe; numbers untouched.

    Cells, categories and headers.
    """
    safe = frame.rename(columns=lambda name: f"'{name}" if str(name).startswith(RISKY) else name)
    categories = safe.select_dtypes("category").columns
    safe = safe.astype(dict.fromkeys(categories, object))
    for column in safe.columns:
        if pd.api.types.is_string_dtype(safe[column]) or safe[column].dtype == object:
            text = safe[column].astype("str")
            risky = text.str.startswith(RISKY, na=False)
            safe[column] = safe[column].mask(risky, "'" + text)
    return safe


def _quoting(frame: pd.DataFrame) -> Literal[0, 2]:
    """Quotes around all text where some holds a bare CR, which Python 3.11 leaves open."""
    for column in frame.select_dtypes(["str", "object"]):
        if frame[column].astype("str").str.contains("\r", regex=False, na=False).any():
            return csv.QUOTE_NONNUMERIC
    return csv.QUOTE_MINIMAL


def require_ending(path: Path | None, *endings: str) -> None:
    """Refuse a file name with another ending; ``E-FORMAT``. No file is none to refuse.

    Parameters
    ----------
    path : Path, optional
    endings : str
        What it may end in; the first is advised.
    """
    if path is None or path.suffix in endings:
        return
    wanted = " or ".join(filter(None, [", ".join(endings[:-1]), endings[-1]]))
    raise UsageError(
        "E-FORMAT",
        f"expected a file name that ends in {wanted}",
        where=str(path),
        fix=f"name it {path.stem or 'FILE'}{endings[0]}",
    )


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """A table as Parquet, CSV or JSON by the file's ending.

    Parameters
    ----------
    frame : DataFrame
    path : Path
        Ends in ``.parquet``, ``.csv`` or ``.json``; replaced whole or not at all.

    Raises
    ------
    UsageError
        ``E-FORMAT`` for another ending.
    """
    require_ending(path, *FORMATS)
    with replacing(path) as part:
        if path.suffix == ".parquet":
            frame.to_parquet(part, index=False)
        elif path.suffix == ".csv":
            safe = defused(frame)
            safe.to_csv(part, index=False, quoting=_quoting(safe))
        else:
            frame.to_json(part, orient="records", date_format="iso", indent=1)


def write_figure(figure: Figure, path: Path) -> None:
    """A figure as a picture by the file's ending, the same bytes at any time of day.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    path : Path
        Ends in ``.png`` or ``.svg``; replaced whole or not at all.

    Raises
    ------
    UsageError
        ``E-FORMAT`` for another ending.
    """
    require_ending(path, *FIGURE_FORMATS)
    with replacing(path) as part:
        undated = {"Date": None} if path.suffix == ".svg" else None
        figure.savefig(part, format=path.suffix[1:], metadata=undated)
