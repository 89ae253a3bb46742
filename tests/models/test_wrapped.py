"""The three scikit-learn models: what is put in, what is shrunk, what is learnt."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

from escalation import schema
from escalation.models.boosting import Boosting
from escalation.models.forest import Forest
from escalation.models.logistic import Logistic
from escalation.models.wrapped import with_margins


def test_margins_follow_the_table():
    X = pd.DataFrame(
        {
            "feature": [5.0, -1.0],
            "history_decay_7d": [2.0, 0.0],
            "history_decay_21d": [6.0, 1.5],
            "threshold": [1.0, 3.0],
        }
    )
    actual = with_margins(X, horizon=7)
    np.testing.assert_array_equal(actual[:, :4], X.to_numpy())
    expected = np.log([[2.5 / 1.5, 2.5 / 1.5], [0.5 / 3.5, 1.0 / 3.5]])
    np.testing.assert_allclose(actual[:, 4:], expected, rtol=1e-14)


@pytest.mark.parametrize("drop", ["threshold", "history"])
def test_without_history_or_threshold_the_columns_stay_as_they_are(table, drop):
    X = table.X[[name for name in table.X if not name.startswith(drop)]]
    read = [name for name in X if not schema.is_occurrence(name)]
    assert len(read) == len(X.columns) - (4 if drop == "threshold" else 0)
    np.testing.assert_array_equal(with_margins(X, horizon=7), X[read].to_numpy())


def test_logistic_is_the_ridge_maximum_that_a_plain_optimiser_finds():
    random = np.random.default_rng(8)
    X = np.sinh(random.normal(0, 2, (400, 3)))
    Z = np.sign(X) * np.log1p(np.abs(X))
    Z = (Z - Z.mean(axis=0)) / Z.std(axis=0)
    y = (random.random(400) < 1 / (1 + np.exp(1 - Z @ [1.0, -0.5, 0.0]))) * 1.0

    def loss(beta):
        eta = beta[0] + Z @ beta[1:]
        return (np.logaddexp(0, eta) - y * eta).sum() / 7 + 3.0 / 2 * (beta[1:] ** 2).sum()

    beta = minimize(loss, np.zeros(4), options={"gtol": 1e-9}).x
    expected = 1 / (1 + np.exp(-beta[0] - Z @ beta[1:]))
    actual = Logistic(horizon=7, ridge=3.0).fit(X, y).predict_proba(X)[:, 1]
    np.testing.assert_allclose(actual, expected, atol=1e-5)
    assert np.ptp(actual) > 0.3


def test_a_column_that_never_changed_has_no_say(table):
    X = table.X.assign(constant=3.0)
    model = Logistic().fit(X, table.y)
    plain = model.predict_proba(X)
    np.testing.assert_array_equal(model.predict_proba(X.assign(constant=1e6)), plain)


def test_few_positives_give_small_probabilities_without_an_exception(table):
    y = np.zeros(len(table.y))
    y[100:103] = 1
    for make in (Logistic, Boosting, Forest):
        probability = make().fit(table.X, y).predict_proba(table.X)[:, 1]
        assert probability.max() < 0.3
        assert probability.min() > 0


def test_forest_never_calls_an_outcome_impossible(table):
    y = (table.X["history_decay_7d"].to_numpy() > 2) * 1.0
    model = Forest(trees=20, leaf=10).fit(table.X, y)
    assert model.predict_proba(table.X)[:, 1].min() >= model.base_ / 11 - 1e-12


@pytest.mark.parametrize("make", [Boosting, Forest])
def test_the_seed_decides_the_trees(table, make):
    one, same, other = (
        make(seed=seed).fit(table.X, table.y).predict_proba(table.X)[:, 1] for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


@pytest.mark.parametrize("make", [Logistic, Boosting, Forest])
def test_a_planted_signal_among_noise_is_learnt(make_table, make):
    X, _, _ = make_table(features=20)
    y = (X["feature_3"] + X["feature_2"] / 10 > 12).to_numpy() * 1.0
    half = np.arange(len(X)) % 2 == 0
    actual = make(horizon=1).fit(X[half], y[half]).predict_proba(X[~half])[:, 1]
    rate = y.mean()
    assert np.mean((actual - y[~half]) ** 2) < 0.7 * rate * (1 - rate)
