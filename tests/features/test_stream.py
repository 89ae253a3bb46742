"""Features written a chunk at a time: the same file whatever the chunk, from either source."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest
import random_archives as archives
from escalation.panel.aggregate import aggregate
from escalation.panel.sparse import SparsePanel
from escalation.panel.vintages import history, vintages

from escalation import schema
from escalation._util.engine import in_threads, in_turn
from escalation.errors import InputError, UsageError
from escalation.events.archive import EventArchive
from escalation.features import ACROSS, FEATURES, passes
from escalation.features.build import build
from escalation.features.stream import write_features
from escalation.panel.dense import PanelSpec, Where

LOCAL = {name: {} for name in FEATURES}
LAST = archives.FIRST + (archives.DAYS - 1)


def frame_of(path):
    table = pd.read_parquet(path)
    return table.astype({"unit": "str", "day": "datetime64[s]"}).set_index(["unit", "day"])


@pytest.mark.parametrize("lag", [0, 3])
@pytest.mark.parametrize("units", [1, 2, 100, None])
def test_the_file_holds_what_the_build_in_memory_gives(units, lag, tmp_path):
    archive = archives.archive(1, lag=lag)
    source = history(archive, archives.SPEC, lag=lag)
    rows = write_features(source, LOCAL, tmp_path / "x.parquet", units_per_chunk=units)
    expected = build(vintages(archive, archives.SPEC, lag=lag), LOCAL).frame()
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


def test_the_order_and_number_of_threads_change_no_byte(tmp_path):
    source, files = history(archives.archive(2), archives.SPEC), []
    for number, engine in enumerate((in_turn, in_threads(2), in_threads(5))):
        files.append(tmp_path / f"{number}.parquet")
        write_features(source, LOCAL, files[-1], units_per_chunk=1, engine=engine)
    assert len({file.read_bytes() for file in files}) == 1


@pytest.mark.parametrize("units", [1, 3, None])
@pytest.mark.parametrize("seed", [3, 4])
def test_families_across_units_read_all_units_whatever_the_chunk(
    units, seed, monkeypatch, tmp_path
):
    monkeypatch.setattr(passes, "STRETCH_CELLS", 100)
    archive, families = archives.archive(seed, lag=2), {n: {} for n in (*ACROSS, *FEATURES)}
    source = history(archive, archives.SPEC, lag=2)
    write_features(source, families, tmp_path / "x.parquet", units_per_chunk=units)
    expected = build(vintages(archive, archives.SPEC, lag=2), families).frame()
    got = frame_of(tmp_path / "x.parquet")
    assert list(got.columns) == list(expected.columns)
    assert got.to_numpy().tobytes() == expected.to_numpy().tobytes()
    assert [path.name for path in tmp_path.iterdir()] == ["x.parquet"]


def test_a_chunk_below_one_unit_is_refused(tmp_path):
    source = history(archives.archive(3), archives.SPEC)
    with pytest.raises(UsageError, match="E-CHUNK"):
        write_features(source, LOCAL, tmp_path / "y.parquet", units_per_chunk=0)


def test_what_fails_half_way_leaves_the_old_file(tmp_path):
    path = tmp_path / "x.parquet"
    path.write_text("old")

    def fails(panel):
        if "Taji" in panel.units:
            raise RuntimeError
        return {"a": panel["events"]}

    source = history(archives.archive(1), archives.SPEC)
    with pytest.raises(RuntimeError):
        write_features(source, {"fails": {}}, path, units_per_chunk=1, local={"fails": fails})
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_nobody_gives_a_file_without_rows(tmp_path):
    nobody = PanelSpec(kinds=("site",), enters=Where(rung=7))
    source = history(archives.archive(0), nobody)
    assert write_features(source, LOCAL, tmp_path / "x.parquet") == 0
    assert frame_of(tmp_path / "x.parquet").shape[0] == 0


def on_time(seed, lag=0):
    """An archive whose events are reported within the lag and never change."""
    versions = archives.archive(seed, count=150).versions
    table = versions[versions[schema.OPERATION] == "add"].copy()
    offset = np.random.default_rng(seed).integers(0, lag + 1, len(table))
    days = table[schema.EVENT_DATE].to_numpy("datetime64[D]") + offset
    table[schema.KNOWN_DATE] = np.minimum(days, LAST).astype("datetime64[s]")
    return EventArchive.of(table, covered_to=LAST, known_basis="observed")


SPECS = {
    "site and all": archives.SPEC,
    "cells": PanelSpec(("priogrid",), archives.SPEC.channels, Where(rung=3)),
    "dyads": PanelSpec(("dyad",)),
    "tags": PanelSpec(("country",), (archives.Channel("a", Where({"tags": ("x", "y")})),)),
}


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
@pytest.mark.parametrize(("seed", "lag", "first"), [(1, 0, 0), (2, 4, 0), (3, 2, 20)])
def test_an_aggregated_panel_gives_the_file_that_the_archive_gives(
    spec, seed, lag, first, tmp_path
):
    archive = on_time(seed, lag)
    archive.versions[schema.TAGS] = np.resize(["x", "y z", "", "z"], len(archive.versions))
    span = {"first_day": archives.FIRST + first, "last_day": LAST, "lag": lag}
    shuffled = archive.versions.sample(frac=1, random_state=seed)
    files = [tmp_path / f"events {i}.parquet" for i in range(2)]
    shuffled.iloc[:40].to_parquet(files[0])
    shuffled.iloc[40:].to_parquet(files[1])
    panel = aggregate(files, spec, tmp_path / "panel", **span)
    families = {**LOCAL, **({"neighbours": {}} if seed == 1 else {})}
    write_features(panel, families, tmp_path / "a.parquet")
    write_features(history(archive, spec, **span), families, tmp_path / "b.parquet")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_an_aggregated_panel_is_read_back_and_holds_parts(tmp_path):
    on_time(1).versions.to_parquet(tmp_path / "e.parquet")
    made = aggregate([tmp_path / "e.parquet"], archives.SPEC, tmp_path / "panel",
                     first_day=archives.FIRST, last_day=LAST)  # fmt: skip
    panel = SparsePanel.read(tmp_path / "panel")
    whole, part = made.stack(), panel.part(1, 6).part(1, 3).stack()
    assert part.units == made.units[2:4]
    for name in made.channels:
        np.testing.assert_array_equal(part.stack[name], whole.stack[name][2:4])
    with pytest.raises(InputError, match="E-FILE"):
        SparsePanel.read(tmp_path)


def test_what_needs_an_archive_is_not_aggregated(tmp_path):
    late = archives.archive(1).versions
    late.to_parquet(tmp_path / "late.parquet")
    span = {"first_day": archives.FIRST, "last_day": LAST}
    with pytest.raises(InputError, match=r"E-LATE.*\d+ were not"):
        aggregate([tmp_path / "late.parquet"], archives.SPEC, tmp_path / "p", **span)
    late.drop(columns="site").to_parquet(tmp_path / "no site.parquet")
    with pytest.raises(InputError, match=r"E-COLUMN.*site"):
        aggregate([tmp_path / "no site.parquet"], archives.SPEC, tmp_path / "p", **span)
    both = on_time(1).versions.assign(country="Taji")
    both.to_parquet(tmp_path / "both.parquet")
    with pytest.raises(InputError, match=r"E-UNIT.*Taji"):
        aggregate(
            [tmp_path / "both.parquet"], PanelSpec(("site", "country")), tmp_path / "p", **span
        )
