"""Make synthetic events for ``known_when.py``, with late reports, corrections and retractions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from escalation import schema
from escalation.events.source import EVENT_SCHEMA
from escalation.events.store.folder import ArchiveStore
from escalation.events.store.listing import FileRecord

UNITS, FIRST_DAY, DAYS = 300, np.datetime64("2010-01-01"), 3_650
PER_COUNTRY = 15
TYPES = np.array(("battle", "explosion", "protest", "riot", "air_strike"), dtype=object)
SIDES = np.array(("state", "rebels", "militia"), dtype=object)
UPDATED, RETRACTED = 0.1, 0.01
ROWS_PER_BLOCK = 500_000


def cells(rng: np.random.Generator, units: int, days: int) -> np.ndarray:
    """Return cumulative probabilities of units and days; they differ by unit and season."""
    seasons = rng.gamma(0.7, 1.0, (units, days // 60 + 1)).repeat(60, axis=1)[:, :days]
    return np.cumsum(rng.gamma(0.8, 1.0, (units, 1)) * seasons)


def blocks(
    count: int, *, units: int = UNITS, days: int = DAYS, seed: int = 3
) -> Iterator[pa.Table]:
    """Make first reports of random events, with the day of each report."""
    rng = np.random.default_rng(seed)
    chance = cells(rng, units, days)
    for start in range(0, count, ROWS_PER_BLOCK):
        size = min(ROWS_PER_BLOCK, count - start)
        cell = np.searchsorted(chance, rng.random(size) * chance[-1])
        day = FIRST_DAY + cell % days
        unit, side = cell // days, rng.integers(0, 3, size)
        killed = rng.negative_binomial(0.2, 0.2, size).astype("i4")
        wounded = rng.negative_binomial(0.3, 0.1, size).astype("i4")
        columns = {
            schema.EVENT_ID: pa.array(np.arange(start, start + size)).cast(pa.string()),
            schema.EVENT_DATE: pa.array(day),
            schema.KNOWN_DATE: pa.array(day + np.minimum(rng.geometric(0.4, size), 14)),
            schema.COUNTRY: words("country", unit // PER_COUNTRY),
            schema.ADMIN1: words("province", unit),
            schema.LATITUDE: 20.0 + unit // 20,
            schema.LONGITUDE: 20.0 + unit % 20,
            schema.EVENT_TYPE: pa.array(TYPES[rng.integers(0, len(TYPES), size)]),
            schema.ACTOR: pa.array(SIDES[side]),
            schema.TARGET: pa.array(SIDES[side - 1]),
            schema.SEVERITY: np.where(killed > 0, 5, np.where(wounded > 0, 4, 3)).astype("i1"),
            schema.KILLED: killed,
            schema.WOUNDED: wounded,
            schema.SOURCE: pa.array(["made"] * size),
        }
        yield pa.table(columns)


def words(name: str, numbers: np.ndarray) -> pa.Array:
    """Return names such as ``province 007``."""
    known = np.array([f"{name} {i:03}" for i in range(int(numbers.max()) + 1)], dtype=object)
    return pa.array(known[numbers])


def later(block: pa.Table, share: float, seed: int, **changes: int) -> pa.Table:
    """Make versions of some events that became known 15 to 44 days after the first report."""
    rng = np.random.default_rng((seed, block.num_rows))
    table = block.filter(pa.array(rng.random(block.num_rows) < share)).to_pandas()
    delay = pd.to_timedelta(rng.integers(15, 45, len(table)), unit="D")
    table[schema.KNOWN_DATE] = (pd.to_datetime(table[schema.KNOWN_DATE]) + delay).dt.date
    for column, more in changes.items():
        table[column] += more
    if schema.KILLED in changes:
        table[schema.SEVERITY] = 5
    return pa.table({name: pa.array(table[name], block[name].type) for name in block.column_names})


def make(folder: Path, count: int, dated: int, **shape: int) -> Path:
    """Write a tidy file of n events; without ``known_date``, first reports only."""
    path, writer = folder / f"{count}_{'dated' if dated else 'undated'}.parquet", None
    for at, block in enumerate(blocks(count, **shape)):
        parts = [block, later(block, UPDATED, at, killed=2, wounded=5)] if dated else [block]
        for part in parts:
            table = part if dated else part.drop_columns([schema.KNOWN_DATE])
            writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
            writer.write_table(table)
    assert writer is not None
    writer.close()
    return path


def retract(folder: Path, count: int) -> None:
    """Retract a hundredth of the events in the archive of that size."""

    def gone() -> Iterator[pa.Table]:
        for at, block in enumerate(blocks(count)):
            table = later(block, RETRACTED, at + 1_000_000)
            days = pd.to_datetime(table[schema.KNOWN_DATE].to_pandas()) + pd.Timedelta(days=60)
            values = {name: table[name] for name in table.column_names}
            values[schema.KNOWN_DATE] = pa.array(days.dt.date)
            nothing = pa.nulls(table.num_rows)
            columns = {name: values.get(name, nothing) for name in EVENT_SCHEMA.names}
            whole = pa.table(columns).cast(EVENT_SCHEMA)
            yield whole.append_column(schema.OPERATION, pa.array(["retract"] * len(whole)))

    file = FileRecord("retractions", "1" * 64, "made", "observed")
    ArchiveStore(folder / f"{count}_archive").append(gone(), file=file)
