"""Count and hazard regression: what was planted is found, and nothing diverges."""

import numpy as np
import pytest
from scipy.optimize import minimize
from statsmodels.genmod.families import Poisson
from statsmodels.genmod.generalized_linear_model import GLM

from escalation.models.hazard import Hazard
from escalation.models.negbin import NegBin, likeliest_dispersion, negbin_loglike
from escalation.models.regression import signed_log


def raw_slopes(model):
    """Coefficients per unit of the logged column, not per standard deviation."""
    return model.coefficients_[1:] / model.scale_


def planted_counts(*, rows=20000, dispersion=3.0, seed=2):
    """Counts whose log mean is the decayed rate's plus 0.3 - 0.4 log(1 + a) + 0.2 log(1 + b)."""
    random = np.random.default_rng(seed)
    decayed, a, b = random.gamma(2.0, 4.0, (3, rows))
    mean = 7 * decayed / 21 * np.exp(0.3 - 0.4 * np.log1p(a) + 0.2 * np.log1p(b))
    count = random.negative_binomial(mean / (dispersion - 1), 1 / dispersion)
    X = np.column_stack([decayed, a, b, random.integers(1, 6, rows)])
    return X, count


def test_negbin_recovers_planted_coefficients_and_dispersion():
    X, count = planted_counts()
    model = NegBin(columns=(1, 2), decayed=0, threshold=3, cap=1e9)
    model.fit(X, count >= X[:, 3], count=count)
    slopes = raw_slopes(model)
    np.testing.assert_allclose(slopes, [-0.4, 0.2], atol=0.04)
    level = model.coefficients_[0] - (slopes * model.centre_).sum()
    assert level == pytest.approx(0.3, abs=0.08)
    assert model.dispersion_ == pytest.approx(3.0, rel=0.05)


def test_negbin_is_calibrated_in_the_large_at_every_threshold():
    X, count = planted_counts(rows=10000)
    model = NegBin(columns=(1, 2), decayed=0, threshold=3)
    half = len(X) // 2
    y = count >= X[:, 3]
    model.fit(X[:half], y[:half], count=count[:half])
    probability = model.predict_proba(X[half:])[:, 1]
    for threshold in range(1, 6):
        rows = X[half:, 3] == threshold
        assert probability[rows].mean() == pytest.approx(y[half:][rows].mean(), abs=0.04)


def test_negbin_without_evidence_stays_at_the_decayed_rate():
    X = np.array([[3.0, 1.0, 1.0], [6.0, 2.0, 1.0], [9.0, 0.5, 1.0]])
    count = X[:, 0] / 21 * 7
    model = NegBin(columns=(1,), decayed=0, threshold=2).fit(X, [0, 1, 1], count=count)
    np.testing.assert_allclose(model._mean(X), count, rtol=1e-6)


def test_hazard_recovers_planted_coefficients():
    random = np.random.default_rng(4)
    X = random.gamma(2.0, 4.0, (20000, 2))
    rate = np.exp(-2.5 + 0.7 * np.log1p(X[:, 0]) - 0.5 * np.log1p(X[:, 1]))
    y = random.random(20000) < 1 - np.exp(-7 * rate)
    model = Hazard(columns=(0, 1)).fit(X, y)
    slopes = raw_slopes(model)
    np.testing.assert_allclose(slopes, [0.7, -0.5], atol=0.05)
    level = model.base_ - np.log(7) + model.coefficients_[0] - (slopes * model.centre_).sum()
    assert level == pytest.approx(-2.5, abs=0.15)
    assert model.predict_proba(X)[:, 1].mean() == pytest.approx(y.mean(), abs=0.01)


@pytest.mark.parametrize("kind", ["negbin", "hazard"])
def test_coefficients_are_at_the_penalised_maximum_and_errors_are_its_curvature(table, kind):
    """The penalised log likelihood written out, against a plain optimiser's maximum of it."""
    if kind == "negbin":
        model = NegBin(ridge=2.0).fit(table.X, table.y, count=table.count)
        offset = np.log(np.maximum(table.X["history_decay_21d"].to_numpy() / 21 * 7, 0.02))
        capped = np.minimum(table.count, 20 * table.X["threshold"].to_numpy())
    else:
        model = Hazard(ridge=2.0).fit(table.X, table.y)
        offset = np.full(len(table.y), model.base_)
    Z = model._design(table.X)

    def loss(beta):
        eta = offset + Z @ beta
        if kind == "negbin":
            loglike = capped * eta - np.exp(eta)
        else:
            loglike = np.where(table.y == 1, np.log(-np.expm1(-np.exp(eta))), -np.exp(eta))
        return -loglike.sum() / 7 + 2.0 / 2 * (beta**2).sum()

    oracle = minimize(loss, np.zeros(Z.shape[1]), options={"gtol": 1e-7})
    np.testing.assert_allclose(model.coefficients_, oracle.x, atol=1e-4)
    assert np.abs(model.coefficients_).max() > 0.2
    rate = np.exp(offset + Z @ model.coefficients_)
    one = -np.expm1(-rate)
    information = rate if kind == "negbin" else (rate * (1 - one)) ** 2 / (one * (1 - one))
    covariance = np.linalg.inv((Z.T * information) @ Z / 7 + 2.0 * np.eye(Z.shape[1]))
    scale = model.dispersion_ if kind == "negbin" else 1.0
    oracle = np.sqrt(np.diag(covariance) * scale)
    np.testing.assert_allclose(model.standard_errors_, oracle, rtol=1e-6)


def test_errors_without_penalty_are_those_of_statsmodels():
    random = np.random.default_rng(10)
    X = np.column_stack([np.full(500, 3.0), np.expm1(random.gamma(2.0, 0.5, 500)), np.ones(500)])
    count = random.poisson(np.exp(0.2 + 0.5 * np.log1p(X[:, 1])))
    model = NegBin(columns=(1,), decayed=0, threshold=2, horizon=1, ridge=1e-9, cap=1e9)
    model.fit(X, count >= 1, count=count)
    Z, offset = model._design(X), model._start(X)
    oracle = GLM(count, Z, family=Poisson(), offset=offset).fit(tol=1e-12)
    np.testing.assert_allclose(model.coefficients_, oracle.params, rtol=1e-5)
    errors = model.standard_errors_ / np.sqrt(model.dispersion_)
    np.testing.assert_allclose(errors, oracle.bse, rtol=1e-4)


def test_overlapping_labels_widen_the_errors_by_the_root_of_the_horizon():
    X, count = planted_counts(rows=4000)
    y = count >= X[:, 3]
    one, seven = (
        Hazard(columns=(1, 2), horizon=h, ridge=1e-9).fit(X, y).standard_errors_ for h in (1, 7)
    )
    np.testing.assert_allclose(seven / one, np.sqrt(7), rtol=1e-3)


def test_separated_outcomes_do_not_diverge():
    X = np.column_stack([np.repeat([0.0, 100.0], 70), np.ones(140)])
    y = np.repeat([0.0, 1.0], 70)
    model = Hazard(columns=(0, 1)).fit(X, y)
    assert np.abs(model.coefficients_).max() < 5
    low, high = model.predict_proba(X)[[0, -1], 1]
    assert 0.0 < low < 0.3 < 0.7 < high < 1.0


def test_only_zeros_give_a_small_rate_that_shrinks_with_more_data():
    rates = []
    for rows in (70, 7000):
        X = np.column_stack([np.full(rows, 2.0), np.arange(rows) % 5, np.ones(rows)])
        model = NegBin(columns=(1,), decayed=0, threshold=2)
        rates.append(
            model.fit(X, np.zeros(rows), count=np.zeros(rows)).predict_proba(X)[:, 1].max()
        )
    assert 1e-6 < rates[1] < rates[0] < 0.5


def test_one_massacre_does_not_outweigh_a_year():
    random = np.random.default_rng(3)
    X = np.column_stack([random.gamma(2.0, 4.0, 700), random.gamma(2.0, 4.0, 700), np.ones(700)])
    count = random.poisson(X[:, 0] / 3.0).astype(float)
    model = NegBin(columns=(1,), decayed=0, threshold=2)
    before = model.fit(X, count >= 1, count=count).predict_proba(X)[:, 1]
    count[350] = 1e7
    after = model.fit(X, count >= 1, count=count).predict_proba(X)[:, 1]
    assert np.abs(after - before).max() < 0.05


def test_far_beyond_training_the_probability_stays_within_what_was_learnt():
    X, count = planted_counts(rows=2000)
    model = NegBin(columns=(1, 2), decayed=0, threshold=3).fit(X, count >= X[:, 3], count=count)
    wild = np.array([[1e15, 1e15, 0.0, 5.0], [0.0, 0.0, 1e15, 5.0]])
    assert np.isfinite(model.predict_proba(wild)).all()
    largest = X[:, 1].max()
    queries = np.array([[5.0, 1e9, 1.0, 2.0], [5.0, largest, 1.0, 2.0]])
    np.testing.assert_allclose(*model.predict_proba(queries)[:, 1], rtol=1e-12)


def test_loglikelihood_and_its_maximum_agree_with_a_grid():
    random = np.random.default_rng(6)
    mean = random.gamma(1.0, 2.0, 400) + 0.05
    count = random.negative_binomial(mean / 4.0, 1 / 5.0).astype(float)
    grid = np.linspace(1.05, 15, 600)
    best = grid[np.argmax([negbin_loglike(count, mean, d) for d in grid])]
    assert likeliest_dispersion(count, mean) == pytest.approx(best, abs=0.03)
    assert 2 < best < 10


def test_signed_log_keeps_the_sign_and_the_order():
    values = np.array([-1e300, -2.0, 0.0, 1e-12, 1e300])
    logged = signed_log(values)
    assert (np.diff(logged) > 0).all()
    np.testing.assert_allclose(logged, -signed_log(-values))


@pytest.mark.parametrize("name", ["coefficients_", "summary_"])
def test_nothing_of_the_training_rows_is_kept(table, name):
    model = NegBin().fit(table.X, table.y, count=table.count)
    sizes = [np.size(value) for value in vars(model).values() if isinstance(value, np.ndarray)]
    assert max(sizes) <= table.X.shape[1]
    assert hasattr(model, name)


def test_summary_names_each_column_with_its_coefficient_and_error(table):
    model = NegBin().fit(table.X, table.y, count=table.count)
    lines = model.summary_.splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["intercept", *model.columns]
    assert float(lines[1].split()[1]) == pytest.approx(model.coefficients_[0], abs=1e-4)
    assert float(lines[1].split()[2]) == pytest.approx(model.standard_errors_[0], abs=1e-4)
