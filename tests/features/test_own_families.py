"""Custom families: any causal function of whole rows, of series, or both."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import random_archives as archives

from escalation import schema
from escalation._util.engine import in_threads, in_turn
from escalation.events.archive import EventArchive
from escalation.features import FEATURES
from escalation.features import build as build_module
from escalation.features.build import build, on_one_day
from escalation.features.stream import write_features
from escalation.panel.by_unit import history
from escalation.panel.current_rows import rows_as_known
from escalation.panel.dense import PanelSpec


def by_rows(panel):
    """Window sums, recency, highest rung and event days, from whole rows in plain NumPy."""
    events, rung = panel["events"], panel["severity"]
    days = np.arange(panel.shape[1])
    hit = np.maximum.accumulate(np.where(events > 0, days, -10_000), axis=1)
    padded = np.pad(events, ((0, 0), (7, 0)))
    total = np.cumsum(padded, axis=1)
    top = [rung[:, max(t - 6, 0) : t + 1].max(axis=1, initial=0) for t in days]
    busy = [(events[:, max(t - 6, 0) : t + 1] > 0).sum(axis=1) for t in days]
    return {
        "sum": total[:, 7:] - total[:, :-7],
        "since": np.minimum(days - hit, 30),
        "top": np.stack(top, axis=1),
        "busy": np.stack(busy, axis=1),
    }


def by_series(panel):
    """The same in one pass."""
    week, events = np.array([7]), panel.series("events")
    return {
        "sum": events.window_sums(week)[0],
        "since": events.days_since(30),
        "top": panel.series("severity").highest(7),
        "busy": events.active_days(week)[0],
    }


def by_both(panel):
    """Some of it one way, some the other."""
    series = by_series(panel)
    rows = by_rows(panel)
    return {name: (series if name in ("sum", "top") else rows)[name] for name in series}


def streak(panel, *, channel="events"):
    """Not a formula over series: days in a row on which something has happened."""
    out = np.zeros(panel.shape, np.float32)
    for t in range(panel.shape[1]):
        before = out[:, t - 1] if t else 0
        out[:, t] = np.where(panel[channel][:, t] > 0, before + 1, 0)
    return {f"{channel}_streak": out}


CUSTOM = {"by_rows": by_rows, "by_both": by_both, "by_series": by_series, "streak": streak}


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    for name, family in CUSTOM.items():
        monkeypatch.setitem(FEATURES, name, family)


def built(past, name, **options):
    return build(past, {name: {}}, **options)


@pytest.mark.parametrize("lag", [0, 2])
@pytest.mark.parametrize("rows", [1, 5, 1_000])
@pytest.mark.parametrize("name", ["by_rows", "by_both"])
def test_whole_rows_and_series_give_the_same_values(name, rows, lag, monkeypatch):
    monkeypatch.setattr(build_module, "BLOCK_CELLS", rows * archives.DAYS)
    for seed in (1, 2):
        past = history(archives.archive(seed, lag=lag), archives.SPEC, lag=lag)
        expected = built(past, "by_series")
        got = built(past, name)
        assert got.names == expected.names
        assert expected.values.any(axis=(1, 2)).all()
        np.testing.assert_array_equal(got.values, expected.values)


@pytest.mark.parametrize("lag", [0, 3])
def test_a_family_without_a_formula_is_what_was_known_on_each_day(lag):
    archive = archives.archive(5, count=160, lag=lag)
    past = history(archive, archives.SPEC, lag=lag)
    got = built(past, "streak")["events_streak"]
    assert got.max() > 2
    for t, day in enumerate(past.days):
        panel = archives.slow_panel(archive, archives.SPEC, day, past)
        known = past.present[:, t]
        expected = streak(panel)["events_streak"][:, max(t - lag, 0)]
        np.testing.assert_array_equal(got[known, t], expected[known])
        if known.any():
            alone = on_one_day(past.panel_at(t), t - lag, {"streak": {}})
            np.testing.assert_array_equal(alone[0][known], expected[known])


def test_families_of_both_kinds_keep_the_order_of_the_experiment():
    past = history(archives.archive(1, lag=2), archives.SPEC, lag=2)
    families = {"streak": {}, "window_sums": {}, "by_both": {}, "recency": {}}
    together = build(past, families)
    start = 0
    for name in families:
        alone = build(past, {name: {}})
        stop = start + len(alone.names)
        assert together.names[start:stop] == alone.names
        np.testing.assert_array_equal(together.values[start:stop], alone.values)
        start = stop
    assert start == len(together.names)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_blocks_and_threads_change_no_byte(threads, monkeypatch):
    past = history(archives.archive(3, count=150), archives.SPEC)
    reference = built(past, "by_both", threads=1).values.tobytes()
    for rows in (1, 3):
        monkeypatch.setattr(build_module, "BLOCK_CELLS", rows * archives.DAYS)
        assert built(past, "by_both", threads=threads).values.tobytes() == reference


def test_a_file_written_in_chunks_has_the_same_columns(tmp_path):
    past = history(archives.archive(3, lag=1), archives.SPEC, lag=1)
    families, files = {"streak": {}, "by_both": {}}, []
    for units, engine in ((1, in_turn), (1, in_threads(3))):
        files.append(tmp_path / f"{len(files)}.parquet")
        write_features(past, families, files[-1], units_per_chunk=units, engine=engine)
    assert files[0].read_bytes() == files[1].read_bytes()
    import pandas as pd

    got = pd.read_parquet(files[0])[["events_streak", "sum", "since", "top", "busy"]]
    expected = build(past, families).frame()
    np.testing.assert_array_equal(got.to_numpy(), expected.to_numpy())


def test_rows_are_made_in_batches(monkeypatch):
    """However often the past was rewritten, no panel has more rows than a block."""
    monkeypatch.setattr(build_module, "BLOCK_CELLS", 4 * archives.DAYS)
    past, sizes = history(archives.archive(4, count=300), archives.SPEC), []
    assert sum(len(rows.owner) for rows in rows_as_known(past, most=4)) > 100

    def measured(panel):
        sizes.append(panel.shape[0])
        return {"events_today": panel["events"]}

    monkeypatch.setitem(FEATURES, "measured", measured)
    build(past, {"measured": {}})
    assert len(sizes) > 25
    assert max(sizes) == 4


def test_memory_is_that_of_a_block_and_not_of_all_rows(monkeypatch):
    days, news = 700, 3_000
    monkeypatch.setattr(build_module, "BLOCK_CELLS", 20 * days)
    rng = np.random.default_rng(1)
    happened = rng.integers(0, days - 40, news)
    rows = [
        {schema.EVENT_ID: f"e{i}", schema.EVENT_DATE: int(day), schema.SITE: "Taji",
         schema.KNOWN_DATE: int(day + rng.integers(1, 40)), schema.KILLED: 0,
         schema.EVENT_TYPE: "rocket_attack", schema.ACTOR: "militia", schema.TARGET: "iran",
         schema.OPERATION: "add"}
        for i, day in enumerate(happened)
    ]  # fmt: skip
    archive = EventArchive.of(archives.canonical(rows), covered_to=archives.FIRST + (days - 1))
    past = history(archive, PanelSpec(("site",)))
    count = sum(len(rows.owner) for rows in rows_as_known(past, most=100))
    whole = count * days * 4 * len(past.channels)
    tracemalloc.start()
    build(past, {"streak": {}}, threads=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count > 600
    assert peak < whole / 4
