"""Load scorers from a store with the safe reader; imports are few, because people wait for it."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlparse

from escalation.errors import ModelError, StorageError, UsageError
from escalation.scoring.artifact import load_logged
from escalation.scoring.scorer import Scorer
from escalation.tracking.gate import CHAMPION
from escalation.tracking.place import ARTIFACT_FOLDER, STORE_FILE, local_file, store_uri
from escalation.tracking.registered import StoredVersion, names_in_file, version_in_file

if TYPE_CHECKING:
    from escalation.scoring.result import FittedModel

_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_.-]+")


def load_scorer(reference: str, *, uri: str, allow_version_skew: bool = False) -> Scorer:
    """Load a registered model with the safe reader only.

    Parameters
    ----------
    reference : str
        ``NAME`` or ``NAME@ALIAS``; the champion by default.
    uri : str
        The store.
    allow_version_skew : bool, optional
        Read a model saved with other library versions.

    Raises
    ------
    ModelError
        ``E-MODEL-MISSING`` if there is none, and the errors of
        :func:`escalation.scoring.artifact.load_logged`.
    """
    name, _, alias = reference.partition("@")
    version = _registered(uri, name, alias or CHAMPION)
    try:
        with _folder_of(version.source) as root:
            model, manifest = load_logged(
                root, expected_hash=version.digest, allow_version_skew=allow_version_skew
            )
    except OSError as error:
        raise StorageError("E-STORAGE", f"the store can't be used: {error}") from error
    return Scorer(model, manifest, version.reference, version.digest)


def load_model(
    reference: str, *, tracking_uri: str | None = None, allow_version_skew: bool = False
) -> FittedModel:
    """Load a registered model in a notebook, with the checks of ``escalation score``.

    Parameters
    ----------
    reference : str
        ``models:/NAME@ALIAS``, or ``NAME`` for its champion; of several labels, ``NAME.LABEL``.
    tracking_uri : str, optional
        The store; that of ``MLFLOW_TRACKING_URI`` or ``mlflow.db`` in this folder by default.
    allow_version_skew : bool, optional
        Read a model saved with other library versions.

    Returns
    -------
    FittedModel
        ``.score(archive, as_of=...)`` ranks every unit.

    Raises
    ------
    UsageError
        ``E-MODEL`` for a reference by version or ID.
    ModelError
        As :func:`load_scorer`.
    """
    from escalation.scoring.result import FittedModel

    name = reference.removeprefix("models:/")
    if "/" in name or not name:
        raise UsageError(
            "E-MODEL",
            "a model is referred to by its alias",
            value=reference,
            fix=f"models:/{name.partition('/')[0] or 'NAME'}@champion",
        )
    uri = store_uri(tracking_uri)
    return FittedModel(load_scorer(name, uri=uri, allow_version_skew=allow_version_skew))


def _registered(uri: str, name: str, alias: str) -> StoredVersion:
    """The version that an alias refers to, from the file of a local store or else from MLflow."""
    path = local_file(uri)
    version = version_in_file(path, name, alias) if path is not None and path.exists() else None
    if version is not None:
        return version
    from escalation.tracking.loading import registered_version

    return registered_version(uri, name, alias)


def load_scorers(reference: str, *, uri: str, allow_version_skew: bool = False) -> list[Scorer]:
    """Load a registered model, or the models of all labels if ``NAME`` is an experiment.

    Parameters
    ----------
    reference : str
        ``NAME``, ``NAME.LABEL``, or either with ``@ALIAS``; the champion by default.
    uri : str
        The store.
    allow_version_skew : bool, optional
        Read a model saved with other library versions.

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
    load = partial(load_scorer, uri=uri, allow_version_skew=allow_version_skew)
    loaded = [load(f"{label}{at}{alias}") for label in _label_names(uri, name)]
    scorers = [scorer for scorer in loaded if scorer.experiment.experiment.name == name]
    if not scorers:
        return [load(reference)]
    return sorted(
        scorers, key=lambda scorer: scorer.experiment.targets.index(scorer.manifest.target)
    )


def _label_names(uri: str, name: str) -> list[str]:
    """Registered ``NAME.LABEL``; none if ``NAME`` itself is registered."""
    if not _PLAIN_NAME.fullmatch(name):
        return []
    path = local_file(uri)
    names = names_in_file(path) if path is not None and path.exists() else []
    if not names:
        from escalation.tracking.loading import registered_names

        names = registered_names(uri, name)
    return [] if name in names else [label for label in names if label.startswith(f"{name}.")]


@contextmanager
def _folder_of(source: str) -> Iterator[Path]:
    """The folder of a logged model, downloaded if need be; links are never followed."""
    address = urlparse(source)
    if address.scheme in {"", "file"}:
        folder = Path(unquote(address.path))
        if not folder.is_dir():
            raise ModelError(
                "E-MODEL-MISSING",
                "the files of this model are not where the store says",
                where=str(folder),
                fix=f"put the folder {ARTIFACT_FOLDER} next to {STORE_FILE}, or train again",
            )
        yield folder
        return
    from escalation.tracking.loading import download_model

    with tempfile.TemporaryDirectory() as temporary:
        yield download_model(source, temporary)
