"""Programs, forked from a warm process, that check the contents of a store."""

from __future__ import annotations

import json
from pathlib import Path

import escalation.scoring.verify  # noqa: F401
from escalation.tracking import promotion, runs, scorers, store  # noqa: F401


def _pay_for_libraries():
    """Import what training and scoring import lazily."""
    import mlflow.pyfunc  # noqa: F401
    import sklearn.linear_model  # noqa: F401
    import skops.io  # noqa: F401
    import statsmodels.api  # noqa: F401
    from mlflow.store.tracking import sqlalchemy_store  # noqa: F401


def state(uri, archive, ledger):
    """Print the contents of a store, an archive and a ledger, as read by the package and MLflow."""
    from mlflow import MlflowClient

    from escalation.events.store.folder import ArchiveStore
    from escalation.scoring.ledger import read_ledger

    client = MlflowClient(uri, uri)
    experiment = client.get_experiment_by_name("small").experiment_id
    statuses = [run.info.status for run in client.search_runs([experiment], max_results=5000)]
    models = client.search_logged_models([experiment], max_results=50)
    scorer = scorers.load_scorer("small", uri=uri)
    held = ArchiveStore(Path(archive)).archive()
    aliases = client.get_registered_model("small").aliases
    print(json.dumps({
        "running": statuses.count("RUNNING"),
        "half": sum(str(model.status) != "READY" for model in models),
        "champion": scorer.reference,
        "aliases": {name: int(version) for name, version in aliases.items()},
        "versions": [int(v.version) for v in client.search_model_versions("name = 'small'")],
        "ledger": [entry.hash for entry in read_ledger(Path(ledger))],
        "events": len(held.as_of(held.covered_to)),
    }))  # fmt: skip


def challenge(uri):
    """Make the version that is not the champion the challenger."""
    from mlflow import MlflowClient

    client = MlflowClient(uri, uri)
    champion = int(client.get_model_version_by_alias("small", "champion").version)
    versions = [int(v.version) for v in client.search_model_versions("name = 'small'")]
    client.set_registered_model_alias(
        "small", "challenger", str(max(v for v in versions if v != champion))
    )


_pay_for_libraries()
PROGRAMS = {"@state": state, "@challenge": challenge}
