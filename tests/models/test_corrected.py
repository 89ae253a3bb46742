"""The averages are corrected where there is evidence, and by unit where all share a threshold."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from escalation.models import MODELS
from escalation.models.corrected import OFFSET, Corrected
from escalation.models.levels import log_averages
from escalation.models.pool import AVERAGE_COLUMNS


def probability(model, X, **options):
    return model.predict_proba(X, **options)[:, 1]


def offset(table, model):
    weighted = zip(OFFSET.items(), model.estimators_, strict=True)
    return sum(
        w * logit(np.clip(probability(m, table.X), 1e-4, 1 - 1e-4)) for (_, w), m in weighted
    )


@pytest.fixture(scope="module")
def fitted(table):
    return Corrected().fit(table.X, table.y, count=table.count)


def test_it_is_the_offset_and_a_regression_of_what_the_docstring_names(table, fitted):
    X = table.X
    lv = log_averages(X, AVERAGE_COLUMNS, horizon=7)
    pairs = ((0, 1), (2, 3), (3, 4), (4, 5))
    inputs = [lv[:, fast] - lv[:, slow] for fast, slow in pairs]
    inputs.append(np.log1p(X["history_days_since"].to_numpy()))
    z = np.column_stack([np.clip((x - x.mean()) / x.std(), -4, 4) for x in inputs])
    b, a, *c = fitted.coefficients_
    oracle = expit(b * offset(table, fitted) + a + z @ c)
    np.testing.assert_allclose(probability(fitted, X), oracle, rtol=1e-9)
    assert len(fitted.units_) == 0  # two thresholds: they speak of the unit already


def test_little_data_leaves_the_averages_as_they_are(table):
    few = np.flatnonzero(table.X.index.get_level_values("day") < pd.Timestamp("2019-01-29"))
    X, y, count = table.X.iloc[few], table.y[few], table.count[few]
    model = Corrected().fit(X, y, count=count)
    assert np.abs(model.coefficients_ - np.eye(7)[0]).max() < 0.25


def test_a_memory_that_the_averages_weigh_too_little_is_found():
    """Outcomes by the fast average alone, from log-odds that the offset does not have."""
    random = np.random.default_rng(3)
    rows = 8000
    X = pd.DataFrame(
        {name: random.gamma(2.0, 2.0, rows) for name in AVERAGE_COLUMNS}
        | {"history_sum_28d": random.gamma(2.0, 2.0, rows), "history_days_since": 3.0}
        | {"threshold": 1.0}
    )
    lv = log_averages(X, AVERAGE_COLUMNS, horizon=7)
    y = (random.random(rows) < expit(1.5 * (lv[:, 0] - lv[:, 1]))) * 1.0
    model = Corrected().fit(X, y, count=y)
    assert np.argmax(model.coefficients_[2:]) == 0
    assert np.corrcoef(probability(model, X), lv[:, 0] - lv[:, 1])[0, 1] > 0.9


@pytest.fixture(scope="module")
def same_history():
    """Six units of the same history, of which two see the outcome far more often."""
    random = np.random.default_rng(4)
    days = pd.date_range("2015-01-01", periods=300, freq="28D")
    index = pd.MultiIndex.from_product([[f"u{k}" for k in range(6)], days], names=["unit", "day"])
    columns = dict.fromkeys((*AVERAGE_COLUMNS, "history_sum_28d", "history_days_since"), 1.0)
    X = pd.DataFrame(columns, index=index).assign(threshold=1.0)
    rate = np.where(np.isin(index.get_level_values("unit"), ["u1", "u4"]), 0.5, 0.15)
    return X, (random.random(len(X)) < rate) * 1.0


def test_units_of_one_history_are_told_apart_where_the_threshold_is_the_same(same_history):
    X, y = same_history
    model = Corrected().fit(X, y, count=y)
    actual = pd.Series(probability(model, X)).groupby(X.index.get_level_values("unit")).first()
    assert actual[["u1", "u4"]].min() > 0.4
    assert actual.drop(["u1", "u4"]).max() < 0.3
    assert model.units_.tolist() == [f"u{k}" for k in range(6)]


def test_a_unit_that_was_not_there_has_no_effect_and_an_array_none_at_all(same_history):
    X, y = same_history
    model = Corrected().fit(X, y, count=y)
    new = X.iloc[:1].rename(index={"u0": "new"}, level="unit")
    middle = probability(model, new)[0]
    assert probability(model, X).min() < middle < probability(model, X).max()
    assert probability(model, X.iloc[:1].reset_index(drop=True))[0] == middle


def test_units_have_no_effect_where_the_threshold_comes_from_their_past(same_history):
    X, y = same_history
    varied = X.assign(threshold=1.0 + (X.index.get_level_values("unit") == "u2"))
    assert len(Corrected().fit(varied, y, count=y).units_) == 0


def test_members_that_are_given_are_not_fitted_again(table, fitted):
    estimators = {n: MODELS[n]().fit(table.X, table.y, count=table.count) for n in OFFSET}
    model = Corrected().fit(table.X, table.y, count=table.count, estimators=estimators)
    assert all(a is estimators[n] for n, a in zip(OFFSET, model.estimators_, strict=True))
    base = {n: probability(m, table.X) for n, m in estimators.items()}
    np.testing.assert_array_equal(
        probability(model, table.X, probabilities=base), probability(model, table.X)
    )
    np.testing.assert_array_equal(probability(model, table.X), probability(fitted, table.X))


def test_log_odds_that_were_upside_down_are_not_turned_round(table):
    model = Corrected().fit(table.X, 1.0 - table.y, count=table.count)
    assert model.coefficients_[0] >= 0.0
