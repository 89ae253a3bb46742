"""A backtest at the front door: any estimator, one result."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

import escalation as esc
from escalation.errors import UsageError

LABEL = {"horizon": 7}
SUMS = {"window_sums": {"windows": [7, 28]}}


@pytest.fixture(scope="module")
def archive():
    return esc.datasets.load_iraq_crisis().until("2020-06-30")


@pytest.fixture(scope="module")
def result(archive):
    return esc.backtest(
        archive,
        esc.targets.AnyEvent(**LABEL),
        features=SUMS,
        models={
            "mine": make_pipeline(StandardScaler(), LogisticRegression()),
            "logistic": esc.models.Logistic(),
        },
        start="2020-02-01",
        step=14,
        refit_every=20,
    )


def test_forecasts_are_of_the_baselines_and_the_given_models(result):
    names = {"climatology", "last_value", "ewma_nb", "mine", "logistic"}
    assert set(result.forecasts["model"]) == names
    assert set(result.summary()["model"]) == names
    assert result.summary()["brier"].is_monotonic_increasing
    assert result.forecasts["day"].min() == pd.Timestamp("2020-02-01")


def test_a_pipeline_gives_what_it_gives_alone(result, archive):
    """Independent oracle: the same pipeline on the training table of the first origin."""
    label = esc.targets.AnyEvent(**LABEL)
    X, y = esc.training_table(archive, label, features=SUMS, as_of="2020-02-01")
    mine = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    case, first = result.trained.case, pd.Timestamp("2020-02-01")
    row = case.rows_on(np.array([case.prepared.index_of(first)]), case.final)
    issued = result.forecasts.loc[
        (result.forecasts["model"] == "mine") & (result.forecasts["day"] == first), "probability"
    ]
    np.testing.assert_allclose(issued, mine.predict_proba(row.X[X.columns])[:, 1], rtol=1e-9)


def test_two_models_are_held_against_each_other(result):
    (row,) = result.compare("mine", "ewma_nb").to_dict("records")
    assert row["model"] == "mine" and row["reference"] == "ewma_nb"
    assert row["skill_lower"] <= row["skill"] <= row["skill_upper"]


def test_figures_and_short_reprs(result):
    assert result.plot.reliability("mine").axes and result.plot.skill().axes
    assert len(repr(result).splitlines()) <= 3 and len(repr(result.trained.case)) < 100
    assert result._repr_html_().count("<tr") == 6
    assert "% to " in result._repr_html_()


def test_a_refitted_model_scores_a_day(result, archive):
    watch = result.refit("mine").score(archive, as_of="2020-06-30")
    assert watch["probability"].between(0, 1).all()
    assert watch["rank"].tolist() == list(range(1, len(watch) + 1))


@pytest.mark.parametrize(
    ("models", "advice"),
    [
        ({"svc": LinearSVC()}, "CalibratedClassifierCV"),
        ({"class": LogisticRegression}, "an instance"),
        ({"text": "blend"}, "an instance"),
    ],
)
def test_what_is_no_classifier_is_refused_before_any_work(archive, models, advice):
    with pytest.raises(esc.EscalationError, match=advice):
        esc.backtest(archive, esc.targets.AnyEvent(**LABEL), models=models)


def test_wrong_arguments_are_refused_with_what_to_do(archive, result):
    with pytest.raises(esc.EscalationError, match="AnyEvent"):
        esc.backtest(archive, "any")
    with pytest.raises(esc.EscalationError, match="one of climatology"):
        result.compare("mine", "yours")


def test_settings_beside_an_experiment_are_refused(archive, result):
    with pytest.raises(UsageError, match="step") as refused:
        esc.backtest(archive, result.experiment, step=14)
    assert refused.value.code == "E-USAGE"


def test_what_if_at_the_front_door(result, archive):
    fitted, line = result.refit("logistic"), "rocket_attack militia>us_coalition at taji killed=1"
    plain = fitted.score(archive, explain=0)
    asked = fitted.score(archive, explain=0, suppose=[line])
    assert asked["change"].iloc[0] == pytest.approx(
        asked["probability"].iloc[0] - plain["probability"].iloc[0], abs=1e-12
    )
    assert asked["change"].iloc[0] != 0.0
