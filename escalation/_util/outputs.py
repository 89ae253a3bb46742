"""Write tables and figures by the file name's ending, safe to open in a spreadsheet."""

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
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def escape_formulas(frame: pd.DataFrame) -> pd.DataFrame:
    """Prefix text that a spreadsheet would run with an apostrophe: cells, categories and headers.

    Numbers are untouched.
    """
    safe = frame.rename(
        columns=lambda name: f"'{name}" if str(name).startswith(FORMULA_STARTS) else name
    )
    categories = safe.select_dtypes("category").columns
    safe = safe.astype(dict.fromkeys(categories, object))
    for column in safe.columns:
        if pd.api.types.is_string_dtype(safe[column]) or safe[column].dtype == object:
            text = safe[column].astype("str")
            formulas = text.str.startswith(FORMULA_STARTS, na=False)
            safe[column] = safe[column].mask(formulas, "'" + text)
    return safe


def _quoting(frame: pd.DataFrame) -> Literal[0, 2]:
    """Quote all text if any holds a bare CR, which Python 3.11 does not quote."""
    for column in frame.select_dtypes(["str", "object"]):
        if frame[column].astype("str").str.contains("\r", regex=False, na=False).any():
            return csv.QUOTE_NONNUMERIC
    return csv.QUOTE_MINIMAL


def require_ending(path: Path | None, *endings: str) -> None:
    """Reject a file name with another ending (``E-FORMAT``); None passes.

    Parameters
    ----------
    path : Path, optional
    endings : str
        Allowed endings; the error's fix suggests the first.
    """
    if path is None or path.suffix in endings:
        return
    names = " or ".join(filter(None, [", ".join(endings[:-1]), endings[-1]]))
    raise UsageError(
        "E-FORMAT",
        f"expected a file name that ends in {names}",
        where=str(path),
        fix=f"name it {path.stem or 'FILE'}{endings[0]}",
    )


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Write a table as Parquet, CSV or JSON, depending on the file's ending.

    Parameters
    ----------
    frame : DataFrame
    path : Path
        Ends in ``.parquet``, ``.csv`` or ``.json``; replaced completely or not at all.

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
            safe = escape_formulas(frame)
            safe.to_csv(part, index=False, quoting=_quoting(safe))
        else:
            frame.to_json(part, orient="records", date_format="iso", indent=1)


def write_figure(figure: Figure, path: Path) -> None:
    """Write a figure as PNG or SVG, depending on the file's ending, without a timestamp.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    path : Path
        Ends in ``.png`` or ``.svg``; replaced completely or not at all.

    Raises
    ------
    UsageError
        ``E-FORMAT`` for another ending.
    """
    require_ending(path, *FIGURE_FORMATS)
    with replacing(path) as part:
        undated = {"Date": None} if path.suffix == ".svg" else None
        figure.savefig(part, format=path.suffix[1:], metadata=undated)
