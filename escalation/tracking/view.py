"""A saved view of the runs page, so that the link from ``train`` opens on the columns that matter.

MLflow documents no such thing: its page keeps shared views in tags of the experiment. Best effort.
"""

from __future__ import annotations

import base64
import json
import logging
import time
import zlib

from mlflow import MlflowClient

from escalation.tracking.place import local_file
from escalation.tracking.store import write_shared

VIEW = "escalation"
VIEW_TAG = f"mlflow.sharedViewState.{VIEW}"
_VIEW_COLUMNS = (
    "metrics.`brier`",
    "tags.`skill_pct`",
    "tags.`vs_clim_pct`",
    "metrics.`counts/positives`",
    "tags.`best`",
)


def save_view(client: MlflowClient, experiment: str) -> None:
    """Keep the view with the experiment; never a failure.

    Parameters
    ----------
    client : MlflowClient
    experiment : str
        Its id.
    """
    state = {
        "selectedColumns": list(_VIEW_COLUMNS),
        "columnOrder": list(_VIEW_COLUMNS),
        "searchFilter": "",
        "lifecycleFilter": "Active",
        "orderByKey": "attributes.start_time",
        "orderByAsc": False,
        "startTime": "ALL",
    }
    packed = base64.b64encode(zlib.compress(json.dumps(state).encode())).decode()
    now = int(time.time() * 1000)
    held = {"name": VIEW, "createdAt": now, "updatedAt": now, "state": f"deflate;{packed}"}
    try:
        write_shared(lambda: client.set_experiment_tag(experiment, VIEW_TAG, json.dumps(held)))
    except Exception as error:
        logging.getLogger(__name__).debug("no saved view: %s", error)


def link(uri: str, experiment: str, *, base: str = "http://127.0.0.1:5000") -> str:
    """Where a browser finds the runs of an experiment.

    Parameters
    ----------
    uri : str
        The store; a local one is shown by ``escalation ui`` at ``base``.
    experiment : str
        Its id.

    Examples
    --------
    >>> address, query = link("sqlite:///mlflow.db", "1").split("?")
    >>> address
    'http://127.0.0.1:5000/#/experiments/1/runs'
    >>> query
    'workflowType=machine_learning&viewStateShareKey=escalation'
    """
    served = uri.rstrip("/") if uri.startswith("http") and local_file(uri) is None else base
    query = f"workflowType=machine_learning&viewStateShareKey={VIEW}"  # else it opens for agents
    return f"{served}/#/experiments/{experiment}/runs?{query}"
