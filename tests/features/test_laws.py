"""The laws of time, on every registered family and on planted leaks."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import pytest
import random_archives as archives

from escalation import schema
from escalation.audit import laws
from escalation.events.archive import EventArchive
from escalation.features import ACROSS, FEATURES
from escalation.features.build import build
from escalation.panel.by_unit import history

ALL = {name: {} for name in (*FEATURES, *ACROSS)}
AT = archives.FIRST + 33


def shift(panel):
    """A leak: tomorrow's count."""
    ahead = np.zeros_like(panel["events"])
    ahead[:, :-1] = panel["events"][:, 1:]
    return {"events_tomorrow": ahead}


def centred(panel):
    """A leak of another kind: the level of the whole series."""
    events = panel["events"]
    return {"events_above_mean": events - events.mean(axis=1, keepdims=True)}


def streak(panel, *, channel="events"):
    """A custom family: days in a row on which something has happened."""
    out = np.zeros_like(panel[channel])
    run = np.zeros(panel.shape[0], np.float32)
    for t in range(panel.shape[1]):
        run = np.where(panel[channel][:, t] > 0, run + 1, 0)
        out[:, t] = run
    return {f"{channel}_streak": out}


def built(archive, *, families=ALL, lag=0, first_day=None, **options):
    past = history(archive, archives.SPEC, lag=lag, first_day=first_day)
    return build(past, families, **options)


def everything(archive, **options):
    table = built(archive, **options).frame(by_key=True)
    assert len(table), "nothing to compare"
    return table


def order(build, archive, *, seed):
    """Columns that differ once the input rows are shuffled and some of them repeated."""
    versions = archive.versions
    samples = [
        versions.sample(frac=1.0, random_state=seed),
        versions.sample(frac=0.3, random_state=seed + 1),
    ]
    shuffled = EventArchive.of(
        pd.concat(samples, ignore_index=True),
        covered_to=archive.covered_to,
        known_basis=archive.known_basis,
    )
    return laws.differences(build(archive), build(shuffled), upto=archive.covered_to)


def with_family(monkeypatch, family):
    """The features of window sums and a custom family."""
    monkeypatch.setitem(FEATURES, "custom", family)
    return partial(everything, families={"window_sums": {}, "custom": {}})


def later_news(archive, seed, *, at=AT):
    """New events, corrections and retractions, all known after a day."""
    new = archives.versions(np.random.default_rng(seed), 40, first=20, prefix="new")
    new = new[new[schema.KNOWN_DATE] > at]
    old = archive.versions.groupby(schema.EVENT_ID).tail(1).sample(n=20, random_state=seed)
    known = np.maximum(old[schema.KNOWN_DATE], at) + np.timedelta64(1, "D")
    operation = np.where(np.arange(len(old)) % 2, "update", "retract")
    changed = old.assign(known_date=known, killed=99, site="Kabul", operation=operation)
    table = pd.concat([new, changed.astype({schema.KILLED: "Int64"})], ignore_index=True)
    return table[table[schema.KNOWN_DATE] <= archive.covered_to]


@pytest.mark.parametrize("lag", [0, 3])
@pytest.mark.parametrize("seed", range(6))
def test_what_was_not_yet_known_changes_no_bit(seed, lag):
    archive = archives.archive(seed, lag=lag)
    for at in (AT - 20, AT, AT + 15):
        assert laws.truncation(partial(everything, lag=lag), archive, at) == []


@pytest.mark.parametrize("lag", [0, 3])
@pytest.mark.parametrize("seed", range(6))
def test_later_news_changes_no_bit(seed, lag):
    archive = archives.archive(seed, lag=lag)
    later = later_news(archive, seed)
    assert set(later[schema.OPERATION]) == {"add", "update", "retract"}
    assert laws.poison(partial(everything, lag=lag), archive, AT, later) == []


def test_later_news_does_change_what_comes_after():
    archive = archives.archive(1)
    end = archive.covered_to
    later = later_news(archive, 1)
    assert laws.differences(everything(archive), everything(archive.plus(later)), upto=end) != []


@pytest.mark.parametrize("lag", [0, 3])
def test_both_laws_hold_where_the_axis_starts_amid_the_events(lag):
    archive = archives.archive(11, lag=lag)
    late_start = partial(everything, lag=lag, first_day=archives.FIRST + 20)
    for offset in (*range(-10, -5), 0, 9):
        assert laws.truncation(late_start, archive, AT + offset) == []
    assert laws.poison(late_start, archive, AT, later_news(archive, 11)) == []


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_rows_and_repeats_of_them_change_no_bit(seed):
    assert order(everything, archives.archive(seed), seed=seed) == []


def test_other_names_change_only_names():
    rename = {schema.SITE: {"Balad": "zz", "Taji": "allotment", "Kabul": "00"}}
    assert laws.renaming(everything, archives.archive(4), rename=rename) == []


@pytest.mark.parametrize(
    ("family", "column"), [(shift, "events_tomorrow"), (centred, "events_above_mean")]
)
def test_a_planted_leak_is_named_by_both_laws(family, column, monkeypatch):
    archive = archives.archive(2)
    leaky = with_family(monkeypatch, family)
    days = [AT + k for k in range(5)]
    assert {row.column for at in days for row in laws.truncation(leaky, archive, at)} == {column}
    news = [(at, later_news(archive, 2, at=at)) for at in days]
    rows = [row for at, later in news for row in laws.poison(leaky, archive, at, later)]
    assert {row.column for row in rows} == {column}


def test_a_custom_family_passes_the_laws(monkeypatch):
    archive = archives.archive(3)
    build_streak = with_family(monkeypatch, streak)
    assert build_streak(archive)["events_streak"].max() >= 2
    assert laws.truncation(build_streak, archive, AT) == []
    assert laws.poison(build_streak, archive, AT, later_news(archive, 3)) == []
    assert order(build_streak, archive, seed=3) == []


def test_one_thread_and_two_give_the_same_bytes(monkeypatch):
    archive = archives.archive(5, count=200)
    reference = built(archive, threads=1)
    monkeypatch.setattr("escalation.features.build.BLOCK_CELLS", 2 * archives.DAYS)
    for threads in (1, 2):
        features = built(archive, threads=threads)
        assert features.values.tobytes() == reference.values.tobytes()
