"""Read and write the parts of an archive on disk: Parquet files of versions."""

from __future__ import annotations

from collections.abc import Sequence
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
"""Versions, and the hashes that identify repeats."""

HASH_COLUMNS = [EVENT_HASH, CONTENT_HASH, schema.KNOWN_DATE, schema.OPERATION]
ROWS_PER_GROUP = 65_536
"""Small blocks are merged into row groups of this size."""
_VERIFIED = ds.ParquetFileFormat(
    default_fragment_scan_options=ds.ParquetFragmentScanOptions(page_checksum_verification=True)
)


def writer(path: Path) -> pq.ParquetWriter:
    """Open a part for writing; its pages carry checksums that reveal a failing disk."""
    encoded = [name for name in PART_SCHEMA.names if name not in {EVENT_HASH, CONTENT_HASH}]
    return pq.ParquetWriter(
        path, PART_SCHEMA, compression="zstd", use_dictionary=encoded, write_page_checksum=True
    )


def rewrite(path: Path, drop: NDArray[np.int64]) -> None:
    """Rewrite a part without some rows.

    Parameters
    ----------
    path : Path
    drop : ndarray of int
        Indices of the rows to leave out.
    """
    shorter = path.with_name(path.name.removesuffix(".part"))
    start = 0
    with pq.ParquetFile(path) as old, writer(shorter) as new:
        for batch in old.iter_batches(ROWS_PER_GROUP):
            keep = ~np.isin(np.arange(start, start + batch.num_rows), drop)
            start += batch.num_rows
            new.write_batch(batch.filter(pa.array(keep)))
    shorter.replace(path)


def open_parts(paths: Sequence[Path]) -> ds.Dataset:
    """Several parts as one dataset, read lazily; a damaged page raises an error."""
    return ds.dataset([str(path) for path in paths], schema=PART_SCHEMA, format=_VERIFIED)


def known_days(table: pa.Table | pa.RecordBatch) -> NDArray[np.int32]:
    """``known_date`` as days since 1970."""
    return table.column(schema.KNOWN_DATE).cast(pa.int32()).to_numpy()


def with_weights(table: pa.Table) -> pa.Table:
    """The table with missing weights set to 1."""
    place = table.schema.get_field_index(schema.WEIGHT)
    return table.set_column(
        place, EVENT_SCHEMA.field(schema.WEIGHT), pc.fill_null(table[schema.WEIGHT], 1)
    )


def alive_rows(keys: pa.Table) -> NDArray[np.bool_]:
    """Which rows are the latest version of their event, and not a retraction."""
    events, known = keys.column(EVENT_HASH).to_numpy(), known_days(keys)
    order = np.lexsort((known, events))
    last = np.ones(len(order), bool)
    last[:-1] = events[order[1:]] != events[order[:-1]]
    alive = np.zeros(len(order), bool)
    alive[order[last]] = True
    return alive & pc.not_equal(keys.column(schema.OPERATION), RETRACT).to_numpy()


def to_frame(table: pa.Table) -> pd.DataFrame:
    """Canonical events in pandas: text, days, and nullable counts."""
    if schema.WEIGHT in table.column_names:
        table = with_weights(table)
    # In Arrow: pandas would copy every column to change two.
    types = dict.fromkeys(schema.WHOLE_COLUMNS, pa.int64())
    types |= dict.fromkeys(schema.DATE_COLUMNS, pa.timestamp("s"))
    columns = pa.schema([(field.name, types.get(field.name, field.type)) for field in table.schema])
    frame = table.cast(columns).to_pandas(
        date_as_object=False, types_mapper={pa.int64(): pd.Int64Dtype()}.get
    )
    if schema.WEIGHT in frame:
        frame[schema.WEIGHT] = frame[schema.WEIGHT].to_numpy("int64")
    return frame
