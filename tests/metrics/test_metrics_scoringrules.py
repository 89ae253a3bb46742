"""Scores against scoringrules, and the CRPS against a sum of absolute differences."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import nbinom

from escalation.metrics import crps
from escalation.metrics.scores import brier, log_score

COUNT = np.array([0.0, 1.0, 3.0, 17.0, 60.0])
SHAPE = np.array([0.2, 1.5, 4.0, 0.7, 9.0])
SHARE = np.array([0.3, 0.5, 0.2, 0.05, 0.4])


def exceedance(k: int = 4000) -> np.ndarray:
    return nbinom.sf(np.arange(k)[None, :], SHAPE[:, None], SHARE[:, None])


@pytest.fixture(scope="module")
def rules():
    """The library, imported only here because importing it compiles for seconds."""
    import scoringrules

    return scoringrules


def test_brier_and_log_score_equal_those_of_scoringrules(rules) -> None:
    rng = np.random.default_rng(0)
    for _ in range(4):
        p = rng.beta(0.7, 2.0, 400).round(2).clip(0.01, 0.99)
        y = (rng.random(400) < 0.6 * p + 0.1) * 1.0
        assert brier(p, y) == pytest.approx(rules.brier_score(y, p).mean(), abs=1e-10)
        assert log_score(p, y) == pytest.approx(rules.log_score(y, p).mean(), abs=1e-10)


def test_crps_equals_that_of_scoringrules(rules) -> None:
    oracle = rules.crps_negbinom(COUNT, SHAPE, SHARE)
    np.testing.assert_allclose(crps(exceedance(), COUNT), oracle, rtol=1e-6)


def test_crps_of_a_mixture_is_the_mean_distance_minus_half_the_mean_difference() -> None:
    draws = np.array([0, 0, 1, 4, 4, 4, 9])
    above = (draws[:, None] > np.arange(12)).mean(axis=0)[None, :]
    for x in (0.0, 3.0, 12.0):
        apart = np.abs(draws[:, None] - draws).mean() / 2.0
        assert crps(above, np.array([x]))[0] == pytest.approx(np.abs(draws - x).mean() - apart)


def test_a_count_beyond_the_forecast_is_refused() -> None:
    with pytest.raises(ValueError, match="largest count, 60"):
        crps(exceedance(20), COUNT)
