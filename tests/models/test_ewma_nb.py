"""``ewma_nb`` against its formula in plain Python, term by term."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import nbinom

from escalation.models.ewma_nb import EwmaNB, nb_tail


def plain_tail(mean, dispersion, threshold):
    """1 - sum of the negative binomial's first terms, by the logarithm of the gamma function."""
    size = mean / (dispersion - 1)
    terms = [
        math.exp(
            math.lgamma(k + size) - math.lgamma(size) - math.lgamma(k + 1)
            - size * math.log(dispersion) + k * math.log(1 - 1 / dispersion)
        )
        for k in range(int(threshold))
    ]  # fmt: skip
    return 1 - math.fsum(terms)


def plain_ewma(rows, counts, horizon):
    """Dispersion and probabilities, written as in the definition."""
    expected = [past * horizon / 28 for _, past, _ in rows]
    squares = [(count - mean) ** 2 for count, mean in zip(counts, expected, strict=True)]
    dispersion = math.fsum(squares) / math.fsum(expected)
    dispersion = min(max(dispersion, 1.1), 30.0)
    return dispersion, [
        plain_tail(max(decayed / 21 * horizon, 0.02), dispersion, threshold)
        for decayed, _, threshold in rows
    ]


@pytest.mark.parametrize("horizon", [1, 7, 30])
def test_probabilities_equal_the_formula_in_plain_python(horizon):
    random = np.random.default_rng(horizon)
    past = random.poisson(6.0, 60)
    decayed = np.where(random.random(60) < 0.2, 0.0, random.gamma(2.0, 3.0, 60))
    rows = list(zip(decayed, past, random.integers(1, 9, 60), strict=True))
    counts = random.poisson(horizon * 0.4, 60)
    X = pd.DataFrame(rows, columns=["history_decay_21d", "history_sum_28d", "threshold"])
    model = EwmaNB(horizon=horizon).fit(X, counts >= X["threshold"], count=counts)
    dispersion, probabilities = plain_ewma(rows, counts, horizon)
    assert model.dispersion_ == pytest.approx(dispersion, abs=1e-12)
    assert 1.1 < dispersion < 30
    actual = model.predict_proba(X)[:, 1]
    expected = np.clip(probabilities, 1e-6, 1 - 1e-6)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-12)
    assert np.ptp(actual) > 0.5 or horizon == 1


@pytest.mark.parametrize(
    ("past", "counts", "expected"),
    [
        ([4, 4], [1, 1], 1.1),  # as expected: no variance, so the floor
        ([4, 4], [4, 4], 9.0),  # (4 - 1)^2 over 1
        ([4, 0], [3, 0], 4.0),  # mean of 4 and 0, over the mean of 1 and 0
        ([4, 4], [90, 0], 30.0),  # the ceiling
        ([0, 0], [1, 0], 30.0),  # nothing expected: as uncertain as it gets
    ],
)
def test_dispersion_follows_the_table(past, counts, expected):
    X = np.column_stack([past, past, [1, 1]])
    model = EwmaNB(decayed=0, past=1, threshold=2).fit(X, [0, 1], count=counts)
    assert model.dispersion_ == pytest.approx(expected, abs=1e-12)


def test_tail_agrees_with_the_distribution_over_many_magnitudes():
    random = np.random.default_rng(5)
    mean = 10.0 ** random.uniform(-2, 4, 3000)
    dispersion = random.uniform(1.02, 100, 3000)
    threshold = np.floor(10.0 ** random.uniform(0, 4, 3000))
    reference = nbinom.sf(threshold - 1, mean / (dispersion - 1), 1 / dispersion)
    np.testing.assert_allclose(
        nb_tail(mean, dispersion, threshold), reference, rtol=1e-9, atol=1e-13
    )


def test_a_threshold_of_zero_or_less_is_certain_and_a_fraction_counts_as_the_next_whole():
    actual = nb_tail(np.full(4, 2.0), 3.0, np.array([-1.0, 0.0, 1.5, 2.0]))
    assert actual[:2].tolist() == [1.0, 1.0]
    assert actual[2] == actual[3] < 1.0


def test_huge_counts_give_probabilities_and_not_nan():
    actual = nb_tail(np.array([1e9, 1e12, 1e-9]), 30.0, np.array([1.0, 1e13, 1e6]))
    np.testing.assert_allclose(actual, [1.0, 0.0, 0.0], atol=1e-12)
