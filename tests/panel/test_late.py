"""Every statistic of a series against rows rebuilt for each day, in plain Python."""

from __future__ import annotations

import math
import statistics
from itertools import pairwise

import numpy as np
import pytest

from escalation.events.units import UnitName
from escalation.panel.dense import day_range
from escalation.panel.history import History

NEVER = 10_000
KEEP = np.array([0.5, 0.9])
WINDOWS = np.array([1, 2, 3, 7, 30])


def int32(values):
    return np.array(values, dtype=np.int32)


def history_of(versions, *, days, lag, rungs=False):
    """A history of one channel from ``(unit, happened, known, ends, value)``."""
    units = 1 + max((version[0] for version in versions), default=0)
    order = sorted(
        range(len(versions)),
        key=lambda i: (versions[i][0], max(versions[i][2], versions[i][1] + lag)),
    )
    columns = list(zip(*(versions[i] for i in order), strict=True)) or [[]] * 5
    code, happened, known, ends, value = (np.array(column, dtype=np.int64) for column in columns)
    axis = day_range("2020-01-01", np.datetime64("2020-01-01") + (days - 1))
    return History(
        code=int32(code), event_day=int32(happened), known_day=int32(np.maximum(known, 0)),
        end_day=int32(np.clip(ends, 0, days)), row=np.arange(len(code)), opening=code >= 0,
        weights={"x": value.astype(np.float32)}, highest=frozenset({"x"} if rungs else ()),
        unit_names=tuple(UnitName(f"u{i}", f"u{i}") for i in range(units)),
        units=tuple(f"u{i}" for i in range(units)), entry=np.zeros(units, np.int64),
        latitude=np.zeros(units), longitude=np.zeros(units), country=("",) * units,
        days=axis, lag=lag,
    )  # fmt: skip


def row_on(versions, unit, t, lag, join):
    """A unit's days up to the last one seen, as known at the end of day t."""
    row = [0] * max(t - lag + 1, 0)
    for owner, happened, known, ends, value in versions:
        if owner == unit and known <= t < ends and 0 <= happened < len(row):
            row[happened] = join(row[happened], value)
    return row


def last(row, width):
    return row[max(len(row) - width, 0) :]


def since(row, level, cap):
    hits = [k for k, value in enumerate(row) if value >= level]
    return min(len(row) - 1 - hits[-1], cap) if hits else cap


def gaps(row, count, cap):
    hits = [k for k, value in enumerate(row) if value >= 1]
    some = [min(b - a, cap) for a, b in pairwise(hits)][-count:]
    mean = statistics.fmean(some) if some else cap
    deviation = statistics.pstdev(some) if some else 0.0
    return mean, deviation, (deviation - mean) / (deviation + mean) if len(some) > 1 else 0.0


def log_ratio(row, short, long, eps, change):
    def level(some):
        return math.log(
            (sum(last(some, short)) / short + eps) / (sum(last(some, long)) / long + eps)
        )

    return level(row), level(row) - level(row[: max(len(row) - change, 0)])


def past_quantiles(row, horizon, windows, quantile):
    padded = [0] * (horizon * windows) + row
    sums = [
        sum(padded[len(padded) - horizon * (i + 1) : len(padded) - horizon * i])
        for i in range(windows)
    ]
    return float(np.quantile(sums, quantile)), statistics.fmean(sums)


STATISTICS = {
    "window sums": (
        lambda series: series.window_sums(WINDOWS),
        lambda row: [sum(last(row, w)) for w in WINDOWS],
    ),
    "active days": (
        lambda series: series.active_days(WINDOWS),
        lambda row: [sum(value >= 1 for value in last(row, w)) for w in WINDOWS],
    ),
    "days since": (
        lambda series: [series.days_since(cap) for cap in (4, 99)],
        lambda row: [since(row, 1, cap) for cap in (4, 99)],
    ),
    "days since the first": (
        lambda series: [series.days_since_first()],
        lambda row: [next((len(row) - k for k, value in enumerate(row) if value), 0)],
    ),
    "decayed features": (
        lambda series: series.decayed_features(KEEP),
        lambda row: [sum(v * k ** (len(row) - 1 - d) for d, v in enumerate(row)) for k in KEEP],
    ),
    "decayed sums": (
        lambda series: series.decayed_sums(KEEP),
        lambda row: [sum(v * k ** (len(row) - 1 - d) for d, v in enumerate(row)) for k in KEEP],
    ),
    "gaps": (
        lambda series: [*series.gaps(2, 9), *series.gaps(5, 99)],
        lambda row: [*gaps(row, 2, 9), *gaps(row, 5, 99)],
    ),
    "log ratio": (
        lambda series: series.log_ratio(np.array([2, 5]), 0.1, 3),
        lambda row: log_ratio(row, 2, 5, 0.1, 3),
    ),
    "past quantiles": (
        lambda series: [
            *series.past_quantiles(3, windows=4, quantile=0.7),
            *series.past_quantiles(1, windows=7, quantile=0.9),
            *series.past_quantiles(7, windows=2, quantile=0.5),
        ],
        lambda row: [
            *past_quantiles(row, 3, 4, 0.7),
            *past_quantiles(row, 1, 7, 0.9),
            *past_quantiles(row, 7, 2, 0.5),
        ],
    ),
}
RUNGS = {
    "highest": (
        lambda series: [series.highest(w) for w in (1, 3, 30)],
        lambda row: [max(last(row, w), default=0) for w in (1, 3, 30)],
    ),
    "days since a rung": (
        lambda series: [series.days_since(99, level=level) for level in (1, 3, 5)],
        lambda row: [since(row, level, 99) for level in (1, 3, 5)],
    ),
    "days at a rung": (
        lambda series: series.active_days(WINDOWS, level=4.0),
        lambda row: [sum(value >= 4 for value in last(row, w)) for w in WINDOWS],
    ),
}
EXACT = {"window sums", "active days", "days since", "days since the first", *RUNGS}


def check(name, versions, *, days, lag):
    """Compare a statistic on every unit and day."""
    compute, expect = {**STATISTICS, **RUNGS}[name]
    join = max if name in RUNGS else int.__add__
    past = history_of(versions, days=days, lag=lag, rungs=name in RUNGS)
    actual = np.array(compute(past.panel().series("x")))
    for unit in range(len(past.units)):
        for t in range(lag, days):
            expected = np.array(expect(row_on(versions, unit, t, lag, join)), dtype=float)
            place = f"{name}, unit {unit} on day {t}"
            if name in EXACT:
                assert actual[:, unit, t].tolist() == expected.tolist(), place
            else:
                np.testing.assert_allclose(actual[:, unit, t], expected, 1e-6, 1e-6, err_msg=place)


REVISIONS = {
    "nothing late": [(0, 2, 2, NEVER, 1), (0, 5, 5, NEVER, 2)],
    "reported at once, and again later": [(0, 3, 3, NEVER, 4), (0, 3, 5, NEVER, 4)],
    "late by some days": [(0, 2, 6, NEVER, 1), (0, 3, 3, NEVER, 2)],
    "retracted on the day on which it became known": [(0, 2, 6, 6, 3), (0, 4, 4, 4, 1)],
    "retracted the day after": [(0, 2, 6, 7, 3), (0, 5, 5, 6, 1)],
    "an update on the day of a late report of another": [
        (0, 4, 4, 8, 2), (0, 4, 8, NEVER, 5), (0, 3, 8, NEVER, 1)],
    "moved to another day": [(0, 4, 4, 8, 2), (0, 7, 8, NEVER, 2)],
    "moved to another unit and back": [
        (0, 4, 4, 6, 2), (1, 4, 6, 9, 2), (0, 4, 9, NEVER, 2), (1, 1, 1, NEVER, 1)],
    "reported after its window has passed": [(0, 1, 11, NEVER, 4), (0, 9, 9, NEVER, 1)],
    "retracted after its window has passed": [(0, 1, 1, 13, 4), (0, 9, 9, NEVER, 1)],
    "before the axis": [(0, -3, 2, NEVER, 4), (0, -1, -1, 5, 1), (0, 0, 2, NEVER, 1)],
    "several versions on one day": [
        (0, 5, 5, 7, 1), (0, 5, 5, NEVER, 2), (0, 5, 7, 9, 3), (0, 5, 8, NEVER, 1),
        (0, 5, 9, 12, 6)],
    "the newest day is removed and the last one is the one before": [
        (0, 2, 2, NEVER, 3), (0, 6, 6, 9, 5), (0, 4, 8, 12, 4)],
    "rungs step back and up again": [
        (0, 2, 2, NEVER, 3), (0, 6, 6, 8, 6), (0, 6, 6, 10, 5), (0, 6, 11, NEVER, 4),
        (0, 1, 12, NEVER, 6)],
    "a gap is split and joined again": [
        (0, 1, 1, NEVER, 1), (0, 9, 9, NEVER, 1), (0, 5, 10, 14, 1), (0, 3, 11, 12, 1),
        (0, 7, 12, NEVER, 1)],
    "the first is removed, an earlier one is added": [
        (0, 4, 4, 7, 1), (0, 6, 6, NEVER, 1), (0, 2, 9, 12, 1), (0, 4, 13, NEVER, 1)],
    "everything is removed and something is added": [
        (0, 2, 2, 6, 2), (0, 4, 5, 6, 1), (0, 3, 10, NEVER, 1)],
    "a toll that falls to nothing": [(0, 3, 3, 6, 5), (0, 3, 6, 9, 0), (0, 3, 9, NEVER, 2)],
}  # fmt: skip


@pytest.mark.parametrize("lag", [0, 2])
@pytest.mark.parametrize("revision", REVISIONS)
@pytest.mark.parametrize("name", [*STATISTICS, *RUNGS])
def test_revisions_are_seen_as_known_on_each_day(name, revision, lag):
    check(name, REVISIONS[revision], days=17, lag=lag)


def random_versions(rng, *, days, units, top):
    """Events with up to five versions that move, change and go; many on few days."""
    versions = []
    for _ in range(rng.integers(1, 25)):
        unit, happened = int(rng.integers(units)), int(rng.integers(-3, days))
        known = happened + int(rng.choice([0, 0, 1, 2, 4, 15]))
        for _ in range(rng.integers(1, 6)):
            ends = known + int(rng.choice([0, 1, 2, 5, 20, NEVER]))
            versions.append((unit, happened, known, ends, int(rng.integers(0, top + 1))))
            if rng.random() < 0.4:
                unit = int(rng.integers(units))
            if rng.random() < 0.4:
                happened = min(int(happened + rng.integers(-4, 5)), ends)
            known = ends + int(rng.choice([0, 0, 3]))
    return [version for version in versions if version[2] < days]


@pytest.mark.parametrize("part", range(4))
@pytest.mark.parametrize("name", [*STATISTICS, *RUNGS])
def test_any_versions_are_seen_as_known_on_each_day(name, part):
    for seed in range(part, 40, 4):
        rng = np.random.default_rng(seed)
        days, lag = int(rng.integers(1, 40)), int(rng.choice([0, 0, 1, 3]))
        versions = random_versions(rng, days=days, units=3, top=6)
        check(name, versions, days=days, lag=lag)


def test_random_versions_have_the_cases_that_they_should():
    versions = [
        version
        for seed in range(40)
        for version in random_versions(np.random.default_rng(seed), days=30, units=3, top=6)
    ]
    late = sum(known > happened for _, happened, known, _, _ in versions)
    at_once = sum(known == ends for _, _, known, ends, _ in versions)
    passed = sum(happened + 7 < ends < NEVER for _, happened, _, ends, _ in versions)
    assert min(late, at_once, passed) > 50


def test_rows_without_late_news_are_those_of_the_plain_passes():
    """A unit has the same bytes alone and next to one with late news."""
    prompt = [(0, day, day, NEVER, 1 + day % 5) for day in (1, 2, 6, 9, 15)]
    with_late = [*prompt, (1, 3, 8, 12, 2), (1, 9, 9, 10, 1)]
    for statistics_by_name, rungs in ((STATISTICS, False), (RUNGS, True)):
        for name, (compute, _) in statistics_by_name.items():
            alone, both = (
                np.array(
                    compute(history_of(versions, days=20, lag=1, rungs=rungs).panel().series("x"))
                )[:, 0]
                for versions in (prompt, with_late)
            )
            assert alone.tobytes() == both.tobytes(), name


def test_a_retracted_past_leaves_nothing_behind():
    """Once all versions are retracted, a decayed sum is exactly 0."""
    versions = [(0, day, day + day % 3, 30 + day, 1 + day) for day in range(12)]
    series = history_of(versions, days=60, lag=0).panel().series("x")
    keep = np.linspace(0.55, 0.98, 20)
    for values in (series.decayed_sums(keep), series.decayed_features(keep)):
        assert (values[:, 0, 42:] == 0).all()
        assert (values[:, 0, 12:41] > 0).all()


@pytest.mark.parametrize("name", [*STATISTICS, *RUNGS])
def test_versions_of_later_days_change_no_bit_of_earlier_ones(name):
    compute = {**STATISTICS, **RUNGS}[name][0]
    for seed in range(12):
        versions = random_versions(np.random.default_rng(seed), days=30, units=2, top=6)
        versions += [(0, 0, 0, NEVER, 1), (1, 0, 0, NEVER, 1)]
        options = {"lag": 1, "rungs": name in RUNGS}
        full = np.array(compute(history_of(versions, days=30, **options).panel().series("x")))
        for t in (4, 13, 22):
            known = [version for version in versions if version[2] <= t]
            part = history_of(known, days=t + 1, **options).panel().series("x")
            assert np.array(compute(part)).tobytes() == full[:, :, : t + 1].tobytes(), (seed, t)
