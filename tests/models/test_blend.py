"""Shared models are not fitted again, and what the record says reaches the forecasts."""

import numpy as np
from scipy.special import expit, logit

from escalation.models import MODELS, ResolvedForecasts
from escalation.models.blend import Blend
from escalation.models.mixture import START, START_FLOOR
from escalation.models.prior_numbers import numbers_of, packaged_numbers


def record(*names, quality, rows=3000):
    """Forecasts of some models, each the true log-odds plus noise of a given spread."""
    random = np.random.default_rng(0)
    odds = random.normal(-1.0, 1.5, rows)
    outcome = (random.random(rows) < expit(odds)) * 1.0
    noise = random.normal(size=(rows, len(quality))) * np.array(quality)
    return ResolvedForecasts(names, expit(odds[:, None] + noise), outcome, np.arange(rows) // 3)


def test_members_that_are_given_are_not_fitted_again(table):
    estimators = {
        name: MODELS[name]().fit(table.X, table.y, count=table.count)
        for name in ("ewma_nb", "pool", "levels", "corrected", "logistic")
    }
    model = Blend().fit(table.X, table.y, count=table.count, estimators=estimators)
    assert sorted(model.names_) == sorted(START)
    assert all(a is estimators[n] for n, a in zip(model.names_, model.estimators_, strict=True))
    alone = Blend().fit(table.X, table.y, count=table.count)
    np.testing.assert_allclose(
        alone.predict_proba(table.X), model.predict_proba(table.X), rtol=1e-12
    )
    base = {n: m.predict_proba(table.X)[:, 1] for n, m in estimators.items()}
    np.testing.assert_array_equal(
        model.predict_proba(table.X, probabilities=base), model.predict_proba(table.X)
    )


def test_a_record_gives_weight_to_a_model_outside_the_mixture(table):
    estimators = {
        name: MODELS[name]().fit(table.X, table.y, count=table.count)
        for name in ("ewma_nb", "pool", "levels", "corrected", "logistic")
    }
    resolved = record(*START, "logistic", quality=(2.0, 2.0, 2.0, 0.0))
    model = Blend().fit(table.X, table.y, count=table.count, estimators=estimators, record=resolved)
    alone = (model.pool_weights_ == [name == "logistic" for name in model.names_]).all(axis=1)
    assert model.mixture_weights_[alone].sum() > 0.7
    assert "levels" not in model.names_


def test_it_starts_from_the_prior_where_that_has_learnt_the_label(table):
    half = {**numbers_of(packaged_numbers()), "start": dict.fromkeys(packaged_numbers(), 0.5)}
    halves = {"prior": 0.5, "ewma_nb": 0.5}
    for label, numbers, start in (
        ("any", None, {"prior": 1.0}),
        ("any", half, halves),
        ("deaths", half, START),
    ):
        prior = MODELS["prior"](label=label, numbers=numbers)
        prior.fit(table.X, table.y, count=table.count)
        model = Blend().fit(table.X, table.y, count=table.count, estimators={"prior": prior})
        assert dict(zip(model.names_, model.pool_weights_[0], strict=True)) == start
        assert model.mixture_weights_.tolist() == [1.0]


def test_beside_a_prior_it_learns_without_the_other_models_of_the_pool(table):
    estimators = {
        name: MODELS[name]().fit(table.X, table.y, count=table.count)
        for name in ("ewma_nb", "prior", "logistic")
    }
    resolved = record(*estimators, quality=(2.0, 2.0, 0.0))
    model = Blend().fit(table.X, table.y, count=table.count, estimators=estimators, record=resolved)
    shares = dict(zip(model.names_, model.mixture_weights_ @ model.pool_weights_, strict=True))
    assert shares["logistic"] > 0.7
    assert shares["ewma_nb"] >= 0.1


def test_a_record_that_lacks_a_model_is_not_used(table):
    resolved = ResolvedForecasts(("pool",), np.full((50, 1), 0.3), np.zeros(50), np.arange(50))
    model = Blend().fit(table.X, table.y, count=table.count, record=resolved)
    assert dict(zip(model.names_, model.pool_weights_[0], strict=True)) == START
    assert model.mixture_weights_.tolist() == [1.0]
    assert model.recalibration_.tolist() == [0.0, 1.0]


def test_a_probability_is_the_bent_mixture_of_the_members(table):
    estimators = {n: MODELS[n]().fit(table.X, table.y, count=table.count) for n in MODELS}
    for name in ("blend", "prior"):
        estimators.pop(name)
    random = np.random.default_rng(1)
    names = tuple(estimators)
    resolved = record(*names, quality=random.uniform(0.3, 1.0, len(names)), rows=400)
    model = Blend().fit(
        table.X, table.y, count=table.count, estimators=dict(estimators), record=resolved
    )
    columns = np.stack([estimators[n].predict_proba(table.X)[:, 1] for n in model.names_], axis=1)
    odds = logit(np.clip(columns, 1e-4, 1 - 1e-4))
    mixed = expit(odds @ model.pool_weights_.T) @ model.mixture_weights_
    a, b = model.recalibration_
    oracle = expit(a + b * logit(mixed))
    np.testing.assert_allclose(model.predict_proba(table.X)[:, 1], oracle, rtol=1e-9)
    assert model.mixture_weights_[0] >= START_FLOOR
    assert len(model.mixture_weights_) > 2
    assert a != 0.0
