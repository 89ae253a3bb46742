"""Trust is earned on matured forecasts, slowly, and shared models are not fitted again."""

import numpy as np
import pytest
from scipy.special import expit

from escalation.models import MODELS, Matured
from escalation.models.blend import (
    BASELINE,
    FLOOR,
    START,
    Blend,
    anchored,
    bend_of,
    trust,
    weights_of,
)
from escalation.models.pulled import (
    forgotten,
)

NAMES = (*START, "other", "another")


def record(*, quality, rows=3000, seed=0, per_day=3):
    """Forecasts of some models, each the true log-odds plus noise of a given spread."""
    random = np.random.default_rng(seed)
    odds = random.normal(-1.0, 1.5, rows)
    outcome = (random.random(rows) < expit(odds)) * 1.0
    noise = random.normal(size=(rows, len(quality))) * np.array(quality)
    return Matured(
        NAMES[: len(quality)], expit(odds[:, None] + noise), outcome, np.arange(rows) // per_day
    )


def test_without_a_record_the_weights_are_the_mixtures():
    start = [START.get(name, 0.0) for name in NAMES]
    assert weights_of(None, NAMES, horizon=7).tolist() == start
    few = record(quality=(0, 1, 1, 1, 1), rows=15)
    assert weights_of(few, NAMES, horizon=7).tolist() == start


@pytest.mark.parametrize("best", range(5))
def test_a_model_that_is_clearly_best_takes_over(best):
    quality = np.full(5, 2.0)
    quality[best] = 0.0
    got = weights_of(record(quality=quality), NAMES, horizon=7)
    assert np.argmax(got) == best
    assert got[best] > 0.9
    assert got.sum() == pytest.approx(1.0)


def test_equally_good_models_leave_the_mixture_in_charge():
    random = np.random.default_rng(2)
    odds = random.normal(-1.0, 1.5, 2000)
    same = np.repeat(expit(odds)[:, None], 5, axis=1)
    outcome = (random.random(2000) < expit(odds)) * 1.0
    got = weights_of(Matured(NAMES, same, outcome, np.arange(2000)), NAMES, horizon=7)
    prior = np.array([0.21 + 0.1, 0.14 + 0.1, 0.35 + 0.1, 0.02, 0.02]) / 1.04
    np.testing.assert_allclose(got, prior, atol=1e-9)


def test_old_merit_is_forgotten():
    gain = np.zeros((400, 2))
    gain[:200, 1], gain[200:, 1] = 0.05, -0.05
    even = np.array([0.5, 0.5])
    slow = trust(gain, np.arange(400), prior=even, horizon=7)
    apart = trust(gain, np.arange(400) * 28, prior=even, horizon=7)
    assert apart[1] < slow[1] < 0.51


def test_outcomes_that_come_together_move_less_trust_than_independent_ones():
    random = np.random.default_rng(7)
    gain = np.column_stack([np.zeros(600), random.normal(0.05, 0.3, 600)])
    together = np.column_stack([np.zeros(600), np.repeat(gain[::20, 1], 20)])
    day = np.repeat(np.arange(30) * 28, 20)
    even = np.array([0.5, 0.5])
    alone, grouped = (trust(g, day, prior=even, horizon=7)[1] for g in (gain, together))
    expected = forgotten(day) @ together[:, 1]
    assert expected > 0
    assert abs(grouped - 0.5) < abs(alone - 0.5)


def test_members_that_are_given_are_not_fitted_again(table):
    members = {
        name: MODELS[name]().fit(table.X, table.y, count=table.count)
        for name in ("ewma_nb", "pool", "levels", "corrected", "logistic")
    }
    model = Blend().fit(table.X, table.y, count=table.count, members=members)
    assert sorted(model.names_) == sorted(START)
    assert all(a is members[n] for n, a in zip(model.names_, model.members_, strict=True))
    alone = Blend().fit(table.X, table.y, count=table.count)
    np.testing.assert_allclose(
        alone.predict_proba(table.X), model.predict_proba(table.X), rtol=1e-12
    )
    known = {n: m.predict_proba(table.X)[:, 1] for n, m in members.items()}
    np.testing.assert_array_equal(
        model.predict_proba(table.X, members=known), model.predict_proba(table.X)
    )


def test_a_record_gives_weight_to_a_model_outside_the_mixture(table):
    members = {
        name: MODELS[name]().fit(table.X, table.y, count=table.count)
        for name in ("ewma_nb", "pool", "levels", "corrected", "logistic")
    }
    seen = record(quality=(2.0, 2.0, 2.0, 0.0))
    seen = Matured((*START, "logistic"), *list(vars(seen).values())[1:])
    model = Blend().fit(table.X, table.y, count=table.count, members=members, record=seen)
    assert dict(zip(model.names_, model.weights_, strict=True))["logistic"] > 0.6
    assert not hasattr(model, "_around")


def test_a_record_that_lacks_a_model_is_not_used(table):
    seen = Matured(("pool",), np.full((50, 1), 0.3), np.zeros(50), np.arange(50))
    model = Blend().fit(table.X, table.y, count=table.count, record=seen)
    expected = anchored(np.array(list(START.values())), tuple(START))
    np.testing.assert_allclose(model.weights_, expected)
    assert model.bend_.tolist() == [0.0, 1.0]


@pytest.mark.parametrize("quality", [(3, 0, 1, 1, 1), (3, 3, 3, 3, 0)])
def test_the_baseline_keeps_its_floor_whatever_the_record_says(quality):
    earned = weights_of(record(quality=quality), NAMES, horizon=7)
    got = anchored(earned, NAMES)
    assert NAMES[0] == BASELINE
    assert earned[0] < 0.1
    assert got[0] >= FLOOR
    assert got.sum() == pytest.approx(1.0)


def test_the_mean_of_the_learners_is_taken_where_it_is_better_than_each_of_them():
    random = np.random.default_rng(8)
    names = (*START, "logistic", "boosting", "forest", "hazard")
    odds = random.normal(-1.0, 1.5, 6000)
    noise = random.normal(size=(6000, 7)) * np.array([3, 3, 3, 1, 1, 1, 1])
    outcome = (random.random(6000) < expit(odds)) * 1.0
    seen = Matured(names, expit(odds[:, None] + noise), outcome, np.arange(6000) // 3)
    got = weights_of(seen, names, horizon=7)
    np.testing.assert_allclose(got, [0, 0, 0, 0.25, 0.25, 0.25, 0.25], atol=0.01)


def test_shift_and_stretch_are_what_the_past_years_asked_for():
    random = np.random.default_rng(9)
    odds, day = random.normal(-1.0, 1.5, 40_000), np.arange(40_000) // 10
    came = np.where(day < 2_000, odds, 0.8 + 0.6 * odds)
    outcome = (random.random(40_000) < expit(came)) * 1.0
    seen = Matured(("pool",), expit(odds)[:, None], outcome, day)
    shift, stretch = bend_of(seen, np.ones(1), ("pool",), horizon=7)
    assert shift == pytest.approx(0.75, abs=0.1)
    assert stretch == pytest.approx(0.65, abs=0.05)


def test_a_short_record_bends_less():
    random = np.random.default_rng(10)
    odds, day = random.normal(-1.0, 1.5, 400), np.arange(400) // 2
    outcome = (random.random(400) < expit(1.0 + odds)) * 1.0
    seen = Matured(("pool",), expit(odds)[:, None], outcome, day)
    few = Matured(("pool",), expit(odds)[-60:, None], outcome[-60:], day[-60:])
    bends = [bend_of(record, np.ones(1), ("pool",), horizon=7) for record in (seen, few, None)]
    assert bends[2].tolist() == [0.0, 1.0]
    assert 0.0 < bends[1][0] < bends[0][0] < 1.0
    assert abs(bends[1][1] - 1.0) < 0.2
