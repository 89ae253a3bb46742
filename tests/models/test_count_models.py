"""The models on decayed averages: tails against scipy, planted numbers found, coherence."""

import numpy as np
import pytest
from scipy.stats import gamma, nbinom, poisson

from escalation.models import MODELS
from escalation.models.dynamic import Dynamic, predictive_tail
from escalation.models.ewma_nb import nb_tail
from escalation.models.levels import PRIOR, RIDGE, Levels
from escalation.models.pool import AVERAGE_DAYS, WEIGHTS, Pool
from escalation.models.tails import (
    DISPERSIONS,
    OVERDISPERSIONS,
    likeliest,
    likeliest_shape,
    outcome_log_likelihood,
    quadratic_tail,
)

COUNTING = ("ewma_nb", "dynamic", "levels", "pool", "corrected", "blend", "negbin")


def probability(model, X):
    return model.predict_proba(X)[:, 1]


@pytest.fixture(scope="module")
def fitted(table):
    return {name: MODELS[name]().fit(table.X, table.y, count=table.count) for name in COUNTING}


def test_quadratic_tail_is_that_of_scipy():
    mean, k = np.array([0.01, 0.7, 3.0, 40.0]), np.array([1.0, 2.0, 3.0, 55.0])
    for spread in (0.1, 1.0, 5.0):
        oracle = nbinom.sf(k - 1, 1 / spread, 1 / (1 + spread * mean))
        np.testing.assert_allclose(quadratic_tail(mean, spread, k), oracle, rtol=1e-9)


def test_the_predictive_tail_is_the_poisson_tail_averaged_over_the_gamma():
    for a, b, h, k in ((0.4, 12.0, 7, 1), (3.0, 20.0, 30, 6), (25.0, 90.0, 7, 3)):
        level = np.linspace(0, 3, 300001)[1:]
        density = gamma.pdf(level, a, scale=1 / b) * poisson.sf(k - 1, h * level)
        oracle = density.sum() * level[0]
        one = np.ones(1)
        actual = predictive_tail(a * one, b * one, horizon=h, threshold=k * one)[0]
        assert actual == pytest.approx(oracle, rel=1e-3)


def test_a_threshold_of_nothing_is_certain_and_a_broken_one_is_rounded_up():
    one, k = np.ones(3), np.array([0.0, 1.2, 2.0])
    for tail in (
        quadratic_tail(one, 0.5, k),
        predictive_tail(one, 9 * one, horizon=7, threshold=k),
    ):
        assert tail[0] == 1.0
        assert tail[1] == tail[2] < 1.0


def test_the_likeliest_dispersion_is_found_on_simulated_outcomes():
    random = np.random.default_rng(3)
    mean, k = random.gamma(2.0, 1.5, 60000), random.integers(1, 9, 60000).astype(float)
    for planted in (1.5, 4.0, 14.0):
        drawn = random.negative_binomial(mean / (planted - 1), 1 / planted)
        assert likeliest(mean, k, (drawn >= k) * 1.0)[0] == planted


def likeliest_of_planted(tail, planted, *, grid):
    """What is likeliest where outcomes come exactly as often as a planted dispersion says."""
    mean, k = (part.ravel() for part in np.meshgrid(
        [0.1, 0.5, 2.0, 8.0, 30.0], [1.0, 2.0, 5.0, 12.0, 40.0, 120.0]))  # fmt: skip
    often = np.round(400 * tail(mean, planted, k)).astype(int)
    y = (np.arange(400) < often[:, None]).ravel() * 1.0
    return likeliest(np.repeat(mean, 400), np.repeat(k, 400), y, tail=tail, grid=grid)[0]


def test_dispersions_from_nearly_poisson_to_a_war_in_a_day_are_found():
    for planted in (1.2, 1.5, 2.0, 3.0, 4.0, 6.0, 9.0, 14.0, 22.0, 40.0, 80.0, 160.0):
        assert likeliest_of_planted(nb_tail, planted, grid=DISPERSIONS) == planted
    for planted in (0.1, 0.2, 0.4, 0.7, 1.0, 1.5, 2.5, 4.0, 7.0):
        assert likeliest_of_planted(quadratic_tail, planted, grid=OVERDISPERSIONS) == planted


@pytest.mark.parametrize("spread", [0.4, 2.5])
def test_the_shape_whose_variance_grows_with_the_squared_mean_is_told_from_the_other(spread):
    random = np.random.default_rng(4)
    mean, k = random.gamma(1.0, 3.0, 60000), random.integers(1, 12, 60000).astype(float)
    squared = random.negative_binomial(1 / spread, 1 / (1 + spread * mean))
    assert likeliest_shape(mean, k, (squared >= k) * 1.0) == (True, spread)
    linear = random.negative_binomial(mean / 3.0, 1 / 4.0)
    assert likeliest_shape(mean, k, (linear >= k) * 1.0) == (False, 4.0)


def scipy_tail(mean, shape, k):
    quadratic, d = shape
    size, share = (1 / d, 1 / (1 + d * mean)) if quadratic else (mean / (d - 1), 1 / d)
    return nbinom.sf(k - 1, size, share)


def test_pool_is_the_weighted_mean_of_log_odds_that_scipy_gives(table):
    model = Pool().fit(table.X, table.y, count=table.count)
    X, k = table.X, table.X["threshold"].to_numpy()
    means = [np.maximum(X[f"history_decay_{d}d"] / d * 7, 0.02) for d in AVERAGE_DAYS]
    means.append(0.8 * means[2] + 0.2 * means[5])

    def odds(p):
        p = np.clip(p, 1e-4, 1 - 1e-4)
        return np.log(p / (1 - p))

    log_odds = [
        odds(scipy_tail(m, shape, k)) for m, shape in zip(means, model.shapes_, strict=True)
    ]
    total = np.array(WEIGHTS) @ np.stack(log_odds)
    np.testing.assert_allclose(probability(model, X), 1 / (1 + np.exp(-total)), rtol=1e-7)
    assert sum(WEIGHTS) == pytest.approx(1.0)


def test_each_shape_of_the_pool_makes_its_own_outcomes_likeliest(table):
    model = Pool().fit(table.X, table.y, count=table.count)
    k = table.X["threshold"].to_numpy()
    shapes = [(False, d) for d in DISPERSIONS] + [(True, a) for a in OVERDISPERSIONS]
    for days, chosen in zip(AVERAGE_DAYS, model.shapes_, strict=False):
        m = np.maximum(table.X[f"history_decay_{days}d"].to_numpy() / days * 7, 0.02)
        value = {
            shape: outcome_log_likelihood(scipy_tail(m, shape, k), table.y).mean()
            for shape in shapes
        }
        assert value[chosen] == max(value.values())
    assert len(set(model.shapes_)) > 1


def test_conjugate_updates_day_by_day_come_to_the_decayed_sums():
    random = np.random.default_rng(5)
    x = random.poisson(0.3, 4000)
    keep = np.exp(-1 / 21)
    a, b, total = 0.0, 0.0, 0.0
    for events in x:
        a, b = keep * a + events, keep * b + 1
        total = keep * total + events
    model = Dynamic()
    model.rate_ = 0.5
    actual = model._tail(np.array([total]), np.array([3.0]), 2, 10.0, 0.5)[0]
    shape, rate = 0.5 * (a + 0.5 * 10), 0.5 * (b + 10)
    assert actual == pytest.approx(nbinom.sf(2, shape, rate / (rate + 7)), rel=1e-9)


def planted(days, *, rows=40000, seed=1):
    """Six decayed sums of which only the one over ``days`` says what comes; thresholds 1 to 4."""
    random = np.random.default_rng(seed)
    rates = random.gamma(1.0, 0.4, (rows, len(AVERAGE_DAYS)))
    place = AVERAGE_DAYS.index(days)
    count = random.negative_binomial(rates[:, place] * 7, 0.5)
    X = np.column_stack([rates * np.array(AVERAGE_DAYS), random.integers(1, 5, rows)])
    return X, (count >= X[:, 6]) * 1.0, count


@pytest.mark.parametrize("days", [7, 45, 365])
def test_the_memory_that_says_what_comes_is_found(days):
    X, y, count = planted(days)
    columns = {"levels": tuple(range(6)), "threshold": 6}
    assert AVERAGE_DAYS[Dynamic(**columns).fit(X, y, count=count).memory_] == days
    beta = Levels(past=0, **columns).fit(X, y, count=count).coefficients_
    assert np.argmax(beta[1:]) == AVERAGE_DAYS.index(days)
    assert beta[1 + AVERAGE_DAYS.index(days)] > 0.8


def test_levels_is_at_the_maximum_of_its_penalised_likelihood(make_table):
    """Score of the negative binomial written out, at the variance that its own mean implies."""
    table = make_table(units=1, days=600)
    X = table.X.reset_index(drop=True)
    model = Levels().fit(X, table.y, count=table.count)
    Z = model._design(X)
    mean = np.exp(Z @ model.coefficients_)
    count = np.minimum(table.count, 20 * X["threshold"].to_numpy())
    spread = ((count - mean) ** 2 - mean).sum() / (mean**2).sum()
    expected = np.maximum(X["history_sum_28d"].to_numpy() / 4, 0.1)
    residual = (count - expected) / np.sqrt(expected + expected**2)
    effect = max((residual**2).sum() / (residual**2).sum(), 1.0)  # every row is its own block
    score = Z.T @ ((count - mean) / (1 + max(spread, 0.05) * mean)) / effect
    np.testing.assert_allclose(score, RIDGE * (model.coefficients_ - PRIOR), atol=0.05)
    assert np.abs(model.coefficients_ - PRIOR).max() > 0.05


def test_levels_without_evidence_weighs_as_its_prior_says():
    X = np.column_stack([np.outer([1.0, 2.0, 3.0], AVERAGE_DAYS) / 7, np.ones(3)])
    model = Levels(levels=tuple(range(6)), past=0, threshold=6)
    model.fit(X, [1, 1, 1], count=[1, 2, 3])
    np.testing.assert_allclose(model.coefficients_, PRIOR, atol=0.02)


def test_levels_takes_the_quadratic_tail_where_the_data_do():
    random = np.random.default_rng(4)
    rate = random.gamma(1.0, 1.0, 40000)
    X = np.column_stack([np.outer(rate, AVERAGE_DAYS), random.integers(1, 15, len(rate))])
    columns = {"levels": tuple(range(6)), "past": 0, "threshold": 6}
    mean = rate * 7
    for quadratic, count in (
        (True, random.negative_binomial(1.0, 1 / (1 + mean))),
        (False, random.negative_binomial(mean / 2, 1 / 3)),
    ):
        model = Levels(**columns).fit(X, count >= X[:, 6], count=count)
        assert model.quadratic_ is quadratic


@pytest.mark.parametrize("name", COUNTING)
def test_probabilities_do_not_rise_as_the_threshold_grows(fitted, table, name):
    X = table.X.iloc[::17]
    rows = [probability(fitted[name], X.assign(threshold=float(k))) for k in range(1, 12)]
    assert (np.diff(rows, axis=0) <= 1e-15).all()
    assert rows[0].mean() > rows[-1].mean() + 0.1


@pytest.mark.parametrize("name", ["ewma_nb", "dynamic", "levels", "pool"])
def test_probabilities_of_a_fitted_model_do_not_fall_as_the_horizon_grows(fitted, table, name):
    X = table.X.iloc[::17]
    model = fitted[name]
    rows = []
    for horizon in (1, 3, 7, 14, 30, 90):
        model.set_params(horizon=horizon)
        rows.append(probability(model, X))
    model.set_params(horizon=7)
    assert (np.diff(rows, axis=0) >= -1e-15).all()
    assert rows[-1].mean() > rows[0].mean() + 0.1


def test_a_certainty_that_was_wrong_costs_as_one_in_ten_thousand():
    actual = outcome_log_likelihood(np.array([0.0, 1.0, 1.0, 0.25]), np.array([1.0, 0.0, 1.0, 1.0]))
    assert actual == pytest.approx([np.log(1e-4), np.log(1e-4), np.log(1 - 1e-4), np.log(0.25)])
