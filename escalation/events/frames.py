"""Read a pandas table as an archive, with the same checks as for a file."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd

from escalation import schema
from escalation._util.cautions import caution
from escalation.errors import EscalationError, InputError, UsageError, did_you_mean
from escalation.events.archive import EventArchive
from escalation.events.detect import detect_file
from escalation.events.formats import tidy
from escalation.events.load import load_file, python_advice, report_warnings
from escalation.events.obvious_names import date_parts, obvious_columns, similar_columns
from escalation.events.reading.report import Limits
from escalation.events.source import Options

_SHOWN = "DataFrame"


def archive_of_frame(
    df: pd.DataFrame,
    columns: Mapping[str, str],
    known_date: str | int | None,
    options: Options,
    max_bad: float,
) -> EventArchive:
    """Implement :meth:`EventArchive.from_pandas`.

    Parameters
    ----------
    df, columns, known_date, options, max_bad
        See there.
    """
    table = _canonical_table(df, columns, known_date)
    if isinstance(known_date, int):
        options = replace(options, lag=known_date)
    with tempfile.TemporaryDirectory() as folder, python_advice():
        path = Path(folder) / f"{_SHOWN}.parquet"
        table.to_parquet(path, index=False)
        try:
            file = detect_file(path, {tidy.FORMAT.name: tidy.FORMAT}, options=options)
            archive, report, _ = load_file(path, file.source, file.options, Limits(max_bad=max_bad))
        except EscalationError as error:
            error.where = error.where.replace(str(path), _SHOWN)
            error.message = error.message.replace(str(path), _SHOWN)
            error.fix = _fix_for_frame(error)
            raise
    for text in report_warnings(report):
        caution(text.replace(str(path), _SHOWN))
    return archive


def _fix_for_frame(error: EscalationError) -> str:
    if error.code == "E-COLUMNS":
        return f"columns={{'YOUR NAME': {error.column!r}}}"
    if "Q-DATE" in str(error):
        return (
            "use one format for all dates: pd.to_datetime(..., format=...) on each part, "
            "or name the format with date_format="
        )
    return error.fix


def _canonical_table(
    df: object, columns: Mapping[str, str], known_date: str | int | None
) -> pd.DataFrame:
    """Return the canonical columns of a table, under their canonical names."""
    if not isinstance(df, pd.DataFrame):
        raise UsageError(
            "E-FRAME",
            f"needs a pandas DataFrame, got {type(df).__name__}",
            fix="read a file or an archive with read_events(path)",
        )
    if df.empty:
        raise InputError("E-EMPTY", "needs at least one row", fix="check the table")
    names = dict(columns)
    if isinstance(known_date, str):
        names[known_date] = schema.KNOWN_DATE
    header = [str(name) for name in df.columns]
    for name, column in names.items():
        _check_name(name, header, fix=f"columns={{'NAME': {column!r}}}")
        _check_name(column, list(schema.EVENT_COLUMNS), fix="the columns of schema.EVENT_COLUMNS")
    table = df.rename(columns=names)
    obvious = obvious_columns([str(name) for name in table.columns], tidy.FORMAT.columns)
    table = table.rename(columns=obvious)
    table = table[[name for name in table.columns.unique() if name in schema.EVENT_COLUMNS]]
    repeated = table.columns[table.columns.duplicated()]
    if len(repeated):
        raise InputError(
            "E-COLUMNS", "two columns have this name", column=repeated[0], fix="drop one"
        )
    _require_columns(table, header)
    return table.apply(_cells).reset_index(drop=True)


def _require_columns(table: pd.DataFrame, header: list[str]) -> None:
    """Report missing columns, and the columns of the table that may be meant."""
    missing = [name for name in tidy.FORMAT.required if name not in table.columns]
    if not missing:
        return
    similar = similar_columns(header, missing, tidy.FORMAT.columns)
    rest = [name for name in missing if name not in similar.values()]
    advice = []
    if schema.EVENT_DATE in rest and (parts := date_parts(header)):
        rest.remove(schema.EVENT_DATE)
        advice.append(f"join {', '.join(parts)} into one column event_date")
    unnamed = {"YOUR NAME" if not i else f"YOUR NAME {i + 1}": name for i, name in enumerate(rest)}
    if similar or unnamed:
        advice.append(f"columns={ {**similar, **unnamed} }")
    raise InputError(
        "E-COLUMNS",
        f"columns are missing: {', '.join(missing)}; the table has: {', '.join(header)[:400]}",
        where=_SHOWN,
        column=missing[0],
        fix="; ".join(advice),
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
    """Convert to nullable dtypes: integers stay integers despite gaps, objects become text."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object)
    column = column.convert_dtypes()
    if column.dtype == object:
        return column.map(str, na_action="ignore").astype("string")
    return column
