"""Intervals from a track record: wide without one, honest, and they hold the number."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from escalation.backtest.intervals import NO_RECORD, TrackRecord, track_record
from escalation.backtest.overdispersion import (
    PRIOR_OVERDISPERSION,
    centre_of,
    local_overdispersion,
    pairs_of_outcomes,
    variance_of,
)
from escalation.backtest.rolling import backtest_labels
from escalation.events.simulate import Motion, world
from escalation.experiment import Experiment

HORIZON = 7


def simulated(rng, days=300, units=6, shift=0.0, spread=0.0):
    """Weekly issued and true probabilities, which lie as far off for a unit's whole half year."""

    def by_half_year(centre, scale):
        return np.repeat(rng.normal(centre, scale, (days // 26 + 1, units)), 26, axis=0)[:days]

    issued, local = expit(by_half_year(-1.5, 1.0)), by_half_year(0, spread)
    true = expit(centre_of(logit(issued), spread) + shift + local)
    outcome = (rng.random((days, units)) < true) * 1.0
    day = np.repeat(np.arange(days) * HORIZON, units)
    unit = np.tile(np.arange(units), days)
    return issued.ravel(), true.ravel(), outcome.ravel(), {"unit": unit, "day": day}


def record_of(issued, outcome, who):
    return track_record(issued, outcome, who["day"] // (2 * HORIZON), **who, horizon=HORIZON)


def test_without_a_record_the_interval_is_wide():
    low, high = NO_RECORD.interval(np.array([0.3]))
    assert low[0] < 0.1 and high[0] > 0.65


def test_the_interval_narrows_with_the_record_and_holds_the_number():
    rng = np.random.default_rng(1)
    widths = []
    for days in (60, 240, 960):
        found = []
        for _ in range(4):
            issued, _, outcome, who = simulated(rng, days=days)
            low, high = record_of(issued, outcome, who).interval(np.array([0.2]))
            assert low[0] <= 0.2 <= high[0]
            found.append(high[0] - low[0])
        widths.append(np.mean(found))
    assert widths[0] > widths[1] > widths[2]


@pytest.mark.parametrize("shift", [0.0, 0.5, -0.5])
@pytest.mark.parametrize("spread", [0.0, 0.6, 1.2])
def test_the_interval_covers_the_true_probability_of_a_model_wrong_on_average_or_locally(
    shift, spread
):
    rng = np.random.default_rng(2)
    covered = []
    for _ in range(8):
        issued, true, outcome, who = simulated(rng, shift=shift, spread=spread)
        low, high = record_of(issued, outcome, who).interval(issued)
        covered.append(np.mean((low <= true) & (true <= high)))
    assert np.mean(covered) >= 0.9


def test_repeating_every_unit_does_not_narrow_the_interval():
    rng = np.random.default_rng(3)
    issued, _, outcome, who = simulated(rng)
    block = who["day"] // 14
    once = track_record(issued, outcome, block).interval(np.array([0.2]))
    many = track_record(np.tile(issued, 5), np.tile(outcome, 5), np.tile(block, 5)).interval(
        np.array([0.2])
    )
    assert (many[1] - many[0])[0] > 0.85 * (once[1] - once[0])[0]


@pytest.mark.parametrize("spread", [0.3, 0.8, 1.5])
def test_the_overdispersion_is_found_from_outcomes(spread):
    issued, _, outcome, who = simulated(
        np.random.default_rng(5), days=2600, units=20, spread=spread
    )
    found = local_overdispersion(issued, outcome, **who, horizon=HORIZON)
    # One pair in 26 spans two half years, and one standard error is added.
    assert found == pytest.approx(spread, abs=0.15)


def test_without_local_error_the_spread_shrinks_as_the_record_grows():
    rng = np.random.default_rng(6)
    found = []
    for days in (20, 200, 2000):
        many = []
        for _ in range(4):
            issued, _, outcome, who = simulated(rng, days=days)
            many.append(local_overdispersion(issued, outcome, **who, horizon=HORIZON))
        found.append(np.mean(many))
    assert found[0] > found[1] > found[2]
    assert found[2] < 0.35


def test_a_mean_is_kept_and_its_variance_is_that_of_samples():
    random = np.random.default_rng(7)
    for probability, spread in [(0.02, 1.0), (0.3, 0.5), (0.9, 2.0)]:
        centre = centre_of(np.array([logit(probability)]), spread)
        true = expit(centre + spread * random.normal(size=400_000))
        assert true.mean() == pytest.approx(probability, rel=0.01)
        said = variance_of(np.array([probability]), spread)[0]
        assert true.var() == pytest.approx(said, rel=0.03)


def test_pairs_are_of_one_unit_and_share_no_day():
    rng = np.random.default_rng(8)
    rows = rng.permutation([(u, d) for u in range(3) for d in rng.permutation(60)[:25]])
    unit, day = rows[:, 0], rows[:, 1]
    slow = []
    for i in range(len(rows)):
        later = [
            (day[j], j) for j in range(len(rows)) if unit[j] == unit[i] and day[j] >= day[i] + 7
        ]
        if later and min(later)[0] <= day[i] + 14:
            slow.append((i, min(later)[1]))
    assert (
        list(zip(*(part.tolist() for part in pairs_of_outcomes(unit, day, horizon=7)), strict=True))
        == slow
    )
    nothing = np.zeros(0, dtype=np.int64)
    assert [len(part) for part in pairs_of_outcomes(nothing, nothing, horizon=7)] == [0, 0]


def test_a_row_alone_gets_the_interval_it_gets_in_a_batch():
    probability = np.random.default_rng(9).random(50)
    low, high = NO_RECORD.interval(probability)
    one = [NO_RECORD.interval(probability[[i]]) for i in range(50)]
    np.testing.assert_array_equal(low, [part[0][0] for part in one])
    np.testing.assert_array_equal(high, [part[1][0] for part in one])


def test_a_record_comes_back_from_json_and_one_without_overdispersion_gets_the_prior():
    issued, _, outcome, who = simulated(np.random.default_rng(4))
    record = record_of(issued, outcome, who)
    data = json.loads(json.dumps(record.as_dict(), allow_nan=False))
    np.testing.assert_array_equal(TrackRecord.of(data).interval(issued), record.interval(issued))
    del data["overdispersion"]
    assert TrackRecord.of(data).overdispersion == PRIOR_OVERDISPERSION


WORLDS = {
    "bursts": Motion(),
    "calm": Motion(burst_factor=1.0, own_spread=0.3, common_spread=0.3),
    "wild": Motion(
        own_days=100, own_spread=0.9, common_days=60, common_spread=0.7, burst_factor=6.0
    ),
}


def forecasts_with_truth(seed, motion):
    """A backtest on a simulated panel, and the probability that was true on each day."""
    made = world(units=8, days=1500, seed=seed, motion=motion)
    archive = made.archive()
    experiment = Experiment(
        experiment={"name": "simulated"},
        panel={"units": ["site"]},
        targets=[{"name": "any", "horizon": HORIZON}],
        models={"logistic": {}},
        backtest={"every": 7, "refit_every": 8, "train_every": 7},
    )
    forecasts = backtest_labels(archive, experiment)
    forecasts = forecasts[forecasts["at_risk"]]
    days = (forecasts["day"].to_numpy("datetime64[D]") - made.first_day).astype(int)
    issued_on = np.unique(days)
    true = made.probability(issued_on, horizon=HORIZON)
    unit = pd.Index(made.names).get_indexer(forecasts["unit"])
    return forecasts.assign(true=true[unit, np.searchsorted(issued_on, days)])


@pytest.mark.slow
@pytest.mark.parametrize("name", WORLDS)
def test_95_percent_intervals_hold_the_true_probability_nine_times_in_ten(name):
    found = pd.concat([forecasts_with_truth(seed, WORLDS[name]) for seed in range(3)])
    held = found["true"].between(found["lower"], found["upper"])
    by_model = held.groupby(found["model"]).mean()
    assert (by_model.drop("last_value") >= 0.9).all(), by_model
    assert by_model["last_value"] >= 0.85  # two probabilities only, far from the truth
    assert (found["upper"] - found["lower"]).mean() < 0.8
