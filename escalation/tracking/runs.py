"""A training as runs: a parent with the comparison, a child for each model, the best registered."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import pandas as pd
from mlflow import MlflowClient
from mlflow.data.pandas_dataset import from_pandas
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag
from mlflow.utils.mlflow_tags import MLFLOW_LOGGED_ARTIFACTS

from escalation import __version__, plots
from escalation._util.interrupts import raise_if_interrupted
from escalation._util.outputs import write_table
from escalation.backtest.blend_shares import shares_in_blend
from escalation.backtest.coherence import apart_from_horizon
from escalation.backtest.evaluation import Evaluation, evaluate
from escalation.backtest.train import Trained
from escalation.experiment import label_described
from escalation.models import BASELINES
from escalation.report import ReportData, training_pages
from escalation.tracking import notes
from escalation.tracking.begun import begin_run, clear_stale, tracked_run
from escalation.tracking.card import log_card
from escalation.tracking.flat_params import LONGEST_PARAMETER, flat_params
from escalation.tracking.metric_names import DECIDING, metrics_of, steps_of
from escalation.tracking.pictures import CHILDREN, PARENT, draw
from escalation.tracking.registry import Registered, log_model, name_model, register
from escalation.tracking.repeats import (
    LABELS_TAG,
    MODEL_TAG,
    REPEAT_TAG,
    VERSION_TAG,
    code_digest,
    repeat_digest,
)
from escalation.tracking.run_names import ASKS_TAG, PARENT_TAG, TRAINING_TAG
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
"""How long a server is waited for once the work is done; before it, it was asked as usual."""
MOST_AT_ONCE = 100
"""Parameters in one request."""
TABLES = ("by_unit", "by_month", "by_horizon", "quiet", "alerts")


@dataclass(frozen=True)
class Logged:
    """Where a training went.

    Parameters
    ----------
    run_id, experiment_id : str
        Of the parent run.
    name, version : str
        The registered model.
    alias : str
        ``champion`` for the first version of a name, ``challenger`` afterwards.
    """

    run_id: str
    experiment_id: str
    name: str
    version: str
    alias: str


@dataclass(frozen=True)
class _Store:
    """Where runs of one training go."""

    client: MlflowClient
    uri: str
    experiment: str
    tags: Mapping[str, str]

    def create(self, name: str, note: str, **more: str) -> str:
        tags = {**self.tags, NOTE_TAG: note, **more}
        return begin_run(self.client, self.uri, self.experiment, name, tags)


def log_training(
    trained: Trained,
    *,
    uri: str,
    events: pd.DataFrame,
    beside: Sequence[Trained] = (),
    page: ReportData | None = None,
    pictures: Path | None = None,
    training: str = "",
) -> Logged:
    """Store a training: a parent run, a child per model, figures, tables, and the best model.

    The model's alias moves last, so that nothing half-written is ever the champion.

    Parameters
    ----------
    trained : Trained
    uri : str
    events : DataFrame
        What was known at the end of the training.
    beside : sequence of Trained
        Other labels of the same experiment, for the comparison of horizons.
    page : ReportData, optional
        What its page tells, where it is at hand: of :func:`escalation.report.training_pages`.
    pictures : Path, optional
        A folder that :func:`escalation.tracking.pictures.draw` has filled; drawn here by default.
    training : str, optional
        The same for all labels that were trained together; one of its own by default.

    Raises
    ------
    StorageError, BusyError
        ``E-STORAGE``, ``E-BUSY`` when the store can't be used.
    """
    client = open_store(uri)
    with (
        storage(seconds=_SECONDS_STORING, retries=2),
        tempfile.TemporaryDirectory() as scratch,
    ):
        name = trained.case.experiment.experiment.name
        experiment = experiment_id(client, uri, name)
        note = notes.experiment_note(trained)
        write_shared(lambda: client.set_experiment_tag(experiment, NOTE_TAG, note))
        clear_stale(client, experiment)
        evaluation = evaluate(
            trained.case,
            trained.forecasts,
            summary=trained.summary,
            others=_others(trained, beside),
        )
        store = _Store(client, uri, experiment, tags_of(trained))
        parent = store.create(
            f"{trained.best}, {trained.label} to {trained.trained_to}",
            notes.parent_note(trained),
            best=trained.best,
            **notes.short_skill(trained, trained.best),
            **{TRAINING_TAG: training or uuid.uuid4().hex, LABELS_TAG: str(len(beside) or 1)},
        )
        data = _data_of(trained, events)
        with tracked_run(client, uri, parent):
            _log_parent(client, parent, trained, evaluation, data)
            children = {
                model: _log_child(store, parent, trained, evaluation, model, data)
                for model in trained.models
            }
            drawn = pictures or draw(
                trained, Path(scratch), page or training_pages([trained])[0], beside=beside
            )
            client.log_artifacts(parent, str(drawn / PARENT))
            for model, (run_id, _) in children.items():
                client.log_artifacts(run_id, str(drawn / CHILDREN / model))
            raise_if_interrupted()
            done = register(client, uri, trained, *children[trained.best])
            client.set_tag(parent, MODEL_TAG, done.name)
            client.set_tag(parent, VERSION_TAG, done.version)
            log_card(client, done.name, done.version, done.alias)
            save_view(client, experiment)
    return _logged(parent, experiment, done)


def _logged(parent: str, experiment: str, done: Registered) -> Logged:
    return Logged(parent, experiment, done.name, done.version, done.alias)


def _others(trained: Trained, beside: Sequence[Trained]) -> pd.DataFrame | None:
    """Forecasts of the same label at other horizons, under this label's name."""
    same = [
        other.forecasts.assign(target=trained.label)
        for other in beside
        if apart_from_horizon(other.case.target) == apart_from_horizon(trained.case.target)
        and other.label != trained.label
    ]
    return pd.concat(same, ignore_index=True) if same else None


def code_version() -> str:
    """The git commit of the code, if it stands in a checkout, or the package's version."""
    try:
        done = subprocess.run(
            ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return __version__
    return done.stdout.strip() or __version__


def tags_of(trained: Trained) -> dict[str, str]:
    """What runs are found by: label, horizon, data, experiment, code."""
    prepared, experiment = trained.case.prepared, trained.case.experiment
    return {
        "target": trained.label,
        ASKS_TAG: label_described(experiment, trained.case.target),
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


def params_of(trained: Trained) -> dict[str, str]:
    """Every key of the experiment, and the label; a model of one's own as it shows itself."""
    own = {
        f"models.{name}": str(model) for name, model in (trained.case.custom_models or {}).items()
    }
    flat = flat_params(trained.case.experiment, models=list(trained.models))
    return {**flat, **own, "target": trained.label}


def log_params(client: MlflowClient, run_id: str, params: Mapping[str, str]) -> None:
    """Log any number of parameters.

    Parameters
    ----------
    client : MlflowClient
    run_id : str
    params : mapping of str to str
    """
    held = [Param(name, value[:LONGEST_PARAMETER]) for name, value in params.items()]
    for first in range(0, len(held), MOST_AT_ONCE):
        client.log_batch(run_id, params=held[first : first + MOST_AT_ONCE])


def _log_parent(
    client: MlflowClient,
    run_id: str,
    trained: Trained,
    evaluation: Evaluation,
    data: DatasetInput,
) -> None:
    now = int(time.time() * 1000)
    named = {**metrics_of(evaluation, trained.best), "counts/null_share": trained.null_share}
    client.log_batch(
        run_id,
        [Metric(name, value, now, 0) for name, value in named.items()],
        [],
        [RunTag(MLFLOW_LOGGED_ARTIFACTS, json.dumps([{"path": COMPARISON_FILE, "type": "table"}]))],
    )
    log_params(client, run_id, params_of(trained))
    write_shared(lambda: client.log_inputs(run_id, [data]))
    with tempfile.TemporaryDirectory() as scratch:
        _parent_files(Path(scratch), trained, evaluation)
        client.log_artifacts(run_id, scratch)


def _data_of(trained: Trained, events: pd.DataFrame) -> DatasetInput:
    """The events as an input: our digest of all of them, columns as the first rows have them."""
    name, digest = trained.case.experiment.data.source, trained.case.prepared.archive.digest
    rows = events.head(SHOWN_ROWS)  # whole numbers that may be missing are numbers like others
    rows = rows.astype(dict.fromkeys(rows.select_dtypes("integer"), "float64"))
    sample = from_pandas(rows, name=name, digest=digest[:36])._to_mlflow_entity()
    profile = json.dumps({"num_rows": len(events), "num_elements": int(events.size)})
    data = Dataset(
        sample.name, sample.digest, sample.source_type, sample.source, sample.schema, profile
    )
    return DatasetInput(data, [InputTag("mlflow.data.context", "training")])


def _parent_files(folder: Path, trained: Trained, evaluation: Evaluation) -> None:
    for name in ("figures", "tables"):
        (folder / name).mkdir()
    figures, best = folder / "figures", trained.best
    others = [name for name in trained.summary.sort_values("brier")["model"] if name != best]
    plots.decisions_figure(evaluation.decisions, models=[best, *others[:3]]).savefig(
        figures / "decisions.png"
    )
    # Of the baseline there is nothing to tell against itself: of the table that comes closest.
    compared = next((name for name in [best, *others] if name not in BASELINES), best)
    plots.skill_by_figure(
        months=evaluation.by_month,
        units=evaluation.by_unit,
        horizons=evaluation.by_horizon,
        model=compared,
    ).savefig(figures / "where.png")
    notes.comparison(trained.summary).to_json(folder / COMPARISON_FILE, orient="split", index=False)
    write_table(trained.summary, folder / "tables" / "comparison.csv")
    held = {table.name: getattr(evaluation, table.name) for table in fields(evaluation)}
    for name in TABLES:
        if len(held[name]):
            write_table(held[name], folder / "tables" / f"{name}.csv")
    if trained.ablation is not None:
        write_table(trained.ablation, folder / "tables" / "ablation.csv")
        plots.ablation_figure(trained.ablation, title=trained.label).savefig(
            figures / "ablation.png"
        )
    if len(trust := shares_in_blend(trained)):
        write_table(trust, folder / "tables" / "trust.csv")
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
    data: DatasetInput,
) -> tuple[str, str]:
    """A model's run, and the id of the logged model: with its files where it is the best."""
    client = store.client
    run_id = store.create(
        model,
        notes.child_note(trained, model),
        **{PARENT_TAG: parent, "model": model, **notes.short_skill(trained, model)},
    )
    parameters = trained.models[model].get_params(deep=False)
    params = {f"models.{model}.{key}": str(v) for key, v in parameters.items()}
    with tracked_run(client, store.uri, run_id):
        write_shared(lambda: client.log_inputs(run_id, [data]))
        model_id = (
            log_model(trained, run_id)
            if model == trained.best
            else name_model(client, store.experiment, run_id, trained, model)
        )
        now = int(time.time() * 1000)
        named = metrics_of(evaluation, model)
        held = (data.dataset.name, data.dataset.digest)
        points = [
            # The Models tab ranks by few numbers; a page of fifty columns hides them.
            Metric(name, value, now, 0, *((model_id, *held) if name in DECIDING else ()))
            for name, value in named.items()
        ]
        points += [
            Metric(*point[:2], point.at, point.step)
            for point in steps_of(evaluation, model, now=now)
        ]
        client.log_batch(run_id, points)
        log_params(client, run_id, {"model": model, **params})
        client.log_model_params(model_id, params)
    return run_id, model_id
