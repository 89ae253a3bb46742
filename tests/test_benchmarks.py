"""Every benchmark runs on the smallest input that it accepts; speed is not tested."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "benchmarks"


@pytest.fixture
def benchmark(monkeypatch):
    """Import a benchmark by its file name."""
    monkeypatch.syspath_prepend(FOLDER)
    yield importlib.import_module
    for path in FOLDER.glob("*.py"):
        sys.modules.pop(path.stem, None)


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.py")))
def test_a_benchmark_is_imported_and_says_what_it_measures(benchmark, name):
    assert benchmark(name).__doc__


def test_features_of_a_few_cells_are_written(benchmark, tmp_path):
    told = benchmark("scale").features(tmp_path, 5, 2_000, 60)
    assert told["features"] == 40 and told["rows"] > 5 * 365


def test_late_events_lie_within_their_days(benchmark, tmp_path):
    made = benchmark("known_when_events")
    made.make(tmp_path, 500, dated=True)
    assert {path.suffix for path in tmp_path.iterdir()} == {".parquet"}


def test_links_of_planted_answers_are_counted(benchmark):
    assert "precision" in benchmark("moves").links(0.6, histories=1, days=200)


def test_every_feature_of_ours_is_that_of_pandas(benchmark):
    features = benchmark("features")
    features.UNITS, features.DAYS = 3, 400
    assert max(features.apart(features.panel()).values()) < 1e-5
