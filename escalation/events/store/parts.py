"""Parts of an archive on disk: what a Parquet file of versions looks like, written and read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from numpy.typing import NDArray

from escalation import schema
from escalation.events.source import EVENT_SCHEMA
from escalation.events.store.hashing import RETRACT

EVENT_HASH, CONTENT_HASH = "event_hash", "content_hash"
VERSION_SCHEMA = EVENT_SCHEMA.append(pa.field(schema.OPERATION, pa.string()))
PART_SCHEMA = VERSION_SCHEMA.append(pa.field(EVENT_HASH, pa.uint64())).append(
    pa.field(CONTENT_HASH, pa.uint64())
)
"""A part of the archive: every version, and the hashes by which repeats are found."""

HASH_COLUMNS = [EVENT_HASH, CONTENT_HASH, schema.KNOWN_DATE, schema.OPERATION]
ROWS_PER_GROUP = 65_536
"""Small blocks are gathered to this many rows, so that a part does not fall into crumbs."""


_CHECKED = ds.ParquetFileFormat(
    default_fragment_scan_options=ds.ParquetFragmentScanOptions(page_checksum_verification=True)
)


def writer(path: Path) -> pq.ParquetWriter:
    """A part to write to. Pages carry a checksum, so that a bad disk does not go unnoticed."""
    words = [name for name in PART_SCHEMA.names if name not in {EVENT_HASH, CONTENT_HASH}]
    return pq.ParquetWriter(
        path, PART_SCHEMA, compression="zstd", use_dictionary=words, write_page_checksum=True
    )


def rewrite(path: Path, drop: NDArray[np.int64]) -> None:
    """Write a part again without some rows.

    Parameters
    ----------
    path : Path
    drop : ndarray of int
        Rows to leave out.
    """
    shorter = path.with_name(path.name.removesuffix(".part"))
    start = 0
    with pq.ParquetFile(path) as old, writer(shorter) as new:
        for batch in old.iter_batches(ROWS_PER_GROUP):
            keep = ~np.isin(np.arange(start, start + batch.num_rows), drop)
            start += batch.num_rows
            new.write_batch(batch.filter(pa.array(keep)))
    shorter.replace(path)


def keys_of(path: Path) -> Iterator[pa.RecordBatch]:
    """Hashes, day and operation of the versions of a part."""
    with pq.ParquetFile(path) as part:
        yield from part.iter_batches(ROWS_PER_GROUP, columns=HASH_COLUMNS, use_threads=False)


def event_id_at(path: Path, row: int) -> str:
    """The identifier in a row of a part."""
    with pq.ParquetFile(path) as part:
        for batch in part.iter_batches(ROWS_PER_GROUP, columns=[schema.EVENT_ID]):
            if row < batch.num_rows:
                return str(batch.column(0)[row].as_py())
            row -= batch.num_rows
    raise IndexError(row)


def stored(paths: Sequence[Path]) -> ds.Dataset:
    """Several parts as one, read lazily; a damaged page is an error."""
    return ds.dataset([str(path) for path in paths], schema=PART_SCHEMA, format=_CHECKED)


def known_days(table: pa.Table | pa.RecordBatch) -> NDArray[np.int32]:
    """Days since 1970 on which the versions became known."""
    return table.column(schema.KNOWN_DATE).cast(pa.int32()).to_numpy()


def with_weights(table: pa.Table) -> pa.Table:
    """The table in which a missing weight is 1."""
    place = table.schema.get_field_index(schema.WEIGHT)
    return table.set_column(
        place, EVENT_SCHEMA.field(schema.WEIGHT), pc.fill_null(table[schema.WEIGHT], 1)
    )


def alive_rows(keys: pa.Table) -> NDArray[np.bool_]:
    """Which rows are the last version of their event, and no retraction."""
    events, known = keys.column(EVENT_HASH).to_numpy(), known_days(keys)
    order = np.lexsort((known, events))
    last = np.ones(len(order), bool)
    last[:-1] = events[order[1:]] != events[order[:-1]]
    alive = np.zeros(len(order), bool)
    alive[order[last]] = True
    stays = pc.not_equal(keys.column(schema.OPERATION), RETRACT)
    return alive & stays.to_numpy()


def to_frame(table: pa.Table) -> pd.DataFrame:
    """Canonical events in pandas: text, whole days, and counts that may be missing."""
    if schema.WEIGHT in table.column_names:
        table = with_weights(table)
    # In Arrow: pandas would copy every column to change two.
    types = dict.fromkeys(schema.WHOLE_COLUMNS, pa.int64())
    types |= dict.fromkeys(schema.DATE_COLUMNS, pa.timestamp("s"))
    kinds = zip(table.column_names, table.schema.types, strict=True)
    wanted = pa.schema([(name, types.get(name, kind)) for name, kind in kinds])
    frame = table.cast(wanted).to_pandas(
        date_as_object=False, types_mapper={pa.int64(): pd.Int64Dtype()}.get
    )
    if schema.WEIGHT in frame:
        frame[schema.WEIGHT] = frame[schema.WEIGHT].to_numpy("int64")
    return frame
