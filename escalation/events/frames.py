"""A pandas table as an archive: the same checks as for a file."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from escalation import schema
from escalation._util.cautions import caution
from escalation.errors import EscalationError, InputError, UsageError, did_you_mean
from escalation.events.archive import EventArchive
from escalation.events.detect import detect_file
from escalation.events.formats import tidy
from escalation.events.load import load_file, python_advice, report_warnings
from escalation.events.obvious_names import obvious_columns, similar_columns
from escalation.events.reading.report import Limits
from escalation.events.source import Options

_SHOWN = "DataFrame"


def archive_of_frame(
    df: pd.DataFrame,
    *,
    columns: Mapping[str, str],
    known_date: str | int | None,
    zone: str | None,
    date_format: str | None,
    max_bad: float,
) -> EventArchive:
    """Work of :meth:`EventArchive.from_pandas`.

    Parameters
    ----------
    df, columns, known_date, zone, date_format, max_bad
        As there.
    """
    table, lag = _renamed(df, columns, known_date)
    options = Options(date_format=date_format, zone=zone, lag=lag)
    with tempfile.TemporaryDirectory() as scratch, python_advice():
        path = Path(scratch) / f"{_SHOWN}.parquet"
        table.to_parquet(path, index=False)
        try:
            file = detect_file(path, {tidy.FORMAT.name: tidy.FORMAT}, options=options)
            archive, report, _ = load_file(path, file.source, file.options, Limits(max_bad=max_bad))
        except EscalationError as error:
            error.where = error.where.replace(str(path), _SHOWN)
            error.message = error.message.replace(str(path), _SHOWN)
            error.fix = _python_advice(error)
            raise
    for text in report_warnings(report):
        caution(text.replace(str(path), _SHOWN))
    return archive


def _python_advice(error: EscalationError) -> str:
    if error.code == "E-COLUMNS":
        return f"columns={{'YOUR NAME': {error.column!r}}}"
    if "Q-DATE" in str(error):
        return (
            "one form for all dates: pd.to_datetime(..., format=...) on each part, "
            "or name it with date_format="
        )
    return error.fix


def _renamed(
    df: object, columns: Mapping[str, str], known_date: str | int | None
) -> tuple[pd.DataFrame, int | None]:
    """The table in the project's names, and the lag where known dates are assumed."""
    if not isinstance(df, pd.DataFrame):
        raise UsageError(
            "E-FRAME",
            f"needs a pandas DataFrame, got {type(df).__name__}",
            fix="read a file or an archive with read_events(path)",
        )
    if df.empty:
        raise InputError("E-EMPTY", "needs at least one row", fix="check the table")
    lag = known_date if isinstance(known_date, int) else None
    names = dict(columns)
    if isinstance(known_date, str):
        names[known_date] = schema.KNOWN_DATE
    header = [str(name) for name in df.columns]
    for name, column in names.items():
        _check_name(name, header, fix=f"columns={{'NAME': {column!r}}}")
        _check_name(column, list(schema.EVENT_COLUMNS), fix="the columns of schema.EVENT_COLUMNS")
    table = df.rename(columns=names)
    found = obvious_columns([str(name) for name in table.columns], tidy.FORMAT.columns)
    table = table.rename(columns=found)
    kept = [name for name in dict.fromkeys(table.columns) if name in schema.EVENT_COLUMNS]
    table = table[kept]
    twice = table.columns[table.columns.duplicated()]
    if len(twice):
        raise InputError("E-COLUMNS", "two columns have this name", column=twice[0], fix="drop one")
    _require_columns(table, header)
    return table.apply(_cells).reset_index(drop=True), lag


def _require_columns(table: pd.DataFrame, header: list[str]) -> None:
    """Name what is missing, and by the table's own names what it may be called there."""
    missing = [name for name in tidy.FORMAT.required if name not in table.columns]
    if not missing:
        return
    near = similar_columns(header, missing, tidy.FORMAT.columns)
    rest = [name for name in missing if name not in near.values()]
    unnamed = {"YOUR NAME" if not i else f"YOUR NAME {i + 1}": name for i, name in enumerate(rest)}
    raise InputError(
        "E-COLUMNS",
        f"columns are missing: {', '.join(missing)}; the table has: {', '.join(header)[:400]}",
        where=_SHOWN,
        column=missing[0],
        fix=f"columns={ {**near, **unnamed} }",
    )


def _check_name(name: str, known: list[str], *, fix: str) -> None:
    if name not in known:
        raise UsageError(
            "E-COLUMNS",
            f"no such column; there are {', '.join(known)[:400]}",
            column=name,
            fix=did_you_mean(name, known, f"give one of them: {fix}"),
        )


def _cells(column: pd.Series) -> pd.Series:
    """Whole numbers as such though some are missing; anything else that is no column as text."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object)
    column = column.convert_dtypes()
    if column.dtype == object:
        return column.map(str, na_action="ignore").astype("string")
    return column
