"""A notebook's backtest as an MLflow run."""

from __future__ import annotations

import tempfile
from pathlib import Path
from uuid import uuid4

import mlflow
import pandas as pd
from mlflow import MlflowClient

from escalation._util.outputs import write_table
from escalation.errors import require_instance
from escalation.scoring.result import BacktestResult
from escalation.tracking.flat_params import log_params, params_of
from escalation.tracking.metric_names import DECIDING
from escalation.tracking.run_names import TRAINING_TAG
from escalation.tracking.runs import tags_of

_TAGS = ("target", "horizon", "data", "experiment_digest", "trained_to", "code", "code_digest")


def log_run(result: BacktestResult, *, name: str | None = None) -> str:
    """Log a backtest into the active MLflow run, or into a new one that ends here.

    Parameters
    ----------
    result : BacktestResult
    name : str, optional
        Of a new run.

    Returns
    -------
    str
        The run's ID. The run holds the settings as flat parameters, metrics such as
        ``brier/NAME``, and the comparison, the forecasts and figures as artifacts.
    """
    require_instance(result, BacktestResult, fix="pass the result of backtest(...)")
    active = mlflow.active_run()
    if active is not None:
        _log(result, active.info.run_id)
        return str(active.info.run_id)
    with mlflow.start_run(run_name=name or result.trained.label) as run:
        _log(result, run.info.run_id)
    return str(run.info.run_id)


def _log(result: BacktestResult, run_id: str) -> None:
    summary, tags = result.summary(), tags_of(result.trained)
    log_params(MlflowClient(), run_id, {**params_of(result.trained), "best": result.best})
    # The tags by which other commands find this run and compare it.
    mlflow.set_tags(
        {**{tag: tags[tag] for tag in _TAGS}, "best": result.best, TRAINING_TAG: uuid4().hex}
    )
    mlflow.log_metrics(
        {
            f"{metric}{end}/{row['model']}": float(row[f"{metric}{end}"])
            for row in summary.to_dict("records")
            for metric in DECIDING
            for end in ("", "_lower", "_upper")
            if pd.notna(row.get(f"{metric}{end}"))
        }
    )
    mlflow.log_table(summary.astype(object).where(summary.notna(), None), "comparison.json")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "forecasts.parquet"
        write_table(result.forecasts, path)
        mlflow.log_artifact(str(path))
    mlflow.log_text(result.experiment.model_dump_json(indent=1), "experiment.json")
    mlflow.log_figure(result.plot.reliability(), "figures/reliability.png")
    mlflow.log_figure(result.plot.skill(), "figures/skill.png")
