"""The safe way back from the store to a scorer. Light, because people wait for a score."""

from __future__ import annotations

import difflib
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlparse

import pandas as pd
from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from escalation.errors import ModelError, StorageError
from escalation.scoring.artifact import load_logged
from escalation.scoring.scorer import Scorer
from escalation.tracking.gate import CHAMPION
from escalation.tracking.place import ARTIFACT_FOLDER, STORE_FILE, local_file
from escalation.tracking.store import open_store, storage

HASH_TAG = "escalation.hash"
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.-]+")
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
            fix="run `escalation train` first, in the same folder",
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
            fix=_near_names(client, name)
            or "run `escalation train`, or name another one with --model NAME@ALIAS",
        ) from None


def _near_names(client: MlflowClient, name: str) -> str:
    """Models whose name resembles one that is not there; nothing where none does."""
    try:
        names = [model.name for model in client.search_registered_models(max_results=1000)]
    except MlflowException:
        return ""
    own = [other for other in names if other != name]
    near = difflib.get_close_matches(name, own, n=3) or [
        other for other in own if other.startswith(f"{name}.")
    ]
    return f"name one of these with --model: {', '.join(near[:5])}" if near else ""


def load_scorer(reference: str, *, uri: str, allow_version_skew: bool = False) -> Scorer:
    """The model behind ``NAME[@ALIAS]``, read by the safe reader only.

    Parameters
    ----------
    reference : str
        ``NAME`` or ``NAME@ALIAS``; the champion by default.
    uri : str
        The store.
    allow_version_skew : bool, optional
        Read a model of other library versions.

    Raises
    ------
    ModelError
        ``E-MODEL-MISSING`` when there is none, and all refusals of
        :func:`escalation.scoring.artifact.load_logged`.
    """
    name, _, alias = reference.partition("@")
    alias = alias or CHAMPION
    client = existing_store(uri)
    registered = version_of(client, name, alias)
    expected = registered.tags.get(HASH_TAG, "")
    with storage():
        source = client.get_model_version_download_uri(name, registered.version)
    with storage(), _folder_of(source) as root:
        model, manifest = load_logged(
            root, expected_hash=expected, allow_version_skew=allow_version_skew
        )
    return Scorer(model, manifest, f"{name}@{alias} v{registered.version}", expected)


def load_scorers(reference: str, *, uri: str, allow_version_skew: bool = False) -> list[Scorer]:
    """The model behind ``NAME[@ALIAS]``, or those of all labels where ``NAME`` is an experiment.

    Parameters
    ----------
    reference : str
        ``NAME``, ``NAME.LABEL``, or either with ``@ALIAS``; the champion by default.
    uri : str
        The store.
    allow_version_skew : bool, optional
        Read a model of other library versions.

    Returns
    -------
    list of Scorer
        In the order of the experiment's labels.

    Raises
    ------
    ModelError
        As :func:`load_scorer`.
    """
    name, at, alias = reference.partition("@")
    labels = _label_names(existing_store(uri), name)
    if not labels:
        return [load_scorer(reference, uri=uri, allow_version_skew=allow_version_skew)]
    scorers = [
        load_scorer(f"{label}{at}{alias}", uri=uri, allow_version_skew=allow_version_skew)
        for label in labels
    ]
    own = [scorer for scorer in scorers if scorer.experiment.experiment.name == name]
    if not own:
        return [load_scorer(reference, uri=uri, allow_version_skew=allow_version_skew)]
    return sorted(own, key=lambda one: one.experiment.targets.index(one.manifest.target))


def _label_names(client: MlflowClient, name: str) -> list[str]:
    """Registered ``NAME.LABEL``; none where ``NAME`` itself is registered."""
    if not _PLAIN_NAME.fullmatch(name):
        return []
    with storage():
        found = client.search_registered_models(filter_string=f"name LIKE '{name}%'")
    names = [model.name for model in found]
    return [] if name in names else [one for one in names if one.startswith(f"{name}.")]


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
    with tempfile.TemporaryDirectory() as scratch:
        path = download_artifacts(
            run_id=parent, artifact_path="forecasts.parquet", dst_path=scratch
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


@contextmanager
def _folder_of(source: str) -> Iterator[Path]:
    """The files of a logged model: where they lie, or fetched; links are never followed."""
    place = urlparse(source)
    if place.scheme in {"", "file"}:
        folder = Path(unquote(place.path))
        if not folder.is_dir():
            raise ModelError(
                "E-MODEL-MISSING",
                "the files of this model are not where the store says",
                where=str(folder),
                fix=f"put the folder {ARTIFACT_FOLDER} beside {STORE_FILE}, or train again",
            )
        yield folder
        return
    with tempfile.TemporaryDirectory() as scratch:
        yield Path(download_artifacts(artifact_uri=source, dst_path=scratch))
