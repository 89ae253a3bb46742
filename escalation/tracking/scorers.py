"""The safe way back from the store to a scorer. Light, because people wait for a score."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlparse

from escalation.errors import ModelError, StorageError, UsageError
from escalation.scoring.artifact import load_logged
from escalation.scoring.scorer import Scorer
from escalation.tracking.gate import CHAMPION
from escalation.tracking.place import ARTIFACT_FOLDER, STORE_FILE, local_file, store_uri
from escalation.tracking.registered import StoredVersion, in_file, names_in_file

if TYPE_CHECKING:
    from escalation.scoring.result import FittedModel

_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_.-]+")


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
    one = _registered(uri, name, alias or CHAMPION)
    try:
        with _folder_of(one.source) as root:
            model, manifest = load_logged(
                root, expected_hash=one.digest, allow_version_skew=allow_version_skew
            )
    except OSError as error:
        raise StorageError("E-STORAGE", f"the store can't be used: {error}") from error
    return Scorer(model, manifest, one.reference, one.digest)


def load_model(
    reference: str, *, tracking_uri: str | None = None, allow_version_skew: bool = False
) -> FittedModel:
    """A registered model for a notebook, with the checks of ``escalation score``.

    Parameters
    ----------
    reference : str
        ``models:/NAME@ALIAS``, or ``NAME`` for its champion; of several labels, ``NAME.LABEL``.
    tracking_uri : str, optional
        The store; that of ``MLFLOW_TRACKING_URI`` or ``mlflow.db`` in this folder by default.
    allow_version_skew : bool, optional
        Read a model of other library versions.

    Returns
    -------
    FittedModel
        ``.score(archive, as_of=...)`` ranks every unit.

    Raises
    ------
    UsageError
        ``E-MODEL`` for a reference by a version or an ID.
    ModelError
        As :func:`load_scorer`.
    """
    from escalation.scoring.result import FittedModel

    name = reference.removeprefix("models:/")
    if "/" in name or not name:
        raise UsageError(
            "E-MODEL",
            "a model is named by its alias",
            value=reference,
            fix=f"models:/{name.partition('/')[0] or 'NAME'}@champion",
        )
    uri = store_uri(tracking_uri)
    return FittedModel(load_scorer(name, uri=uri, allow_version_skew=allow_version_skew))


def _registered(uri: str, name: str, alias: str) -> StoredVersion:
    """The version behind an alias: of a local store's file, else as MLflow says."""
    path = local_file(uri)
    found = in_file(path, name, alias) if path is not None and path.exists() else None
    if found is not None:
        return found
    from escalation.tracking.loading import registered_version

    return registered_version(uri, name, alias)


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
    labels = _label_names(uri, name)
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


def _label_names(uri: str, name: str) -> list[str]:
    """Registered ``NAME.LABEL``; none where ``NAME`` itself is registered."""
    if not _PLAIN_NAME.fullmatch(name):
        return []
    path = local_file(uri)
    names = names_in_file(path) if path is not None and path.exists() else []
    if not names:
        from escalation.tracking.loading import registered_names

        names = registered_names(uri, name)
    return [] if name in names else [one for one in names if one.startswith(f"{name}.")]


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
    from escalation.tracking.loading import fetched

    with tempfile.TemporaryDirectory() as scratch:
        yield fetched(source, scratch)
