"""Tables of versions: complete, checked, in order, and none twice."""

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
OPERATIONS = ("add", "update", "retract")
CONFLICT_ADVICE = (
    "give the later version its own known_date; where event_id does not name single events, "
    "read it as a note: --columns event_id=note"
)


def sort_versions(versions: pd.DataFrame) -> pd.DataFrame:
    """Versions by source and event, each event's by the day on which it became known."""
    keys = [*EVENT_KEY, schema.KNOWN_DATE]
    table = pa.table({name: pa.array(versions[name]) for name in keys})
    order = pc.sort_indices(table, sort_keys=[(name, "ascending") for name in keys])
    return versions.iloc[order.to_numpy()].reset_index(drop=True)


def drop_repeats(versions: pd.DataFrame) -> tuple[pd.DataFrame, str | None]:
    """Ordered versions without repeats, and an event with two versions on a day, if there is one.

    Only rows beside each other can be of the same event and day, and few are.
    """
    keys = [*EVENT_KEY, schema.KNOWN_DATE]
    again = same_as_previous(versions, keys)
    if not again.any():
        return versions, None
    some = np.flatnonzero(again | np.append(again[1:], False))
    close = versions.iloc[some]
    repeated = close.duplicated().to_numpy()
    conflict = close[~repeated].duplicated(keys)
    first = close.loc[~repeated, schema.EVENT_ID][conflict]
    keep = np.ones(len(versions), bool)
    keep[some[repeated]] = False
    return versions[keep].reset_index(drop=True), None if first.empty else str(first.iloc[0])


def conflict_error(event_id: object) -> InputError:
    """The refusal of two different versions of an event on the same day."""
    return InputError(
        "E-CONFLICT",
        "two different versions of an event are known on the same day",
        column=schema.EVENT_ID,
        value=event_id,
        fix=CONFLICT_ADVICE,
    )


def same_as_previous(versions: pd.DataFrame, columns: Iterable[str]) -> NDArray[np.bool_]:
    """Whether each row says the same as the row before it in some columns without gaps.

    Parameters
    ----------
    versions : DataFrame
    columns : iterable of str
    """
    same = np.zeros(len(versions), bool)
    same[1:] = True
    for name in columns:
        values = pa.array(versions[name])
        equal = pc.fill_null(pc.equal(values[1:], values[:-1]), False)
        same[1:] &= equal.to_numpy(zero_copy_only=False)
    return same


def with_defaults(versions: pd.DataFrame) -> pd.DataFrame:
    """The table with what may be left out: every row is an ``add`` of one event."""
    defaults = {**dict.fromkeys(schema.OPTIONAL_COLUMNS), schema.OPERATION: "add"}
    missing = {name: value for name, value in defaults.items() if name not in versions}
    return versions.assign(**missing) if missing else versions


def with_integer_columns(table: pd.DataFrame) -> pd.DataFrame:
    """The table with weights of at least 1, and hours and munitions that may be unknown."""
    weight = pd.to_numeric(table[schema.WEIGHT]).fillna(1)
    wrong = (weight < 1) | (weight % 1 != 0)
    if wrong.any():
        raise InputError(
            "E-WEIGHT",
            "needs a whole number of events, 1 or more",
            column=schema.WEIGHT,
            value=weight[wrong].iloc[0],
        )
    types = {schema.WEIGHT: "int64", schema.HOUR: "Int64", schema.MUNITIONS: "Int64"}
    return cast_columns(table.assign(**{schema.WEIGHT: weight}), types)


def cast_columns(table: pd.DataFrame, types: Mapping[str, str]) -> pd.DataFrame:
    """The table with columns of some types; those that have theirs are not gone over."""
    wanted = {name: pd.api.types.pandas_dtype(kind) for name, kind in types.items()}
    other = {name: kind for name, kind in wanted.items() if table[name].dtype != kind}
    return table.astype(other) if other else table


def check_rows(table: pd.DataFrame) -> None:
    """Refuse an unknown operation and what is no whole day; ``E-OPERATION``, ``E-DATE``."""
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
        partial = dates.isna() | (dates != dates.dt.normalize())
        if partial.any():
            raise InputError(
                "E-DATE",
                f"needs a whole day in every row, {int(partial.sum())} have none",
                column=column,
                value=dates[partial].iloc[0],
                fix="convert time stamps to days of the place where it happened",
            )
