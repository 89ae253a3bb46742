"""Parse text columns into days, numbers and clean text, strictly.

Each check returns the parsed column, null if a cell is empty or invalid, and a mask of the invalid
rows. Each distinct value is parsed once: a column of a million dates has a few thousand days.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from escalation.events.columns import Mask, blanked, flags, one_array, text_bytes
from escalation.events.reading.days import (
    ISO,
    ISO_MIDNIGHT,
    existing_days,
    formatted_days,
    iso_days,
    stamped_days,
)

Checked = tuple[pa.Array, Mask]
_FIRST_DAY, _LAST_DAY = np.datetime64("1900-01-01"), np.datetime64("2100-12-31")
_CONTROL = r"\x00-\x08\x0B\x0C\x0E-\x1F\x7F\x{80}-\x{9F}\x{202A}-\x{202E}\x{2066}-\x{2069}"
_CONTROL_OR_LINE = rf"[{_CONTROL}\t\n\r\x{{2028}}\x{{2029}}]"
_SUSPICIOUS_BYTE = np.isin(np.arange(256), [*range(32), 127, 0xC2, 0xE2])
"""Every control or direction character contains one of these bytes."""
_HIDDEN = [*range(9), 11, 12, *range(14, 32), 127, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
_REPAIRS = dict.fromkeys(_HIDDEN) | {
    code: bytes([code]).decode("cp1252", "ignore") or None for code in range(0x80, 0xA0)
}
"""Replacements of invisible characters; None removes one."""


def dates(
    column: pa.Array | pa.ChunkedArray,
    *,
    format: str | None = None,  # noqa: A002 - the name that every user of dates expects
    other: Sequence[str] = (),
    midnight: bool = False,
    zone: str | None = None,
) -> Checked:
    """Parse days of 1900 to 2100 (date32), in ISO format ``YYYY-MM-DD`` unless another is given.

    Parameters
    ----------
    column : pyarrow.Array of string
    format : str, optional
        A strptime format that replaces the ISO format.
    other : sequence of str, optional
        Further strptime formats, tried in turn for cells that are not ISO days.
    midnight : bool, optional
        Also accept an ISO day followed by `` 00:00:00.000``.
    zone : str, optional
        Also accept ISO timestamps: in local time of this zone or, with an offset, converted to it.
        A local time or day that the clocks of the zone skipped is invalid.

    Examples
    --------
    >>> days, bad = dates(pa.array(["2024-02-29", "2024-02-30", "01/02/2024", None]))
    >>> days.to_pylist(), bad.tolist()
    ([datetime.date(2024, 2, 29), None, None, None], [False, True, True, False])
    """

    def parse(values: pa.Array) -> pa.Array:
        if format is not None:
            days = formatted_days(values, (format,))
        else:
            days = iso_days(values, ISO_MIDNIGHT if midnight else ISO)
            rest = np.isnat(days) & flags(pc.is_valid(values))
            if other and rest.any():
                days[rest] = formatted_days(values.filter(pa.array(rest)), other)
        if zone is not None:
            days = np.where(np.isnat(days), stamped_days(values, zone), existing_days(days, zone))
        days[(days < _FIRST_DAY) | (days > _LAST_DAY)] = np.datetime64("NaT")
        return pa.array(days, pa.date32())

    return _per_value(column, parse)


def whole_numbers(
    column: pa.Array | pa.ChunkedArray,
    *,
    least: int = 0,
    most: int = 10_000_000,
) -> Checked:
    """Parse whole numbers (int32) of plain digits, without signs, separators or exponents.

    ``4.0`` is accepted, because tables with gaps write whole numbers like that.

    Parameters
    ----------
    column : pyarrow.Array of string
    least, most : int, optional
        The range, both ends included.

    Examples
    --------
    >>> numbers, bad = whole_numbers(pa.array(["12", "-1", "1.5", "1,200", None]))
    >>> numbers.to_pylist(), bad.tolist()
    ([12, None, None, None, None], [False, True, True, True, False])
    """

    def parse(values: pa.Array) -> pa.Array:
        numbers = _matching(values, r"^[0-9]{1,15}(\.0+)?$")
        digits = pc.replace_substring_regex(numbers, r"\.0+$", "")
        return _in_range(pc.cast(digits, pa.int64()), least, most).cast(pa.int32())

    return _per_value(column, parse)


def degrees(column: pa.Array | pa.ChunkedArray, *, limit: float) -> Checked:
    """Parse degrees (float64) with a decimal point, from ``-limit`` to ``limit``.

    Parameters
    ----------
    column : pyarrow.Array of string
    limit : float
        90 for latitudes, 180 for longitudes.
    """

    def parse(values: pa.Array) -> pa.Array:
        numbers = _matching(values, r"^-?[0-9]{1,3}(\.[0-9]{0,40})?([eE][+-]?[0-9]{1,2})?$")
        return _in_range(pc.cast(numbers, pa.float64()), -limit, limit)

    return _per_value(column, parse)


def text(
    column: pa.Array | pa.ChunkedArray, *, longest: int = 1000, lines: bool = False
) -> Checked:
    r"""Check text: control and direction characters and too long texts are invalid.

    Parameters
    ----------
    column : pyarrow.Array of string
    longest : int, optional
        Characters.
    lines : bool, optional
        Allow tabs and line breaks, as in notes.
    """
    array = one_array(column)
    bad = np.zeros(len(array), np.bool_)
    widest = pc.max(pc.binary_length(array)).as_py() or 0
    if widest > longest:
        bad |= flags(pc.greater(pc.utf8_length(array), longest))
    if _has_suspicious_bytes(array):
        pattern = f"[{_CONTROL}]" if lines else _CONTROL_OR_LINE
        bad |= flags(pc.match_substring_regex(array, pattern))
    return blanked(array, pa.array(bad)) if bad.any() else array, bad


def repaired(column: pa.Array | pa.ChunkedArray, *, longest: int) -> Checked:
    r"""Repair descriptive text: remove invisible characters and truncate it.

    Windows-1252 characters that a wrong encoding made invisible are restored. The mask has the
    rows that changed.

    Parameters
    ----------
    column : pyarrow.Array of string
    longest : int
        Characters.

    Examples
    --------
    >>> values, changed = repaired(pa.array(["\x93one\x94 market", "a\tb", None]), longest=99)
    >>> ascii(values.to_pylist()), changed.tolist()
    ("['\\u201cone\\u201d market', 'a\\tb', None]", [True, False, False])
    """
    array = one_array(column)
    _, bad = text(array, longest=longest, lines=True)
    if not bad.any():
        return array, bad
    mask = pa.array(bad)
    clean = [value.translate(_REPAIRS)[:longest] for value in array.filter(mask).to_pylist()]
    return pc.replace_with_mask(array, mask, pa.array(clean, pa.string())), bad


def _per_value(
    column: pa.Array | pa.ChunkedArray, parse: Callable[[pa.Array], pa.Array]
) -> Checked:
    array = one_array(column)
    encoded = array.dictionary_encode()
    parsed = parse(encoded.dictionary.cast(pa.string())).take(encoded.indices)
    return parsed, flags(pc.is_null(parsed)) & flags(pc.is_valid(array))


def _matching(values: pa.Array, pattern: str) -> pa.Array:
    return blanked(values, pc.invert(pc.match_substring_regex(values, pattern)))


def _in_range(values: pa.Array, least: float, most: float) -> pa.Array:
    inside = pc.and_(pc.greater_equal(values, least), pc.less_equal(values, most))
    return pc.if_else(inside, values, pa.scalar(None, values.type))


def _has_suspicious_bytes(array: pa.Array) -> bool:
    """Return whether the text may hold invisible characters; a quick first check."""
    data, offsets = text_bytes(array)
    return bool(_SUSPICIOUS_BYTE[data[offsets[0] : offsets[-1]]].any())
