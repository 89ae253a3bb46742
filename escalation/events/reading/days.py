"""Parse days from text: ISO days, days in given formats, and timestamps in a time zone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from escalation.events.columns import flags

ISO = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
ISO_MIDNIGHT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}( 00:00(:00(\.0{1,9})?)?)?$"
_STAMP = (
    r"^(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})[T ](?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})"
    r"(?::(?P<second>[0-9]{2})(?:\.[0-9]{1,9})?)?(?P<offset>Z|[+-][0-9]{2}:[0-9]{2})?$"
)
_STAMP_PARTS = ("day", "hour", "minute", "second", "offset")


def _digits(values: pa.Array, start: int, stop: int) -> NDArray[np.int64]:
    return pc.cast(pc.utf8_slice_codeunits(values, start, stop), pa.int64()).to_numpy()


def iso_days(values: pa.Array, pattern: str = ISO) -> NDArray[np.datetime64]:
    """Parse the ISO day at the start of cells that match a pattern; NaT for the others.

    Parameters
    ----------
    values : pyarrow.Array of string
    pattern : str, optional
        A regular expression whose matches begin with an ISO day.
    """
    fits = flags(pc.match_substring_regex(values, pattern))
    matches = values.filter(pa.array(fits))
    year, month, day = _digits(matches, 0, 4), _digits(matches, 5, 7), _digits(matches, 8, 10)
    start = (year * 12 + month - 1 - 1970 * 12).astype("datetime64[M]")
    days = start.astype("datetime64[D]") + (day - 1)
    # The 30th of February would become a day in March.
    invalid = (days.astype("datetime64[M]") != start) | (month < 1) | (month > 12)
    result = np.full(len(values), np.datetime64("NaT"), "datetime64[D]")
    result[fits] = np.where(invalid, np.datetime64("NaT"), days)
    return result


def formatted_days(values: pa.Array, formats: Sequence[str]) -> NDArray[np.datetime64]:
    """Parse days with the first of some strptime formats that fits; NaT if none does.

    Parameters
    ----------
    values : pyarrow.Array of string
    formats : sequence of str
        strptime formats, tried in turn.
    """
    return np.array([_first_fit(value, formats) for value in values.to_pylist()], "datetime64[D]")


def _first_fit(value: str | None, formats: Sequence[str]) -> np.datetime64:
    # strptime also accepts the digits of other scripts, which nobody writes on purpose.
    if value is not None and value.isascii():
        for form in formats:
            try:
                return np.datetime64(datetime.strptime(value, form).date(), "D")
            except ValueError:
                continue
    return np.datetime64("NaT", "D")


def existing_days(days: NDArray[np.datetime64], zone: str) -> NDArray[np.datetime64]:
    """Set days to NaT that a time zone skipped.

    Parameters
    ----------
    days : ndarray of datetime64[D]
    zone : str
        IANA name, such as Asia/Baghdad.
    """
    noon: NDArray[np.datetime64] = np.add(days, np.timedelta64(12 * 3600, "s"))
    return np.where(noon == _wall_clock(noon, zone), days, np.datetime64("NaT"))


def _wall_clock(local: NDArray[np.datetime64], zone: str) -> NDArray[np.datetime64]:
    """Return the times on the clocks of a zone: local times, moved if the clocks skipped them."""
    instants = pc.assume_timezone(
        pa.array(local, pa.timestamp("s")), zone, ambiguous="earliest", nonexistent="latest"
    )
    return pc.local_timestamp(instants).to_numpy(zero_copy_only=False)


def stamped_days(values: pa.Array, zone: str) -> NDArray[np.datetime64]:
    """Parse timestamps into days on the calendar of a time zone; NaT for anything else.

    Parameters
    ----------
    values : pyarrow.Array of string
    zone : str
        Zone of naive timestamps; those with an offset are converted to it.
    """
    parts = pc.extract_regex(values, _STAMP)
    field = {name: parts.field(i) for i, name in enumerate(_STAMP_PARTS)}
    hour, minute, second = (_part(field[name]) for name in ("hour", "minute", "second"))
    seconds = ((hour * 60 + minute) * 60 + second).astype("timedelta64[s]")
    local: NDArray[np.datetime64] = np.add(iso_days(field["day"]), seconds)
    naive = flags(pc.equal(field["offset"], ""))
    utc = pa.array(local - _offsets(field["offset"]), pa.timestamp("s", "UTC"))
    converted = pc.local_timestamp(utc.cast(pa.timestamp("s", zone))).to_numpy(zero_copy_only=False)
    valid = (hour < 24) & (minute < 60) & (second < 60) & _valid_offsets(field["offset"])
    valid &= ~naive | (local == _wall_clock(local, zone))
    days = np.where(naive, local, converted).astype("datetime64[D]")
    return np.where(valid, days, np.datetime64("NaT"))


def _part(column: pa.Array) -> NDArray[np.int64]:
    """Parse hours, minutes or seconds; 0 if omitted, 99 without a timestamp."""
    written = pc.if_else(pc.equal(column, ""), "0", column)
    return pc.fill_null(pc.cast(written, pa.int64()), 99).to_numpy()


def _valid_offsets(column: pa.Array) -> NDArray[np.bool_]:
    """Return the rows without an offset, or with one that clocks somewhere have."""
    return ~flags(pc.match_substring_regex(column, "^[+-](1[5-9]|[2-9].|..:[6-9])"))


def _offsets(column: pa.Array) -> NDArray[np.timedelta64]:
    signed = pc.if_else(pc.match_substring_regex(column, "^[+-]"), column, "+00:00")
    offsets = pc.fill_null(signed, "+00:00")
    seconds = (_digits(offsets, 1, 3) * 60 + _digits(offsets, 4, 6)) * 60
    sign = np.where(flags(pc.starts_with(offsets, "-")), -1, 1)
    return (sign * seconds).astype("timedelta64[s]")
