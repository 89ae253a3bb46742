"""What holds for every registered model."""

import inspect

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from threadpoolctl import threadpool_info, threadpool_limits

from escalation.models import BASELINES, MODELS, EventModel

every_model = pytest.mark.parametrize("name", MODELS)
MEAN_IS_GIVEN = ("ewma_nb", "pool", "prior", "blend")
"""Models whose mean is the history's, or starts there: one training table can't move it."""
KNOWS_UNITS = ("climatology",)


def seeded(name):
    random = "seed" in inspect.signature(MODELS[name]).parameters
    return MODELS[name](**({"seed": 5} if random else {}))


@pytest.fixture(scope="module")
def fitted(table):
    return {name: seeded(name).fit(table.X, table.y, count=table.count) for name in MODELS}


def probability(model, X):
    return model.predict_proba(X)[:, 1]


def test_the_baselines_are_registered():
    assert set(BASELINES) <= set(MODELS)


@every_model
def test_one_row_at_a_time_is_in_a_batch_is_shuffled(fitted, table, name):
    X = table.X.iloc[::13]
    batch = probability(fitted[name], X)
    single = [probability(fitted[name], X.iloc[[i]])[0] for i in range(0, len(X), 4)]
    np.testing.assert_array_equal(batch[::4], single)
    order = np.random.default_rng(1).permutation(len(X))
    np.testing.assert_array_equal(probability(fitted[name], X.iloc[order]), batch[order])
    np.testing.assert_array_equal(probability(fitted[name], table.X)[::13], batch)
    assert len(np.unique(batch)) > 1


@every_model
def test_one_thread_or_two_and_a_second_fit_give_the_same_bytes(table, name):
    results = []
    for threads in (1, 2, 2):
        with threadpool_limits(limits=threads):
            model = seeded(name).fit(table.X, table.y, count=table.count)
            results.append(model.predict_proba(table.X).tobytes())
    assert results[0] == results[1] == results[2]


def test_a_fit_runs_with_one_thread_whatever_is_allowed_around_it(table):
    class Watching(EventModel):
        def _fit(self, X, y, count):
            self.threads_ = {pool["filepath"]: pool["num_threads"] for pool in threadpool_info()}

    with threadpool_limits(limits=2):
        assert 2 in {pool["num_threads"] for pool in threadpool_info()}
        model = Watching().fit(table.X, table.y)
    assert set(model.threads_.values()) == {1}


@every_model
def test_permuted_training_rows_change_nothing(fitted, table, name):
    order = np.random.default_rng(2).permutation(len(table.X))
    model = clone(fitted[name])
    model.fit(table.X.iloc[order], table.y[order], count=table.count[order])
    np.testing.assert_array_equal(probability(model, table.X), probability(fitted[name], table.X))


@every_model
def test_fit_changes_neither_its_inputs_nor_its_parameters(table, name):
    X, y, count = table.X.copy(), table.y.copy(), table.count.copy()
    model = MODELS[name](horizon=5)
    before = model.get_params()
    model.fit(X, y, count=count)
    assert X.equals(table.X)
    np.testing.assert_array_equal(y, table.y)
    np.testing.assert_array_equal(count, table.count)
    assert model.get_params() == before


@every_model
@pytest.mark.parametrize("outcome", [0.0, 1.0])
def test_one_class_gives_probabilities_on_its_side_and_two_columns(table, name, outcome):
    y = np.full(len(table.y), outcome)
    count = y * table.X["threshold"].to_numpy() * 5
    both = MODELS[name]().fit(table.X, y, count=count).predict_proba(table.X)
    assert both.shape == (len(table.X), 2)
    assert ((both > 0) & (both < 1)).all()
    np.testing.assert_allclose(both.sum(axis=1), 1.0, rtol=1e-14)
    if name not in MEAN_IS_GIVEN:
        assert abs(both[:, 1].mean() - outcome) < 0.2


@every_model
def test_a_unit_never_seen_gets_a_probability(fitted, table, name):
    X = table.X.iloc[:5].rename(index={"u0": "somewhere new"}, level="unit")
    actual = probability(fitted[name], X)
    assert ((actual > 0) & (actual < 1)).all()
    if name not in KNOWS_UNITS:
        np.testing.assert_array_equal(actual, probability(fitted[name], table.X.iloc[:5]))


@every_model
def test_history_and_threshold_alone_are_enough(table, name):
    X = table.X[[column for column in table.X if not column.startswith("feature")]]
    actual = probability(MODELS[name]().fit(X, table.y, count=table.count), X)
    assert ((actual > 0) & (actual < 1)).all()


@every_model
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("column", ["feature_1", "history_decay_21d"])
def test_a_value_that_is_not_finite_is_refused(fitted, table, name, bad, column):
    X = table.X.copy()
    X.iloc[3, X.columns.get_loc(column)] = bad
    with pytest.raises(ValueError, match=r"NaN|infinity"):
        MODELS[name]().fit(X, table.y, count=table.count)
    with pytest.raises(ValueError, match=r"NaN|infinity"):
        fitted[name].predict_proba(X)


@every_model
def test_columns_in_another_order_or_missing_are_refused(fitted, table, name):
    with pytest.raises(ValueError, match="feature names"):
        fitted[name].predict_proba(table.X[table.X.columns[::-1]])
    with pytest.raises(ValueError, match="feature names"):
        fitted[name].predict_proba(table.X.drop(columns="history_decay_21d"))


@every_model
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda count: count[:-1], "one count per row"),
        (lambda count: count - 1e6, "not below 0"),
        (lambda count: count * np.nan, "finite"),
    ],
)
def test_counts_that_make_no_sense_are_refused(table, name, spoil, message):
    with pytest.raises(ValueError, match=message):
        MODELS[name]().fit(table.X, table.y, count=spoil(table.count))


@every_model
def test_asking_before_fitting_is_refused(table, name):
    with pytest.raises(NotFittedError):
        MODELS[name]().predict_proba(table.X)


@pytest.mark.parametrize("name", [n for n in MODELS if n not in ("climatology", "last_value")])
def test_more_history_and_a_lower_threshold_mean_a_higher_probability(fitted, table, name):
    actual = probability(fitted[name], table.X)
    busy = table.X["history_decay_21d"] > table.X["history_decay_21d"].quantile(0.8)
    quiet = table.X["history_decay_21d"] < table.X["history_decay_21d"].quantile(0.2)
    assert actual[busy].mean() > actual[quiet].mean() + 0.2


@pytest.mark.parametrize("name", [n for n in MODELS if n not in MEAN_IS_GIVEN])
def test_probabilities_are_calibrated_in_the_large_on_the_training_rows(fitted, table, name):
    assert probability(fitted[name], table.X).mean() == pytest.approx(table.y.mean(), abs=0.05)


def test_a_column_that_training_lacks_is_named(table):
    with pytest.raises(ValueError, match="X needs a column history_sum_28d"):
        MODELS["ewma_nb"]().fit(table.X.drop(columns="history_sum_28d"), table.y)
    with pytest.raises(ValueError, match="history_sum_28d; pass a DataFrame"):
        MODELS["ewma_nb"]().fit(np.ones((4, 2)), [0, 1, 0, 1])
