"""Plain metrics: literal tables, oracles of another library, and identities."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from escalation.metrics import METRICS, decompose, recalibrated
from escalation.metrics.calibration import miscalibration, recoverable
from escalation.metrics.ranking import ranking_replicates
from escalation.metrics.scores import log_losses, squared_errors

ORACLES = {
    "brier": brier_score_loss,
    "log_score": log_loss,
    "average_precision": average_precision_score,
    "auc": roc_auc_score,
}


def random_forecasts(seed, *, rows=500, decimals=2):
    """Forecasts with many ties (two decimals) and some skill."""
    rng = np.random.default_rng(seed)
    probability = rng.beta(0.7, 2.0, rows).round(decimals).clip(0.01, 0.99)
    return probability, (rng.random(rows) < 0.6 * probability + 0.1) * 1.0


@pytest.mark.parametrize("name", ORACLES)
@pytest.mark.parametrize("decimals", [1, 2, 15])
def test_metrics_agree_with_scikit_learn_with_and_without_ties(name, decimals):
    for seed in range(5):
        probability, outcome = random_forecasts(seed, decimals=decimals)
        expected = ORACLES[name](outcome, probability)
        assert METRICS[name](probability, outcome) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("brier", (0.01 + 0.16 + 0.36 + 0.04) / 4),
        ("log_score", -np.log([0.9, 0.6, 0.4, 0.8]).mean()),
        ("average_precision", 1 / 2 * (1 / 1 + 2 / 3)),
        ("auc", 3 / 4),
        ("positives", 2.0),
        ("uncertainty", 0.25),
        ("log_uncertainty", np.log(2.0)),
    ],
)
def test_metrics_of_four_rows_are_as_counted_by_hand(name, expected):
    probability, outcome = np.array([0.1, 0.4, 0.4 - 1e-12, 0.8]), np.array([0.0, 0.0, 1.0, 1.0])
    assert METRICS[name](probability, outcome) == pytest.approx(expected, abs=1e-9)


def test_tied_pairs_count_half_in_auc():
    assert METRICS["auc"](np.array([0.3, 0.3, 0.3]), np.array([1.0, 0.0, 0.0])) == 0.5


@pytest.mark.parametrize(
    ("probability", "expected"), [([0.2, 0.7], 1.0), ([0.7, 0.2], 0.0), ([0.4, 0.4], 0.5)]
)
def test_a_single_pair_has_an_auc(probability, expected):
    p, y = np.array(probability), np.array([0.0, 1.0])
    assert METRICS["auc"](p, y) == expected
    rankings = ranking_replicates(p, y, np.zeros(2, np.int64), np.ones((1, 1)))
    assert rankings.tolist() == [[1.0 if expected == 1.0 else 0.5], [expected]]


@pytest.mark.parametrize("name", METRICS)
def test_permuted_rows_change_no_metric(name):
    probability, outcome = random_forecasts(3)
    order = np.random.default_rng(0).permutation(len(outcome))
    expected = METRICS[name](probability, outcome)
    assert METRICS[name](probability[order], outcome[order]) == pytest.approx(expected, abs=1e-14)


@pytest.mark.parametrize("name", METRICS)
def test_metrics_of_no_rows_are_undefined_and_raise_nothing(name):
    value = METRICS[name](np.empty(0), np.empty(0))
    assert value == 0.0 if name == "positives" else np.isnan(value)


@pytest.mark.parametrize("outcome", [np.zeros(4), np.ones(4)])
def test_auc_is_undefined_with_one_class(outcome):
    assert np.isnan(METRICS["auc"](np.array([0.1, 0.2, 0.3, 0.4]), outcome))


def test_a_wrong_certainty_has_an_infinite_log_score_and_a_right_one_none():
    assert METRICS["log_score"](np.array([0.0]), np.array([1.0])) == np.inf
    assert METRICS["log_score"](np.array([0.0, 1.0]), np.array([0.0, 1.0])) == 0.0


@given(st.lists(st.tuples(st.integers(1, 9), st.booleans()), min_size=1, max_size=60))
@settings(max_examples=60, deadline=None)
def test_the_parts_of_a_score_sum_to_the_score(rows):
    probability = np.array([p / 10 for p, _ in rows])
    outcome = np.array([float(y) for _, y in rows])
    for loss in (squared_errors, log_losses):
        parts = decompose(probability, outcome, loss=loss)
        whole = parts.miscalibration - parts.discrimination + parts.uncertainty
        assert whole == pytest.approx(loss(probability, outcome).mean(), abs=1e-12)
        assert min(parts) >= -1e-12


def test_a_perfect_forecaster_is_not_miscalibrated_and_resolves_all_uncertainty():
    outcome = np.array([0.0, 1.0, 1.0, 0.0, 0.0])
    for loss in (squared_errors, log_losses):
        parts = decompose(outcome, outcome, loss=loss)
        assert parts.miscalibration == 0.0
        assert parts.discrimination == parts.uncertainty > 0.0


def test_a_constant_forecast_discriminates_nothing():
    parts = decompose(np.full(5, 0.7), np.array([0.0, 1.0, 1.0, 0.0, 0.0]))
    assert parts.discrimination == pytest.approx(0.0, abs=1e-15)
    assert parts.miscalibration == pytest.approx(0.3**2)


def pooled_by_hand(probability, outcome):
    """Isotonic fit from its definition: max over starts of min over ends of block means."""
    values = sorted(set(probability))
    fitted = {}
    for k, value in enumerate(values):
        fitted[value] = max(
            min(
                outcome[(probability >= values[a]) & (probability <= values[b])].mean()
                for b in range(k, len(values))
            )
            for a in range(k + 1)
        )
    return np.array([fitted[p] for p in probability])


def test_recalibration_equals_the_max_min_formula():
    for seed in range(5):
        probability, outcome = random_forecasts(seed, rows=60, decimals=1)
        slow = pooled_by_hand(probability, outcome)
        np.testing.assert_allclose(recalibrated(probability, outcome), slow, atol=1e-12)


@pytest.mark.parametrize("power", [1, 2])
def test_recalibration_on_other_dates_recovers_a_planted_bias_and_nothing_without_one(power):
    rng = np.random.default_rng(6)
    p, date = rng.random(40_000), np.arange(40_000) // 20
    y = (rng.random(40_000) < p**power) * 1.0
    planted = ((p - p**power) ** 2).mean()
    gain = recoverable(p, y, date)
    assert gain == pytest.approx(planted, abs=0.001)
    assert gain < miscalibration(p, y)
    assert (gain > 0) == (power == 2)


def test_recalibration_gains_nothing_on_one_date_and_is_undefined_without_rows():
    p, y = np.array([0.2, 0.8]), np.array([1.0, 0.0])
    assert recoverable(p, y, np.zeros(2, dtype=np.int64)) == 0.0
    assert np.isnan(recoverable(p[:0], y[:0], np.zeros(0, dtype=np.int64)))


def test_without_forecasts_nothing_is_recalibrated():
    assert recalibrated(np.zeros(0), np.zeros(0)).tolist() == []
