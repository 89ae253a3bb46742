"""The contents of a training's runs in MLflow: enough to compare them without a notebook."""

import base64
import io
import json
import math
import zlib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import mlflow
import pandas as pd
import pytest

from escalation import tracking
from escalation.backtest import ablation
from escalation.tracking import pictures, runs
from escalation.tracking.metric_names import DECIDING


@pytest.fixture(scope="module")
def client(stored):
    return tracking.open_store(stored[0])


@pytest.fixture(scope="module")
def parent(client, stored):
    return client.get_run(stored[1].run_id)


@pytest.fixture(scope="module")
def children(client, parent):
    runs = client.search_runs([parent.info.experiment_id])
    return {
        run.info.run_name: run
        for run in runs
        if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id
    }


def test_every_model_has_a_child_and_all_runs_are_finished(children, parent):
    assert set(children) == {"climatology", "last_value", "ewma_nb", "logistic"}
    assert {run.info.status for run in (parent, *children.values())} == {"FINISHED"}


@pytest.mark.parametrize("best", ["ewma_nb", "logistic"])
def test_the_figure_of_slices_shows_a_model_that_is_not_a_baseline(
    uri, log, trained, monkeypatch, best
):
    models, original = [], runs.plots.skill_by_figure

    def recorded(**options):
        models.append(options["model"])
        return original(**options)

    monkeypatch.setattr(runs.plots, "skill_by_figure", recorded)
    log(uri, best=best)
    assert models == ["logistic"]


def test_the_ablation_is_a_table_and_a_figure_of_the_parent(uri, log):
    row = ("recency", "logistic", 3, 0.10, 0.11, 0.1, 0.02, 0.2)
    logged = log(uri, ablation=pd.DataFrame([row], columns=ablation.COLUMNS))
    client = tracking.open_store(uri)
    artifacts = [
        file
        for folder in ("figures", "tables")
        for file in client.list_artifacts(logged.run_id, folder)
    ]
    assert {"figures/ablation.png", "tables/ablation.csv"} <= {
        artifact.path for artifact in artifacts
    }


def test_deciding_metrics_have_plain_names_and_all_others_a_group(children):
    plain = {f"{name}{end}" for name in DECIDING for end in ("", "_lower", "_upper")}
    for run in children.values():
        assert plain <= set(run.data.metrics)
        groups = {name.partition("/")[0] for name in set(run.data.metrics) - plain}
        assert groups == {
            "alerts_a_week", "calibration", "counts", "equal_skill_test", "over_origins",
            "quiet_units", "ranking",
        }  # fmt: skip


def test_metrics_are_finite_and_equal_those_of_the_comparison(children, trained):
    table = trained.summary.set_index("model")
    for name, run in children.items():
        assert all(math.isfinite(value) for value in run.data.metrics.values())
        assert run.data.metrics["brier"] == table.loc[name, "brier"]
        assert run.data.metrics["ranking/auc"] == table.loc[name, "auc"]


def test_curves_over_the_origins_end_at_the_score_of_all_rows(client, children, trained):
    for run in children.values():
        curve = client.get_metric_history(run.info.run_id, "over_origins/brier")
        steps = [point.step for point in sorted(curve, key=lambda point: point.step)]
        assert steps == list(range(trained.summary["dates"].iloc[0]))
        assert max(curve, key=lambda p: p.step).value == pytest.approx(run.data.metrics["brier"])
        first = pd.Timestamp(min(curve, key=lambda p: p.step).timestamp, unit="ms")
        assert first == trained.forecasts["day"].min()


def test_curves_over_alerts_have_a_step_per_budget(client, children):
    curve = client.get_metric_history(children["logistic"].info.run_id, "alerts_a_week/recall")
    by_budget = {point.step: point.value for point in curve}
    assert sorted(by_budget) == [1, 2, 3, 5, 10]
    assert by_budget[1] <= by_budget[3] <= by_budget[10]


def test_the_description_starts_with_the_definition_of_the_outcome(client, parent, children):
    experiment = client.get_experiment(parent.info.experiment_id)
    first = "Outcome 1 when at least one event that counts happens in the next 7 days."
    for tags in (parent.data.tags, experiment.tags):
        assert tags["mlflow.note.content"].startswith(first)
    note = parent.data.tags["mlflow.note.content"]
    assert all(f"| {name} |" in note for name in children)
    assert "Events count with tags installation_attack." in note


def test_the_parent_holds_figures_tables_and_forecasts(client, parent):
    artifacts = {artifact.path for folder in (None, "figures", "tables")
            for artifact in client.list_artifacts(parent.info.run_id, folder)}  # fmt: skip
    figures = {f"figures/{n}.png" for n in ("decisions", "risk_over_time", "skill", "where")}
    tables = {f"tables/{n}.csv" for n in ("alerts", "by_unit", "by_month", "by_horizon", "quiet")}
    files = {"comparison.json", "experiment.json", "forecasts.parquet"}
    assert figures | tables | files <= artifacts


def test_every_child_holds_its_own_figure(client, children):
    for run in children.values():
        (folder,) = [
            artifact for artifact in client.list_artifacts(run.info.run_id) if artifact.is_dir
        ]
        artifacts = [
            artifact.path for artifact in client.list_artifacts(run.info.run_id, folder.path)
        ]
        assert artifacts == ["figures/reliability.png"]


def test_the_comparison_is_a_table_that_mlflow_shows(parent, stored, trained):
    mlflow.set_tracking_uri(stored[0])
    listed = json.loads(parent.data.tags["mlflow.loggedArtifacts"])
    assert listed == [{"path": "comparison.json", "type": "table"}]
    text = mlflow.artifacts.load_text(f"{parent.info.artifact_uri}/comparison.json")
    table = pd.read_json(io.StringIO(text), orient="split")
    assert set(table["model"]) == set(trained.summary["model"])
    assert table.columns[:2].tolist() == ["model", "Brier"]


def test_tags_and_parameters_identify_the_training(parent, children, trained):
    tags, params = parent.data.tags, parent.data.params
    assert (tags["target"], tags["horizon"], tags["best"]) == ("any_7d", "7", trained.best)
    assert tags["data"] == trained.case.prepared.archive.until(trained.trained_to).digest
    assert tags["experiment_digest"] == trained.case.experiment.digest
    assert {"known_dates", "trained_to", "code", "mlflow.source.git.commit"} <= set(tags)
    assert {
        "data.source": "iraq_crisis", "panel.units": '["site", "all"]', "backtest.every": "7",
        "features.window_sums.channels": '["events", "killed"]', "targets.0.name": "any",
        "targets.0.where.tags": "installation_attack", "models.logistic.ridge": "10.0",
        "backtest.window": "not set", "target": "any_7d",
    }.items() <= params.items()  # fmt: skip
    child_params = children["logistic"].data.params
    assert child_params["model"] == "logistic" and child_params["models.logistic.ridge"] == "10.0"


def test_the_data_set_is_an_input_with_our_digest(parent, trained, events):
    (data,) = parent.inputs.dataset_inputs
    assert data.dataset.name == "iraq_crisis"
    assert trained.case.prepared.archive.digest.startswith(data.dataset.digest)
    assert json.loads(data.dataset.profile)["num_rows"] == len(events)


def test_every_model_is_ranked_by_its_numbers_on_the_data_set(client, parent, children, trained):
    models = client.search_logged_models([parent.info.experiment_id])
    assert {model.name for model in models} == {f"any_7d {name}" for name in children}
    (data,) = parent.inputs.dataset_inputs
    table = trained.summary.set_index("model")
    for model in models:
        name = model.name.removeprefix("any_7d ")
        brier = next(metric for metric in model.metrics if metric.key == "brier")
        assert brier.value == pytest.approx(table.loc[name, "brier"])
        assert (brier.dataset_name, brier.dataset_digest) == ("iraq_crisis", data.dataset.digest)
        assert model.source_run_id == children[name].info.run_id
        assert str(model.status) == "READY"


def test_the_best_model_has_a_signature_and_an_example(client, parent, trained):
    models = client.search_logged_models([parent.info.experiment_id])
    (best,) = [model for model in models if model.name == f"any_7d {trained.best}"]
    info = mlflow.models.get_model_info(f"models:/{best.model_id}")
    assert info.signature.inputs.input_names()[0] == "unit_key"
    assert info.saved_input_example_info


def test_a_saved_view_names_columns_that_runs_have(client, parent, children):
    experiment = client.get_experiment(parent.info.experiment_id)
    view = json.loads(experiment.tags["mlflow.sharedViewState.escalation"])
    state = json.loads(zlib.decompress(base64.b64decode(view["state"].removeprefix("deflate;"))))
    metrics = {f"metrics.`{name}`" for name in children["logistic"].data.metrics}
    assert {
        column for column in state["selectedColumns"] if column.startswith("metrics")
    } <= metrics
    assert tracking.link("sqlite:///x.db", "1").endswith(
        "?workflowType=machine_learning&viewStateShareKey=escalation"
    )
    assert tracking.link("http://host:8/", "1").startswith("http://host:8/#/experiments/1/")


def test_a_view_that_cannot_be_saved_raises_nothing():
    from escalation.tracking.view import save_view

    class Broken:
        def set_experiment_tag(self, *_):
            raise RuntimeError("no such thing here")

    save_view(Broken(), "1")


def test_artifacts_lie_only_next_to_the_store(stored, parent):
    folder = Path(stored[0].removeprefix("sqlite:///")).parent
    assert parent.info.artifact_uri.startswith((folder / "mlartifacts").as_uri())
    assert {path.name for path in folder.iterdir()} == {
        "mlflow.db",
        "mlflow.db.lock",
        "mlartifacts",
    }


def test_the_figure_of_risk_shows_the_definition_of_its_label(trained, monkeypatch, tmp_path):
    notes = []
    figure = SimpleNamespace(savefig=lambda path: None)
    monkeypatch.setattr(
        pictures.plots, "risk_over_time", lambda *_, note, **__: notes.append(note) or figure
    )
    other = replace(trained.case.target, description="At least one of the others")
    for target in (trained.case.target, other):
        case = replace(trained.case, target=target)
        pictures._draw_risk(replace(trained, case=case), tmp_path / "risk.png")
    first = trained.case.experiment.experiment.description
    assert notes == [first, "At least one of the others"] and first
