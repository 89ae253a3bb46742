"""The non-negative regression against a general optimiser and against statsmodels."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from escalation.models.nonnegative import FLOOR, errors, loglike, maximise, regression


def simulated(seed, rows=400, columns=5):
    random = np.random.default_rng(seed)
    design = random.gamma(0.5, 1.0, (rows, columns))
    truth = random.gamma(1.0, 0.3, columns) * (random.random(columns) < 0.6)
    return design, random.poisson(design @ truth).astype(float)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(("ridge", "weight"), [(0.0, 1.0), (5.0, 0.2)])
def test_it_reaches_the_maximum_that_a_general_optimiser_finds(seed, ridge, weight):
    design, count = simulated(seed)
    centre = np.eye(5)[1]

    def loss(beta):
        penalty = ridge / 2 * ((beta - centre) ** 2).sum()
        return penalty - weight * loglike(design, count, beta)

    def slope(beta):
        rate = count / (design @ beta + FLOOR) - 1
        return ridge * (beta - centre) - weight * design.T @ rate

    slow = minimize(loss, np.full(5, 0.3), jac=slope, bounds=[(0, None)] * 5, method="L-BFGS-B")
    found = maximise(design, count, ridge=ridge, weight=weight, centre=centre)
    assert loss(found) <= slow.fun + 1e-6
    gradient = slope(found)
    assert (found >= 0).all() and (gradient > -1e-3).all()
    assert np.abs(gradient[found > 0]).max() < 1e-2


def test_the_start_does_not_matter():
    design, count = simulated(3)
    for start in (np.zeros(5), np.full(5, 10.0), np.eye(5)[0]):
        np.testing.assert_allclose(
            maximise(design, count, start=start), maximise(design, count), atol=1e-5
        )


def test_statsmodels_agrees_and_its_errors_are_those_of_repeated_samples():
    random = np.random.default_rng(8)
    design = np.column_stack([np.ones(500), random.gamma(0.5, 1.0, (500, 2))])
    truth = np.array([0.3, 0.5, 0.8])
    found = []
    for _ in range(200):
        count = random.poisson(design @ truth).astype(float)
        beta = maximise(design, count)
        found.append(beta)
    np.testing.assert_allclose(regression(design, count, beta), beta, atol=1e-4)
    said, dispersion = errors(design, count, beta)
    np.testing.assert_allclose(said, np.std(found, axis=0), rtol=0.2)
    assert 1.0 <= dispersion < 1.2


def test_nothing_counted_means_nothing_fitted():
    design = np.ones((50, 1))
    beta = maximise(design, np.zeros(50))
    assert regression(design, np.zeros(50), beta)[0] < 1e-6
