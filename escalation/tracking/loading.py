"""Registered models and their forecasts, read from a store through MLflow."""

from __future__ import annotations

import difflib
import tempfile
from pathlib import Path

import pandas as pd
from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from escalation.errors import ModelError, StorageError
from escalation.tracking.gate import CHAMPION
from escalation.tracking.place import local_file
from escalation.tracking.registered import HASH_TAG, StoredVersion
from escalation.tracking.store import open_store, storage

_NOT_THERE = {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE", "NOT_FOUND"}


def existing_store(uri: str) -> MlflowClient:
    """A client for a store that must exist.

    Raises
    ------
    ModelError
        ``E-MODEL-MISSING`` if a local store does not.
    """
    path = local_file(uri)
    if path is not None and not path.exists():
        raise ModelError(
            "E-MODEL-MISSING",
            "no store with a registered model here",
            where=str(path),
            fix="run `escalation train` here, or name the store: --tracking-uri (tracking_uri=)",
        )
    return open_store(uri)


def version_of(client: MlflowClient, name: str, alias: str) -> ModelVersion:
    """The version that an alias refers to.

    Parameters
    ----------
    client : MlflowClient
    name, alias : str

    Raises
    ------
    ModelError
        ``E-MODEL-MISSING`` if there is none.
    """
    try:
        return client.get_model_version_by_alias(name, alias)
    except MlflowException as error:
        if error.error_code not in _NOT_THERE:
            raise StorageError("E-STORAGE", f"the store can't be used: {error}") from error
        raise ModelError(
            "E-MODEL-MISSING",
            f"no registered model {name} with alias {alias}",
            fix=_suggestion(client, name),
        ) from None


def _suggestion(client: MlflowClient, name: str) -> str:
    """A fix that names the model's aliases, its labels, similar models or others, in this order."""
    try:
        models = {
            model.name: model.aliases for model in client.search_registered_models(max_results=1000)
        }
    except MlflowException:
        models = {}
    if aliases := sorted(models.pop(name, {})):
        return f"name the model as {' or '.join(f'{name}@{alias}' for alias in aliases)}"
    if not models:
        return "run `escalation train`, or name another model, as NAME@ALIAS"
    labels = [other for other in models if other.startswith(f"{name}.")]
    similar = labels or difflib.get_close_matches(name, models, n=3)
    train = "" if similar else "run `escalation train`, or "
    return f"{train}name one of these models: {', '.join((similar or list(models))[:5])}"


def registered_version(uri: str, name: str, alias: str) -> StoredVersion:
    """The version that an alias refers to, with the location of its files.

    Parameters
    ----------
    uri : str
        The store.
    name, alias : str

    Raises
    ------
    ModelError
        ``E-MODEL-MISSING`` if there is none.
    """
    client = existing_store(uri)
    version = version_of(client, name, alias)
    with storage():
        source = client.get_model_version_download_uri(name, version.version)
    digest = version.tags.get(HASH_TAG, "")
    return StoredVersion(name, alias, str(version.version), digest, source)


def registered_names(uri: str, prefix: str) -> list[str]:
    """Names of registered models that start with a prefix.

    Parameters
    ----------
    uri : str
        The store.
    prefix : str
    """
    with storage():
        client = existing_store(uri)
        models = client.search_registered_models(filter_string=f"name LIKE '{prefix}%'")
    return [model.name for model in models]


def download_model(source: str, folder: str) -> Path:
    """Download the files of a logged model.

    Parameters
    ----------
    source : str
        Their address.
    folder : str
        Where they are written.
    """
    with storage():
        return Path(download_artifacts(artifact_uri=source, dst_path=folder))


def forecasts_of(client: MlflowClient, version: ModelVersion) -> pd.DataFrame:
    """All forecasts of the training that a version comes from.

    Parameters
    ----------
    client : MlflowClient
    version : ModelVersion
    """
    child = str(version.run_id)
    parent = client.get_run(child).data.tags.get("mlflow.parentRunId", child)
    return forecasts_in(client, parent)


def forecasts_in(client: MlflowClient, run_id: str) -> pd.DataFrame:
    """The forecasts among the artifacts of a run, with the columns of a forecast file.

    Parameters
    ----------
    client : MlflowClient
    run_id : str
        A training, or a backtest logged from a notebook.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = download_artifacts(
            run_id=run_id,
            artifact_path="forecasts.parquet",
            dst_path=folder,
            tracking_uri=client.tracking_uri,
        )
        return pd.read_parquet(path)


def load_forecasts(reference: str, *, uri: str) -> pd.DataFrame:
    """All forecasts of the training behind ``NAME[@ALIAS]``.

    Parameters
    ----------
    reference : str
        ``NAME`` or ``NAME@ALIAS``; the champion by default.
    uri : str
        The store.

    Returns
    -------
    DataFrame
        With the columns of a forecast file.

    Raises
    ------
    ModelError
        ``E-MODEL-MISSING`` if there is no such model.
    StorageError
        ``E-STORAGE`` if its forecasts are missing.
    """
    name, _, alias = reference.partition("@")
    client = existing_store(uri)
    version = version_of(client, name, alias or CHAMPION)
    with storage():
        return forecasts_of(client, version)
