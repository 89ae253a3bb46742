"""Store a training: a parent run with the comparison, a child per model, the best registered."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from mlflow import MlflowClient
from mlflow.data.pandas_dataset import from_pandas
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, RunTag
from mlflow.utils.mlflow_tags import MLFLOW_LOGGED_ARTIFACTS

from escalation import __version__, plots
from escalation._util.interrupts import raise_if_interrupted
from escalation._util.outputs import write_table
from escalation.backtest.blend_shares import shares_in_blend
from escalation.backtest.coherence import apart_from_horizon
from escalation.backtest.evaluation import Evaluation, evaluate
from escalation.backtest.train import Trained
from escalation.experiment import label_description
from escalation.models import BASELINES
from escalation.report import ReportData, training_pages
from escalation.tracking import notes
from escalation.tracking.card import log_card
from escalation.tracking.flat_params import log_params, params_of
from escalation.tracking.lifecycle import begin_run, clear_stale, tracked_run
from escalation.tracking.metric_names import DECIDING, curves_of, metrics_of, now_in_ms
from escalation.tracking.pictures import CHILDREN, PARENT, draw
from escalation.tracking.registry import log_model, log_model_name, register
from escalation.tracking.repeats import (
    LABELS_TAG,
    MODEL_TAG,
    REPEAT_TAG,
    VERSION_TAG,
    code_digest,
    repeat_digest,
)
from escalation.tracking.run_names import PARENT_TAG, QUESTION_TAG, TRAINING_TAG
from escalation.tracking.store import (
    NOTE_TAG,
    experiment_id,
    open_store,
    storage,
    write_shared,
)
from escalation.tracking.view import save_view

COMPARISON_FILE = "comparison.json"
SHOWN_ROWS = 200
_SECONDS_STORING = 30
"""Time limit for a server's answer once the work is done; before it, the usual one applies."""
TABLES = ("by_unit", "by_month", "by_horizon", "quiet", "alerts")


@dataclass(frozen=True)
class LoggedTraining:
    """The parent run of a training, and its registered model.

    The alias is ``champion`` for the first version of a name, ``challenger`` afterwards.
    """

    run_id: str
    experiment_id: str
    name: str
    version: str
    alias: str


@dataclass(frozen=True)
class _Store:
    """The store and the common tags of the runs of one training."""

    client: MlflowClient
    uri: str
    experiment: str
    tags: Mapping[str, str]

    def begin(self, name: str, note: str, **more: str) -> str:
        tags = {**self.tags, NOTE_TAG: note, **more}
        return begin_run(self.client, self.uri, self.experiment, name, tags)


def log_training(
    trained: Trained,
    *,
    uri: str,
    events: pd.DataFrame,
    labels: Sequence[Trained] = (),
    page: ReportData | None = None,
    pictures: Path | None = None,
    training: str = "",
) -> LoggedTraining:
    """Store a training: a parent run, a child per model, figures, tables, and the best model.

    The model's alias moves last, so that no half-written model becomes the champion.

    Parameters
    ----------
    trained : Trained
    uri : str
    events : DataFrame
        Those known at the end of the training.
    labels : sequence of Trained
        All labels of the same training, for the comparison of horizons.
    page : ReportData, optional
        Contents of the report page, if :func:`escalation.report.training_pages` made it already.
    pictures : Path, optional
        A folder filled by :func:`escalation.tracking.pictures.draw`; drawn here by default.
    training : str, optional
        Common to all labels that were trained together; a new one by default.

    Raises
    ------
    StorageError, BusyError
        ``E-STORAGE``, ``E-BUSY`` if the store can't be used.
    """
    client = open_store(uri)
    with (
        storage(seconds=_SECONDS_STORING, retries=2),
        tempfile.TemporaryDirectory() as folder,
    ):
        experiment = experiment_id(client, uri, trained.case.experiment.experiment.name)
        note = notes.experiment_note(trained)
        write_shared(lambda: client.set_experiment_tag(experiment, NOTE_TAG, note))
        clear_stale(client, experiment)
        evaluation = evaluate(
            trained.case,
            trained.forecasts,
            summary=trained.summary,
            others=_other_horizons(trained, labels),
        )
        store = _Store(client, uri, experiment, tags_of(trained))
        parent = store.begin(
            f"{trained.best}, {trained.label} to {trained.trained_to}",
            notes.parent_note(trained),
            best=trained.best,
            **notes.short_skill(trained, trained.best),
            **{TRAINING_TAG: training or uuid.uuid4().hex, LABELS_TAG: str(len(labels) or 1)},
        )
        dataset = _dataset(trained, events)
        with tracked_run(client, uri, parent):
            _log_parent(client, parent, trained, evaluation, dataset)
            children = {
                model: _log_child(store, parent, trained, evaluation, model, dataset)
                for model in trained.models
            }
            drawn = pictures or draw(
                trained, Path(folder), page or training_pages([trained])[0], labels=labels
            )
            client.log_artifacts(parent, str(drawn / PARENT))
            for model, (run_id, _) in children.items():
                client.log_artifacts(run_id, str(drawn / CHILDREN / model))
            raise_if_interrupted()
            name, version, alias = register(client, uri, trained, *children[trained.best])
            client.set_tag(parent, MODEL_TAG, name)
            client.set_tag(parent, VERSION_TAG, version)
            log_card(client, name, version, alias)
            save_view(client, experiment)
    return LoggedTraining(parent, experiment, name, version, alias)


def _other_horizons(trained: Trained, labels: Sequence[Trained]) -> pd.DataFrame | None:
    """Forecasts of the same label at other horizons, under this label's name."""
    same = [
        other.forecasts.assign(target=trained.label)
        for other in labels
        if apart_from_horizon(other.case.target) == apart_from_horizon(trained.case.target)
        and other.label != trained.label
    ]
    return pd.concat(same, ignore_index=True) if same else None


def code_version() -> str:
    """The git commit of the code if it is in a checkout, or else the package's version."""
    try:
        git = subprocess.run(
            ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return __version__
    return git.stdout.strip() or __version__


def tags_of(trained: Trained) -> dict[str, str]:
    """Tags for finding runs: label, horizon, data, experiment, code."""
    prepared, experiment = trained.case.prepared, trained.case.experiment
    return {
        "target": trained.label,
        QUESTION_TAG: label_description(experiment, trained.case.target),
        "horizon": str(trained.case.target.horizon),
        "data": prepared.archive.until(trained.trained_to).digest,
        "experiment": experiment.experiment.name,
        "experiment_digest": experiment.digest,
        "known_dates": prepared.archive.known_basis,
        "trained_to": str(trained.trained_to),
        "code": __version__,
        "code_digest": code_digest(),
        REPEAT_TAG: repeat_digest(prepared.archive, experiment),
        "mlflow.source.git.commit": code_version(),
        "mlflow.source.name": "escalation train",
        "mlflow.user": os.environ.get("USER", "escalation"),
    }


def _log_parent(
    client: MlflowClient,
    run_id: str,
    trained: Trained,
    evaluation: Evaluation,
    dataset: DatasetInput,
) -> None:
    now = now_in_ms()
    metrics = {**metrics_of(evaluation, trained.best), "counts/null_share": trained.null_share}
    client.log_batch(
        run_id,
        [Metric(name, value, now, 0) for name, value in metrics.items()],
        [],
        [RunTag(MLFLOW_LOGGED_ARTIFACTS, json.dumps([{"path": COMPARISON_FILE, "type": "table"}]))],
    )
    log_params(client, run_id, params_of(trained))
    write_shared(lambda: client.log_inputs(run_id, [dataset]))
    with tempfile.TemporaryDirectory() as folder:
        _parent_files(Path(folder), trained, evaluation)
        client.log_artifacts(run_id, folder)


def _dataset(trained: Trained, events: pd.DataFrame) -> DatasetInput:
    """The events as an input: the digest of all of them, the column types of the first rows."""
    name, digest = trained.case.experiment.data.source, trained.case.prepared.archive.digest
    rows = events.head(SHOWN_ROWS)  # MLflow has no whole numbers that may be missing
    rows = rows.astype(dict.fromkeys(rows.select_dtypes("integer"), "float64"))
    sample = from_pandas(rows, name=name, digest=digest[:36])._to_mlflow_entity()
    profile = json.dumps({"num_rows": len(events), "num_elements": int(events.size)})
    dataset = Dataset(
        sample.name, sample.digest, sample.source_type, sample.source, sample.schema, profile
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])


def _parent_files(folder: Path, trained: Trained, evaluation: Evaluation) -> None:
    figures, tables, best = folder / "figures", folder / "tables", trained.best
    figures.mkdir()
    tables.mkdir()
    others = [name for name in trained.summary.sort_values("brier")["model"] if name != best]
    plots.decisions_figure(evaluation.decisions, models=[best, *others[:3]]).savefig(
        figures / "decisions.png"
    )
    # A baseline has no skill over itself: show the best model that is not one.
    compared = next((name for name in [best, *others] if name not in BASELINES), best)
    plots.skill_by_figure(
        months=evaluation.by_month,
        units=evaluation.by_unit,
        horizons=evaluation.by_horizon,
        model=compared,
    ).savefig(figures / "where.png")
    notes.comparison(trained.summary).to_json(folder / COMPARISON_FILE, orient="split", index=False)
    write_table(trained.summary, tables / "comparison.csv")
    for name in TABLES:
        if len(table := getattr(evaluation, name)):
            write_table(table, tables / f"{name}.csv")
    if trained.ablation is not None:
        write_table(trained.ablation, tables / "ablation.csv")
        plots.ablation_figure(trained.ablation, title=trained.label).savefig(
            figures / "ablation.png"
        )
    if len(shares := shares_in_blend(trained)):
        write_table(shares, tables / "trust.csv")
    trained.forecasts.to_parquet(folder / "forecasts.parquet", index=False)
    (folder / "experiment.json").write_text(
        trained.case.experiment.model_dump_json(indent=1), encoding="utf-8"
    )


def _log_child(
    store: _Store,
    parent: str,
    trained: Trained,
    evaluation: Evaluation,
    model: str,
    dataset: DatasetInput,
) -> tuple[str, str]:
    """A model's run ID, and the ID of the logged model; only the best has its files stored."""
    client = store.client
    run_id = store.begin(
        model,
        notes.child_note(trained, model),
        **{PARENT_TAG: parent, "model": model, **notes.short_skill(trained, model)},
    )
    parameters = trained.models[model].get_params(deep=False)
    params = {f"models.{model}.{key}": str(value) for key, value in parameters.items()}
    with tracked_run(client, store.uri, run_id):
        write_shared(lambda: client.log_inputs(run_id, [dataset]))
        model_id = (
            log_model(trained, run_id)
            if model == trained.best
            else log_model_name(client, store.experiment, run_id, trained, model)
        )
        now = now_in_ms()
        # The Models tab ranks by the deciding metrics; with all fifty it would hide them.
        ranked = (model_id, dataset.dataset.name, dataset.dataset.digest)
        metrics = [
            Metric(name, value, now, 0, *(ranked if name in DECIDING else ()))
            for name, value in metrics_of(evaluation, model).items()
        ]
        client.log_batch(run_id, [*metrics, *curves_of(evaluation, model)])
        log_params(client, run_id, {"model": model, **params})
        client.log_model_params(model_id, params)
    return run_id, model_id
