"""The non-negative regression against a general optimiser and against statsmodels."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from statsmodels.genmod.families import Poisson, links
from statsmodels.genmod.generalized_linear_model import GLM
from statsmodels.tools.sm_exceptions import DomainWarning

from escalation.models.nonnegative import MEAN_FLOOR, errors, maximise


def simulated(seed, rows=400, columns=5):
    random = np.random.default_rng(seed)
    design = random.gamma(0.5, 1.0, (rows, columns))
    truth = random.gamma(1.0, 0.3, columns) * (random.random(columns) < 0.6)
    return design, random.poisson(design @ truth).astype(float)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("ridge", "weight"), [(0.0, 1.0), (5.0, 0.2)])
def test_it_meets_the_conditions_of_the_maximum(seed, ridge, weight):
    design, count = simulated(seed)
    centre = np.eye(5)[1]
    beta = maximise(design, count, ridge=ridge, weight=weight, centre=centre)
    misfit = count / (design @ beta + MEAN_FLOOR) - 1.0
    slope = weight * design.T @ misfit - ridge * (beta - centre)
    assert (beta >= 0).all() and (beta > 0).sum() >= 1
    assert np.abs(slope[beta > 0]).max() < 1e-4
    assert (slope[beta == 0] < 1e-4).all()


def test_the_start_does_not_matter():
    design, count = simulated(3)
    for start in (np.zeros(5), np.full(5, 10.0), np.eye(5)[0]):
        np.testing.assert_allclose(
            maximise(design, count, start=start), maximise(design, count), atol=1e-5
        )


def test_statsmodels_agrees_on_positive_coefficients_and_their_errors():
    random = np.random.default_rng(8)
    design = np.column_stack([np.ones(500), random.gamma(0.5, 1.0, (500, 2))])
    count = random.poisson(design @ [0.3, 0.5, 0.8]).astype(float)
    beta = maximise(design, count)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DomainWarning)
        model = GLM(count, design, family=Poisson(link=links.Identity()))
    oracle = model.fit(start_params=beta, tol=1e-12)
    np.testing.assert_allclose(beta, oracle.params, atol=1e-5)
    standard, dispersion = errors(design, count, beta)
    pearson = max(oracle.pearson_chi2 / 497, 1.0)
    assert dispersion == pytest.approx(pearson, rel=1e-4)
    np.testing.assert_allclose(standard, oracle.bse * np.sqrt(pearson), rtol=1e-3)


def test_errors_are_those_of_repeated_samples():
    random = np.random.default_rng(8)
    design = np.column_stack([np.ones(500), random.gamma(0.5, 1.0, (500, 2))])
    truth = np.array([0.3, 0.5, 0.8])
    fits = [maximise(design, random.poisson(design @ truth) * 1.0) for _ in range(100)]
    standard, _ = errors(design, random.poisson(design @ truth) * 1.0, truth)
    np.testing.assert_allclose(standard, np.std(fits, axis=0), rtol=0.2)


def test_nothing_counted_means_nothing_fitted():
    assert maximise(np.ones((50, 1)), np.zeros(50))[0] < 1e-6
