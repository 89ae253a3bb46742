"""As known on each day: families, labels and training tables against panels built anew each day.

Generated archives hold late reports, updates that move events in time and place, tolls that change,
retractions (also after every window has passed) and second thoughts. On every day t the panel is
built again from ``archive.as_of(t)``, read at day t less the lag, and every column is worked out
from its formula in plain NumPy, which shares no code with the package. Counts must be equal, other
numbers |a - b| <= 1e-6 max(1, |b|). Up to any day, the same columns must be equal bit for bit to
those of the archive as it then stood, and of one with other news afterwards.

Ten archives are tested by default; more by a command:

    python tests/panel/test_known_when.py --archives 200
"""

from __future__ import annotations

import argparse
import datetime as dt
import re
import time

import numpy as np
import pandas as pd
import pytest

from escalation import schema
from escalation.backtest.table import Prepared, training_rows
from escalation.events.archive import EventArchive
from escalation.features import ACROSS, FEATURES
from escalation.features.build import build
from escalation.panel.by_unit import history
from escalation.panel.dense import PanelSpec, Where, pair_channel
from escalation.targets import TARGETS

FIRST, DAYS, ENTERS = np.datetime64("2020-01-01", "D"), 44, 3
SITES = {
    "Balad": (34.0, 44.1, "Iraq"),
    "Erbil": (36.2, 44.0, "Iraq"),
    "Kabul": (34.5, 69.2, "Afghanistan"),
    "Taji": (33.5, 44.3, "Iraq"),
    "at sea": (np.nan, np.nan, None),
}
NEAR_250 = {("Balad", "Erbil"), ("Balad", "Taji")}
"""245 and 58 km; between Erbil and Taji it is 301."""
SIDES = ("iran", "militia", "us")
PAIRS = (("militia", "us"), ("us", "militia"))
FAMILIES = {name: {} for name in (*FEATURES, *ACROSS)}
VIOLENT = {"where": Where({schema.ACTOR: ("militia", "us")}, rung=3)}
LABELS = (
    ("any", {"horizon": 3, **VIOLENT}),
    ("exceed", {"horizon": 3, "windows": 5, "least_mean": 0.2}),
    ("exceed", {"horizon": 2, **VIOLENT}),
    ("up", {"horizon": 4, "window": 20, "least_mean": 0.3}),
    ("surge", {"horizon": 4, "window": 8}),
    ("onset", {"horizon": 3, "quiet": 4, **VIOLENT}),
    ("calm", {"horizon": 3, "window": 6, **VIOLENT}),
    ("climb", {"horizon": 3, "window": 6}),
    ("deaths", {"horizon": 4, "least": 2}),
    ("retaliation", {"horizon": 4, "window": 6, "pairs": (("militia", "us"), ("us", "iran"))}),
)
WHOLE = ("_sum_", "days_since", "highest_rung", "_hit_", "threshold", "at_risk", "needed")
"""Parts of the names of columns that are whole numbers; others are floats."""


# Archives


def versions(rng, count, *, prefix="e", earliest=-4, known_from=0):
    """Random versions of some events, days as numbers from the first."""
    rows = []
    for number in range(count):
        happened = int(rng.integers(earliest, DAYS))
        known = max(happened + int(rng.choice([0, 0, 1, 2, 4, 9, 25])), known_from)
        event = {schema.EVENT_ID: f"{prefix}{number}", **random_details(rng)}
        operation = "add"
        for _ in range(int(rng.integers(1, 6))):
            rows.append({**event, "happened": happened, "known": known, "operation": operation})
            known += int(rng.integers(1, 16))
            operation = str(rng.choice(["update", "update", "update", "retract"]))
            if rng.random() < 0.3:
                happened = min(happened + int(rng.integers(-3, 4)), known)
            if rng.random() < 0.6:
                fresh = random_details(rng)
                some = rng.choice(list(fresh), int(rng.integers(1, 4)), replace=False)
                event |= {name: fresh[name] for name in some}
    return canonical([row for row in rows if row["known"] < DAYS])


def random_details(rng):
    """What a version says of an event."""
    actor, target = rng.choice(SIDES, 2, replace=False)
    return {
        schema.SITE: str(rng.choice(list(SITES))),
        schema.ACTOR: str(actor),
        schema.TARGET: str(target),
        schema.SEVERITY: int(rng.integers(0, 7)),
        schema.KILLED: int(rng.integers(0, 9)) if rng.random() < 0.5 else None,
        **({"weight": int(rng.integers(1, 4))} if "weight" in schema.EVENT_COLUMNS else {}),
    }


def canonical(rows):
    """Rows to the table that archives are made of."""
    table = pd.DataFrame(rows)
    for column, days in ((schema.EVENT_DATE, "happened"), (schema.KNOWN_DATE, "known")):
        table[column] = FIRST + table.pop(days).to_numpy().astype("timedelta64[D]")
    places = table[schema.SITE].map(SITES)
    for position, column in enumerate((schema.LATITUDE, schema.LONGITUDE, schema.COUNTRY)):
        table[column] = [place[position] for place in places]
    table[schema.SOURCE], table[schema.EVENT_TYPE] = "test", "attack"
    table = table.reindex(columns=[*schema.EVENT_COLUMNS, schema.OPERATION])
    return table.astype({schema.KILLED: "Int64", schema.WOUNDED: "Int64"})


def setting(seed):
    """An archive, a reporting lag and the first day of the axis."""
    rng = np.random.default_rng(seed)
    lag, start = int(rng.choice([0, 0, 1, 3])), int(rng.choice([0, 0, 6]))
    table = versions(rng, int(rng.integers(8, 34)))
    of = EventArchive.of(table, covered_to=FIRST + (DAYS - 1), known_basis="observed")
    return of, lag, FIRST + start


def spec_of(target=None):
    channels = tuple(pair_channel(*pair) for pair in PAIRS)
    channels += target.channels() if target else ()
    return PanelSpec(("site", "all"), channels, Where(rung=ENTERS))


# The oracle: one day, built again


class Day:
    """Everything up to the last day seen, as known at the end of one issue day."""

    def __init__(self, archive, day, *, units, first, lag):
        self.units, self.last = units, day - lag
        events = archive.as_of(day)
        at = (events[schema.EVENT_DATE].to_numpy("datetime64[D]") - first).astype(int)
        self.at, self.n = at, max(int((self.last - first).astype(int)) + 1, 0)
        site = [units.index(name) if name in units else -1 for name in events[schema.SITE]]
        self.site = np.array(site, int)
        self.all = units.index("all") if "all" in units else -1
        self.rung = events[schema.SEVERITY].to_numpy(int)
        self.killed = events[schema.KILLED].fillna(0).to_numpy(int)
        weight = events["weight"] if "weight" in events else pd.Series(1, events.index)
        self.weight = weight.to_numpy(int)
        self.actor, self.target = (
            events[name].to_numpy(object) for name in (schema.ACTOR, schema.TARGET)
        )

    def rows(self, amount, *, until=None, highest=False):
        """Amounts by unit and day, up to a day that is the last one seen by default."""
        n = self.n if until is None else until
        out = np.zeros((len(self.units), n), int)
        for unit in (self.site, np.full(len(self.at), self.all)):
            some = (unit >= 0) & (self.at >= 0) & (self.at < n)
            join = np.maximum if highest else np.add
            join.at(out, (unit[some], self.at[some]), amount[some])
        return out

    def count(self, mask, **options):
        return self.rows(self.weight * mask, **options)

    def acts(self, actor, target):
        return (self.actor == actor) & (self.target == target) & (self.rung >= 3)

    def counted(self, where):
        """Events that a label counts."""
        keep = self.rung >= where.rung
        for name, allowed in where.equal.items():
            keep = keep & np.isin(getattr(self, name).astype(str), allowed)
        return keep

    def opened(self):
        """Units that have an event by which a unit enters."""
        opens = (self.rung >= ENTERS) & (self.at < self.n)
        sites = set(self.site[opens]) | ({self.all} if opens.any() else set())
        return np.isin(np.arange(len(self.units)), list(sites)) & (self.n > 0)


def last(x, width):
    return x[:, max(x.shape[1] - width, 0) :]


def total(x, width):
    return last(x, width).sum(axis=1)


def decayed(x, keep):
    return x @ keep ** np.arange(x.shape[1])[::-1]


def since(hit, cap):
    """Days since the last hit."""
    gap = hit.shape[1] - 1 - np.where(hit, np.arange(hit.shape[1]), -cap).max(axis=1, initial=-cap)
    return np.minimum(gap, cap)


def over(part, whole):
    return np.where(whole > 0, part / np.maximum(whole, 1), 0.0)


def features_on(day, present):
    """Every column of every family, by unit."""
    events = day.count(np.ones(len(day.at), int))
    killed, rung = day.rows(day.killed), day.rows(day.rung, highest=True)
    out = {}
    for name, x in (("events", events), ("killed", killed)):
        out |= {f"{name}_sum_{w}d": total(x, w) for w in (1, 3, 7, 14, 28, 90, 180)}
        out |= {f"{name}_decay_{h}d": decayed(x, 0.5 ** (1 / h)) for h in (3, 7, 21, 60)}
    out["days_since_events"] = since(events >= 1, 365)
    out |= {f"days_since_rung_{r}": since(rung >= r, 365) for r in (3, 5)}
    for short, long in ((7, 28), (28, 180)):
        now, then = (
            np.log((total(x, short) / short + 0.02) / (total(x, long) / long + 0.02))
            for x in (events, events[:, : max(day.n - 7, 0)])
        )
        out[f"events_trend_{short}d_{long}d"] = now
        out[f"events_acceleration_{short}d_{long}d"] = now - then
    for w in (7, 28, 90):
        busy = (last(events, w) > 0).sum(axis=1)
        out[f"highest_rung_{w}d"] = last(rung, w).max(axis=1, initial=0)
        out[f"rung_5_share_{w}d"] = over((last(rung, w) >= 5).sum(axis=1), busy)
        out[f"killed_per_event_{w}d"] = over(total(killed, w), total(events, w))
    out |= tempo_on(events) | pairs_on(day) | calendar_on(day)
    return {
        name: values * present for name, values in (out | neighbours_on(out, day, present)).items()
    }


def tempo_on(events):
    out = {}
    gaps = [np.diff(np.flatnonzero(row)) for row in events]
    for n in (5, 20):
        some = [gap[-n:] for gap in gaps]
        mean = np.array([gap.mean() if len(gap) else 365.0 for gap in some])
        spread = np.array([gap.std() if len(gap) else 0.0 for gap in some])
        out |= {f"events_gap_mean_last_{n}": mean, f"events_gap_spread_last_{n}": spread}
        enough = np.array([len(gap) > 1 for gap in some], bool)
        out[f"events_burstiness_last_{n}"] = np.where(enough, (spread - mean) / (spread + mean), 0)
    return out


def pairs_on(day):
    a, b = PAIRS[0]
    by_a, by_b = (day.count(day.acts(*pair)) for pair in PAIRS)
    out = {f"days_since_{a}_hit_{b}": since(by_a > 0, 365),
           f"days_since_{b}_hit_{a}": since(by_b > 0, 365)}  # fmt: skip
    for w in (7, 28, 90):
        sum_a, sum_b = total(by_a, w), total(by_b, w)
        out |= {f"{a}_hit_{b}_{w}d": sum_a, f"{b}_hit_{a}_{w}d": sum_b}
        out[f"{a}_{b}_imbalance_{w}d"] = over(sum_a - sum_b, sum_a + sum_b)
    return out


def calendar_on(day):
    date = dt.date.fromisoformat(str(day.last))
    out = {}
    for name, turn in (("weekday", date.weekday() / 7), ("month", (date.month - 1) / 12)):
        for wave in ("sin", "cos"):
            value = getattr(np, wave)(2 * np.pi * turn)
            out[f"{name}_{wave}"] = np.full(len(day.units), value)
    return out


def neighbours_on(out, day, present):
    country = [SITES.get(unit, (0, 0, None))[2] for unit in day.units]
    kinds = {
        "others": lambda i, j: True,
        "same_country": lambda i, j: country[i] is not None and country[i] == country[j],
        "within_250km": lambda i, j: bool({day.units[i : i + 1] + day.units[j : j + 1],
                                           day.units[j : j + 1] + day.units[i : i + 1]} & NEAR_250),
    }  # fmt: skip
    columns = {}
    places = [i for i, unit in enumerate(day.units) if unit != "all"]
    for w in (7, 28):
        sums = out[f"events_sum_{w}d"] * present
        for kind, holds in kinds.items():
            values = np.zeros(len(day.units), int)
            for i in places:
                values[i] = sum(sums[j] for j in places if j != i and holds(i, j))
            columns[f"events_sum_{w}d_{kind}"] = values
    return columns


def history_on(x, events, horizon):
    """History columns of a label's count."""
    out = {f"history_decay_{k}d": decayed(x, np.exp(-1 / k)) for k in (7, 10, 21, 45, 90, 365)}
    out |= {f"history_sum_{w}d": total(x, w) for w in (7, 28, 360)}
    out |= {f"history_active_{w}d": total((x >= 1).astype(int), w) for w in (28, 90, 360)}
    out["history_days_since"] = since(x >= 1, 9999)
    begun = events.shape[1] - np.where(events.any(axis=1), (events > 0).argmax(axis=1), 10**6) \
        if events.shape[1] else np.zeros(len(events))  # fmt: skip
    out["history_mean"] = out["history_sum_360d"] * horizon / np.clip(begun, 28, 360)
    return out


def look_back_on(target, day):
    """Threshold, risk set, history and what the look ahead needs, by unit."""
    h, kind = target.horizon, target.name
    keep, events = day.counted(target.where), day.count(np.ones(len(day.at), int))
    ones = np.ones(len(day.units), int)
    if kind == "climb":
        return climb_on(target, day, keep, events)
    if kind == "retaliation":
        return retaliation_on(target, day, keep, events)
    x = day.rows(day.killed * keep) if kind == "deaths" else day.count(keep)
    threshold, at_risk = ones, ones > 0
    if kind == "deaths":
        threshold = ones * target.least
    if kind == "onset":
        at_risk = total(x, target.quiet) == 0
    if kind == "up":
        past = total(x, target.window) * h
        threshold, at_risk = past // target.window + 1, past >= target.least_mean * target.window
    if kind == "surge":
        past = total(x, target.window)
        threshold = np.maximum(-(-2 * past * h // target.window), 1)
        at_risk = past * 7 >= target.least_weekly * target.window
    if kind == "exceed":
        padded = np.pad(x, ((0, 0), (h * target.windows, 0)))
        sums = last(padded, h * target.windows).reshape(len(x), target.windows, h).sum(axis=2)
        threshold = np.floor(np.quantile(sums, target.quantile, axis=1) + 1e-9) + 1
        at_risk = sums.sum(axis=1) >= target.least_mean * target.windows - 1e-9
    past = history_on(x, events, h)
    if kind == "calm":
        at_risk = total(x, target.window) > 0
        past = {name: calm_instead(name, values, h) for name, values in past.items()}
    return {"threshold": threshold, "at_risk": at_risk, **past}


def calm_instead(name, values, h):
    """Expected events of a column's days, told as the count that calm in h of them implies."""
    if name.endswith("days_since") or "_active_" in name:
        return values
    days = re.search(r"_(\d+)d$", name)
    horizons = int(days[1]) / h if days else 1.0
    m = np.minimum(np.maximum(values / horizons, 1e-6), 30.0)
    return -np.log1p(-np.exp(-m)) * horizons


def climb_on(target, day, keep, events):
    top = last(day.rows(day.rung * keep, highest=True), target.window).max(axis=1, initial=0)
    out = {"threshold": np.ones(len(top), int), "at_risk": top < 6, "needed_rung": top + 1}
    for rung in range(1, 7):
        needed = np.minimum(top + 1, 6) == rung
        history = history_on(day.count(keep & (day.rung >= rung)), events, target.horizon)
        out |= {name: np.where(needed, v, out.get(name, v)) for name, v in history.items()}
    return out


def both_ways(target):
    return list(dict.fromkeys((b, a) for p in target.pairs for a, b in (p, p[::-1])))


def retaliation_on(target, day, keep, events):
    out, at_risk = {}, np.zeros(len(day.units), bool)
    for side, other in both_ways(target):
        hit = total(day.count(keep & day.acts(other, side)), target.window) > 0
        out[f"target_{side}>{other}"], at_risk = hit, at_risk | hit
        history = history_on(day.count(keep & day.acts(side, other)), events, target.horizon)
        for name, values in history.items():
            nothing = 9999 if name == "history_days_since" else 0
            join = np.minimum if nothing else np.add
            values = np.where(hit, values, nothing)
            out[name] = join(out[name], values) if name in out else values
    return {"threshold": np.ones(len(at_risk), int), "at_risk": at_risk, **out}


def counts_ahead(target, back, day, n):
    """Counts of the h days after each day, from what is known on a day; by unit and day."""
    keep, h = day.counted(target.where), target.horizon

    def ahead(x):
        out = np.full(x.shape, np.nan)
        for s in range(x.shape[1] - h):
            out[:, s] = x[:, s + 1 : s + 1 + h].sum(axis=1)
        return out

    if target.name == "climb":
        by_rung = [ahead(day.count(keep & (day.rung >= r), until=n)) for r in range(1, 7)]
        missing = by_rung[0] * 0
        needed = back["needed_rung"][:, :n]
        return missing + sum(np.where(needed == r + 1, x, 0) for r, x in enumerate(by_rung))
    if target.name == "retaliation":
        return sum(
            ahead(day.count(keep & day.acts(*pair), until=n))
            * back[f"target_{pair[0]}>{pair[1]}"][:, :n]
            for pair in both_ways(target)
        )
    if target.name == "calm":
        events = ahead(day.count(keep, until=n))
        return np.where(np.isnan(events), np.nan, events == 0)
    if target.name == "deaths":
        return ahead(day.rows(day.killed * keep, until=n))
    return ahead(day.count(keep, until=n))


# Comparisons


def require_same(actual, expected, where):
    """All columns; counts to the digit, floats to one in a million."""
    assert set(actual) == set(expected), where
    for name in expected:
        a, b = np.asarray(actual[name], float), np.asarray(expected[name], float)
        if any(word in name for word in WHOLE) or name.startswith("target_"):
            same = (a == b) | (np.isnan(a) & np.isnan(b))
        else:
            same = np.abs(a - b) <= 1e-6 * np.maximum(1, np.abs(b))
        assert same.all(), f"{where}: {name} {a[~same][:3]}, expected {b[~same][:3]}"


def columns_of(back):
    return {"threshold": back.threshold, "at_risk": back.at_risk, **back.history, **back.extra}


def oracle(archive, past):
    """Each day on its own, and the units that had entered by then."""
    entered, days, present = np.zeros(len(past.units), bool), [], []
    for today in past.days:
        day = Day(archive, today, units=past.units, first=past.days[0], lag=past.lag)
        entered = entered | day.opened()
        days.append(day)
        present.append(entered)
    return days, np.array(present).T


def stacked(by_day):
    """Columns by unit and day."""
    return {name: np.stack([columns[name] for columns in by_day], axis=1) for name in by_day[0]}


def check(seed):
    """Families, labels and training tables of one archive."""
    archive, lag, first = setting(seed)
    past = history(archive, spec_of(), first_day=first, lag=lag)
    features = build(past, FAMILIES)
    days, present = oracle(archive, past)
    np.testing.assert_array_equal(past.present, present)
    expected = stacked([features_on(day, present[:, t]) for t, day in enumerate(days)])
    actual = {name: features[name] for name in features.names}
    require_same(actual, expected, f"archive {seed}")
    for name, options in LABELS:
        check_label(TARGETS[name](**options), archive, past, features, days, expected, seed)


def check_label(target, archive, plain, features, days, expected_features, seed):
    spec, present, where = spec_of(target), plain.present, f"archive {seed}, {target.name}"
    past = history(archive, spec, first_day=plain.days[0], lag=plain.lag)
    prepared = Prepared(archive, spec, past, features)
    back = prepared.back(target)
    expected = stacked([look_back_on(target, day) for day in days])
    expected["at_risk"] = expected["at_risk"] & present
    got = columns_of(back)
    require_same(
        {name: values[present] for name, values in got.items()},
        {name: values[present] for name, values in expected.items()},
        where,
    )
    for at in range(9, len(days), 11):
        labels = prepared.labels_at(target, back, plain.days[at])
        count = np.full(present.shape, np.nan)
        count[:, : at + 1] = counts_ahead(target, expected, days[at], at + 1)
        count[:, np.arange(len(days)) + target.horizon > at - plain.lag] = np.nan
        np.testing.assert_array_equal(labels.count[present], count[present], err_msg=where)
        rows = training_rows(prepared, labels, every=2, last=at)
        usable = present & expected["at_risk"] & ~np.isnan(count)
        usable[:, 1::2] = False
        assert np.array_equal(np.array(rows), np.array(np.nonzero(usable))), where
        table = prepared.table(back, labels, rows)
        columns = expected_features | {
            n: v for n, v in expected.items() if n.startswith("history_")
        }
        columns["threshold"] = expected["threshold"]
        observed = [max(day.n, 1) for day in days]
        columns["history_days_observed"] = np.tile(observed, (len(present), 1))
        require_same(
            {name: table.X[name].to_numpy() for name in table.X},
            {name: values[usable] for name, values in columns.items()},
            f"{where}, table of day {at}",
        )
        np.testing.assert_array_equal(table.count, count[usable])
        np.testing.assert_array_equal(
            table.outcome, (count[usable] >= expected["threshold"][usable]) * 1.0
        )


def all_columns(archive, *, lag, first):
    """Every feature and everything that a label looks back on, by unit and column."""
    past = history(archive, spec_of(), first_day=first, lag=lag)
    features, columns = build(past, FAMILIES), {}
    for i, unit in enumerate(past.units):
        entry = int(past.entry[i])
        columns |= {(unit, name): (entry, features[name][i]) for name in features.names}
    for number, (name, options) in enumerate(LABELS):
        target = TARGETS[name](**options)
        other = history(archive, spec_of(target), first_day=first, lag=lag)
        back = columns_of(Prepared(archive, spec_of(target), other, features).back(target))
        for i, unit in enumerate(other.units):
            entry = int(other.entry[i])
            columns |= {(unit, number, column): (entry, v[i]) for column, v in back.items()}
    return columns


def until(columns, t):
    """The bytes up to a day."""
    return {
        key: (entry, values[entry : t + 1].tobytes())
        for key, (entry, values) in columns.items()
        if entry <= t
    }


def check_laws(seed):
    """Nothing that became known later changes a bit of earlier days."""
    archive, lag, first = setting(seed)
    full = all_columns(archive, lag=lag, first=first)
    rng = np.random.default_rng(seed + 10_000)
    for offset in rng.choice(np.arange(8, DAYS - 8), 2, replace=False):
        day = FIRST + int(offset)
        t = int((day - first).astype(int))
        then = archive.until(day)
        assert until(all_columns(then, lag=lag, first=first), t) == until(full, t), (seed, day)
        poison = versions(rng, 12, prefix="p", known_from=int(offset) + 1)
        changed = then.versions.drop_duplicates(schema.EVENT_ID, keep="last").iloc[::2]
        fate = np.where(np.arange(len(changed)) % 2, "update", "retract")
        changed = changed.assign(known_date=pd.Timestamp(day + 1), killed=7, operation=fate)
        news = pd.concat([poison, changed.astype({schema.KILLED: "Int64"})], ignore_index=True)
        poisoned = EventArchive.of(
            pd.concat([then.versions, news], ignore_index=True), covered_to=archive.covered_to
        )
        other = all_columns(poisoned, lag=lag, first=first)
        assert until(other, t) == until(full, t), (seed, day)
        assert until(other, DAYS) != until(full, DAYS), "expected the poison to do something"


# Tests


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_everything_is_as_it_was_known_on_each_day(seed):
    check(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_nothing_that_is_known_later_changes_a_bit(seed):
    check_laws(seed)


def test_every_registered_label_is_among_them():
    assert {name for name, _ in LABELS} == set(TARGETS)


def test_the_archives_have_the_cases_of_the_law():
    tables = [setting(seed)[0].versions for seed in range(10)]
    known, happened = (
        np.concatenate([table[name].to_numpy("datetime64[D]") for table in tables])
        for name in (schema.KNOWN_DATE, schema.EVENT_DATE)
    )
    gone = np.concatenate([table[schema.OPERATION] == "retract" for table in tables])
    delay = (known - happened).astype(int)
    assert (delay > 0).sum() > 100
    assert (gone & (delay > 14)).sum() > 15
    moved = [table.groupby(schema.EVENT_ID)[schema.EVENT_DATE].nunique() for table in tables]
    assert (pd.concat(moved) > 1).sum() > 25
    assert {setting(seed)[1] for seed in range(10)} == {0, 1, 3}


def main():
    """Run the law on many archives."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--archives", type=int, default=200)
    parser.add_argument("--first", type=int, default=0)
    options = parser.parse_args()
    start = time.process_time()
    for seed in range(options.first, options.first + options.archives):
        check(seed)
        check_laws(seed)
    seconds = time.process_time() - start
    print(f"{options.archives} archives as known on each day, {seconds:.0f} s of CPU: all equal")


if __name__ == "__main__":
    main()
