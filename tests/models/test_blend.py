"""Trust is earned on matured forecasts, slowly, and shared models are not fitted again."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from scipy.special import expit

from escalation.models import MODELS, Matured
from escalation.models.blend import (
    BASELINE,
    FLOOR,
    START,
    Blend,
    anchored,
    shift_of,
    trust,
    weights_of,
)
from escalation.models.pulled import (
    blocks_of,
    days_of,
    design_effect,
    forgotten,
    log_odds,
    pulled_logistic,
)
from escalation.models.recalibrated import recalibration

NAMES = (*START, "other")


def record(*, quality, rows=3000, seed=0, per_day=3):
    """Forecasts of some models, each the true log-odds plus noise of a given spread."""
    random = np.random.default_rng(seed)
    odds = random.normal(-1.0, 1.5, rows)
    outcome = (random.random(rows) < expit(odds)) * 1.0
    noise = random.normal(size=(rows, len(quality))) * np.array(quality)
    return Matured(
        NAMES[: len(quality)], expit(odds[:, None] + noise), outcome, np.arange(rows) // per_day
    )


def test_without_a_record_the_weights_are_the_mixtures():
    start = [START.get(name, 0.0) for name in NAMES]
    assert weights_of(None, NAMES, horizon=7).tolist() == start
    few = record(quality=(0, 1, 1, 1, 1), rows=15)
    assert weights_of(few, NAMES, horizon=7).tolist() == start


@pytest.mark.parametrize("best", range(5))
def test_a_model_that_is_clearly_best_takes_over(best):
    quality = np.full(5, 2.0)
    quality[best] = 0.0
    got = weights_of(record(quality=quality), NAMES, horizon=7)
    assert np.argmax(got) == best
    assert got[best] > 0.9
    assert got.sum() == pytest.approx(1.0)


def test_equally_good_models_leave_the_mixture_in_charge():
    random = np.random.default_rng(2)
    odds = random.normal(-1.0, 1.5, 2000)
    same = np.repeat(expit(odds)[:, None], 5, axis=1)
    outcome = (random.random(2000) < expit(odds)) * 1.0
    got = weights_of(Matured(NAMES, same, outcome, np.arange(2000)), NAMES, horizon=7)
    prior = np.array([0.28 + 0.1, 0.21 + 0.1, 0.126 + 0.1, 0.084 + 0.1, 0.02]) / 1.12
    np.testing.assert_allclose(got, prior, atol=1e-9)


def test_old_merit_is_forgotten():
    gain = np.zeros((400, 2))
    gain[:200, 1], gain[200:, 1] = 0.05, -0.05
    even = np.array([0.5, 0.5])
    slow = trust(gain, np.arange(400), prior=even, horizon=7)
    apart = trust(gain, np.arange(400) * 28, prior=even, horizon=7)
    assert apart[1] < slow[1] < 0.51


def test_outcomes_that_come_together_move_less_trust_than_independent_ones():
    random = np.random.default_rng(7)
    gain = np.column_stack([np.zeros(600), random.normal(0.05, 0.3, 600)])
    together = np.column_stack([np.zeros(600), np.repeat(gain[::20, 1], 20)])
    day = np.repeat(np.arange(30) * 28, 20)
    even = np.array([0.5, 0.5])
    alone, grouped = (trust(g, day, prior=even, horizon=7)[1] for g in (gain, together))
    expected = forgotten(day) @ together[:, 1]
    assert expected > 0
    assert abs(grouped - 0.5) < abs(alone - 0.5)


def test_members_that_are_given_are_not_fitted_again(table):
    members = {
        name: MODELS[name]().fit(table.X, table.y, count=table.count)
        for name in ("ewma_nb", "pool", "levels", "recalibrated", "logistic")
    }
    model = Blend().fit(table.X, table.y, count=table.count, members=members)
    assert sorted(model.names_) == sorted(START)
    assert all(a is members[n] for n, a in zip(model.names_, model.members_, strict=True))
    alone = Blend().fit(table.X, table.y, count=table.count)
    np.testing.assert_allclose(
        alone.predict_proba(table.X), model.predict_proba(table.X), rtol=1e-12
    )
    known = {n: m.predict_proba(table.X)[:, 1] for n, m in members.items()}
    np.testing.assert_array_equal(
        model.predict_proba(table.X, members=known), model.predict_proba(table.X)
    )


def test_a_record_gives_weight_to_a_model_outside_the_mixture(table):
    members = {
        name: MODELS[name]().fit(table.X, table.y, count=table.count)
        for name in ("ewma_nb", "pool", "levels", "recalibrated", "logistic")
    }
    seen = record(quality=(2.0, 2.0, 2.0, 2.0, 0.0))
    seen = Matured((*START, "logistic"), *list(vars(seen).values())[1:])
    model = Blend().fit(table.X, table.y, count=table.count, members=members, record=seen)
    assert dict(zip(model.names_, model.weights_, strict=True))["logistic"] > 0.6
    assert not hasattr(model, "_around")


def test_a_record_that_lacks_a_model_is_not_used(table):
    seen = Matured(("pool",), np.full((50, 1), 0.3), np.zeros(50), np.arange(50))
    model = Blend().fit(table.X, table.y, count=table.count, record=seen)
    expected = anchored(np.array(list(START.values())), tuple(START))
    np.testing.assert_allclose(model.weights_, expected)
    assert model.shift_ == 0.0


@pytest.mark.parametrize("quality", [(3, 0, 1, 1, 1), (3, 3, 3, 3, 0)])
def test_the_baseline_keeps_its_floor_whatever_the_record_says(quality):
    earned = weights_of(record(quality=quality), NAMES, horizon=7)
    got = anchored(earned, NAMES)
    assert NAMES[0] == BASELINE
    assert earned[0] < 0.1
    assert got[0] >= FLOOR
    assert got.sum() == pytest.approx(1.0)


def test_the_mean_of_the_learners_is_taken_where_it_is_better_than_each_of_them():
    random = np.random.default_rng(8)
    names = (*START, "logistic", "boosting", "forest", "hazard")
    odds = random.normal(-1.0, 1.5, 6000)
    noise = random.normal(size=(6000, 8)) * np.array([3, 3, 3, 3, 1, 1, 1, 1])
    outcome = (random.random(6000) < expit(odds)) * 1.0
    seen = Matured(names, expit(odds[:, None] + noise), outcome, np.arange(6000) // 3)
    got = weights_of(seen, names, horizon=7)
    np.testing.assert_allclose(got, [0, 0, 0, 0, 0.25, 0.25, 0.25, 0.25], atol=0.01)


def test_the_shift_is_what_the_log_odds_lacked_of_late():
    random = np.random.default_rng(9)
    odds, day = random.normal(-1.0, 1.5, 40_000), np.arange(40_000) // 10
    lacks = np.where(day < 2_000, 0.0, 0.8)
    outcome = (random.random(40_000) < expit(odds + lacks)) * 1.0
    seen = Matured(("pool",), expit(odds)[:, None], outcome, day)
    assert shift_of(seen, np.ones(1), ("pool",), 7) == pytest.approx(0.75, abs=0.1)
    assert shift_of(None, np.ones(1), ("pool",), 7) == 0.0
    some = Matured(("pool",), seen.probability[-200:], outcome[-200:], day[-200:])
    assert 0.0 < shift_of(some, np.ones(1), ("pool",), 7) < 0.5


def test_pulled_logistic_finds_the_maximum_of_a_plain_optimiser():
    random = np.random.default_rng(1)
    Z = np.column_stack([np.ones(200), random.normal(size=(200, 2))])
    y = (random.random(200) < expit(Z @ [0.3, 1.0, -0.5])) * 1.0
    weight, prior, ridge = random.random(200), np.array([0.0, 1.0, 1.0]), np.array([1.0, 5.0, 2.0])

    def loss(beta):
        p = expit(Z @ beta)
        likely = weight * (y * np.log(p) + (1 - y) * np.log(1 - p))
        return -likely.sum() + (ridge * (beta - prior) ** 2).sum() / 2

    oracle = minimize(loss, prior, options={"gtol": 1e-9}).x
    got = pulled_logistic(Z, y, weight, prior=prior, ridge=ridge)
    np.testing.assert_allclose(got, oracle, atol=1e-5)
    assert np.abs(got - prior).max() > 0.2


def test_copies_of_a_day_teach_no_more_than_the_day():
    random = np.random.default_rng(3)
    score = random.normal(-1, 1.5, 400)
    y = (random.random(400) < expit(0.5 + 0.1 * score)) * 1.0
    days = pd.date_range("2010-01-01", periods=400, freq="28D")

    def fit(copies):
        index = pd.MultiIndex.from_product([[f"u{k}" for k in range(copies)], days])
        index.names = ["unit", "day"]
        day = days_of(pd.DataFrame(index=index), len(index))
        return recalibration(np.tile(score, copies), np.tile(y, copies), day, horizon=7)

    np.testing.assert_allclose(fit(9), fit(1), atol=0.05)
    assert fit(1)[1] < 0.9


def test_recalibration_finds_what_was_planted_and_stays_put_without_evidence():
    random = np.random.default_rng(5)
    score = random.normal(0, 1.5, 20000)
    y = (random.random(20000) < expit(-0.7 + 0.5 * score)) * 1.0
    found = recalibration(score, y, np.zeros(20000, np.int64), horizon=7)
    np.testing.assert_allclose(found, [-0.7, 0.5], atol=0.05)
    np.testing.assert_allclose(
        recalibration(score[:4], y[:4], np.zeros(4, np.int64), horizon=7), [0.0, 1.0], atol=0.3
    )
    backwards = recalibration(score, 1.0 - (score > 0), np.zeros(20000, np.int64), horizon=7)
    assert backwards[1] == 0.0


def test_the_design_effect_of_independent_rows_is_about_one_and_of_copies_their_number():
    random = np.random.default_rng(6)
    residual = random.normal(size=2000)
    alone = design_effect(residual, np.arange(2000) // 5, expected=float((residual**2).sum()))
    copied = np.repeat(residual, 6)
    block = np.repeat(np.arange(2000), 6)
    assert 1.0 <= alone < 1.15
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
