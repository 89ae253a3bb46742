"""Labels against tables written out by hand: threshold, risk set, count and outcome, day by day."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from escalation import schema
from escalation.errors import UsageError
from escalation.events import EventArchive
from escalation.panel.by_unit import history
from escalation.panel.dense import PanelSpec, Where
from escalation.panel.series import Series
from escalation.targets import TARGETS, LookBack, Target, labels, look_back, null_share
from escalation.targets.any import AnyEvent
from escalation.targets.base import Labels, expected_count
from escalation.targets.calm import Calm
from escalation.targets.climb import Climb
from escalation.targets.deaths import Deaths
from escalation.targets.exceed import Exceed
from escalation.targets.onset import Onset
from escalation.targets.retaliation import Retaliation
from escalation.targets.surge import Surge
from escalation.targets.up import Up

N = None
NO, YES = False, True
MILITIA, US = "militia", "us"
START = pd.Timestamp("2020-01-01")


@dataclass(frozen=True)
class Table:
    """Events as (day, rung, killed, actor, target) and the expected label, one value a day."""

    target: Target
    events: list[tuple]
    threshold: list[int]
    at_risk: list[bool]
    count: list[int | None]
    outcome: list[int | None]


def counts(*by_day):
    """So many events of rung 3 on each day."""
    return [(day, 3, 0, MILITIA, US) for day, count in enumerate(by_day) for _ in range(count)]


TABLES = {
    "any": Table(
        AnyEvent(horizon=2, where=Where(rung=3)),
        [*counts(0, 1, 0, 0, 1, 0, 0, 1), (1, 1, 0, US, US), (4, 5, 2, US, US)],
        threshold=[1, 1, 1, 1, 1, 1, 1, 1],
        at_risk=[NO, YES, YES, YES, YES, YES, YES, YES],  # the unit enters on day 1
        count=[1, 0, 2, 2, 0, 1, N, N],
        outcome=[1, 0, 1, 1, 0, 1, N, N],
    ),
    "exceed": Table(
        Exceed(horizon=2, windows=4),
        counts(1, 1, 0, 3, 1, 0, 0, 4, 0, 0),
        # two-day counts 1 2 1 3 4 1 0 4 4 0; quantiles .7 1.4 1 2.7 3.1 2.7 3.1 3.7 4 3.7
        threshold=[1, 2, 2, 3, 4, 3, 4, 4, 5, 4],
        at_risk=[NO, YES, YES, YES, YES, YES, YES, YES, YES, YES],
        count=[1, 3, 4, 1, 0, 4, 4, 0, N, N],
        outcome=[1, 1, 1, 0, 0, 1, 1, 0, N, N],
    ),
    "up": Table(
        Up(horizon=2, window=4, least_mean=1.5),
        counts(2, 0, 2, 0, 1, 3, 0, 0),
        # averages 1 1 2 2 1.5 3 2 2
        threshold=[2, 2, 3, 3, 2, 4, 3, 3],
        at_risk=[NO, NO, YES, YES, YES, YES, YES, YES],
        count=[2, 2, 1, 4, 3, 0, N, N],
        outcome=[1, 1, 0, 1, 1, 0, N, N],
    ),
    "surge": Table(
        Surge(horizon=2, window=4, least_weekly=5.0),
        counts(2, 0, 2, 0, 1, 3, 0, 0),
        # sums of four days 2 2 4 4 3 6 4 4, of which twice the two-day average is the same
        threshold=[2, 2, 4, 4, 3, 6, 4, 4],
        at_risk=[NO, NO, YES, YES, YES, YES, YES, YES],
        count=[2, 2, 1, 4, 3, 0, N, N],
        outcome=[1, 1, 0, 1, 1, 0, N, N],
    ),
    "onset": Table(
        Onset(horizon=2, quiet=2),
        counts(1, 0, 0, 0, 2, 0, 0, 1),
        threshold=[1, 1, 1, 1, 1, 1, 1, 1],
        at_risk=[NO, NO, YES, YES, NO, NO, YES, NO],
        count=[0, 0, 2, 2, 0, 1, N, N],
        outcome=[0, 0, 1, 1, 0, 1, N, N],
    ),
    "climb": Table(
        Climb(horizon=2, window=2),
        [
            (0, 3, 0, MILITIA, US),
            (2, 2, 0, US, US),
            (2, 5, 1, US, MILITIA),
            (4, 6, 9, US, MILITIA),
            (6, 1, 0, US, US),
            (8, 1, 0, US, US),
        ],
        # highest of the last two days 3 3 5 5 6 6 1 1 1 1
        threshold=[1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
        at_risk=[YES, YES, YES, YES, NO, NO, YES, YES, YES, YES],
        count=[1, 1, 1, 1, 0, 0, 0, 0, N, N],
        outcome=[1, 1, 1, 1, 0, 0, 0, 0, N, N],
    ),
    "deaths": Table(
        Deaths(horizon=2, least=3),
        [
            (0, 5, 1, MILITIA, US),
            (2, 5, 2, MILITIA, US),
            (3, 5, 1, MILITIA, US),
            (3, 5, 2, US, MILITIA),
            (5, 3, None, US, MILITIA),
        ],
        threshold=[3, 3, 3, 3, 3, 3, 3, 3],
        at_risk=[YES, YES, YES, YES, YES, YES, YES, YES],
        count=[2, 5, 3, 0, 0, 0, N, N],
        outcome=[0, 1, 1, 0, 0, 0, N, N],
    ),
    "calm": Table(
        Calm(horizon=2, window=2),
        counts(0, 1, 0, 0, 1, 0, 0, 2, 0, 0),
        threshold=[1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
        at_risk=[NO, YES, YES, NO, YES, YES, NO, YES, YES, NO],
        count=[0, 1, 0, 0, 1, 0, 0, 1, N, N],
        outcome=[0, 1, 0, 0, 1, 0, 0, 1, N, N],
    ),
    "retaliation": Table(
        Retaliation(horizon=2, window=2, pairs=((MILITIA, US),)),
        [
            (0, 3, 0, MILITIA, US),
            (1, 2, 0, US, MILITIA),  # no attack
            (3, 5, 2, US, MILITIA),
            (4, 4, 0, MILITIA, US),
            (4, 4, 0, MILITIA, US),
            (7, 3, 0, US, MILITIA),
        ],
        threshold=[1, 1, 1, 1, 1, 1, 1, 1],
        at_risk=[YES, YES, NO, YES, YES, YES, NO, YES],
        count=[0, 1, 0, 2, 0, 1, N, N],
        outcome=[0, 1, 0, 1, 0, 1, N, N],
    ),
}


def archive_of(events, days):
    rows = [
        {
            schema.EVENT_ID: f"e{number}",
            schema.EVENT_DATE: START + pd.Timedelta(days=day),
            schema.KNOWN_DATE: START + pd.Timedelta(days=day),
            schema.EVENT_TYPE: "rocket_attack",
            schema.ACTOR: actor,
            schema.TARGET: target,
            schema.SEVERITY: rung,
            schema.KILLED: killed,
            schema.SOURCE: "test",
        }
        for number, (day, rung, killed, actor, target) in enumerate(events)
    ]
    table = (
        pd.DataFrame(rows).reindex(columns=schema.EVENT_COLUMNS).astype({schema.KILLED: "Int64"})
    )
    return EventArchive.of(table, covered_to=START + pd.Timedelta(days=days - 1))


def label(target, events, days):
    """The look back and the labels of one unit that holds all events."""
    archive, spec = archive_of(events, days), PanelSpec(channels=target.channels())
    past = history(archive, spec, first_day=START)
    back, panel = look_back(target, past), past.panel_at(days - 1)
    return back, labels(target, back, panel, covered=days - 1)


def missing(values):
    return [None if np.isnan(value) else value for value in values]


def test_every_registered_target_has_a_table():
    assert set(TABLES) == set(TARGETS)


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_equals_its_table(name):
    table = TABLES[name]
    assert table.target.name == name
    assert type(table.target) is TARGETS[name]
    _, result = label(table.target, table.events, len(table.threshold))
    assert result.threshold[0].tolist() == table.threshold
    assert result.at_risk[0].tolist() == table.at_risk
    assert missing(result.count[0]) == table.count
    assert missing(result.outcome[0]) == table.outcome


@pytest.mark.parametrize("name", TARGETS)
def test_a_label_exists_only_where_all_days_ahead_are_covered(name):
    table = TABLES[name]
    days = len(table.threshold)
    archive, spec = archive_of(table.events, days), PanelSpec(channels=table.target.channels())
    past = history(archive, spec, first_day=START)
    back, panel = look_back(table.target, past), past.panel_at(days - 1)
    for covered in range(-1, days + 3):
        known = ~np.isnan(labels(table.target, back, panel, covered=covered).outcome[0])
        assert known.tolist() == [t + 2 <= min(covered, days - 1) for t in range(days)]


def test_surge_needs_exactly_twice_the_average_and_one_event_at_least():
    back, _ = label(Surge(horizon=7), [*counts(*[0] * 27, 8), *counts(1)], days=60)
    assert back.threshold[0, [0, 27, 28, 55, 56]].tolist() == [1, 5, 4, 1, 1]
    assert back.at_risk[0, [0, 27, 28, 54, 55]].tolist() == [NO, YES, YES, YES, NO]


def test_surge_survives_a_factor_that_is_not_exact_in_floats():
    back, _ = label(Surge(horizon=4, window=4, factor=1.1), counts(50), days=4)
    assert back.threshold[0].tolist() == [55, 55, 55, 55]


def test_up_is_above_an_average_that_is_a_whole_number():
    back, _ = label(Up(horizon=60), counts(18), days=3)
    assert back.threshold[0].tolist() == [4, 4, 4]
    assert back.at_risk[0].tolist() == [YES, YES, YES]


def test_exceed_is_above_a_quantile_that_is_a_whole_number():
    """Of 46 twos and 6 twelves the 90th percentile is 11; floats say 10.999…"""
    values = np.array([[2] * 46 + [12] * 6], np.float32)
    place, mean = Series(values).past_quantiles(1, windows=52, quantile=0.9)
    assert place[0, -1] == pytest.approx(11)
    assert mean[0, -1] == pytest.approx((46 * 2 + 6 * 12) / 52)
    back, _ = label(Exceed(horizon=1), counts(*([2] * 46 + [12] * 6)), days=52)
    assert back.threshold[0, -1] == 12


@pytest.mark.parametrize("horizon", [1, 3, 90])
@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9, 0.99])
def test_past_quantiles_are_those_of_numpy(horizon, quantile):
    values = np.random.default_rng(horizon).poisson(0.8, (3, 40)).astype(np.float32)
    place, mean = Series(values).past_quantiles(horizon, windows=7, quantile=quantile)
    padded = np.pad(values, ((0, 0), (8 * horizon, 0)))
    for t in range(40):
        last = padded[:, t + 1 + horizon : t + 1 + 8 * horizon]
        sums = last.reshape(3, 7, horizon).sum(axis=2)
        np.testing.assert_allclose(place[:, t], np.quantile(sums, quantile, axis=1), atol=1e-9)
        np.testing.assert_allclose(mean[:, t], sums.mean(axis=1))


def test_the_filter_of_retaliation_narrows_the_attacks():
    where = Where({schema.ACTOR: (US, MILITIA), schema.EVENT_TYPE: ("rocket_attack",)}, rung=4)
    target = Retaliation(pairs=((MILITIA, US), (US, MILITIA)), where=where)
    assert [channel.name for channel in target.channels()] == [
        "target_us>militia", "target_militia>us",
    ]  # fmt: skip
    first = target.channels()[0].where
    assert first.rung == 4
    assert first.equal == {
        schema.ACTOR: (US,), schema.EVENT_TYPE: ("rocket_attack",), schema.TARGET: (MILITIA,),
    }  # fmt: skip
    only_us = Retaliation(pairs=((MILITIA, US),), where=Where({schema.ACTOR: (US,)}))
    assert only_us.channels()[1].where.equal[schema.ACTOR] == ()


def test_the_expected_count_starts_at_the_first_event_of_any_kind():
    values, events = np.zeros((1, 800), np.float32), np.zeros((1, 800), np.float32)
    events[0, 10] = values[0, 20] = values[0, 100] = 1
    mean = expected_count(Series(values), Series(events), horizon=7)[0]
    assert mean[19] == 0
    assert mean[20] == 7 / 28
    assert mean[37] == 7 / 28
    assert mean[38] == 7 / 29
    assert mean[100] == 14 / 91
    assert mean[[379, 380, 459, 460]].tolist() == [14 / 360, 7 / 360, 7 / 360, 0]


def test_the_null_share_is_the_mean_chance_over_known_rows_at_risk():
    mean = np.array([[1.0, 2.0, 50.0, 50.0]])
    result = Labels(
        count=np.array([[0.0, 1.0, np.nan, 0.0]]),
        threshold=np.array([[1.0, 2.0, 1.0, 1.0]]),
        at_risk=np.array([[YES, YES, YES, NO]]),
    )
    back = LookBack(result.threshold, result.at_risk, {"history_mean": mean})
    expected = ((1 - np.exp(-1)) + (1 - 3 * np.exp(-2))) / 2
    assert null_share(result, back) == pytest.approx(expected, rel=1e-12)


def test_the_null_share_without_rows_is_missing():
    nobody = np.zeros((1, 2), bool)
    back = LookBack(np.ones((1, 2)), nobody, {"history_mean": np.ones((1, 2))})
    assert np.isnan(null_share(Labels(np.zeros((1, 2)), np.ones((1, 2)), nobody), back))


def test_calm_is_as_likely_as_no_event_at_the_usual_rate():
    back, result = label(Calm(horizon=3), counts(*[1, 0, 0, 0] * 90), days=360)
    assert back.at_risk[0].all()
    assert back.history["history_mean"][0, -1] == pytest.approx(-np.log1p(-np.exp(-0.75)))
    last = LookBack(back.threshold[:, -1:], back.at_risk[:, -1:], {
        "history_mean": back.history["history_mean"][:, -1:]
    })  # fmt: skip
    single = Labels(np.ones((1, 1)), np.ones((1, 1)), np.ones((1, 1), bool))
    assert null_share(single, last) == pytest.approx(np.exp(-0.75), rel=1e-9)
    assert np.nanmean(result.outcome) == pytest.approx(1 / 4, abs=0.01)


def test_a_process_without_change_reaches_the_null_share():
    values = np.random.default_rng(3).poisson(0.3, 3000)
    back, result = label(AnyEvent(horizon=3), counts(*values), days=3000)
    known = result.at_risk & ~np.isnan(result.outcome)
    assert null_share(result, back) == pytest.approx(result.outcome[known].mean(), abs=0.03)


@pytest.mark.parametrize(
    "build",
    [
        lambda: AnyEvent(horizon=0),
        lambda: AnyEvent(horizon=91),
        lambda: AnyEvent(horizon=7.0),
        lambda: AnyEvent(horizon=True),
        lambda: Onset(quiet=0),
        lambda: Climb(window=-1),
        lambda: Calm(window=0),
        lambda: Deaths(least=0),
        lambda: Exceed(quantile=1.0),
        lambda: Exceed(quantile=float("nan")),
        lambda: Exceed(windows=1),
        lambda: Exceed(least_mean=-1),
        lambda: Up(window=0),
        lambda: Up(least_mean=-0.1),
        lambda: Surge(factor=0),
        lambda: Surge(least_weekly=-1),
        lambda: Retaliation(),
        lambda: Retaliation(pairs=((US, US),)),
        lambda: Retaliation(pairs=((US, MILITIA),), window=0),
    ],
)
def test_a_parameter_out_of_range_is_refused(build):
    with pytest.raises(UsageError, match=r"error\[E-CONFIG\] targets column=\w+ value=.* expected"):
        build()


DEFAULTS = {
    "any": AnyEvent(horizon=7),
    "exceed": Exceed(horizon=7, windows=52, quantile=0.9, least_mean=0.5),
    "up": Up(horizon=7, window=360, least_mean=2.0),
    "surge": Surge(horizon=7, window=28, factor=2.0, least_weekly=1.0),
    "onset": Onset(horizon=7, quiet=28),
    "climb": Climb(horizon=7, window=28),
    "deaths": Deaths(horizon=7, least=1),
    "retaliation": Retaliation(horizon=7, window=14, pairs=(("a", "b"),)),
    "calm": Calm(horizon=7, window=28),
}


@pytest.mark.parametrize("name", TARGETS)
def test_the_default_parameters_are_the_documented_ones(name):
    needed = {"pairs": (("a", "b"),)} if name == "retaliation" else {}
    assert TARGETS[name](**needed) == DEFAULTS[name]


def test_two_windows_are_enough():
    assert Exceed(windows=2).windows == 2


def test_the_third_positional_parameter_is_specific_to_the_label():
    assert Calm(7, Where(), 14).window == 14


def test_a_custom_name_starts_with_a_letter():
    assert Calm(called="lull").called == "lull"
    with pytest.raises(UsageError, match="E-CONFIG.*called"):
        Calm(called="9 lulls")


def test_only_calm_falls_as_the_horizon_grows():
    assert {name for name, kind in TARGETS.items() if kind.falls} == {"calm"}
