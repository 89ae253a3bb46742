"""How many: the mixture of counts against SciPy's distributions, and its reweighting."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import nbinom

from escalation.models.counts import (
    COMPONENTS,
    PLAIN_MEAN,
    CountMixture,
    count_forecast,
    reweighted_tail,
    single_dispersions,
)
from escalation.models.pool import AVERAGE_COLUMNS, AVERAGE_DAYS

RATE = np.array([0.05, 0.4, 3.0, 40.0])
"""Events a day."""
K = np.arange(5000)


def history(rate: np.ndarray, horizon: int = 7) -> pd.DataFrame:
    columns = {c: rate * d for c, d in zip(AVERAGE_COLUMNS, AVERAGE_DAYS, strict=True)}
    return pd.DataFrame({**columns, PLAIN_MEAN: rate * horizon})


def reweighted_masses(mean: float, d: float, p: float, k: int) -> np.ndarray:
    """By SciPy's masses, one by one."""
    mass = nbinom.pmf(K, mean / (d - 1.0), 1.0 / d)
    below = mass[:k].sum()
    return np.where(k > K, mass / below * (1.0 - p), mass / (1.0 - below) * p)


@pytest.mark.parametrize("probability", [0.02, 0.3, 0.88, 0.999])
def test_expectation_and_range_are_those_of_the_reweighted_masses(probability: float) -> None:
    X, threshold = history(RATE), np.array([1.0, 2.0, 30.0, 250.0])
    p = np.full(4, probability)
    forecast = count_forecast(CountMixture(7), X, probability=p, threshold=threshold)
    for i, (rate, k) in enumerate(zip(RATE, threshold, strict=True)):
        mass = reweighted_masses(7 * rate, 3.0, probability, int(k))
        assert forecast.expected[i] == pytest.approx(K @ mass, rel=1e-9)
        below = np.cumsum(mass)
        assert forecast.low[i] == np.searchsorted(below, 0.1)
        assert forecast.high[i] == np.searchsorted(below, 0.9)


def test_the_chance_of_the_threshold_is_the_issued_probability() -> None:
    X = history(RATE)
    mixture = CountMixture.fitted(X, np.array([0.0, 1.0, 30.0, 260.0]), horizon=7)
    means, p = mixture.means(X), np.array([0.01, 0.2, 0.6, 0.97])
    for threshold in (1.0, 3.0, 400.0):
        k = np.full(4, threshold)
        held = reweighted_tail(mixture, means, k, probability=p, threshold=k)
        assert held.tolist() == p.tolist()
        falls = [
            reweighted_tail(mixture, means, k * 0 + j, probability=p, threshold=k)
            for j in range(60)
        ]
        assert (np.diff(falls, axis=0) <= 1e-12).all()


def test_the_average_that_tells_the_count_gets_the_weight() -> None:
    rng = np.random.default_rng(0)
    X = history(rng.gamma(1.0, 2.0, 4000))
    truth = X["history_decay_21d"].to_numpy() / 3.0
    for name in set(AVERAGE_COLUMNS) - {"history_decay_21d"}:
        X[name] = rng.permutation(X[name])
    X[PLAIN_MEAN] = rng.permutation(X[PLAIN_MEAN])
    count = rng.poisson(truth).astype(float)
    mixture = CountMixture.fitted(X, count, horizon=7)
    assert mixture.weight[2] > 0.9
    assert single_dispersions(mixture.means(X), count)[2] == 1.2
    assert mixture.dispersion[2] == pytest.approx(1.0 + 0.6 * 0.2)
    assert sum(mixture.weight) == pytest.approx(1.0)


def test_averages_that_differ_are_each_drawn_in_because_their_mixture_is_wider() -> None:
    rng = np.random.default_rng(1)
    X = history(np.ones(4000))
    for name in (*AVERAGE_COLUMNS, PLAIN_MEAN):
        X[name] *= rng.gamma(4.0, 0.25, len(X))
    truth = CountMixture(7).means(X).mean(axis=0)
    count = rng.poisson(truth).astype(float)
    mixture = CountMixture.fitted(X, count, horizon=7)
    means = mixture.means(X)
    single = single_dispersions(means, count)
    assert (np.array(mixture.dispersion) < single).all()
    wide = replace(mixture, dispersion=tuple(single))

    def within(one: CountMixture) -> float:
        low, high = (1.0 - one.tail(means, count + step) for step in (0.0, 1.0))
        place = low + np.random.default_rng(2).random(len(count)) * (high - low)
        return float(((place > 0.1) & (place < 0.9)).mean())

    assert abs(within(mixture) - 0.8) < abs(within(wide) - 0.8)


def test_it_survives_the_manifest_and_refuses_what_is_no_mixture() -> None:
    mixture = CountMixture(30, (2.0,) * COMPONENTS)
    assert CountMixture.of(mixture.as_dict()) == mixture
    assert CountMixture.fitted(history(RATE[:0]), np.empty(0), horizon=7) == CountMixture(7)
    for data in ({"horizon": 7}, {**mixture.as_dict(), "dispersion": [1.0] * COMPONENTS}):
        with pytest.raises((LookupError, ValueError)):
            CountMixture.of(data)
