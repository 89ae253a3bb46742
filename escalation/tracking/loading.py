"""What a store that MLflow opens says of its registered models and their forecasts."""

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

_NONE_SUCH = {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE", "NOT_FOUND"}


def existing_store(uri: str) -> MlflowClient:
    """A client for a store that must be there already.

    Raises
    ------
    ModelError
        ``E-MODEL-MISSING`` where a local one is not.
    """
    path = local_file(uri)
    if path is not None and not path.exists():
        raise ModelError(
            "E-MODEL-MISSING",
            "no store with a registered model here",
            where=str(path),
            fix="run `escalation train` in this folder first, or name its store (tracking_uri)",
        )
    return open_store(uri)


def version_of(client: MlflowClient, name: str, alias: str) -> ModelVersion:
    """The version behind an alias.

    Parameters
    ----------
    client : MlflowClient
    name, alias : str

    Raises
    ------
    ModelError
        ``E-MODEL-MISSING`` when there is none.
    """
    try:
        return client.get_model_version_by_alias(name, alias)
    except MlflowException as error:
        if error.error_code not in _NONE_SUCH:
            raise StorageError("E-STORAGE", f"the store can't be used: {error}") from error
        raise ModelError(
            "E-MODEL-MISSING",
            f"no registered model {name} with alias {alias}",
            fix=_own_aliases(client, name)
            or _near_names(client, name)
            or "run `escalation train`, or name another model, as NAME@ALIAS",
        ) from None


def _own_aliases(client: MlflowClient, name: str) -> str:
    """What a model that is there has instead; nothing where it is not, or has none."""
    try:
        aliases = sorted(client.get_registered_model(name).aliases)
    except MlflowException:
        return ""
    found = " or ".join(f"{name}@{alias}" for alias in aliases)
    return f"name the model as {found}" if found else ""


def _near_names(client: MlflowClient, name: str) -> str:
    """Models whose name resembles one that is not there, else some that are; nothing of none."""
    try:
        names = [model.name for model in client.search_registered_models(max_results=1000)]
    except MlflowException:
        return ""
    own = [other for other in names if other != name]
    labels = [other for other in own if other.startswith(f"{name}.")]
    near = labels or difflib.get_close_matches(name, own, n=3)
    first = "" if near else "run `escalation train`, or "
    return f"{first}name one of these models: {', '.join((near or own)[:5])}" if own else ""


def registered_version(uri: str, name: str, alias: str) -> StoredVersion:
    """The version behind an alias, and where its files are.

    Parameters
    ----------
    uri : str
        The store.
    name, alias : str

    Raises
    ------
    ModelError
        ``E-MODEL-MISSING`` when there is none.
    """
    client = existing_store(uri)
    one = version_of(client, name, alias)
    with storage():
        source = client.get_model_version_download_uri(name, one.version)
    return StoredVersion(name, alias, str(one.version), one.tags.get(HASH_TAG, ""), source)


def registered_names(uri: str, start: str) -> list[str]:
    """Names of registered models that start so.

    Parameters
    ----------
    uri : str
        The store.
    start : str
    """
    with storage():
        found = existing_store(uri).search_registered_models(filter_string=f"name LIKE '{start}%'")
    return [model.name for model in found]


def fetched(source: str, folder: str) -> Path:
    """The files of a logged model, brought into a folder.

    Parameters
    ----------
    source : str
        Where they are.
    folder : str
    """
    with storage():
        return Path(download_artifacts(artifact_uri=source, dst_path=folder))


def forecasts_of(client: MlflowClient, version: ModelVersion) -> pd.DataFrame:
    """All forecasts of the training that a version comes from.

    Parameters
    ----------
    client : MlflowClient
    version : ModelVersion

    Returns
    -------
    DataFrame
        Columns of a forecast file.
    """
    child = str(version.run_id)
    parent = client.get_run(child).data.tags.get("mlflow.parentRunId", child)
    return forecasts_in(client, parent)


def forecasts_in(client: MlflowClient, run_id: str) -> pd.DataFrame:
    """The forecasts among the artifacts of a run.

    Parameters
    ----------
    client : MlflowClient
    run_id : str
        Of a training, or of a backtest that was logged in a notebook.
    """
    with tempfile.TemporaryDirectory() as scratch:
        path = download_artifacts(
            run_id=run_id,
            artifact_path="forecasts.parquet",
            dst_path=scratch,
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
        Columns of a forecast file.

    Raises
    ------
    ModelError
        ``E-MODEL-MISSING`` when there is no such model.
    StorageError
        ``E-STORAGE`` when its forecasts are gone.
    """
    name, _, alias = reference.partition("@")
    client = existing_store(uri)
    version = version_of(client, name, alias or CHAMPION)
    with storage():
        return forecasts_of(client, version)
