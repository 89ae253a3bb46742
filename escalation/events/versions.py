"""Helpers for tables of versions: defaults, checks, sorting and duplicates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from escalation import schema
from escalation.errors import InputError

EVENT_KEY = [schema.SOURCE, schema.EVENT_ID]
_VERSION_KEY = [*EVENT_KEY, schema.KNOWN_DATE]
OPERATIONS = ("add", "update", "retract")
CONFLICT_ADVICE = (
    "give the later version its own known_date; if event_id does not identify single events, "
    "read it as a note: --columns event_id=note"
)


def sort_versions(versions: pd.DataFrame) -> pd.DataFrame:
    """Sort versions by source, event and ``known_date``."""
    table = pa.table({name: pa.array(versions[name]) for name in _VERSION_KEY})
    order = pc.sort_indices(table, sort_keys=[(name, "ascending") for name in _VERSION_KEY])
    return versions.iloc[order.to_numpy()].reset_index(drop=True)


def drop_repeats(versions: pd.DataFrame) -> tuple[pd.DataFrame, str | None]:
    """Drop exact duplicates from sorted versions, and find a conflict.

    Only neighbouring rows can be of the same event and day, so only those are compared.

    Returns
    -------
    DataFrame, str or None
        The versions, and the first event that still has two of them on one day.
    """
    repeats_key = same_as_previous(versions, _VERSION_KEY)
    if not repeats_key.any():
        return versions, None
    rows = np.flatnonzero(repeats_key | np.append(repeats_key[1:], False))
    candidates = versions.iloc[rows]
    duplicate = candidates.duplicated().to_numpy()
    remaining = candidates[~duplicate]
    conflicts = remaining.loc[remaining.duplicated(_VERSION_KEY), schema.EVENT_ID]
    keep = np.ones(len(versions), bool)
    keep[rows[duplicate]] = False
    first_conflict = None if conflicts.empty else str(conflicts.iloc[0])
    return versions[keep].reset_index(drop=True), first_conflict


def conflict_error(event_id: object) -> InputError:
    """Return the error for two different versions of an event on the same day."""
    return InputError(
        "E-CONFLICT",
        "two different versions of an event are known on the same day",
        column=schema.EVENT_ID,
        value=event_id,
        fix=CONFLICT_ADVICE,
    )


def same_as_previous(versions: pd.DataFrame, columns: Iterable[str]) -> NDArray[np.bool_]:
    """Return whether each row equals the row before it in some columns.

    Parameters
    ----------
    versions : DataFrame
    columns : iterable of str
        Columns without missing values.
    """
    same = np.zeros(len(versions), bool)
    same[1:] = True
    for name in columns:
        values = pa.array(versions[name])
        equal = pc.fill_null(pc.equal(values[1:], values[:-1]), False)
        same[1:] &= equal.to_numpy(zero_copy_only=False)
    return same


def with_defaults(versions: pd.DataFrame) -> pd.DataFrame:
    """Add the optional columns that are missing; by default a row is an ``add`` of one event."""
    defaults = {**dict.fromkeys(schema.OPTIONAL_COLUMNS), schema.OPERATION: "add"}
    missing = {name: value for name, value in defaults.items() if name not in versions}
    return versions.assign(**missing) if missing else versions


def with_integer_columns(table: pd.DataFrame) -> pd.DataFrame:
    """Convert hours and munitions to nullable integers, and weights to integers of at least 1."""
    weight = pd.to_numeric(table[schema.WEIGHT]).fillna(1)
    invalid = (weight < 1) | (weight % 1 != 0)
    if invalid.any():
        raise InputError(
            "E-WEIGHT",
            "needs a whole number of events, 1 or more",
            column=schema.WEIGHT,
            value=weight[invalid].iloc[0],
        )
    types = {schema.WEIGHT: "int64", schema.HOUR: "Int64", schema.MUNITIONS: "Int64"}
    return cast_columns(table.assign(**{schema.WEIGHT: weight}), types)


def cast_columns(table: pd.DataFrame, types: Mapping[str, str]) -> pd.DataFrame:
    """Cast columns to the given dtypes, without a copy of those that have theirs already."""
    dtypes = {name: pd.api.types.pandas_dtype(dtype) for name, dtype in types.items()}
    changes = {name: dtype for name, dtype in dtypes.items() if table[name].dtype != dtype}
    return table.astype(changes) if changes else table


def check_rows(table: pd.DataFrame) -> None:
    """Raise ``E-OPERATION`` for an unknown operation, ``E-DATE`` for a date not a whole day."""
    unknown = ~table[schema.OPERATION].isin(OPERATIONS)
    if unknown.any():
        raise InputError(
            "E-OPERATION",
            f"invalid value: must be one of {', '.join(OPERATIONS)}",
            column=schema.OPERATION,
            value=table.loc[unknown, schema.OPERATION].iloc[0],
        )
    for column in schema.DATE_COLUMNS:
        dates = table[column]
        if not pd.api.types.is_datetime64_dtype(dates):
            raise InputError("E-DATE", f"needs dates, got {dates.dtype}", column=column)
        invalid = dates.isna() | (dates != dates.dt.normalize())
        if invalid.any():
            raise InputError(
                "E-DATE",
                f"needs a whole day in every row, {int(invalid.sum())} have none",
                column=column,
                value=dates[invalid].iloc[0],
                fix="convert timestamps to local days of the place where the event happened",
            )
