"""Find runs by ID, the start of an ID, name, ``latest`` or ``previous``."""

from __future__ import annotations

from typing import Final

from mlflow import MlflowClient
from mlflow.entities import Run

from escalation.errors import UsageError
from escalation.tracking.compared_text import SHORT

PARENT_TAG: Final = "mlflow.parentRunId"
QUESTION_TAG: Final = "asks"
"""The outcome of a run's label in words."""
TRAINING_TAG: Final = "training"
"""Common to all labels of one training; runs of single models have none."""
NEWEST, PREVIOUS = "latest", "previous"
_FEWEST_LETTERS, _MOST_NAMED = 4, 5
_MOST_RUNS = 1000


def find_run(client: MlflowClient, name: str) -> Run:
    """The one run that a name refers to.

    Parameters
    ----------
    client : MlflowClient
    name : str
        A run's ID, at least four letters of its start, or its name; ``latest`` for the training
        that ended last, ``previous`` for the one before it in the same MLflow experiment.

    Raises
    ------
    UsageError
        ``E-RUN`` if there is no such run, or more than one; the fix lists runs.
    """
    if name in {NEWEST, PREVIOUS}:
        return _by_age(client, name)
    quoted = name.replace("'", "")
    runs: list[Run] = []
    if len(name) >= _FEWEST_LETTERS and name.isalnum():
        runs = _search(client, f"attributes.run_id LIKE '{quoted}%'")
    runs = runs or _search(client, f"attributes.run_name = '{quoted}'")
    if len(runs) == 1:
        return runs[0]
    candidates = ", ".join(map(run_title, (runs or trainings(client))[:_MOST_NAMED]))
    raise UsageError(
        "E-RUN",
        f"{len(runs)} runs have this ID, start of an ID or name" if runs else "no such run",
        value=name,
        fix=f"name one by its ID: {candidates}" if candidates else "run `escalation train` first",
    )


def run_title(run: Run) -> str:
    """The start of a run's ID, with its name."""
    return f"{run.info.run_id[:SHORT]} ({run.info.run_name})"


def trainings(client: MlflowClient, experiments: list[str] | None = None) -> list[Run]:
    """Finished trainings, a run for each label, the latest first.

    Parameters
    ----------
    client : MlflowClient
    experiments : list of str, optional
        IDs; all experiments by default.
    """
    finished = f"attributes.status = 'FINISHED' and tags.`{TRAINING_TAG}` LIKE '%'"
    return _search(client, finished, experiments)


def siblings(client: MlflowClient, run: Run) -> list[Run]:
    """The runs of all labels of a run's training, its own label first.

    Parameters
    ----------
    client : MlflowClient
    run : Run
        A training, or one of its models.
    """
    parent_id = run.data.tags.get(PARENT_TAG)
    parent = client.get_run(parent_id) if parent_id else run
    training = parent.data.tags.get(TRAINING_TAG)
    if training is None:
        return [parent]
    runs = _search(client, f"tags.`{TRAINING_TAG}` = '{training}'", [parent.info.experiment_id])
    return [parent, *(other for other in runs if other.info.run_id != parent.info.run_id)]


def _by_age(client: MlflowClient, name: str) -> Run:
    runs = trainings(client)
    if not runs:
        problem = "there is no training"
    elif name == NEWEST:
        return runs[0]
    else:
        experiment, training = runs[0].info.experiment_id, runs[0].data.tags[TRAINING_TAG]
        for run in runs:
            if run.info.experiment_id == experiment and run.data.tags[TRAINING_TAG] != training:
                return run
        problem = "there is no earlier training of this experiment"
    raise UsageError(
        "E-RUN",
        problem,
        value=name,
        fix="train again with another setting: escalation train --set KEY=VALUE",
    )


def _search(client: MlflowClient, query: str, experiments: list[str] | None = None) -> list[Run]:
    ids = experiments or [experiment.experiment_id for experiment in client.search_experiments()]
    order = ["attributes.start_time DESC"]
    return list(client.search_runs(ids, query, max_results=_MOST_RUNS, order_by=order))
