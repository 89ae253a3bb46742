"""Weights follow resolved forecasts, in time; recalibration is what the past years asked for."""

import numpy as np
import pytest
from scipy.special import expit

from escalation.models import ResolvedForecasts
from escalation.models.mixture import (
    START,
    START_FLOOR,
    Mixture,
    candidates_of,
    mixture_of,
    recalibration_of,
    shares_of,
    tempered_posterior,
)
from escalation.models.penalised import age_weights

NAMES = (*START, "other", "another")
BESIDE_PRIOR = {"prior": 0.8, "ewma_nb": 0.2}
ALONE = Mixture(np.ones((1, 1)), np.ones(1))


def record(*, quality, rows=3000, seed=0, per_day=3):
    """Forecasts of some models, each the true log-odds plus noise of a given spread."""
    random = np.random.default_rng(seed)
    odds = random.normal(-1.0, 1.5, rows)
    outcome = (random.random(rows) < expit(odds)) * 1.0
    noise = random.normal(size=(rows, len(quality))) * np.array(quality)
    return ResolvedForecasts(
        NAMES[: len(quality)], expit(odds[:, None] + noise), outcome, np.arange(rows) // per_day
    )


def share_alone(mixture, place):
    """Share of the candidate that is one model alone."""
    alone = (mixture.pool_weights == np.eye(mixture.pool_weights.shape[1])[place]).all(axis=1)
    return mixture.mixture_weights[alone].sum()


def test_without_a_record_it_is_the_mixture_of_the_start():
    start = [START.get(name, 0.0) for name in NAMES]
    few = record(quality=(0, 1, 1, 1, 1), rows=15)
    for resolved in (None, few):
        result = mixture_of(resolved, NAMES, horizon=7)
        assert result.pool_weights.tolist() == [start]
        assert result.mixture_weights.tolist() == [1.0]
    assert sum(start) == pytest.approx(1.0)


@pytest.mark.parametrize("best", range(5))
def test_a_model_that_is_clearly_best_takes_over_all_but_the_floor(best):
    quality = np.full(5, 2.0)
    quality[best] = 0.0
    result = mixture_of(record(quality=quality), NAMES, horizon=7)
    assert share_alone(result, best) > 0.74
    assert result.mixture_weights[0] == pytest.approx(START_FLOOR, abs=0.01)
    assert result.mixture_weights.sum() == pytest.approx(1.0)


def test_equally_good_models_leave_the_start_in_charge():
    random = np.random.default_rng(2)
    odds = random.normal(-1.0, 1.5, 2000)
    same = np.repeat(expit(odds)[:, None], 5, axis=1)
    outcome = (random.random(2000) < expit(odds)) * 1.0
    result = mixture_of(ResolvedForecasts(NAMES, same, outcome, np.arange(2000)), NAMES, horizon=7)
    prior = np.array([0.5, 0.1, 0.1, 0.1, 0.03, 0.03]) / 0.86
    np.testing.assert_allclose(
        result.mixture_weights, 0.75 * prior + 0.25 * np.eye(6)[0], atol=1e-9
    )


@pytest.mark.parametrize("quality", [(3, 0, 1, 1, 1), (3, 3, 3, 3, 0)])
def test_a_tenth_stays_with_the_baseline_whatever_the_record_says(quality):
    result = mixture_of(record(quality=quality), NAMES, horizon=7)
    assert NAMES[0] == "ewma_nb"
    assert result.mixture_weights @ result.pool_weights[:, 0] >= 0.1 - 1e-12


def test_the_mean_of_the_learners_is_taken_where_it_is_better_than_each_of_them():
    random = np.random.default_rng(8)
    names = (*START, "logistic", "boosting", "forest", "hazard")
    odds = random.normal(-1.0, 1.5, 6000)
    noise = random.normal(size=(6000, 7)) * np.array([3, 3, 3, 1, 1, 1, 1])
    outcome = (random.random(6000) < expit(odds)) * 1.0
    resolved = ResolvedForecasts(names, expit(odds[:, None] + noise), outcome, np.arange(6000) // 3)
    result = mixture_of(resolved, names, horizon=7)
    assert result.pool_weights[-1].tolist() == [0, 0, 0, 0.25, 0.25, 0.25, 0.25]
    assert result.mixture_weights[-1] > 0.74


def test_candidates_are_the_start_each_model_and_the_learners_together():
    weights, prior = candidates_of((*START, "logistic", "forest"), START)
    assert weights.shape == (7, 5)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0)
    assert prior.sum() == pytest.approx(1.0)
    assert len(candidates_of((*START, "logistic"), START)[1]) == 5


def test_beside_a_prior_the_others_get_weight_as_forecasts_resolve():
    names, shares = (*START, "prior"), []
    for quality, rows in (((0, 0, 0, 0), 60), ((2, 2, 0, 3), 6000)):
        resolved = record(quality=quality, rows=rows, per_day=1)
        resolved = ResolvedForecasts(names, resolved.probability, resolved.outcome, resolved.day)
        mixture = mixture_of(resolved, names, horizon=7, start=BESIDE_PRIOR)
        shares.append(shares_of(mixture, names))
        assert sum(shares[-1].values()) == pytest.approx(1.0)
    young, old = shares
    assert young["ewma_nb"] >= 0.05 and old["ewma_nb"] > 0.098  # a tenth when all is ripe
    assert young["corrected"] < 0.2 < young["prior"]
    assert old["corrected"] > 0.8 and old["prior"] < 0.01


def test_without_a_record_it_starts_from_prior_and_baseline():
    names = (*START, "prior")
    for start in (BESIDE_PRIOR, {"prior": 1.0, "ewma_nb": 0.0}):
        mixture = mixture_of(None, names, horizon=7, start=start)
        assert shares_of(mixture, names) == {"pool": 0.0, "corrected": 0.0, **start}


def test_a_mixture_is_the_same_row_by_row():
    random = np.random.default_rng(3)
    odds, weights = random.normal(size=(50, 4)), random.dirichlet(np.ones(4), 6)
    mixture = Mixture(weights, random.dirichlet(np.ones(6)))
    together = mixture.of(odds)
    assert [mixture.of(row[None])[0] for row in odds] == together.tolist()
    np.testing.assert_allclose(
        together, expit(odds @ weights.T) @ mixture.mixture_weights, rtol=1e-12
    )


def test_old_merit_counts_less():
    gain = np.zeros((400, 2))
    gain[:200, 1], gain[200:, 1] = 0.05, -0.05
    even = np.array([0.5, 0.5])
    slow = tempered_posterior(gain, np.arange(400), prior=even, horizon=7)
    apart = tempered_posterior(gain, np.arange(400) * 28, prior=even, horizon=7)
    assert apart[1] < slow[1] < 0.51


def test_outcomes_that_come_together_move_less_weight_than_independent_ones():
    random = np.random.default_rng(7)
    gain = np.column_stack([np.zeros(600), random.normal(0.05, 0.3, 600)])
    together = np.column_stack([np.zeros(600), np.repeat(gain[::20, 1], 20)])
    day = np.repeat(np.arange(30) * 28, 20)
    even = np.array([0.5, 0.5])
    alone, grouped = (
        tempered_posterior(g, day, prior=even, horizon=7)[1] for g in (gain, together)
    )
    expected = age_weights(day) @ together[:, 1]
    assert expected > 0
    assert abs(grouped - 0.5) < abs(alone - 0.5)


def test_intercept_and_slope_are_what_the_past_years_asked_for():
    random = np.random.default_rng(9)
    odds, day = random.normal(-1.0, 1.5, 40_000), np.arange(40_000) // 10
    true_odds = np.where(day < 2_000, odds, 0.8 + 0.6 * odds)
    outcome = (random.random(40_000) < expit(true_odds)) * 1.0
    resolved = ResolvedForecasts(("pool",), expit(odds)[:, None], outcome, day)
    intercept, slope = recalibration_of(resolved, ALONE, ("pool",), horizon=7)
    assert intercept == pytest.approx(0.75, abs=0.1)
    assert slope == pytest.approx(0.65, abs=0.05)


def test_a_short_record_recalibrates_less():
    random = np.random.default_rng(10)
    odds, day = random.normal(-1.0, 1.5, 400), np.arange(400) // 2
    outcome = (random.random(400) < expit(1.0 + odds)) * 1.0
    resolved = ResolvedForecasts(("pool",), expit(odds)[:, None], outcome, day)
    few = ResolvedForecasts(("pool",), expit(odds)[-60:, None], outcome[-60:], day[-60:])
    fits = [
        recalibration_of(record, ALONE, ("pool",), horizon=7) for record in (resolved, few, None)
    ]
    assert fits[2].tolist() == [0.0, 1.0]
    assert 0.0 < fits[1][0] < fits[0][0] < 1.0
    assert abs(fits[1][1] - 1.0) < 0.2
