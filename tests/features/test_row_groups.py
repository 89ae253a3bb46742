"""Joined Parquet: read by other libraries as if it had been written at once."""

from __future__ import annotations

import io

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from escalation.errors import InputError
from escalation.features.row_groups import join


def table(seed, rows):
    rng = np.random.default_rng(seed)
    names = [f"unit {seed}", "ünit", "other"]
    return pa.table(
        {
            "unit": pa.DictionaryArray.from_arrays(rng.integers(0, 3, rows).astype("i4"), names),
            "day": pa.array(np.arange(rows) + 86400 * seed, pa.timestamp("ms")),
            "value": rng.normal(size=rows).astype("f4"),
            "gone": pa.array(
                [None if x < 0.5 else bool(x > 0.7) for x in rng.random(rows)], pa.bool_()
            ),
            "whole": pa.array(rng.integers(-(2**60), 2**60, rows)),
        }
    )


def written(data, **options):
    out = io.BytesIO()
    pq.write_table(data, out, **{"compression": "zstd", **options})
    return out.getvalue()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compression": "none", "use_dictionary": False},
        {"use_dictionary": ["unit"], "use_byte_stream_split": ["value"]},
        {"row_group_size": 37, "data_page_version": "2.0"},
        {"write_statistics": False},
    ],
)
def test_a_joined_file_holds_every_part_in_order(options):
    parts = [table(seed, rows) for seed, rows in enumerate((100, 1, 250, 0, 60))]
    out = io.BytesIO()
    rows = join((written(part, **options) for part in parts), out)
    expected = pa.concat_tables(parts).unify_dictionaries()
    assert rows == len(expected)
    got = pq.read_table(io.BytesIO(out.getvalue()))
    assert got.schema == expected.schema
    assert got.to_pylist() == expected.to_pylist()
    assert pl.read_parquet(io.BytesIO(out.getvalue())).rows() == pl.from_arrow(expected).rows()


def test_statistics_and_row_groups_stay_those_of_the_parts():
    parts = [table(seed, 40) for seed in range(20)]
    out = io.BytesIO()
    join(map(written, parts), out)
    meta = pq.ParquetFile(io.BytesIO(out.getvalue())).metadata
    assert meta.num_row_groups == 20
    for number, part in enumerate(parts):
        chunk = meta.row_group(number).column(4)
        assert chunk.statistics.min == min(part["whole"].to_pylist())
        assert chunk.statistics.max == max(part["whole"].to_pylist())
        alone = pq.ParquetFile(io.BytesIO(out.getvalue())).read_row_group(number)
        assert alone.to_pylist() == part.to_pylist()


def test_one_part_is_the_file_itself():
    part, out = written(table(1, 30)), io.BytesIO()
    join([part], out)
    assert out.getvalue() == part


def test_what_cannot_be_joined_is_refused():
    other = table(1, 5).drop_columns(["gone"])
    with pytest.raises(InputError, match=r"E-PARQUET.*one schema"):
        join([written(table(0, 5)), written(other)], io.BytesIO())
    with pytest.raises(InputError, match=r"E-PARQUET.*page indexes"):
        join([written(table(0, 5), write_page_index=True)], io.BytesIO())
    with pytest.raises(InputError, match=r"E-PARQUET.*whole Parquet file"):
        join([b"PAR1 and no more"], io.BytesIO())
    with pytest.raises(InputError, match=r"E-PARQUET.*at least one"):
        join([], io.BytesIO())
