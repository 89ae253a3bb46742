"""Hashes of events and their versions, whole columns at a time.

Rows are identified by 64-bit hashes over the bytes of their cells, mixed as in MurmurHash64A, and
compiled, because hashing each row in Python would take longer than reading the file. They are
stored, so the function must never change. Two versions are equal if both of their hashes are, of
event and day and of content: 128 bits.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from escalation import schema
from escalation._util.compiled import compiled

Hashes = NDArray[np.uint64]
_MULTIPLIER = np.uint64(0xC6A4A7935BD1E995)
_SHIFT = np.uint64(47)
_NULL = np.uint64(0x9E3779B97F4A7C15)
"""Hashed for a null cell, so that it differs from an empty one and from zero."""
RETRACT = "retract"
_BYTE, _LOW = np.uint64(8), np.uint64(0)


@compiled
def _word(hashed: np.uint64, word: np.uint64) -> np.uint64:
    word = word * _MULTIPLIER
    word ^= word >> _SHIFT
    return (hashed ^ (word * _MULTIPLIER)) * _MULTIPLIER


@compiled
def _finish(hashed: np.uint64) -> np.uint64:
    hashed ^= hashed >> _SHIFT
    hashed *= _MULTIPLIER
    return hashed ^ (hashed >> _SHIFT)


@compiled
def fold_words(hashes: Hashes, valid: NDArray[np.bool_], words: Hashes | NDArray[np.int32]) -> None:
    """Mix one integer per row into ``hashes``.

    Parameters
    ----------
    hashes : ndarray of uint64, shape (row,)
        Modified in place.
    valid : ndarray of bool, shape (row,)
    words : ndarray of 64-bit or 32-bit integers, shape (row,)
    """
    for row in range(len(hashes)):
        word = np.uint64(words[row]) if valid[row] else _NULL
        # The size distinguishes a null from a number that equals the null constant.
        size = _BYTE if valid[row] else _LOW
        hashes[row] = _finish(_word(hashes[row] ^ (size * _MULTIPLIER), word))


@compiled
def _fold_text(
    hashes: Hashes, valid: NDArray[np.bool_], offsets: NDArray[np.int32], data: NDArray[np.uint8]
) -> None:
    """Mix one text per row, as Arrow's offsets of shape (row + 1,) and bytes, into ``hashes``."""
    for row in range(len(hashes)):
        if not valid[row]:
            hashes[row] = _finish(_word(hashes[row], _NULL))
            continue
        start, end = offsets[row], offsets[row + 1]
        hashed = hashes[row] ^ (np.uint64(end - start + 1) * _MULTIPLIER)
        while start < end:
            word, size = _LOW, min(8, end - start)
            for k in range(size):
                word |= np.uint64(data[start + k]) << np.uint64(8 * k)
            hashed = _word(hashed, word)
            start += size
        hashes[row] = _finish(hashed)


def _words(column: pa.Array) -> Hashes:
    """Fixed-width cells as 64-bit words; equal values give equal words."""
    if pa.types.is_floating(column.type):
        numbers = column.fill_null(0.0).to_numpy(zero_copy_only=False)
        return (numbers.astype(np.float64) + 0.0).view(np.uint64)  # -0.0 becomes 0.0
    if pa.types.is_date32(column.type):
        column = column.cast(pa.int32())
    numbers = column.cast(pa.int64()).fill_null(0)
    return numbers.to_numpy(zero_copy_only=False).view(np.uint64)


def _valid(column: pa.Array) -> NDArray[np.bool_]:
    valid = column.is_valid()
    if pa.types.is_floating(column.type):
        valid = pc.and_(valid, pc.invert(column.is_nan().fill_null(True)))
    return valid.to_numpy(zero_copy_only=False)


def _fold(hashes: Hashes, column: pa.Array) -> None:
    if not pa.types.is_string(column.type):
        fold_words(hashes, _valid(column), _words(column))
        return
    _, offsets, data = column.buffers()
    starts = np.frombuffer(offsets, np.int32)[column.offset : column.offset + len(column) + 1]
    text = np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8)
    _fold_text(hashes, _valid(column), starts, text)


def row_hashes(batch: pa.RecordBatch, columns: Sequence[str]) -> Hashes:
    """One hash per row over some columns, in the given order.

    Parameters
    ----------
    batch : pyarrow.RecordBatch
        Text, numbers, dates or booleans; null and NaN hash the same.
    columns : sequence of str

    Returns
    -------
    ndarray of uint64, shape (row,)

    Examples
    --------
    >>> batch = pa.record_batch({"id": ["a", "a", "", None], "killed": [1, 2, None, None]})
    >>> len(set(row_hashes(batch, ["id"]).tolist()))
    3
    >>> len(set(row_hashes(batch, ["id", "killed"]).tolist()))
    4
    """
    hashes = np.zeros(batch.num_rows, np.uint64)
    for name in columns if batch.num_rows else ():
        _fold(hashes, batch.column(name))
    return hashes


def event_hashes(batch: pa.RecordBatch) -> Hashes:
    """One hash per row over the event's source and identifier."""
    return row_hashes(batch, (schema.SOURCE, schema.EVENT_ID))


def content_hashes(batch: pa.RecordBatch) -> Hashes:
    """One hash per row over every canonical cell and whether the version retracts its event."""
    retracts = pc.equal(batch.column(schema.OPERATION), RETRACT)
    return row_hashes(
        batch.append_column("retracts", retracts), (*schema.EVENT_COLUMNS, "retracts")
    )


def version_hashes(events: Hashes, known: NDArray[np.int32]) -> Hashes:
    """One hash per row over the event and the day on which the version became known.

    Parameters
    ----------
    events : ndarray of uint64, shape (version,)
    known : ndarray of int32, shape (version,)
        Days since 1970.
    """
    hashes = events.copy()
    fold_words(hashes, np.ones(len(known), bool), known)
    return hashes


def repeated_rows(versions: Hashes, contents: Hashes) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows that repeat an earlier row's version, and those of them with different content.

    Parameters
    ----------
    versions, contents : ndarray of uint64, shape (row,)

    Examples
    --------
    >>> later, conflicting = repeated_rows(np.array([3, 1, 3, 3]), np.array([9, 9, 9, 8]))
    >>> later.tolist(), conflicting.tolist()
    ([2, 3], [3])
    """
    order = np.argsort(versions, kind="stable")
    ordered = versions[order]
    same = ordered[1:] == ordered[:-1]
    later, earlier = order[1:][same], order[:-1][same]
    return later, later[contents[later] != contents[earlier]]
