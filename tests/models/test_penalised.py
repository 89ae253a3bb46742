"""Learning from dependent rows: the maximum of a plain optimiser, and no trust in copies."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from scipy.special import expit

from escalation.models.penalised import (
    age_weights,
    blocks_of,
    days_of,
    design_effect,
    log_odds,
    penalised_logistic,
    recalibration,
)

RIDGE = (3.0, 20.0)


def test_log_odds_are_those_of_a_probability_up_to_one_in_ten_thousand_and_of_its_end_beyond():
    ends = np.log(np.array([0.0001 / 0.9999, 0.9999 / 0.0001]))
    np.testing.assert_allclose(log_odds(np.array([0.0, 1.0])), ends, rtol=1e-9)
    np.testing.assert_allclose(log_odds(np.array([0.0002])), [np.log(0.0002 / 0.9998)])


def test_penalised_logistic_finds_the_maximum_of_a_plain_optimiser():
    random = np.random.default_rng(1)
    Z = np.column_stack([np.ones(200), random.normal(size=(200, 2))])
    y = (random.random(200) < expit(Z @ [0.3, 1.0, -0.5])) * 1.0
    weight, prior, ridge = random.random(200), np.array([0.0, 1.0, 1.0]), np.array([1.0, 5.0, 2.0])

    def loss(beta):
        p = expit(Z @ beta)
        likely = weight * (y * np.log(p) + (1 - y) * np.log(1 - p))
        return -likely.sum() + (ridge * (beta - prior) ** 2).sum() / 2

    oracle = minimize(loss, prior, options={"gtol": 1e-9}).x
    solution, effects = penalised_logistic(Z, y, weight, prior=prior, ridge=ridge)
    np.testing.assert_allclose(solution, oracle, atol=1e-5)
    assert np.abs(solution - prior).max() > 0.2
    assert effects.shape == (0,)


def test_units_effects_are_those_of_a_column_for_each_unit():
    random = np.random.default_rng(2)
    Z = np.column_stack([np.ones(300), random.normal(size=300)])
    unit = random.integers(0, 9, 300)
    planted = random.normal(0, 1.0, 9)
    y = (random.random(300) < expit(Z @ [-0.5, 0.8] + planted[unit])) * 1.0
    weight, prior, ridge = random.random(300), np.array([0.0, 1.0]), np.array([3.0, 20.0])
    solution, effects = penalised_logistic(
        Z, y, weight, prior=prior, ridge=ridge, unit=unit, unit_ridge=2.0
    )
    dense = np.column_stack([Z, np.eye(9)[unit]])
    oracle, _ = penalised_logistic(
        dense, y, weight, prior=np.r_[prior, np.zeros(9)], ridge=np.r_[ridge, np.full(9, 2.0)]
    )
    np.testing.assert_allclose(np.r_[solution, effects], oracle, atol=1e-7)
    assert np.corrcoef(effects, planted)[0, 1] > 0.6


def test_copies_of_a_day_teach_no_more_than_the_day():
    random = np.random.default_rng(3)
    score = random.normal(-1, 1.5, 400)
    y = (random.random(400) < expit(0.5 + 0.1 * score)) * 1.0
    days = pd.date_range("2010-01-01", periods=400, freq="28D")

    def fit(copies):
        index = pd.MultiIndex.from_product([[f"u{k}" for k in range(copies)], days])
        index.names = ["unit", "day"]
        day = days_of(pd.DataFrame(index=index), len(index))
        return recalibration(
            np.tile(score, copies), np.tile(y, copies), day, horizon=7, ridge=RIDGE
        )

    np.testing.assert_allclose(fit(9), fit(1), atol=0.05)
    assert fit(1)[1] < 0.9


def test_recalibration_finds_what_was_planted_and_stays_put_without_evidence():
    random = np.random.default_rng(5)
    score = random.normal(0, 1.5, 20000)
    y = (random.random(20000) < expit(-0.7 + 0.5 * score)) * 1.0
    fitted = recalibration(score, y, np.zeros(20000, np.int64), horizon=7, ridge=RIDGE)
    np.testing.assert_allclose(fitted, [-0.7, 0.5], atol=0.05)
    np.testing.assert_allclose(
        recalibration(score[:4], y[:4], np.zeros(4, np.int64), horizon=7, ridge=RIDGE),
        [0.0, 1.0],
        atol=0.3,
    )
    backwards = recalibration(
        score, 1.0 - (score > 0), np.zeros(20000, np.int64), horizon=7, ridge=RIDGE
    )
    assert backwards[1] == 0.0


def test_the_design_effect_of_independent_rows_is_about_one_and_of_copies_their_number():
    random = np.random.default_rng(6)
    residual = random.normal(size=2000)
    intercept = design_effect(residual, np.arange(2000) // 5, expected=float((residual**2).sum()))
    copied = np.repeat(residual, 6)
    block = np.repeat(np.arange(2000), 6)
    assert 1.0 <= intercept < 1.15
    assert design_effect(copied, block, expected=float((copied**2).sum())) == pytest.approx(6.0)


def test_blocks_span_two_horizons_and_four_weeks_at_least():
    day = np.arange(120)
    assert np.bincount(blocks_of(day, horizon=7)).tolist() == [28, 28, 28, 28, 8]
    assert np.bincount(blocks_of(day, horizon=30)).tolist() == [60, 60]
    assert len(set(blocks_of(np.zeros(5, dtype=np.int64), horizon=7))) == 5


def test_days_come_from_the_index_only():
    index = pd.MultiIndex.from_product([["a"], pd.to_datetime(["1970-01-03"])])
    index.names = ["unit", "day"]
    assert days_of(pd.DataFrame({"x": [1.0]}, index=index), 1).tolist() == [2]
    assert days_of(np.zeros((3, 1)), 3).tolist() == [0, 0, 0]
    assert np.isfinite(log_odds(np.array([0.0, 1.0]))).all()


def test_nearly_separated_rows_far_from_the_prior_are_fitted_to_the_minimum():
    random = np.random.default_rng(11)
    Z = np.column_stack([random.normal(-3, 3, 112), np.ones(112), random.normal(0, 2, (112, 5))])
    y = (Z[:, 0] + Z[:, 2] > -3) * 1.0
    prior, ridge = np.eye(7)[0], np.array([20.0, 3.0, 20.0, 20.0, 20.0, 20.0, 20.0])
    beta, _ = penalised_logistic(Z, y, np.ones(112), prior=prior, ridge=ridge)
    slope = (expit(Z @ beta) - y) @ Z + ridge * (beta - prior)
    np.testing.assert_allclose(slope, 0.0, atol=1e-4)


def test_less_than_four_blocks_of_dates_count_as_so_many_rows():
    random = np.random.default_rng(12)
    score, y = random.normal(size=300), np.ones(300)
    day = np.arange(300) // 6
    intercept = recalibration(score, y, day, horizon=7, ridge=RIDGE)[0]
    Z = np.column_stack([np.ones(300), score])
    oracle, _ = penalised_logistic(
        Z,
        y,
        age_weights(day) * 2 / 300,
        prior=np.array([0.0, 1.0]),
        ridge=np.array(RIDGE),
    )
    assert intercept == pytest.approx(oracle[0], rel=1e-6)
    assert 0.0 < intercept < 0.3
