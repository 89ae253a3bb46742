"""Runs and models in MLflow. The only module that imports mlflow."""

from __future__ import annotations

import logging
import math
import os
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

import mlflow
import pandas as pd
from mlflow import MlflowClient
from mlflow.data.pandas_dataset import from_pandas
from mlflow.entities import Metric, Param
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.types.schema import ColSpec, DataType, Schema, TensorSpec

from escalation import __version__, plots, schema
from escalation.artifact import Manifest, canary_frame, load_artifact, save_artifact
from escalation.errors import BusyError, ModelError, StorageError
from escalation.files import locked
from escalation.panel import unit_of
from escalation.score import Scorer
from escalation.serving import HASH_FILE
from escalation.train import Trained, manifest_of

# Hints for people who log by hand in a notebook.
warnings.filterwarnings("ignore", category=UserWarning, module=r"mlflow\.")
logging.getLogger("alembic").setLevel(logging.WARNING)
logging.getLogger("mlflow").setLevel(logging.WARNING)

STORE_FILE = "mlflow.db"
ARTIFACT_FOLDER = "mlartifacts"
CHAMPION, CHALLENGER = "champion", "challenger"
HASH_TAG, OWNER_TAG = "escalation.hash", "escalation.owner"
PIP_REQUIREMENTS = [f"escalation=={__version__}"]
TABLE_METRICS = (
    "brier", "log_score", "skill_vs_climatology", "skill_vs_ewma_nb", "log_skill_vs_climatology",
    "log_skill_vs_ewma_nb", "average_precision", "auc", "miscalibration", "discrimination",
    "uncertainty",
)  # fmt: skip


def store_uri(uri: str | None = None) -> str:
    """The tracking store: as given, from the environment, or sqlite in the working folder."""
    return uri or os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{STORE_FILE}"


def _local_file(uri: str) -> Path | None:
    return Path(uri.removeprefix("sqlite:///")) if uri.startswith("sqlite:///") else None


@contextmanager
def _storage() -> Iterator[None]:
    """Storage trouble as our own errors."""
    try:
        yield
    except (OSError, MlflowException) as error:
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        if "database is locked" in str(error):
            raise BusyError(
                "E-BUSY", f"the store is locked: {text}", fix="try again later"
            ) from error
        raise StorageError("E-STORAGE", f"the store can't be used: {text}") from error


def open_store(uri: str) -> MlflowClient:
    """A client for a store that exists.

    A local one is made under a lock, because several first starts at once break it.
    """
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    path = _local_file(uri)
    with _storage():
        if path is None:
            return MlflowClient(uri, uri)
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(path):
            client = MlflowClient(uri, uri)
            client.search_experiments(max_results=1)
        return client


def _experiment_id(client: MlflowClient, uri: str, name: str, note: str) -> str:
    path = _local_file(uri)
    with locked(path or Path(tempfile.gettempdir()) / "escalation-remote"):
        found = client.get_experiment_by_name(name)
        if found is not None:
            return found.experiment_id
        location = (path.parent.resolve() / ARTIFACT_FOLDER / name).as_uri() if path else None
        return client.create_experiment(name, location, tags={"mlflow.note.content": note})


def clear_stale(client: MlflowClient, experiment_id: str) -> int:
    """Mark runs as killed whose process on this machine is gone; how many there were."""
    stale = 0
    for run in client.search_runs([experiment_id], "attributes.status = 'RUNNING'"):
        host, _, pid = run.data.tags.get(OWNER_TAG, "").partition(":")
        if host == os.uname().nodename and pid and not Path(f"/proc/{pid}").exists():
            client.set_terminated(run.info.run_id, "KILLED")
            stale += 1
    return stale


def code_version() -> str:
    """The git commit of the working folder, if there is one, or the package's version."""
    try:
        done = subprocess.run(
            ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"],
            capture_output=True, text=True, timeout=5, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return __version__
    return done.stdout.strip() or __version__


def metrics_of(row: Mapping[str, Any]) -> dict[str, float]:
    """Finite numbers of a summary row under MLflow's names; nothing else ever reaches the store."""
    named = {}
    for name, value in row.items():
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
            named[str(name)] = float(value)
    return named


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


def model_name(trained: Trained) -> str:
    """The experiment's name, with the label where there are several."""
    experiment = trained.case.experiment
    name = experiment.experiment.name
    return name if len(experiment.targets) == 1 else f"{name}.{trained.label}"


def log_training(trained: Trained, *, uri: str, events: pd.DataFrame) -> Logged:
    """Store a training: a parent run, a child per model, figures, tables, and the best model.

    The model's alias moves last, so that nothing half-written is ever the champion.
    """
    client = open_store(uri)
    experiment = trained.case.experiment
    with _storage():
        note = experiment.experiment.description or experiment.experiment.name
        experiment_id = _experiment_id(client, uri, experiment.experiment.name, note)
        clear_stale(client, experiment_id)
        parent = _log_parent(client, experiment_id, trained, events)
        children = {}
        for name in trained.models:
            children[name] = _log_child(client, experiment_id, parent, trained, name)
        return _register(client, uri, trained, parent, children[trained.best], experiment_id)


def _tags(trained: Trained) -> dict[str, str]:
    prepared = trained.case.prepared
    return {
        "target": trained.label,
        "data": prepared.archive.until(trained.trained_to).digest,
        "experiment_digest": trained.case.experiment.digest,
        "known_dates": prepared.archive.known_basis,
        "trained_to": str(trained.trained_to),
        "mlflow.source.git.commit": code_version(),
        "mlflow.source.name": "escalation train",
        OWNER_TAG: f"{os.uname().nodename}:{os.getpid()}",
    }


def _params(trained: Trained) -> dict[str, str]:
    dumped = trained.case.experiment.model_dump(mode="json", exclude={"experiment", "models"})
    flat: dict[str, str] = {}
    for section, value in dumped.items():
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, entry in items:
            flat[f"{section}/{key}"] = str(entry)[:6000]
    return flat


def _batch(
    client: MlflowClient, run_id: str, metrics: Mapping[str, float], params: Mapping[str, str]
) -> None:
    now = int(time.time() * 1000)
    client.log_batch(
        run_id,
        [Metric(name, value, now, 0) for name, value in metrics.items()],
        [Param(name, value) for name, value in params.items()],
    )


def _log_parent(
    client: MlflowClient, experiment_id: str, trained: Trained, events: pd.DataFrame
) -> str:
    name = f"{trained.label} to {trained.trained_to}"
    run = client.create_run(experiment_id, run_name=name, tags=_tags(trained))
    run_id = run.info.run_id
    row = trained.summary.set_index("model").loc[trained.best].to_dict()
    _batch(client, run_id, {**metrics_of(row), "null_share": trained.null_share}, _params(trained))
    client.set_tag(run_id, "mlflow.note.content", _note(trained))
    digest = trained.case.prepared.archive.digest[:36]
    data = from_pandas(events, name=trained.case.experiment.data.source, digest=digest)
    client.log_inputs(run_id, [_dataset_input(data)])
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "figures").mkdir()
        plots.skill(trained.summary).savefig(folder / "figures" / "skill.png", dpi=120)
        _risk_figure(trained, trained.best, events, folder / "figures" / "risk_over_time.png")
        trained.summary.to_csv(folder / "summary.csv", index=False)
        trained.forecasts.to_parquet(folder / "forecasts.parquet", index=False)
        (folder / "experiment.json").write_text(
            trained.case.experiment.model_dump_json(indent=1), encoding="utf-8"
        )
        client.log_artifacts(run_id, scratch)
    client.set_terminated(run_id, "FINISHED")
    return run_id


def _dataset_input(data: Any) -> Any:
    from mlflow.entities import DatasetInput, InputTag

    return DatasetInput(data._to_mlflow_entity(), [InputTag("mlflow.data.context", "training")])


def _risk_figure(trained: Trained, model: str, events: pd.DataFrame, path: Path) -> None:
    """Risk of the unit that holds all events, or of the one with the most forecasts."""
    experiment = trained.case.experiment
    units = trained.forecasts[schema.UNIT]
    unit = schema.ALL_UNIT if (units == schema.ALL_UNIT).any() else units.value_counts().idxmax()
    kinds = [kind for kind in experiment.panel.units if (unit_of(events, kind) == unit).any()]
    own = events[unit_of(events, kinds[0]) == unit] if kinds else events
    figure = plots.risk_over_time(
        trained.forecasts, own, unit=unit, model=model, note=experiment.experiment.description
    )
    figure.savefig(path, dpi=120)


def _note(trained: Trained) -> str:
    experiment = trained.case.experiment.experiment
    best = trained.summary.set_index("model").loc[trained.best]
    return (
        f"**{trained.label}**: {experiment.description}\n\n"
        f"Best by Brier score: `{trained.best}` ({best['verdict']}). "
        f"A no-change process would give {trained.null_share:.1%} positives by chance.\n"
    )


def _log_child(
    client: MlflowClient, experiment_id: str, parent: str, trained: Trained, model: str
) -> str:
    tags = {**_tags(trained), "mlflow.parentRunId": parent, "model": model}
    run_id = client.create_run(experiment_id, run_name=model, tags=tags).info.run_id
    row = trained.summary.set_index("model").loc[model].to_dict()
    params = {
        f"models/{model}/{k}": str(v)
        for k, v in trained.case.experiment.models.get(model, {}).items()
    }
    _batch(client, run_id, metrics_of(row), {"model": model, **params})
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        own = trained.forecasts[trained.forecasts["model"] == model]
        (folder / "figures").mkdir()
        plots.reliability(own, models=[model]).savefig(
            folder / "figures" / "reliability.png", dpi=110
        )
        own.to_parquet(folder / "forecasts.parquet", index=False)
        client.log_artifacts(run_id, scratch)
    client.set_terminated(run_id, "FINISHED")
    return run_id


def _signature(columns: list[str]) -> ModelSignature:
    inputs: list[ColSpec | TensorSpec] = [
        ColSpec(DataType.string, "unit"),
        *(ColSpec(DataType.double, name) for name in columns),
    ]
    return ModelSignature(Schema(inputs), Schema([ColSpec(DataType.double)]))


def _example(manifest: Manifest) -> pd.DataFrame:
    frame = canary_frame(manifest).head(2)
    return frame.droplevel("day").rename_axis("unit").reset_index()


def _register(
    client: MlflowClient, uri: str, trained: Trained, parent: str, run_id: str, experiment_id: str
) -> Logged:
    manifest = manifest_of(trained, trained.best)
    name = model_name(trained)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "artifact"
        digest = save_artifact(trained.models[trained.best], manifest, folder)
        (folder / HASH_FILE).write_text(digest, encoding="utf-8")
        with mlflow.start_run(run_id=run_id):
            info = mlflow.pyfunc.log_model(
                name=trained.best, loader_module="escalation.serving", data_path=str(folder),
                signature=_signature(manifest.columns), pip_requirements=PIP_REQUIREMENTS,
                input_example=_example(manifest),
            )  # fmt: skip
    path = _local_file(uri)
    with locked(path or Path(tempfile.gettempdir()) / "escalation-remote"):
        try:
            client.create_registered_model(
                name, description=trained.case.experiment.experiment.description
            )
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        made = client.create_model_version(
            name, info.model_uri, run_id=run_id, tags={HASH_TAG: digest, "family": trained.best},
            description=_note(trained),
        )  # fmt: skip
        aliases = client.get_registered_model(name).aliases
        alias = CHALLENGER if CHAMPION in aliases else CHAMPION
        client.set_registered_model_alias(name, alias, made.version)
    return Logged(parent, experiment_id, name, str(made.version), alias)


def load_scorer(reference: str, *, uri: str, allow_version_skew: bool = False) -> Scorer:
    """The model behind ``NAME[@ALIAS]``, read by the safe reader only.

    Raises
    ------
    ModelError
        ``E-MODEL-MISSING`` when there is none, and all refusals of :func:`load_artifact`.
    """
    name, _, alias = reference.partition("@")
    alias = alias or CHAMPION
    path = _local_file(uri)
    if path is not None and not path.exists():
        raise ModelError(
            "E-MODEL-MISSING", "expected a store with a registered model", where=str(path),
            fix="run `escalation train` first, in the same folder",
        )  # fmt: skip
    client = open_store(uri)
    try:
        found = client.get_model_version_by_alias(name, alias)
    except MlflowException:
        raise ModelError(
            "E-MODEL-MISSING", f"expected a registered model {name} with alias {alias}",
            fix="run `escalation train`, or name another one with --model NAME@ALIAS",
        ) from None  # fmt: skip
    expected = found.tags.get(HASH_TAG, "")
    with _storage(), tempfile.TemporaryDirectory() as scratch:
        source = client.get_model_version_download_uri(name, found.version)
        local = mlflow.artifacts.download_artifacts(artifact_uri=source, dst_path=scratch)
        folder = Path(local) / "data" / "artifact"
        if not folder.is_dir():
            folder = Path(local) / "data"
        model, manifest = load_artifact(
            folder, expected_hash=expected, allow_version_skew=allow_version_skew
        )
    return Scorer(model, manifest, f"{name}@{alias} v{found.version}", expected)
