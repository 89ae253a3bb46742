"""Which run is meant: an ID, the start of one, a name, ``latest`` or ``previous``."""

from __future__ import annotations

from typing import Final

from mlflow import MlflowClient
from mlflow.entities import Run

from escalation.errors import UsageError
from escalation.tracking.compared_text import SHORT

PARENT_TAG: Final = "mlflow.parentRunId"
ASKS_TAG: Final = "asks"
"""When the outcome of a run's label is 1, in words."""
TRAINING_TAG: Final = "training"
"""The same for all labels of one training; runs of single models have none."""
NEWEST, PREVIOUS = "latest", "previous"
_FEWEST_LETTERS, _MOST_NAMED = 4, 5
_SEARCHED = 1000


def find_run(client: MlflowClient, name: str) -> Run:
    """The one run that a name means.

    Parameters
    ----------
    client : MlflowClient
    name : str
        A run's ID, at least four letters of its start, or its name; ``latest`` for the training
        that ended last, ``previous`` for the one before it in the same MLflow experiment.

    Raises
    ------
    UsageError
        ``E-RUN`` when there is none, or more than one, with those that there are.
    """
    if name in {NEWEST, PREVIOUS}:
        return _by_age(client, name)
    quoted = name.replace("'", "")
    found: list[Run] = []
    if len(name) >= _FEWEST_LETTERS and name.isalnum():
        found = _search(client, f"attributes.run_id LIKE '{quoted}%'")
    found = found or _search(client, f"attributes.run_name = '{quoted}'")
    if len(found) == 1:
        return found[0]
    few = ", ".join(map(named, found[:_MOST_NAMED])) or _recent(client)
    raise UsageError(
        "E-RUN",
        f"{len(found)} runs have this ID, start of an ID or name" if found else "no such run",
        value=name,
        fix=f"name one by its ID: {few}" if few else "run `escalation train` first",
    )


def named(run: Run) -> str:
    """The start of a run's ID, with its name."""
    return f"{run.info.run_id[:SHORT]} ({run.info.run_name})"


def trainings(client: MlflowClient, experiments: list[str] | None = None) -> list[Run]:
    """Finished trainings, the latest first, one for each label.

    Parameters
    ----------
    client : MlflowClient
    experiments : list of str, optional
        IDs; all experiments by default.
    """
    finished = f"attributes.status = 'FINISHED' and tags.`{TRAINING_TAG}` LIKE '%'"
    return _search(client, finished, experiments)


def siblings(client: MlflowClient, run: Run) -> list[Run]:
    """The runs of all labels of the training that a run belongs to, its own first.

    Parameters
    ----------
    client : MlflowClient
    run : Run
        Of a training, or of one of its models.
    """
    parent = run.data.tags.get(PARENT_TAG)
    own = client.get_run(parent) if parent else run
    training = own.data.tags.get(TRAINING_TAG)
    if training is None:
        return [own]
    same = _search(client, f"tags.`{TRAINING_TAG}` = '{training}'", [own.info.experiment_id])
    return [own, *(other for other in same if other.info.run_id != own.info.run_id)]


def _by_age(client: MlflowClient, name: str) -> Run:
    found = trainings(client)
    if found and name == NEWEST:
        return found[0]
    earlier = [
        run
        for run in found
        if run.info.experiment_id == found[0].info.experiment_id
        and run.data.tags[TRAINING_TAG] != found[0].data.tags[TRAINING_TAG]
    ]
    if earlier:
        return earlier[0]
    raise UsageError(
        "E-RUN",
        "there is no earlier training of this experiment" if found else "there is no training",
        value=name,
        fix="train again with another setting: escalation train --set KEY=VALUE",
    )


def _recent(client: MlflowClient) -> str:
    return ", ".join(map(named, trainings(client)[:_MOST_NAMED]))


def _search(client: MlflowClient, wanted: str, experiments: list[str] | None = None) -> list[Run]:
    ids = experiments or [one.experiment_id for one in client.search_experiments()]
    order = ["attributes.start_time DESC"]
    return list(client.search_runs(ids, wanted, max_results=_SEARCHED, order_by=order))
