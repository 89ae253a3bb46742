"""The watch list: every unit, honest numbers, and events that carry what is said of them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.special import logit

from escalation.backtest import build_model, make_case
from escalation.config import load_experiment
from escalation.errors import GateError, InputError, ModelError
from escalation.resources import bundled
from escalation.score import Scorer, checked_input, score
from escalation.train import manifest_of, train_target


@pytest.fixture(scope="module")
def trained(crisis):
    experiment = load_experiment(bundled("iraq_crisis.toml"))
    schedule = experiment.backtest.model_copy(update={"every": 7, "refit_every": 26})
    experiment = experiment.model_copy(
        update={"backtest": schedule, "models": {"logistic": {}, "boosting": {}}}
    )
    return train_target(crisis, experiment, experiment.labels[0])


@pytest.fixture(scope="module")
def scorer(trained):
    return Scorer(trained.models["logistic"], manifest_of(trained, "logistic"), "test", "hash")


@pytest.fixture(scope="module")
def scores(scorer, crisis):
    return score(scorer, crisis, explain=3)


def test_every_unit_known_on_the_day_gets_a_row_highest_first(scores, crisis):
    known = crisis.as_of("2020-12-31")
    attacked = known[
        (known["tags"] == "installation_attack") & (known["event_date"] >= "2019-10-01")
    ]
    assert {one.unit for one in scores} == {"all", *attacked["site"]}
    probabilities = [one.probability for one in scores]
    assert probabilities == sorted(probabilities, reverse=True)


def test_each_row_has_a_probability_in_its_interval_a_base_rate_and_provenance(scores):
    for one in scores:
        assert 0 <= one.lower <= one.probability <= one.upper <= 1
        assert 0 < one.base_rate < 1
        assert one.status == "ok"
        assert one.provenance["as_of"] == "2020-12-31"
        assert one.provenance["known_dates"] == "observed"
    json.dumps([one.as_dict() for one in scores], allow_nan=False)


def test_removing_a_named_event_changes_the_log_odds_by_what_was_stated(scores, scorer, crisis):
    checked = 0
    for one in scores:
        for driver in one.drivers[:1]:
            without = crisis.without(driver.event_id, "iraq_crisis")
            other = {s.unit: s.probability for s in score(scorer, without, explain=0)}
            if one.unit in other:
                change = logit(one.probability) - logit(other[one.unit])
                assert change == pytest.approx(driver.contribution, abs=1e-9)
                checked += 1
    assert checked >= 5


def test_a_score_equals_the_backtest_on_the_same_day(trained, scorer, crisis):
    case = make_case(crisis, trained.case.experiment, trained.case.target)
    last = len(case.prepared.days) - 1
    known = case.prepared.labels_at(case.target, case.back, case.prepared.days[-1])
    table = case.rows_on(np.array([last]), known)
    direct = trained.models["logistic"].predict_proba(table.X)[:, 1]
    scored = scorer.on(crisis, "2020-12-31")["probability"]
    assert scored.to_numpy() == pytest.approx(direct, abs=1e-12)


def test_a_day_beyond_the_data_is_refused(scorer, crisis):
    with pytest.raises(InputError, match="E-COVERAGE"):
        score(scorer, crisis, as_of="2031-01-01")


def test_a_day_that_the_model_has_seen_is_refused_unless_asked_for(scorer, crisis):
    with pytest.raises(GateError, match="E-IN-SAMPLE.*replay"):
        score(scorer, crisis, as_of="2020-03-10", explain=0)
    assert score(scorer, crisis, as_of="2020-03-10", allow_in_sample=True, explain=0)


def test_reordered_columns_give_the_same_scores_and_missing_ones_are_refused(trained):
    X = trained.table.X
    columns = list(X.columns)
    assert checked_input(X[columns[::-1]], columns).equals(X.astype(float))
    with pytest.raises(ModelError, match=f"E-SCHEMA. column={columns[3]}"):
        checked_input(X.drop(columns=columns[3]), columns)


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_what_is_not_finite_is_refused(trained, bad):
    X = trained.table.X.astype(float).copy()
    X.iloc[4, 2] = bad
    with pytest.raises(InputError, match=f"E-NOT-FINITE. column={X.columns[2]}"):
        checked_input(X, list(X.columns))


def test_the_experiment_travels_with_the_model(scorer, trained):
    assert scorer.experiment.digest == trained.case.experiment.digest
    assert build_model("logistic", scorer.experiment, scorer.target).get_params()
