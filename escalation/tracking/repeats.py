"""Whether a training was done before: the same events, experiment and code, kept to the end."""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

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
class Repeated:
    """A label of a training that is there already.

    Parameters
    ----------
    target, best : str
        The label, and its best model.
    model, version : str
        Registered.
    run_id, experiment_id : str
        Of the run.
    """

    target: str
    best: str
    model: str
    version: str
    run_id: str
    experiment_id: str


def code_digest() -> str:
    """SHA-256 of the package's code, of families of one's own, and of the libraries' versions."""
    digest = sha256(package_digest().encode())
    for path in sorted({*_own_files()}):
        digest.update(Path(path).read_bytes())
    return digest.hexdigest()


def _own_files() -> Iterable[str]:
    registries = (FEATURES, ACROSS, MODELS, TARGETS, METRICS)
    for member in (member for registry in registries for member in registry.values()):
        if not member.__module__.startswith("escalation."):
            try:
                yield inspect.getfile(member)
            except (OSError, TypeError):
                continue


def repeat_digest(archive: EventArchive, experiment: Experiment) -> str:
    """What two trainings have in common that give the same bytes.

    Parameters
    ----------
    archive : EventArchive
    experiment : Experiment
    """
    parts = (archive.digest, archive.known_basis, experiment.digest, code_digest())
    return sha256(" ".join(parts).encode()).hexdigest()


def find_repeat(archive: EventArchive, experiment: Experiment, *, uri: str) -> list[Repeated]:
    """All labels of an earlier training of the same events, experiment and code.

    Parameters
    ----------
    archive : EventArchive
    experiment : Experiment
    uri : str
        The store.

    Returns
    -------
    list of Repeated
        Empty where there is none that ended well and whose model versions are still there.
    """
    path = local_file(uri)
    if path is not None and not path.exists():
        return []
    client = open_store(uri)
    with storage():
        kept = client.get_experiment_by_name(experiment.experiment.name)
        if kept is None:
            return []
        digest, together = repeat_digest(archive, experiment), defaultdict(list)
        for run in trainings(client, [kept.experiment_id]):
            if run.data.tags.get(REPEAT_TAG) == digest:
                together[run.data.tags[TRAINING_TAG]].append(run)
        for runs in together.values():
            found = [one for run in reversed(runs) if (one := _kept(client, run)) is not None]
            if str(len(found)) == runs[0].data.tags.get(LABELS_TAG):
                return found
    return []


def _kept(client: MlflowClient, run: Run) -> Repeated | None:
    tags = run.data.tags
    name, number = tags.get(MODEL_TAG, ""), tags.get(VERSION_TAG, "")
    try:
        client.get_model_version(name, number)
    except MlflowException:
        return None
    info = run.info
    return Repeated(tags["target"], tags["best"], name, number, info.run_id, info.experiment_id)
