"""Folds of rolling origins: nothing unresolved in training, and a planted leak beside them."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import escalation as esc


def rows(days=300, units=2):
    index = pd.MultiIndex.from_product(
        [[f"u{k}" for k in range(units)], pd.date_range("2020-01-01", periods=days)],
        names=["unit", "day"],
    )
    noise = np.random.default_rng(0).normal(size=(len(index), 2))
    return pd.DataFrame(noise, index=index, columns=["a", "b"])


@pytest.mark.parametrize(("horizon", "lag"), [(1, 0), (7, 0), (7, 3), (28, 0)])
def test_every_training_label_has_resolved_before_the_test(horizon, lag):
    X = rows()
    day = X.index.get_level_values("day")
    tested = []
    for train, test in esc.RollingOriginSplit(4, horizon=horizon, lag=lag).split(X):
        assert day[train].max() + pd.Timedelta(days=horizon + lag) <= day[test].min()
        tested += sorted(set(day[test]))
    assert tested == sorted(set(tested))


def test_what_has_no_day_is_refused():
    with pytest.raises(esc.EscalationError, match="index level 'day'"):
        next(esc.RollingOriginSplit().split(np.zeros((9, 1))))


def test_too_few_days_are_refused():
    with pytest.raises(esc.EscalationError, match="fewer n_splits"):
        next(esc.RollingOriginSplit(5, horizon=7).split(rows(days=12)))


def test_a_search_over_a_pipeline_runs():
    X = rows()
    y = (X["a"] > 0).astype(int)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    grid = {"logisticregression__C": [0.01, 1.0]}
    search = GridSearchCV(pipeline, grid, cv=esc.RollingOriginSplit(3, horizon=7)).fit(X, y)
    assert search.best_score_ > 0.9


def test_a_leak_through_row_wise_folds_is_visible_beside_it():
    """Labels of neighbouring days are nearly the same: a model that finds neighbours cheats."""
    X = rows()
    day = X.index.get_level_values("day")
    X["t"] = (day - day.min()).days.to_numpy() * 100.0
    weeks = np.random.default_rng(1).integers(0, 2, size=1000)
    y = pd.Series(weeks[(X["t"] // 1400).astype(int)], index=X.index)

    def accuracy(cv):
        return GridSearchCV(KNeighborsClassifier(), {"n_neighbors": [1, 3]}, cv=cv).fit(X, y)

    honest = accuracy(esc.RollingOriginSplit(4, horizon=14)).best_score_
    leaking = accuracy(KFold(5, shuffle=True, random_state=0)).best_score_
    assert leaking > 0.85
    assert honest < 0.7
