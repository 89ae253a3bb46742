"""A saved view of MLflow's runs page: the link from ``train`` shows the columns that matter.

MLflow does not document this: its page keeps shared views in tags of the experiment. Best effort.
"""

from __future__ import annotations

import base64
import json
import logging
import time
import zlib

from mlflow import MlflowClient

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
    """Store the view with the experiment; a failure is only logged.

    Parameters
    ----------
    client : MlflowClient
    experiment : str
        Its ID.
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
    view = {"name": VIEW, "createdAt": now, "updatedAt": now, "state": f"deflate;{packed}"}
    try:
        write_shared(lambda: client.set_experiment_tag(experiment, VIEW_TAG, json.dumps(view)))
    except Exception as error:
        logging.getLogger(__name__).debug("no saved view: %s", error)


def link(uri: str, experiment: str) -> str:
    """The address of an experiment's runs in a browser.

    Parameters
    ----------
    uri : str
        The store; a local one is shown by ``escalation ui`` at its default port.
    experiment : str
        Its ID.

    Examples
    --------
    >>> address, query = link("sqlite:///mlflow.db", "1").split("?")
    >>> address
    'http://127.0.0.1:5000/#/experiments/1/runs'
    >>> query
    'workflowType=machine_learning&viewStateShareKey=escalation'
    """
    server = uri.rstrip("/") if uri.startswith("http") else "http://127.0.0.1:5000"
    # Without the type of workflow, MLflow opens its view for agents.
    query = f"workflowType=machine_learning&viewStateShareKey={VIEW}"
    return f"{server}/#/experiments/{experiment}/runs?{query}"
