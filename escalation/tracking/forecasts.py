"""The backtest forecasts that a training stored with its runs."""

from __future__ import annotations

import tempfile

import mlflow
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion

from escalation.tracking.loading import CHAMPION, existing_store, version_of
from escalation.tracking.store import storage


def forecasts_of(client: MlflowClient, version: ModelVersion) -> pd.DataFrame:
    """All forecasts of the training that a version comes from."""
    child = str(version.run_id)
    parent = client.get_run(child).data.tags.get("mlflow.parentRunId", child)
    with tempfile.TemporaryDirectory() as scratch:
        path = mlflow.artifacts.download_artifacts(
            run_id=parent, artifact_path="forecasts.parquet", dst_path=scratch
        )
        return pd.read_parquet(path)


def load_forecasts(reference: str, *, uri: str) -> pd.DataFrame:
    """All forecasts of the training behind ``NAME[@ALIAS]``.

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
