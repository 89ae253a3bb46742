"""Features written in chunks: the same file for every chunk size and engine."""

from __future__ import annotations

import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest
import random_archives as archives

from escalation._util.engine import in_threads, in_turn
from escalation.errors import UsageError
from escalation.features import ACROSS, FEATURES
from escalation.features.build import build
from escalation.features.stream import write_features
from escalation.panel.by_unit import history
from escalation.panel.dense import PanelSpec, Where

LOCAL = {name: {} for name in FEATURES}


def frame_of(path):
    table = pd.read_parquet(path)
    return table.astype({"unit": "str", "day": "datetime64[s]"}).set_index(["unit", "day"])


@pytest.mark.parametrize("lag", [0, 3])
@pytest.mark.parametrize("units", [1, 2, 100, None])
def test_the_file_equals_the_build_in_memory(units, lag, tmp_path):
    archive = archives.archive(1, lag=lag)
    source = history(archive, archives.SPEC, lag=lag)
    rows = write_features(source, LOCAL, tmp_path / "x.parquet", units_per_chunk=units)
    expected = build(source, LOCAL).frame()
    got = frame_of(tmp_path / "x.parquet")
    assert rows == len(got) == len(expected)
    assert list(got.columns) == list(expected.columns)
    assert got.index.equals(
        expected.index.set_levels(expected.index.levels[1].as_unit("s"), level=1)
    )
    assert got.to_numpy().tobytes() == expected.to_numpy().tobytes()


def test_a_row_group_is_a_chunk_and_columns_are_small(tmp_path):
    write_features(history(archives.archive(1), archives.SPEC), LOCAL, tmp_path / "x.parquet",
                   units_per_chunk=2)  # fmt: skip
    file = pq.ParquetFile(tmp_path / "x.parquet")
    assert file.num_row_groups == 4
    assert [str(file.schema_arrow.field(name).type) for name in ("unit", "day")] == [
        "dictionary<values=string, indices=int32, ordered=0>", "timestamp[ms]",
    ]  # fmt: skip
    assert {str(field.type) for field in file.schema_arrow} - {"float"} == {
        "dictionary<values=string, indices=int32, ordered=0>", "timestamp[ms]",
    }  # fmt: skip
    assert pl.read_parquet(tmp_path / "x.parquet").height == file.metadata.num_rows


def test_without_a_suffix_each_chunk_is_a_file_and_together_they_are_the_table(tmp_path):
    source = history(archives.archive(1), archives.SPEC)
    families = {n: {} for n in (*ACROSS, *FEATURES)}
    for path in (tmp_path / "x.parquet", tmp_path / "x"):
        rows = write_features(source, families, path, units_per_chunk=2)
    parts = sorted((tmp_path / "x").iterdir())
    assert [part.name for part in parts] == [f"part-0000{n}.parquet" for n in range(4)]
    assert sum(pq.read_metadata(part).num_rows for part in parts) == rows
    assert pq.ParquetDataset(tmp_path / "x").read().equals(pq.read_table(tmp_path / "x.parquet"))
    with pytest.raises(UsageError, match="E-EXISTS"):
        write_features(source, families, tmp_path / "x")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x", "x.parquet"]


def test_the_order_and_number_of_threads_change_no_byte(tmp_path):
    source, files = history(archives.archive(2), archives.SPEC), []
    for number, engine in enumerate((in_turn, in_threads(2), in_threads(5))):
        files.append(tmp_path / f"{number}.parquet")
        write_features(source, LOCAL, files[-1], units_per_chunk=1, engine=engine)
    assert len({file.read_bytes() for file in files}) == 1


@pytest.mark.parametrize("units", [1, 3, None])
@pytest.mark.parametrize("seed", [3, 4])
def test_families_across_units_read_all_units_whatever_the_chunk(units, seed, tmp_path):
    archive, families = archives.archive(seed, lag=2), {n: {} for n in (*ACROSS, *FEATURES)}
    source = history(archive, archives.SPEC, lag=2)
    write_features(source, families, tmp_path / "x.parquet", units_per_chunk=units)
    expected = build(source, families).frame()
    got = frame_of(tmp_path / "x.parquet")
    assert list(got.columns) == list(expected.columns)
    assert got.to_numpy().tobytes() == expected.to_numpy().tobytes()
    assert [path.name for path in tmp_path.iterdir()] == ["x.parquet"]


def test_a_chunk_below_one_unit_is_refused(tmp_path):
    source = history(archives.archive(3), archives.SPEC)
    with pytest.raises(UsageError, match="E-CHUNK"):
        write_features(source, LOCAL, tmp_path / "y.parquet", units_per_chunk=0)


def test_a_failure_half_way_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "x.parquet"
    path.write_text("old")

    def fails(panel):
        if "iraq/taji" in panel.units:
            raise RuntimeError
        return {"a": panel["events"]}

    monkeypatch.setitem(FEATURES, "fails", fails)
    source = history(archives.archive(1), archives.SPEC)
    with pytest.raises(RuntimeError):
        write_features(source, {"fails": {}}, path, units_per_chunk=1)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_no_unit_gives_a_file_without_rows(tmp_path):
    nobody = PanelSpec(kinds=("site",), enters=Where(rung=7))
    source = history(archives.archive(0), nobody)
    assert write_features(source, LOCAL, tmp_path / "x.parquet") == 0
    assert frame_of(tmp_path / "x.parquet").shape[0] == 0
