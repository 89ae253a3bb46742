"""A registered metric appears in the summary, the runs and the output of commands."""

import json

import numpy as np
import pytest
from command_line import undrawn
from typer.testing import CliRunner

from escalation import tracking
from escalation.cli import app
from escalation.metrics import METRICS, summary

EXPERIMENT = """
[experiment]
name = "small"
[data]
source = "iraq_crisis"
last_day = 2020-04-30
[panel]
units = ["all"]
[features.window_sums]
windows = [7, 28]
[[targets]]
name = "any"
horizon = 7
where = { rung = 3 }
[models.climatology]
[backtest]
first_origin = 2020-02-01
every = 7
refit_every = 99
"""


def sharpness(probability, outcome):
    """Mean distance of the forecasts from one half."""
    return float(np.abs(probability - 0.5).mean()) if len(outcome) else np.nan


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Run a command in an empty folder, with one more metric."""
    monkeypatch.setitem(METRICS, "sharpness", sharpness)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.toml").write_text(EXPERIMENT, encoding="utf-8")

    def invoke(*words):
        result = CliRunner().invoke(app, [*words], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.stdout

    return invoke


def test_it_is_a_column_of_the_summary(run, forecasts):
    table = summary(forecasts).set_index("model")
    for model, rows in forecasts.groupby("model"):
        known = rows[rows["outcome"].notna() & rows["at_risk"]]
        p, y = (known[name].to_numpy(float) for name in ("probability", "outcome"))
        assert table.loc[model, "sharpness"] == pytest.approx(sharpness(p, y))


@pytest.mark.slow
def test_train_prints_it_and_every_run_has_it(run):
    uri = "sqlite:///mlflow.db"
    with undrawn():
        assert "sharpness" in run("train", "small.toml", "--tracking-uri", uri)
        again = run("train", "small.toml", "--tracking-uri", uri, "--again", "--json")
    (label,) = json.loads(again)
    by_model = {row["model"]: row["sharpness"] for row in label["summary"]}
    client = tracking.open_store(uri)
    parent = client.get_run(label["run_id"])
    assert parent.data.metrics["sharpness"] == pytest.approx(by_model[label["best"]])
    children = client.search_runs(
        [parent.info.experiment_id], f"tags.`mlflow.parentRunId` = '{label['run_id']}'"
    )
    assert {run.data.params["model"]: run.data.metrics["sharpness"] for run in children} == (
        pytest.approx(by_model)
    )


def test_backtest_prints_it(run):
    printed = run("backtest", "small.toml", "--out", "f.parquet")
    assert "sharpness" in printed
    rows = json.loads(run("backtest", "small.toml", "--out", "f.parquet", "--json"))
    assert len(rows) == 3
    assert all(0.0 <= row["sharpness"] <= 0.5 for row in rows)
