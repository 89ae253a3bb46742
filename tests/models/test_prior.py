"""``prior`` says the same whatever it is fitted on, rises with the horizon, and stands back."""

import json

import numpy as np
import pytest

from escalation.models import MODELS
from escalation.models.prior import INPUT_COLUMNS, KNOTS, Prior, inputs_of
from escalation.models.prior_numbers import COEFFICIENT_FILE, TERMS, packaged_numbers
from escalation.targets import TARGETS

LEARNT = sorted(packaged_numbers())


def inputs(**changed):
    row = {
        "sums": np.ones(6),
        "active": np.array([1.0, 3.0, 5.0]),
        "since": 3.0,
        "year": 10.0,
        "mean": 10.0 * 7 / 90,
        "observed": 180.0,
        "threshold": 1.0,
    } | changed
    values = np.concatenate([np.atleast_1d(part) for part in row.values()])[:, None]
    return dict(zip(TERMS, inputs_of(values, horizon=7, at=7)[0], strict=True))


def test_its_numbers_are_few_finite_and_of_labels_that_exist():
    content = json.loads(COEFFICIENT_FILE.read_text("utf-8"))
    assert COEFFICIENT_FILE.stat().st_size < 30_000
    assert content["inputs"] == ["intercept", *TERMS]
    assert LEARNT
    assert set(LEARNT) <= set(TARGETS)
    for numbers in packaged_numbers().values():
        assert len(numbers.coefficients) == len(TERMS) + 1
        assert np.isfinite(numbers.coefficients).all()
        assert 0.0 < numbers.start <= 1.0


def test_the_inputs_of_a_row_by_hand():
    terms = inputs()
    assert terms["age"] == pytest.approx(np.log(90 / 360))
    assert terms["since_of_age"] == pytest.approx(3 / 90)
    mean = (10 / 90 + 0.005) * 7
    assert terms["tail_mean"] == pytest.approx(np.log(2.0**mean - 1.0))
    held = 21 * (1 - np.exp(-90 / 21))
    assert terms["tail_21d"] == pytest.approx(np.log(2.0 ** ((1 / held + 0.005) * 7) - 1.0))
    assert terms["horizon"] == terms["threshold"] == 0.0
    assert terms["active_28d"] == pytest.approx(1 / 28)
    assert terms["active_90d"] == pytest.approx(3 / 90)
    assert terms["events_a_day"] == pytest.approx(np.log(10 / 5))
    assert terms["observed"] == pytest.approx(np.log(180 / 360))
    assert terms["observed_age"] == pytest.approx(np.log(180 / 360) * np.log(90 / 360))


def test_a_unit_that_never_had_an_event_is_taken_as_old():
    assert inputs(year=0.0, mean=0.0)["age"] == 0.0


@pytest.mark.parametrize("label", LEARNT)
def test_it_learns_nothing_from_the_rows_it_is_fitted_on(table, label):
    some = Prior(label=label).fit(table.X, table.y, count=table.count)
    none = Prior(label=label).fit(table.X.iloc[:1], [0])
    assert not some.stands_back_
    np.testing.assert_array_equal(some.predict_proba(table.X), none.predict_proba(table.X))


@pytest.mark.parametrize("label", [name for name in LEARNT if name in ("any", "onset")])
def test_probabilities_do_not_fall_with_the_horizon(table, label):
    X, before = table.X.copy(), 0.0
    X["threshold"] = 1.0
    for h in range(1, 91):
        X["history_mean"] = table.X["history_mean"] * h / 7
        now = Prior(horizon=h, label=label).fit(X, table.y).predict_proba(X)[:, 1]
        assert (now >= before - 1e-12).all(), h
        before = now


def test_a_knot_is_where_the_line_arrives(table):
    at = KNOTS[-1]
    X = table.X.assign(history_mean=table.X["history_mean"] * at / 7)
    model = Prior(horizon=at, label="any").fit(X, table.y)
    values = X[list(INPUT_COLUMNS)].to_numpy().T
    direct = np.max([model._log_odds(values, knot) for knot in KNOTS], axis=0)
    np.testing.assert_allclose(model._monotone_log_odds(values), direct)


def test_a_label_that_was_not_learnt_gets_the_baseline(table):
    model = Prior(label="deaths").fit(table.X, table.y, count=table.count)
    baseline = MODELS["ewma_nb"]().fit(table.X, table.y, count=table.count)
    assert model.stands_back_
    np.testing.assert_array_equal(model.predict_proba(table.X), baseline.predict_proba(table.X))
