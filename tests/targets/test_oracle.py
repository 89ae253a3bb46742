"""Labels against a slow oracle: event by event, in plain Python, from the archive's snapshots."""

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import numpy as np
import pandas as pd
import pytest

from escalation import schema
from escalation.panel.by_unit import history
from escalation.panel.dense import PanelSpec, Where, day_range
from escalation.targets import TARGETS, labels, look_back
from escalation.targets.any import AnyEvent
from escalation.targets.calm import Calm
from escalation.targets.climb import Climb
from escalation.targets.deaths import Deaths
from escalation.targets.exceed import Exceed
from escalation.targets.onset import Onset
from escalation.targets.retaliation import Retaliation
from escalation.targets.surge import Surge
from escalation.targets.up import Up

VIOLENT = Where({schema.ACTOR: ("militia", "coalition")}, rung=3)
CASES = (
    AnyEvent(horizon=3, where=VIOLENT),
    Exceed(horizon=3, windows=6, least_mean=0.4),
    Exceed(horizon=1, least_mean=0.2),
    Up(horizon=4, window=20, least_mean=0.5),
    Up(horizon=10, least_mean=0.2, where=VIOLENT),
    Surge(horizon=4, window=8, least_weekly=2.0),
    Surge(horizon=7, where=VIOLENT),
    Onset(horizon=5, quiet=4, where=VIOLENT),
    Climb(horizon=3, window=5),
    Climb(horizon=6, window=3, where=Where({schema.EVENT_TYPE: ("air_strike",)}, rung=2)),
    Calm(horizon=3, window=8),
    Calm(horizon=2, window=4, where=VIOLENT),
    Deaths(horizon=4, least=4, where=Where({schema.EVENT_TYPE: ("air_strike",)})),
    Retaliation(horizon=4, window=6, pairs=(("militia", "coalition"), ("coalition", "civilians"))),
    Retaliation(horizon=9, pairs=(("militia", "coalition"),), where=Where(rung=4)),
)
KINDS = ("site", "all")


def test_the_oracle_has_every_registered_target():
    assert {case.name for case in CASES} == set(TARGETS) == set(RULES)


@dataclass
class Event:
    """A day, counted from the first, and what was recorded."""

    day: int
    row: dict


def read(table, start):
    """Events of a snapshot by unit."""
    by_unit = {}
    for row in table.astype(object).where(table.notna(), None).to_dict("records"):
        event = Event((row[schema.EVENT_DATE] - start).days, row)
        for unit in (row[schema.SITE], "all"):
            if unit is not None:
                by_unit.setdefault(unit, []).append(event)
    return by_unit


@pytest.fixture(scope="module")
def snapshots(random_archive):
    """A random archive and its snapshot of each day, read once."""

    @cache
    def read_daily(seed):
        archive = random_archive(seed)
        days = day_range(archive.first_day, archive.covered_to)
        start = pd.Timestamp(days[0])
        return archive, [read(archive.as_of(day), start) for day in days]

    return read_daily


def counts_for(where, row):
    return row[schema.SEVERITY] >= where.rung and all(
        row[column] in allowed for column, allowed in where.equal.items()
    )


@dataclass
class Expected:
    """The oracle's label on a day; weight is what an event adds to count and history."""

    threshold: int
    at_risk: bool
    weight: object


def total(events, weight, first, last):
    """Sum of weights from a day to a day, both included."""
    return sum(weight(event) for event in events if first <= event.day <= last)


def plain(target):
    return lambda event: int(counts_for(target.where, event.row))


def rule_any(target, past, now):
    return Expected(1, True, plain(target))


def rule_onset(target, past, now):
    weight = plain(target)
    return Expected(1, not total(past, weight, now - target.quiet + 1, now), weight)


def rule_deaths(target, past, now):
    return Expected(
        target.least, True, lambda event: plain(target)(event) * (event.row[schema.KILLED] or 0)
    )


def rule_up(target, past, now):
    weight = plain(target)
    past_total = total(past, weight, now - target.window + 1, now)
    average = Fraction(past_total * target.horizon, target.window)
    return Expected(math.floor(average) + 1, average >= target.least_mean, weight)


def rule_surge(target, past, now):
    weight = plain(target)
    past_total = total(past, weight, now - target.window + 1, now)
    average = Fraction(past_total * target.horizon, target.window)
    needed = math.ceil(Fraction(str(target.factor)) * average)
    weekly = Fraction(past_total * 7, target.window)
    return Expected(max(needed, 1), weekly >= target.least_weekly, weight)


def rule_exceed(target, past, now):
    weight, h = plain(target), target.horizon
    ends = [now - h * i for i in range(target.windows)]
    sums = sorted(total(past, weight, end - h + 1, end) for end in ends)
    place = Fraction(str(target.quantile)) * (target.windows - 1)
    low = math.floor(place)
    high = min(low + 1, target.windows - 1)
    quantile = sums[low] + (place - low) * (sums[high] - sums[low])
    mean = Fraction(sum(sums), target.windows)
    return Expected(math.floor(quantile) + 1, mean >= Fraction(str(target.least_mean)), weight)


def highest(target, events, first, last):
    """Highest rung of the events that count, from a day to a day."""
    rows = [e.row for e in events if first <= e.day <= last and counts_for(target.where, e.row)]
    return max((row[schema.SEVERITY] for row in rows), default=0)


def rule_climb(target, past, now):
    top = highest(target, past, now - target.window + 1, now)
    needed = min(top + 1, 6)
    return Expected(
        1, top < 6, lambda event: plain(target)(event) * (event.row[schema.SEVERITY] >= needed)
    )


def rule_calm(target, past, now):
    return Expected(1, total(past, plain(target), now - target.window + 1, now) > 0, plain(target))


def complement(name, value, horizon):
    """The count that is at least 1 as often as there are no events."""
    if name == "history_days_since" or "_active_" in name:
        return value
    spans = name.removesuffix("d").rpartition("_")[2]
    share = 1.0 if spans == "mean" else int(spans) / horizon
    expected = min(max(value / share, 1e-6), 30.0)
    return -math.log1p(-math.exp(-expected)) * share


def attacks(target, event, actor, other):
    row = event.row
    return (
        row[schema.ACTOR] == actor
        and row[schema.TARGET] == other
        and row[schema.SEVERITY] >= 3
        and counts_for(target.where, row)
    )


def rule_retaliation(target, past, now):
    both = {pair for a, b in target.pairs for pair in ((a, b), (b, a))}
    recent = [event for event in past if now - target.window < event.day <= now]
    answers = {(b, a) for a, b in both if any(attacks(target, event, a, b) for event in recent)}
    return Expected(
        1, bool(answers), lambda event: int(any(attacks(target, event, *pair) for pair in answers))
    )


RULES = {
    "any": rule_any,
    "exceed": rule_exceed,
    "up": rule_up,
    "surge": rule_surge,
    "onset": rule_onset,
    "climb": rule_climb,
    "deaths": rule_deaths,
    "retaliation": rule_retaliation,
    "calm": rule_calm,
}


def expected_history(rule, past, now, horizon):
    """Every history column of one unit on one day."""
    weights = [(event.day, rule.weight(event)) for event in past]
    columns = {
        f"history_decay_{k}d": sum(w * math.exp(-(now - day) / k) for day, w in weights)
        for k in (7, 10, 21, 45, 90, 365)
    }
    for width in (7, 28, 360):
        columns[f"history_sum_{width}d"] = sum(w for day, w in weights if day > now - width)
    days = {day for day, _ in weights}
    worth = {day: sum(w for other, w in weights if other == day) for day in days}
    for width in (28, 90, 360):
        columns[f"history_active_{width}d"] = sum(
            total >= 1 for day, total in worth.items() if day > now - width
        )
    columns["history_days_since"] = min((now - day for day, w in weights if w >= 1), default=9999)
    observed = max((now - event.day + 1 for event in past), default=0)
    columns["history_mean"] = (
        columns["history_sum_360d"] * horizon / min(max(observed, 28), 360)
    )  # fmt: skip
    return columns


def ahead(target, rule, past, future, t, now):
    """Count and outcome of the days t+1 to t+h."""
    last = t + target.horizon
    if target.name == "calm":
        calm = total(future, rule.weight, t + 1, last) == 0
        return calm, calm
    if target.name != "climb":
        count = total(future, rule.weight, t + 1, last)
        return count, count >= rule.threshold
    top = highest(target, past, now - target.window + 1, now)
    count = total(future, rule.weight, t + 1, last) if rule.at_risk else 0
    return count, highest(target, future, t + 1, last) > top


@pytest.mark.parametrize("seed", [11, 12])
@pytest.mark.parametrize("lag", [0, 3])
@pytest.mark.parametrize("target", CASES, ids=lambda case: f"{case.name}_{case.horizon}d")
def test_a_label_equals_the_oracle_event_by_event(target, lag, seed, snapshots):
    archive, daily = snapshots(seed)
    spec = PanelSpec(KINDS, target.channels())
    versions = history(archive, spec, lag=lag)
    additions = versions.panel().news["events"].value > 0
    assert additions.sum() > len(versions.units) + 5, "expected late news"
    covered = len(daily) - 1 - lag
    back = look_back(target, versions)
    got = labels(target, back, versions.panel_at(len(daily) - 1), covered=covered)
    entered, outcomes = set(), []
    for t in range(lag, len(daily)):
        for i, unit in enumerate(versions.units):
            now, place = t - lag, f"{unit} on day {t}"
            past = [event for event in daily[t].get(unit, []) if event.day <= now]
            entered |= {unit} if past else set()
            rule = RULES[target.name](target, past, now)
            assert back.at_risk[i, t] == (rule.at_risk and unit in entered), place
            assert back.threshold[i, t] == rule.threshold, place
            for name, value in expected_history(rule, past, now, target.horizon).items():
                if target.name == "calm":
                    value = complement(name, value, target.horizon)
                actual = back.history[name][i, t]
                assert math.isclose(actual, value, rel_tol=1e-9, abs_tol=1e-12), (name, place)
            if t + target.horizon > covered:
                assert np.isnan(got.count[i, t]), place
                assert np.isnan(got.outcome[i, t]), place
                continue
            count, outcome = ahead(target, rule, past, daily[-1].get(unit, []), t, now)
            assert got.count[i, t] == count, place
            assert got.outcome[i, t] == outcome, place
            outcomes.append(bool(outcome) if back.at_risk[i, t] else None)
    assert {True, False, None} <= set(outcomes), "expected positives, negatives and neither"


@pytest.mark.parametrize("target", CASES, ids=lambda case: f"{case.name}_{case.horizon}d")
def test_all_targets_give_the_same_history_columns(target, random_archive):
    versions = history(random_archive(1, days=12), PanelSpec(KINDS, target.channels()))
    names = set(expected_history(Expected(1, True, lambda event: 1), [], 0, 7))
    back = look_back(target, versions)
    assert set(back.history) == names
    assert all(values.dtype == np.float64 for values in back.history.values())
    assert back.threshold.dtype == np.float64
    assert back.at_risk.dtype == bool
