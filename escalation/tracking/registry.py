"""The registered model: versions with their hash, and aliases that move last."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.entities import LoggedModelOutput
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.types.schema import ColSpec, DataType, Schema, TensorSpec

from escalation import __version__, schema
from escalation.backtest.train import Trained
from escalation.experiment import label_description
from escalation.scoring.artifact import save_artifact
from escalation.scoring.described import manifest_of
from escalation.scoring.manifest import canary_frame
from escalation.scoring.serving import HASH_FILE
from escalation.tracking import notes
from escalation.tracking.gate import CHALLENGER, CHAMPION
from escalation.tracking.registered import HASH_TAG
from escalation.tracking.store import store_lock

FAMILY_TAG = "family"
TARGET_TAG = "escalation.target"


def _logged_name(trained: Trained, model: str) -> str:
    """The model with its label, such as ``any_7d blend``, since MLflow lists all labels' models."""
    return f"{trained.label} {model}"


def log_model(trained: Trained, run_id: str) -> str:
    """Store the best model with its run; return the ID of the logged model.

    Parameters
    ----------
    trained : Trained
    run_id : str
    """
    manifest = manifest_of(trained, trained.best)
    example = canary_frame(manifest).head(2).droplevel("day").rename_axis(schema.UNIT_KEY)
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "artifact"
        digest = save_artifact(trained.models[trained.best], manifest, folder)
        (folder / HASH_FILE).write_text(digest, encoding="utf-8")
        with mlflow.start_run(run_id=run_id):
            info = mlflow.pyfunc.log_model(
                name=_logged_name(trained, trained.best),
                loader_module="escalation.scoring.serving",
                data_path=str(folder),
                signature=_signature(manifest.columns),
                pip_requirements=[f"escalation=={__version__}"],
                input_example=example.reset_index(),
                tags={HASH_TAG: digest, "target": trained.label},
            )
    return str(info.model_id)


def log_model_name(
    client: MlflowClient, experiment: str, run_id: str, trained: Trained, model: str
) -> str:
    """Log a model without its files, so that MLflow ranks it with the best one; return its ID.

    Parameters
    ----------
    client : MlflowClient
    experiment, run_id : str
        IDs.
    trained : Trained
    model : str
    """
    logged = client.create_logged_model(
        experiment,
        _logged_name(trained, model),
        run_id,
        tags={"target": trained.label, "files": "only of the best"},
    )
    client.finalize_logged_model(logged.model_id, "READY")
    client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, 0)])
    return str(logged.model_id)


def _signature(columns: list[str]) -> ModelSignature:
    inputs: list[ColSpec | TensorSpec] = [
        ColSpec(DataType.string, schema.UNIT_KEY),
        *(ColSpec(DataType.double, name) for name in columns),
    ]
    return ModelSignature(Schema(inputs), Schema([ColSpec(DataType.double)]))


def register(
    client: MlflowClient, uri: str, trained: Trained, run_id: str, model_id: str
) -> tuple[str, str, str]:
    """Make a logged model the newest version of its name; its alias moves last.

    Parameters
    ----------
    client : MlflowClient
    uri : str
        The store.
    trained : Trained
    run_id, model_id : str
        Of the best model.

    Returns
    -------
    tuple of str
        Name, version and alias.
    """
    experiment, label = trained.case.experiment, trained.case.target
    name = experiment.experiment.name
    if len(experiment.targets) > 1:
        name = f"{name}.{trained.label}"
    table = experiment.targets[experiment.labels.index(label)]
    outcome = {key: value for key, value in table.items() if key not in {"description", "models"}}
    tags = {
        HASH_TAG: client.get_logged_model(model_id).tags[HASH_TAG],
        FAMILY_TAG: trained.best,
        TARGET_TAG: json.dumps(outcome, sort_keys=True),
    }
    with store_lock(uri):
        try:
            client.create_registered_model(name, description=label_description(experiment, label))
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        version = client.create_model_version(
            name,
            f"models:/{model_id}",
            run_id=run_id,
            tags=tags,
            model_id=model_id,
            description=notes.version_note(trained),
        ).version
        alias = CHALLENGER if CHAMPION in client.get_registered_model(name).aliases else CHAMPION
        client.set_registered_model_alias(name, alias, version)
    return name, str(version), alias
