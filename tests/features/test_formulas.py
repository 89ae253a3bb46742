"""Each family against its formula, in plain Python, one day at a time."""

from __future__ import annotations

import datetime as dt
import math
import statistics
from itertools import pairwise

import numpy as np
import pytest

from escalation import schema
from escalation.errors import UsageError
from escalation.features import ACROSS, FEATURES
from escalation.features.base import one_unit
from escalation.panel.dense import Panel, day_range

DAYS = 420
CAP = 365


def last(x, t, w):
    return x[max(0, t - w + 1) : t + 1]


def since(x, t, level):
    hits = [k for k in range(t + 1) if x[k] >= level]
    return min(t - hits[-1], CAP) if hits else CAP


def window_sums(ch, t):
    return {
        f"{c}_sum_{w}d": sum(last(ch[c], t, w))
        for c in ("events", "killed")
        for w in (1, 3, 7, 14, 28, 90, 180)
    }


def decayed_sums(ch, t):
    return {
        f"{c}_decay_{h}d": sum(ch[c][k] * 0.5 ** ((t - k) / h) for k in range(t + 1))
        for c in ("events", "killed")
        for h in (3, 7, 21, 60)
    }


def recency(ch, t):
    rungs = {f"days_since_rung_{r}": since(ch["severity"], t, r) for r in (3, 5)}
    return {"days_since_events": since(ch["events"], t, 1), **rungs}


def trend(ch, t):
    def level(t, s, w):
        if t < 0:
            return 0.0
        short, long = sum(last(ch["events"], t, s)) / s, sum(last(ch["events"], t, w)) / w
        return math.log((short + 0.02) / (long + 0.02))

    out = {}
    for s, w in ((7, 28), (28, 180)):
        out[f"events_trend_{s}d_{w}d"] = level(t, s, w)
        out[f"events_acceleration_{s}d_{w}d"] = level(t, s, w) - level(t - 7, s, w)
    return out


def severity(ch, t):
    out = {}
    for w in (7, 28, 90):
        rungs, events = last(ch["severity"], t, w), last(ch["events"], t, w)
        busy = sum(x > 0 for x in events)
        out[f"highest_rung_{w}d"] = max(rungs)
        out[f"rung_5_share_{w}d"] = sum(r >= 5 for r in rungs) / busy if busy else 0
        killed = sum(last(ch["killed"], t, w))
        out[f"killed_per_event_{w}d"] = killed / sum(events) if busy else 0
    return out


def tempo(ch, t):
    hits = [k for k in range(t + 1) if ch["events"][k] > 0]
    gaps = [min(b - a, CAP) for a, b in pairwise(hits)]
    out = {}
    for n in (5, 20):
        some = gaps[-n:]
        mu = statistics.fmean(some) if some else CAP
        sigma = statistics.pstdev(some) if some else 0.0
        out[f"events_gap_mean_last_{n}"] = mu
        out[f"events_gap_spread_last_{n}"] = sigma
        bursty = (sigma - mu) / (sigma + mu) if len(some) > 1 else 0.0
        out[f"events_burstiness_last_{n}"] = bursty
    return out


def pairs(ch, t):
    ab, ba, out = ch["a>b"], ch["b>a"], {}
    for w in (7, 28, 90):
        by_a, by_b = sum(last(ab, t, w)), sum(last(ba, t, w))
        total = by_a + by_b
        out |= {f"a_hit_b_{w}d": by_a, f"b_hit_a_{w}d": by_b}
        out[f"a_b_imbalance_{w}d"] = (by_a - by_b) / total if total else 0
    return out | {"days_since_a_hit_b": since(ab, t, 1), "days_since_b_hit_a": since(ba, t, 1)}


def calendar(ch, t):
    day = dt.date(2020, 1, 1) + dt.timedelta(days=t)
    angles = {"weekday": day.weekday() / 7, "month": (day.month - 1) / 12}
    waves = {"sin": math.sin, "cos": math.cos}
    return {f"{c}_{n}": f(2 * math.pi * a) for c, a in angles.items() for n, f in waves.items()}


LOCAL = {
    "window_sums": window_sums,
    "decayed_sums": decayed_sums,
    "recency": recency,
    "trend": trend,
    "severity": severity,
    "tempo": tempo,
    "pairs": pairs,
    "calendar": calendar,
}


def channels(seed):
    """Long quiet spells and bursts, so that caps, empty windows and full ones all occur."""
    rng = np.random.default_rng(seed)
    busy = np.repeat(rng.random(DAYS // 30) < 0.5, 30)
    events = rng.poisson(0.6, DAYS) * busy
    if seed == 0:
        events[:30], events[30:] = 0, 0
        events[[31, 34, 405]] = 2, 1, 1
    rung = np.where(events > 0, rng.integers(1, 7, DAYS), 0)
    killed = np.where(rung >= 5, rng.integers(0, 40, DAYS), 0)
    ab, ba = np.minimum(events, rng.integers(0, 2, DAYS)), rng.binomial(1, 0.02, DAYS)
    table = {"events": events, "killed": killed, "severity": rung, "a>b": ab, "b>a": ba}
    return {name: values.tolist() for name, values in table.items()}


@pytest.mark.parametrize("family", FEATURES)
@pytest.mark.parametrize("seed", range(3))
def test_every_local_family_obeys_its_formula(family, seed):
    ch = channels(seed)
    got = FEATURES[family](one_unit(ch))
    for t in range(0, DAYS, 3):
        expected = LOCAL[family](ch, t)
        assert set(got) == set(expected)
        for name, value in expected.items():
            assert got[name][0, t] == pytest.approx(value, rel=2e-6, abs=1e-6), (name, t)


@pytest.mark.parametrize("family", FEATURES)
def test_every_local_family_reads_one_row_at_a_time_and_gives_float32(family):
    rows = [one_unit(channels(seed)) for seed in range(3)]
    stacked = {c: np.concatenate([row[c] for row in rows]) for c in rows[0].channels}
    nothing = np.full(3, np.nan)
    panel = Panel(("x", "y", "z"), rows[0].days, stacked, nothing, nothing, ("",) * 3)
    for name, values in FEATURES[family](panel).items():
        assert values.dtype == np.float32
        alone = [FEATURES[family](row)[name] for row in rows]
        assert values.tobytes() == np.concatenate(alone).tobytes()


PLACES = {
    "Ain": (33.8, 42.4, "Iraq"),
    "Balad": (34.0, 44.1, "Iraq"),
    "Kabul": (34.5, 69.2, "Afghanistan"),
    "Taji": (33.5, 44.3, "Iraq"),
    "all": (33.5, 44.3, "Iraq"),
    "nowhere": (math.nan, math.nan, ""),
    "somewhere": (math.nan, math.nan, ""),
}


def great_circle(a, b):
    """Spherical law of cosines: another way than haversine."""
    (la, loa), (lb, lob) = ([math.radians(x) for x in place[:2]] for place in (a, b))
    cosine = math.sin(la) * math.sin(lb) + math.cos(la) * math.cos(lb) * math.cos(loa - lob)
    return 0.0 if cosine >= 1 else 6371.0088 * math.acos(cosine)


def neighbours(sums, unit, t):
    place, out = PLACES[unit], {}
    others = [u for u in PLACES if schema.ALL_UNIT not in (unit, u) and u != unit]
    near = [u for u in others if great_circle(place, PLACES[u]) <= 250]
    compatriots = [u for u in others if place[2] and PLACES[u][2] == place[2]]
    groups = {"others": others, "same_country": compatriots, "within_250km": near}
    for kind, group in groups.items():
        for w in (7, 28):
            name = f"events_sum_{w}d"
            rows = [list(PLACES).index(u) for u in group]
            out[f"{name}_{kind}"] = sum(sums[name][row, t] for row in rows)
    return out


def units_panel(names):
    places = [PLACES[name] for name in names]
    north, east = (np.array([place[k] for place in places]) for k in (0, 1))
    return Panel(tuple(names), day_range("2020-01-01", "2020-01-05"), {}, north, east,
                 tuple(place[2] for place in places))  # fmt: skip


ACROSS_ORACLES = {"neighbours": neighbours}


def random_sums():
    rng = np.random.default_rng(3)
    shape = len(PLACES), 5
    return {f"events_sum_{w}d": rng.integers(0, 9, shape).astype(np.float32) for w in (7, 28)}


@pytest.mark.parametrize("family", ACROSS)
def test_every_family_across_units_obeys_its_formula(family):
    sums = random_sums()
    got = ACROSS[family](sums, units_panel(PLACES), slice(None))
    for row, unit in enumerate(PLACES):
        for t in range(5):
            expected = ACROSS_ORACLES[family](sums, unit, t)
            assert {name: got[name][row, t] for name in got} == expected


def test_a_unit_of_zeros_changes_no_bit_of_its_neighbours():
    sums = random_sums()
    for values in sums.values():
        values[list(PLACES).index("Balad")] = 0
    rest = [i for i, name in enumerate(PLACES) if name != "Balad"]
    full = ACROSS["neighbours"](sums, units_panel(PLACES), slice(None))
    fewer = {name: values[rest] for name, values in sums.items()}
    part = ACROSS["neighbours"](
        fewer, units_panel([n for n in PLACES if n != "Balad"]), slice(None)
    )
    for name, values in part.items():
        assert values.tobytes() == full[name][rest].tobytes()


def test_window_sums_stay_exact_after_a_huge_number():
    x = [2**40, 0, 1, 0, 0, 1, 1]
    got = FEATURES["window_sums"](one_unit({"events": x}), channels=["events"], windows=[3])
    assert got["events_sum_3d"][0].tolist() == [2**40, 2**40, 2**40 + 1 - 1, 1, 1, 1, 2]


def test_a_window_longer_than_the_axis_sums_it_all():
    got = FEATURES["window_sums"](one_unit({"events": [1, 2]}), channels=["events"], windows=[9])
    assert got["events_sum_9d"][0].tolist() == [1, 3]


def test_a_long_silence_ends_in_zero_not_in_tiny_numbers():
    got = FEATURES["decayed_sums"](
        one_unit({"events": [5, *[0] * 900]}), channels=["events"], half_lives=[3]
    )["events_decay_3d"][0]
    assert got[-1] == 0
    assert got[got > 0].min() > np.finfo(np.float32).tiny


def test_a_clock_has_burstiness_minus_one():
    x = [1, 0, 0] * 9
    got = FEATURES["tempo"](one_unit({"events": x}), gaps=[4])
    assert got["events_gap_mean_last_4"][0, -1] == 3
    assert got["events_burstiness_last_4"][0, -1] == -1


def test_spread_does_not_drift_after_an_extreme_gap():
    x = [1, *[0] * 300, 1, 1, 1, 1, 1]
    got = FEATURES["tempo"](one_unit({"events": x}), gaps=[3], cap=1000)
    assert got["events_gap_spread_last_3"][0, -1] == 0


@pytest.mark.parametrize(
    ("family", "options", "code"),
    [
        ("window_sums", {"channels": ["nosuch"]}, "E-CHANNEL"),
        ("window_sums", {"windows": [0]}, "E-FEATURE"),
        ("decayed_sums", {"half_lives": [0]}, "E-FEATURE"),
        ("decayed_sums", {"channels": ["nosuch"]}, "E-CHANNEL"),
        ("recency", {"channels": ["nosuch"]}, "E-CHANNEL"),
        ("recency", {"cap": 0}, "E-FEATURE"),
        ("trend", {"eps": 0.0}, "E-FEATURE"),
        ("trend", {"change": -7}, "E-FEATURE"),
        ("severity", {"windows": [-1]}, "E-FEATURE"),
        ("tempo", {"gaps": [0]}, "E-FEATURE"),
        ("pairs", {"pairs": [("a", "c")]}, "E-CHANNEL"),
    ],
)
def test_invalid_parameters_are_refused(family, options, code):
    with pytest.raises(UsageError) as refused:
        FEATURES[family](one_unit(channels(1)), **options)
    assert refused.value.code == code


def test_neighbours_name_a_missing_window_sum():
    with pytest.raises(UsageError, match=r"events_sum_99d.*window_sums"):
        ACROSS["neighbours"](random_sums(), units_panel(PLACES), slice(None), windows=[99])
