"""Intervals from a track record: how often it happens when the model says so."""

from __future__ import annotations

import json

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.special import expit, logit

from escalation.backtest import intervals
from escalation.backtest.intervals import NO_RECORD, TrackRecord, track_record

HORIZON = 7
POINTS = np.array([0.02, 0.2, 0.5, 0.9])


def forecasts(seed, *, weeks=300, units=8, curve=(0.0, 1.0, 0.0), own=0.0, common=0.0):
    """Weekly forecasts, how often each comes true on average, and outcomes.

    Units are off by their own, and all units of a quarter together, around the curve.
    """
    rng = np.random.default_rng(seed)
    week, unit = (single.ravel() for single in np.indices((weeks, units)))
    score = rng.normal(-1.2, 1.0, weeks * units)
    centre = np.stack([np.ones_like(score), score, score**2], axis=-1) @ np.array(curve)
    off = rng.normal(0, own, units)[unit] + rng.normal(0, common, weeks)[week // 13]
    outcome = (rng.random(len(score)) < expit(centre + off)) * 1.0
    return expit(score), expit(centre), outcome, {"unit": unit, "day": week * HORIZON}


def record_of(issued, outcome, rows):
    return track_record(issued, outcome, **rows, horizon=HORIZON)


def widths_of(record, position=POINTS):
    low, high = record.interval(position)
    return high - low


def test_widths_fall_with_the_record_and_are_never_zero():
    widths = [widths_of(NO_RECORD)]
    for resolved in (5, 20, 100):
        outcome = (np.arange(resolved) % 5 == 0) * 1.0
        issued = np.resize([0.1, 0.2, 0.3], resolved)
        rows = {"unit": np.zeros(resolved, int), "day": np.arange(resolved) * HORIZON}
        widths.append(widths_of(record_of(issued, outcome, rows), np.array([0.1, 0.2, 0.3, 0.4])))
    widths[0] = widths_of(NO_RECORD, np.array([0.1, 0.2, 0.3, 0.4]))
    assert (np.diff(widths, axis=0) < 0.0).all()
    assert (np.array(widths) > 0.03).all()


def test_before_anything_resolved_the_band_is_that_of_other_conflicts():
    position = np.array([1e-9, 0.02, 0.2, 0.5, 0.9, 0.9999999])
    low, high = NO_RECORD.interval(position)
    expected_low = [4.3285e-11, 2.6821e-05, 0.01539, 0.044424, 0.023725, 1.6374e-06]
    np.testing.assert_allclose(low, expected_low, rtol=1e-4)
    np.testing.assert_allclose(high[:-1], [0.99995, 0.9395, 0.79994, 0.95558, 0.9997], rtol=1e-5)
    assert (NO_RECORD.resolved, NO_RECORD.positives) == (0, 0)
    nobody = np.zeros(0, int)
    assert record_of(np.zeros(0), np.zeros(0), {"unit": nobody, "day": nobody}) is NO_RECORD


@pytest.mark.parametrize(
    ("weeks", "covariances"), [(8, 1), (9, 2), (51, 2), (52, 2), (53, 3)], ids=str
)
def test_blocks_of_dates_count_from_five_on(weeks, covariances):
    issued, _, outcome, rows = forecasts(4, weeks=weeks, units=1)
    assert len(record_of(issued, outcome, rows).covariances) == covariances


def test_no_block_of_dates_is_shorter_than_two_horizons():
    issued, _, outcome, rows = forecasts(4, weeks=100, units=1)
    record = track_record(issued, outcome, **rows, horizon=60)
    assert len(record.covariances) == 3
    np.testing.assert_array_equal(record.covariances[1], record.covariances[2])


def test_no_record_of_any_outcome_has_an_interval_of_no_width():
    for outcome in (0.0, 1.0):
        for resolved in (1, 10, 1000):
            rows = {"unit": np.arange(resolved) % 10, "day": np.arange(resolved) // 10 * HORIZON}
            record = record_of(np.full(resolved, 0.2), np.full(resolved, outcome), rows)
            low, high = record.interval(POINTS)
            assert (high - low > 1e-3).all()
            assert (low >= 0.0).all() and (high <= 1.0).all()


@pytest.mark.parametrize(
    ("curve", "position"),
    [((0.0, 1.0, 0.0), "within"), ((-1.0, 1.0, 0.0), "above"), ((1.0, 1.0, 0.0), "below")],
)
def test_the_interval_holds_what_came_true_and_not_always_what_was_said(curve, position):
    issued, _, outcome, rows = forecasts(1, weeks=600, curve=curve)
    at = np.array([0.2])
    (low,), (high,) = record_of(issued, outcome, rows).interval(at)
    frequency = expit(curve[0] + curve[1] * logit(0.2))
    assert low <= frequency <= high
    assert ("above" if high < 0.2 else "below" if low > 0.2 else "within") == position


def test_curve_and_sandwiches_are_those_of_statsmodels_where_the_prior_weighs_nothing(
    monkeypatch,
):
    monkeypatch.setattr(intervals, "PRIOR_COVARIANCE", 1e6 * np.eye(3))
    issued, _, outcome, rows = forecasts(2, units=12, curve=(-0.3, 1.2, 0.1), own=0.5)
    score = logit(issued)
    design = np.stack([np.ones_like(score), score, score**2], axis=-1)
    record = record_of(issued, outcome, rows)
    groups = [rows["day"] // 14, rows["day"] // 90, rows["unit"]]
    assert len(record.covariances) == 4
    plain = sm.Logit(outcome, design).fit(disp=0)
    np.testing.assert_allclose(record.mean, plain.params, rtol=1e-4)
    np.testing.assert_allclose(record.covariances[0], plain.cov_params(), rtol=1e-3)
    for covariance, group in zip(record.covariances[1:], groups, strict=True):
        options = {"groups": group, "use_correction": False}
        oracle = sm.Logit(outcome, design).fit(disp=0, cov_type="cluster", cov_kwds=options)
        count = len(np.unique(group))
        expected = oracle.cov_params() * count / (count - 3)
        np.testing.assert_allclose(covariance, expected, rtol=1e-3, atol=1e-6)


def test_the_widest_of_all_covariances_counts_forecast_by_forecast():
    issued, _, outcome, rows = forecasts(3, own=1.0)
    record = record_of(issued, outcome, rows)
    single_widths = [
        widths_of(TrackRecord(record.mean, record.covariances[[i]], record.quantiles[[i]]))
        for i in range(len(record.quantiles))
    ]
    np.testing.assert_array_equal(widths_of(record), np.max(single_widths, axis=0))


@pytest.mark.parametrize(("units", "covariances"), [(7, 3), (8, 4)])
def test_units_are_told_apart_from_eight_on(units, covariances):
    issued, _, outcome, rows = forecasts(4, weeks=100, units=units)
    assert len(record_of(issued, outcome, rows).covariances) == covariances


@pytest.mark.parametrize(
    "off", [{}, {"curve": (0.6, 0.8, -0.05)}, {"own": 0.5}, {"common": 0.3}], ids=str
)
@pytest.mark.parametrize("weeks", [8, 40, 160])
def test_it_covers_how_often_it_happens_for_models_that_are_off(off, weeks):
    coverage = []
    for seed in range(8):
        issued, frequency, outcome, rows = forecasts(seed, weeks=weeks, **off)
        low, high = record_of(issued, outcome, rows).interval(issued)
        coverage.append(np.mean((low <= frequency) & (frequency <= high)))
    assert np.mean(coverage) >= 0.9


def test_repeating_every_unit_does_not_narrow_the_interval():
    issued, _, outcome, rows = forecasts(5, weeks=200, units=1)
    once = widths_of(record_of(issued, outcome, rows))
    many = {"unit": np.repeat(np.arange(6), len(issued)), "day": np.tile(rows["day"], 6)}
    again = widths_of(record_of(np.tile(issued, 6), np.tile(outcome, 6), many))
    assert (again > 0.7 * once).all()


def test_forecasts_whose_days_ahead_overlap_count_as_one():
    issued, _, outcome, rows = forecasts(6, weeks=30, units=2)
    daily = {
        "unit": np.repeat(rows["unit"], HORIZON),
        "day": (rows["day"][:, None] + np.arange(HORIZON)).ravel(),
    }
    weekly = record_of(issued, outcome, rows)
    daily_record = record_of(np.repeat(issued, HORIZON), np.repeat(outcome, HORIZON), daily)
    np.testing.assert_allclose(daily_record.mean, weekly.mean, rtol=1e-5)
    np.testing.assert_allclose(daily_record.covariances[0], weekly.covariances[0], rtol=1e-5)


@pytest.mark.parametrize(
    ("unit", "window", "stretches"),
    [([0, 2], [1, 0], 2), ([0, 1], [2, 0], 2), ([1, 1, 1], [0, 2, 2], 2), ([0, 1], [1, 1], 2)],
)
def test_stretches_of_days_are_counted_unit_by_unit(unit, window, stretches):
    assert intervals._windows(np.array(unit), np.array(window)) == stretches


def test_a_row_alone_gets_the_interval_it_gets_in_a_batch_and_a_missing_one_gets_none():
    issued, _, outcome, rows = forecasts(7, weeks=60)
    record = record_of(issued, outcome, rows)
    position = np.random.default_rng(9).random(50)
    low, high = record.interval(position)
    singles = [record.interval(position[[i]]) for i in range(50)]
    np.testing.assert_array_equal(low, [single[0][0] for single in singles])
    np.testing.assert_array_equal(high, [single[1][0] for single in singles])
    assert np.isnan(record.interval(np.array([np.nan]))).all()


def test_a_record_comes_back_from_json():
    issued, _, outcome, rows = forecasts(8, weeks=60)
    record = record_of(issued, outcome, rows)
    data = json.loads(json.dumps(record.as_dict(), allow_nan=False))
    np.testing.assert_array_equal(TrackRecord.of(data).interval(issued), record.interval(issued))
    assert (record.resolved, record.positives) == (480, int(outcome.sum()))


@pytest.mark.parametrize(
    "change",
    [
        {"mean": [0.0, 1.0]},
        {"mean": [0.0, 1.0, float("nan")]},
        {"covariances": []},
        {"quantiles": []},
        {"quantiles": [2.0, 2.0]},
        {"covariances": [], "quantiles": []},
    ],
    ids=str,
)
def test_a_spoiled_record_is_refused(change):
    with pytest.raises(ValueError):
        TrackRecord.of({**NO_RECORD.as_dict(), **change})
