"""Every family against SQL, over archives with late news, corrections, moves and retractions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import random_archives as archives
import sqlite_oracle

from escalation.features import ACROSS, FEATURES
from escalation.features.build import build
from escalation.panel.by_unit import history

DAYS = 40


def both(seed, monkeypatch):
    """The package's table and that of SQL, for one small archive."""
    rng = np.random.default_rng(seed)
    chosen = rng.choice(list(archives.SITES), int(rng.integers(2, 5)), replace=False)
    lag = int(rng.integers(0, 4))
    monkeypatch.setattr(archives, "DAYS", DAYS)
    monkeypatch.setattr(archives, "SITES", {site: archives.SITES[site] for site in sorted(chosen)})
    archive = archives.archive(seed, count=int(rng.integers(12, 40)), lag=lag)
    past = history(archive, archives.SPEC, first_day=archives.FIRST, lag=lag)
    ours = build(past, {name: {} for name in (*FEATURES, *ACROSS)}).frame()
    theirs = sqlite_oracle.oracle(archive.versions, first=archives.FIRST, days=DAYS, lag=lag)
    t = (ours.index.get_level_values("day") - pd.Timestamp(archives.FIRST)).days
    ours.index = pd.MultiIndex.from_arrays([ours.index.get_level_values("unit"), t])
    return ours.sort_index(), theirs.sort_index()


def wrong(ours, theirs):
    """Columns that do not agree: counts exactly, anything else to one in a million."""
    assert sorted(ours.columns) == sorted(theirs.columns)
    assert ours.index.tolist() == theirs.index.tolist()
    names = []
    for name in ours:
        actual, expected = ours[name].to_numpy(np.float64), theirs[name].to_numpy()
        if any(word in name for word in sqlite_oracle.COUNTED):
            same = np.array_equal(actual, expected)
        else:
            same = np.allclose(actual, expected, rtol=1e-6, atol=1e-6)
        names += [] if same else [name]
    return names


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_every_family_agrees_with_sql(part, monkeypatch):
    rows = 0
    for seed in range(part, 60, 4):
        with monkeypatch.context() as patch:
            ours, theirs = both(seed, patch)
        assert wrong(ours, theirs) == [], f"seed {seed}"
        rows += len(ours)
    assert rows > 900
    print(f"15 archives, {rows} rows, {ours.shape[1]} columns")


def test_every_registered_family_is_among_them(monkeypatch):
    ours, theirs = both(0, monkeypatch)
    assert wrong(ours, theirs) == []
    for family in (*FEATURES, *ACROSS):
        assert set(ours.columns) & columns_of(family), family


def test_a_count_that_is_off_by_one_is_caught(monkeypatch):
    ours, theirs = both(0, monkeypatch)
    spoiled = theirs.copy()
    spoiled.iloc[7, list(theirs.columns).index("killed_sum_7d")] += 1
    spoiled.iloc[9, list(theirs.columns).index("events_decay_7d")] += 1e-5
    assert wrong(ours, spoiled) == ["killed_sum_7d", "events_decay_7d"]


def columns_of(family):
    """Columns of a family."""
    needed = {"window_sums": {}, family: {}}
    past = history(archives.archive(0), archives.SPEC)
    without = set() if family == "window_sums" else set(build(past, {"window_sums": {}}).names)
    return set(build(past, needed).names) - without
