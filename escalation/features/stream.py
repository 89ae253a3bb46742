"""Features to Parquet, a chunk of units at a time: memory is bounded by the chunk, not the panel.

A chunk is stacked, built and encoded by itself, in threads here or on a cluster, and its bytes are
appended as they come (see ``row_groups``), so the file is the same whoever did it.

How it is written was measured on 470,000 rows of 41 features, 77 MB, seconds of one core: by
dictionary and snappy, the usual way, 0.31 s and 26 MB; byte streams split and zstd 0.19 s and
15 MB. Building them takes 0.18 s.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from escalation import schema
from escalation._util.engine import Engine, in_threads
from escalation._util.files import replacing
from escalation.errors import UsageError
from escalation.features import ACROSS, FEATURES
from escalation.features.base import Across, Local
from escalation.features.build import Families, Features, names
from escalation.features.chunks import Chunk, Source, Wanted, chunks
from escalation.features.passes import Kept, keep_across
from escalation.features.row_groups import join
from escalation.panel.dense import Channel

CHUNK_ROWS = 500_000
"""Rows of a chunk, and of a row group: 80 MB of forty features."""


@dataclass(frozen=True)
class _Job:
    """What every chunk needs to know."""

    wanted: Wanted
    names: tuple[str, ...]
    kept: Kept | None


def write_features(
    source: Source,
    families: Families,
    path: Path,
    *,
    units_per_chunk: int | None = None,
    local: Mapping[str, Local] = FEATURES,
    across: Mapping[str, Across] = ACROSS,
    engine: Engine | None = None,
) -> int:
    """Write every configured family for every unit and day, as known on that day.

    Columns ``unit`` (dictionary), ``day`` (time stamp of a whole day) and a float32 per feature;
    rows by unit and day; a row group per chunk.

    Parameters
    ----------
    source : Source
    families : mapping of str to mapping
        Parameters by family, as in :func:`escalation.features.build.build`.
    path : Path
        The Parquet file; written whole or not at all.
    units_per_chunk : int, optional
        By default as many as make up :data:`CHUNK_ROWS`. Families across units then take more
        passes (see :mod:`escalation.features.passes`) and space beside the file for what they read
        and give, 4 bytes a value.
    local, across : mapping of str to callable, optional
        The registered families.
    engine : Engine, optional
        Where chunks are built; by default in two threads. It changes the time, never a byte.

    Returns
    -------
    int
        Rows.

    Raises
    ------
    UsageError
        ``E-CHUNK`` for a chunk below one unit, and as :func:`escalation.features.build.build`.
    """
    channels = [Channel(name) for name in source.channels]
    columns = tuple(names(channels, families, local=local, across=across))
    size = max(1, CHUNK_ROWS // len(source.days)) if units_per_chunk is None else units_per_chunk
    if size < 1:
        raise UsageError("E-CHUNK", "expected at least one unit per chunk", value=size)
    wanted = Wanted(families, local, across)
    run = in_threads(2) if engine is None else engine
    with ExitStack() as opened:
        part = opened.enter_context(replacing(path))
        file = opened.enter_context(part.open("wb"))
        kept = None
        if size < len(source.units) and wanted.only(across).families:
            near = TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent)
            folder = Path(opened.enter_context(near)).resolve()
            kept = keep_across(source, wanted, folder, size=size, run=run)
            wanted = wanted.only(local)
        job = _Job(wanted, columns, kept)
        return join(run(_encoded, chunks(source, size), made=lambda: job), file)


def _encoded(job: _Job, chunk: Chunk) -> pa.Buffer:
    """A whole Parquet file of one chunk; a buffer goes between processes without being copied."""
    built = job.wanted.build(chunk.part.stack())
    if job.kept is not None:
        built = job.kept.beside(built, job.names, chunk)
    table, out = _table(built), pa.BufferOutputStream()
    pq.write_table(
        table, out, row_group_size=CHUNK_ROWS, compression="zstd",
        use_dictionary=[schema.UNIT, schema.DAY], use_byte_stream_split=list(built.names),
    )  # fmt: skip
    return out.getvalue()


def _table(built: Features) -> pa.Table:
    """The present rows, without a copy where every unit is present on every day."""
    count, days = built.present.shape
    rows = slice(None) if built.present.all() else np.flatnonzero(built.present)
    flat = built.values.reshape(len(built.names), built.present.size)
    columns = {
        schema.UNIT: pa.DictionaryArray.from_arrays(
            np.repeat(np.arange(count, dtype=np.int32), days)[rows],
            pa.array(built.units, pa.string()),
        ),
        schema.DAY: pa.array(np.tile(built.days.astype("datetime64[ms]"), count)[rows]),
    }
    columns |= {name: pa.array(flat[i][rows]) for i, name in enumerate(built.names)}
    return pa.table(columns)
