"""Find an earlier training with the same events, experiment and code."""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from escalation._util.package_digest import package_digest
from escalation.events.archive import EventArchive
from escalation.experiment import Experiment
from escalation.features import ACROSS, FEATURES
from escalation.metrics import METRICS
from escalation.models import MODELS
from escalation.targets import TARGETS
from escalation.tracking.place import local_file
from escalation.tracking.run_names import TRAINING_TAG, trainings
from escalation.tracking.store import open_store, storage

REPEAT_TAG = "repeat_digest"
LABELS_TAG = "labels"
MODEL_TAG, VERSION_TAG = "registered_model", "registered_version"


@dataclass(frozen=True)
class EarlierTraining:
    """A label of an earlier training: its best model, as registered under a name and version."""

    target: str
    best: str
    model: str
    version: str
    run_id: str
    experiment_id: str


def code_digest() -> str:
    """SHA-256 of the package's code, the user's plugins, and the libraries' versions."""
    digest = sha256(package_digest().encode())
    for path in sorted({*_plugin_files()}):
        digest.update(Path(path).read_bytes())
    return digest.hexdigest()


def _plugin_files() -> Iterator[str]:
    registries = (FEATURES, ACROSS, MODELS, TARGETS, METRICS)
    members: Iterator[Any] = chain.from_iterable(registry.values() for registry in registries)
    for member in members:
        if not member.__module__.startswith("escalation."):
            try:
                yield inspect.getfile(member)
            except (OSError, TypeError):
                continue


def repeat_digest(archive: EventArchive, experiment: Experiment) -> str:
    """SHA-256 of everything that determines a training: events, experiment and code.

    Parameters
    ----------
    archive : EventArchive
    experiment : Experiment
    """
    digests = (archive.digest, archive.known_basis, experiment.digest, code_digest())
    return sha256(" ".join(digests).encode()).hexdigest()


def find_repeat(
    archive: EventArchive, experiment: Experiment, *, uri: str
) -> list[EarlierTraining]:
    """All labels of an earlier training with the same events, experiment and code.

    Parameters
    ----------
    archive : EventArchive
    experiment : Experiment
    uri : str
        The store.

    Returns
    -------
    list of EarlierTraining
        Empty if there is no finished one whose model versions all still exist.
    """
    path = local_file(uri)
    if path is not None and not path.exists():
        return []
    client = open_store(uri)
    with storage():
        stored = client.get_experiment_by_name(experiment.experiment.name)
        if stored is None:
            return []
        digest, by_training = repeat_digest(archive, experiment), defaultdict(list)
        for run in trainings(client, [stored.experiment_id]):
            if run.data.tags.get(REPEAT_TAG) == digest:
                by_training[run.data.tags[TRAINING_TAG]].append(run)
        for runs in by_training.values():
            candidates = (_earlier(client, run) for run in reversed(runs))
            labels = [label for label in candidates if label is not None]
            if str(len(labels)) == runs[0].data.tags.get(LABELS_TAG):
                return labels
    return []


def _earlier(client: MlflowClient, run: Run) -> EarlierTraining | None:
    """The label of a run; None if its model version was deleted."""
    tags, info = run.data.tags, run.info
    name, version = tags.get(MODEL_TAG, ""), tags.get(VERSION_TAG, "")
    try:
        client.get_model_version(name, version)
    except MlflowException:
        return None
    return EarlierTraining(
        tags["target"], tags["best"], name, version, info.run_id, info.experiment_id
    )
