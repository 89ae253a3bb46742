"""``esc.backtest``: any estimator, one kind of result."""

import mlflow
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

import escalation as esc
from escalation.errors import ModelError, UsageError

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


def test_the_baselines_and_the_given_models_forecast(result):
    names = {"climatology", "last_value", "ewma_nb", "mine", "logistic"}
    assert set(result.forecasts["model"]) == names
    assert set(result.summary()["model"]) == names
    assert result.summary()["brier"].is_monotonic_increasing
    assert result.forecasts["day"].min() == pd.Timestamp("2020-02-01")


def test_a_pipeline_forecasts_what_it_does_on_its_own(result, archive):
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


def test_two_models_are_compared(result):
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


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = mlflow.get_tracking_uri()
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)  # a store that was opened earlier stays the registry otherwise
    yield uri
    mlflow.set_tracking_uri(before)
    mlflow.set_registry_uri(before)


def served(result, name, uri, **options):
    """Probabilities of an estimator, from MLflow's registry and directly, on the training table."""
    estimator = result.refit(name).estimator
    mlflow.sklearn.log_model(
        estimator, name=name, registered_model_name=name, pip_requirements=[], **options
    )
    mlflow.MlflowClient().set_registered_model_alias(name, "champion", "1")
    X = result.trained.table.X[list(estimator.feature_names_in_)]
    registered = mlflow.sklearn.load_model(f"models:/{name}@champion")
    with pytest.raises(ModelError, match=r"E-MODEL-UNTRUSTED.*mlflow\.pyfunc\.load_model"):
        esc.load_model(f"models:/{name}@champion", tracking_uri=uri)
    return registered.predict_proba(X)[:, 1], estimator.predict_proba(X)[:, 1]


def test_a_registered_pipeline_gives_the_same_probabilities(result, store):
    """MLflow's registry accepts it; ``score`` refuses it and says what to do instead."""
    run = mlflow.get_run(esc.log_run(result))
    assert "brier/mine" in run.data.metrics
    answers, expected = served(result, "mine", store)
    np.testing.assert_array_equal(answers, expected)
    assert type(result.refit("logistic").estimator) is esc.models.Logistic


def test_a_registered_estimator_of_another_library_does_too(archive, store):
    lightgbm = pytest.importorskip("lightgbm", reason="LightGBM is of the extra 'bench'")
    trees = lightgbm.LGBMClassifier(n_estimators=5, min_child_samples=2, n_jobs=1, verbose=-1)
    result = esc.backtest(
        archive,
        esc.targets.AnyEvent(**LABEL),
        features=SUMS,
        models={"trees": trees},
        start="2020-05-01",
        step=14,
        refit_every=20,
    )
    assert "brier/trees" in mlflow.get_run(esc.log_run(result)).data.metrics
    with pytest.raises(mlflow.MlflowException, match="skops_trusted_types"):
        served(result, "trees", store)
    types = ["collections.OrderedDict", "lightgbm.basic.Booster", "lightgbm.sklearn.LGBMClassifier"]
    answers, expected = served(result, "trees", store, skops_trusted_types=types)
    np.testing.assert_array_equal(answers, expected)
    assert result.refit("trees").score(archive)["probability"].between(0, 1).all()


@pytest.mark.parametrize(
    ("models", "advice"),
    [
        ({"svc": LinearSVC()}, "CalibratedClassifierCV"),
        ({"class": LogisticRegression}, "an instance"),
        ({"text": "blend"}, "an instance"),
    ],
)
def test_a_model_that_is_not_a_classifier_is_refused_before_any_work(archive, models, advice):
    with pytest.raises(esc.EscalationError, match=advice):
        esc.backtest(archive, esc.targets.AnyEvent(**LABEL), models=models)


def test_invalid_arguments_are_refused_with_a_fix(archive, result):
    with pytest.raises(esc.EscalationError, match="AnyEvent"):
        esc.backtest(archive, "any")
    with pytest.raises(esc.EscalationError, match="one of climatology"):
        result.compare("mine", "yours")


def test_settings_in_addition_to_an_experiment_are_refused(archive, result):
    with pytest.raises(UsageError, match="step") as refused:
        esc.backtest(archive, result.experiment, step=14)
    assert refused.value.code == "E-USAGE"


def test_supposed_events_change_the_score(result, archive):
    fitted, line = result.refit("logistic"), "rocket_attack militia>us_coalition at taji killed=1"
    plain = fitted.score(archive, explain=0)
    supposed = fitted.score(archive, explain=0, suppose=[line])
    assert supposed["change"].iloc[0] == pytest.approx(
        supposed["probability"].iloc[0] - plain["probability"].iloc[0], abs=1e-12
    )
    assert supposed["change"].iloc[0] != 0.0
