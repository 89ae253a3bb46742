"""Forecasts from the cache are the same, and anything that could change one misses it."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
from iraq_2020 import experiment_of_2020
from sklearn.dummy import DummyClassifier

from escalation._util.number_cache import NumberCache
from escalation.backtest import reuse
from escalation.backtest.case import make_case
from escalation.backtest.reuse import model_keys
from escalation.backtest.rolling import backtest_case
from escalation.features import FEATURES
from escalation.models.logistic import Logistic

MODELS = {"logistic": {}, "pool": {}, "corrected": {}, "blend": {}}
SCHEDULE = {"first_origin": dt.date(2020, 10, 27), "every": 14, "refit_every": 3, "update_every": 1}
BLOCKS = [np.array([400, 407]), np.array([414])]


def experiment_with(models=MODELS, **schedule):
    return experiment_of_2020(models=models, **(SCHEDULE | schedule))


def case_of(archive, experiment, label=0):
    return make_case(archive, experiment, experiment.labels[label])


@pytest.fixture(scope="module")
def plain(crisis):
    return backtest_case(case_of(crisis, experiment_with()))


@pytest.fixture
def fits(monkeypatch):
    """How often a logistic regression was fitted."""
    fitted_rows = []

    def counted(self, X, y, count):
        fitted_rows.append(len(y))
        return before(self, X, y, count)

    before = Logistic._fit
    monkeypatch.setattr(Logistic, "_fit", counted)
    return fitted_rows


def test_the_same_forecasts_come_out_of_the_cache_and_nothing_is_fitted(
    plain, crisis, tmp_path, fits
):
    cache = NumberCache(tmp_path / "kept")
    assert backtest_case(case_of(crisis, experiment_with()), cache=cache).equals(plain)
    assert len(list(cache.folder.iterdir())) == len(set(plain["model"]))
    once = len(fits)
    assert once > 1
    assert backtest_case(case_of(crisis, experiment_with()), cache=cache).equals(plain)
    assert len(fits) == once


def test_with_another_model_the_rest_is_taken_and_what_combines_them_learns_again(
    plain, crisis, tmp_path, fits
):
    cache = NumberCache(tmp_path / "kept")
    fewer = {name: MODELS[name] for name in ("logistic", "corrected")}
    backtest_case(case_of(crisis, experiment_with(fewer)), cache=cache)
    before = len(fits)
    assert backtest_case(case_of(crisis, experiment_with()), cache=cache).equals(plain)
    assert len(fits) == before


def test_a_file_that_was_changed_is_not_used(plain, crisis, tmp_path):
    cache = NumberCache(tmp_path / "kept")
    backtest_case(case_of(crisis, experiment_with()), cache=cache)
    for path in cache.folder.iterdir():
        with np.load(path) as stored:
            values, digest = stored["values"] * 0.5, stored["sha256"]
        np.savez(path, values=values, sha256=digest)
    with pytest.warns(UserWarning, match="changed since it was written"):
        assert backtest_case(case_of(crisis, experiment_with()), cache=cache).equals(plain)


def keys(archive, experiment, label=0, **changes):
    return model_keys(replace(case_of(archive, experiment, label), **changes), BLOCKS)


def with_section(name, /, **values):
    experiment = experiment_with()
    section = getattr(experiment, name).model_copy(update=values)
    return experiment.model_copy(update={name: section})


def with_window(days):
    experiment = experiment_with()
    windows = {**experiment.features["window_sums"], "windows": days}
    return experiment.model_copy(
        update={"features": {**experiment.features, "window_sums": windows}}
    )


CHANGED = {
    "seed": lambda: with_section("experiment", seed=8),
    "one feature window": lambda: with_window([7, 28, 91]),
    "training window": lambda: experiment_with(window=300),
    "refits": lambda: experiment_with(refit_every=4),
    "first day": lambda: with_section("data", first_day=dt.date(2019, 10, 2)),
    "lag": lambda: with_section("data", lag=1),
}


@pytest.mark.parametrize("changed", CHANGED.values(), ids=CHANGED)
def test_whatever_forecasts_follow_from_changes_every_key(crisis, changed):
    assert not set(keys(crisis, experiment_with()).values()) & set(keys(crisis, changed()).values())


def test_other_events_other_code_and_another_label_change_every_key(crisis, monkeypatch):
    before = set(keys(crisis, experiment_with()).values())
    fewer = crisis.without(*crisis.versions[["event_id", "source"]].iloc[3])
    assert not before & set(keys(fewer, experiment_with()).values())
    other = experiment_with().model_copy(update={"targets": [{"name": "onset", "horizon": 7}]})
    assert not before & set(keys(crisis, other).values())
    monkeypatch.setattr(reuse, "package_digest", lambda: "other code")
    assert not before & set(keys(crisis, experiment_with()).values())


def test_one_models_setting_changes_its_own_key_and_those_of_the_models_that_combine(crisis):
    before = keys(crisis, experiment_with())
    after = keys(crisis, experiment_with({**MODELS, "logistic": {"ridge": 20.0}}))
    changed = {name for name, key in after.items() if key != before[name]}
    assert changed == {"logistic", "corrected", "blend"}


def test_names_and_words_of_an_experiment_change_no_key(crisis):
    renamed = with_section("experiment", name="another", description="another")
    assert keys(crisis, renamed) == keys(crisis, experiment_with())


def test_what_the_user_wrote_is_always_computed(crisis, monkeypatch):
    custom = {"mine": DummyClassifier(), "blend": None}
    assert set(keys(crisis, experiment_with(), custom_models={"mine": DummyClassifier()})) == {
        "climatology",
        "last_value",
        "ewma_nb",
    }
    assert "blend" not in keys(crisis, experiment_with(), custom_models={"mine": custom["mine"]})
    monkeypatch.setattr(FEATURES["trend"], "__module__", "hers")
    assert keys(crisis, experiment_with()) == {}
