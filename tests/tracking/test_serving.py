"""The registered model gives the same forecasts however it is served."""

import json
import urllib.request

import mlflow
import numpy as np
import pytest
from patience import PATIENCE
from servers import serving

from escalation import tracking
from escalation.scoring.scorer import checked_input

ROWS = 100


@pytest.fixture(scope="module")
def questions(trained, stored):
    """A hundred rows as a table with ``unit_key``, and the scorer's own answers to them."""
    scorer = tracking.load_scorer("small", uri=stored[0])
    some = np.linspace(0, len(trained.table.X) - 1, ROWS).astype(int)
    X = checked_input(trained.table.X.iloc[some], scorer.manifest.columns)
    table = X.droplevel("day").rename_axis("unit_key").reset_index()
    return table, scorer.model.predict_proba(X)[:, 1]


@pytest.fixture
def source(stored):
    return f"models:/{tracking.open_store(stored[0]).get_model_version('small', '1').name}/1"


def test_pyfunc_answers_as_the_scorer_does(questions, source):
    table, expected = questions
    loaded = mlflow.pyfunc.load_model(source)
    np.testing.assert_allclose(loaded.predict(table), expected, rtol=0, atol=1e-12)
    assert np.ptp(expected) > 0.1


def test_columns_in_another_order_change_nothing_and_missing_ones_are_refused(questions, source):
    table, expected = questions
    loaded = mlflow.pyfunc.load_model(source)
    turned = table[table.columns[::-1]]
    np.testing.assert_allclose(loaded.predict(turned), expected, rtol=0, atol=1e-12)
    with pytest.raises(mlflow.exceptions.MlflowException):
        loaded.predict(table.drop(columns=table.columns[3]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": np.inf}, "E-NOT-FINITE"),
        ({"x": -np.inf}, "E-NOT-FINITE"),
        ({"x": np.nan}, "E-NOT-FINITE"),
        ({"x": "many"}, "Failed to enforce schema"),
        ({"x": None}, "missing inputs"),
        ({"unit_key": None}, "missing inputs"),
    ],
)
def test_invalid_input_gets_the_status_of_a_bad_request(questions, source, change, message):
    table, _ = questions
    ((name, value),) = change.items()
    column = table.columns[3] if name == "x" else name
    table_sent = table.drop(columns=column) if value is None else table.assign(**{column: value})
    with pytest.raises(mlflow.exceptions.MlflowException, match=message) as refused:
        mlflow.pyfunc.load_model(source).predict(table_sent)
    assert refused.value.error_code == "INVALID_PARAMETER_VALUE"
    assert refused.value.get_http_status_code() == 400


@pytest.mark.parametrize("column", ["unit_key", 3])
def test_a_missing_column_is_named_without_a_signature_too(questions, source, column):
    table, _ = questions
    name = column if isinstance(column, str) else table.columns[column]
    served = mlflow.pyfunc.load_model(source)._model_impl
    with pytest.raises(mlflow.exceptions.MlflowException, match=f"E-SCHEMA.*column={name}"):
        served.predict(table.drop(columns=name))


@pytest.mark.slow
def test_a_served_model_answers_as_the_scorer_does(questions, stored, source, tmp_path):
    table, expected = questions
    arguments = ("mlflow", "models", "serve", "--env-manager", "local", "--model-uri", source,
                 "--workers", "1")  # fmt: skip
    store = {"MLFLOW_TRACKING_URI": stored[0]}
    with serving(*arguments, folder=tmp_path, health="/ping", **store) as address:
        body = json.dumps({"dataframe_split": table.to_dict(orient="split", index=False)}).encode()
        request = urllib.request.Request(
            f"{address}/invocations", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            predictions = json.loads(answer.read())["predictions"]
    np.testing.assert_allclose(predictions, expected, rtol=0, atol=1e-12)
