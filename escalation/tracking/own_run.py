"""A backtest of a notebook into a run of one's own."""

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
from escalation.tracking.metric_names import DECIDING
from escalation.tracking.run_names import TRAINING_TAG
from escalation.tracking.runs import log_params, params_of, tags_of


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
        The run's id. It holds the settings as flat parameters, metrics such as ``brier/NAME``, and
        the comparison, the forecasts and figures as artifacts.
    """
    require_instance(result, BacktestResult, fix="what backtest(...) gave")
    active = mlflow.active_run()
    if active is not None:
        _log(result, active.info.run_id)
        return str(active.info.run_id)
    with mlflow.start_run(run_name=name or result.trained.label) as run:
        _log(result, run.info.run_id)
    return str(run.info.run_id)


def _log(result: BacktestResult, run_id: str) -> None:
    summary = result.summary()
    log_params(MlflowClient(), run_id, {**params_of(result.trained), "best": result.best})
    mlflow.set_tags(_tags(result))
    ends = ("", "_lower", "_upper")
    mlflow.log_metrics(
        {
            f"{metric}{end}/{row['model']}": float(row[f"{metric}{end}"])
            for row in summary.to_dict("records")
            for metric in DECIDING
            for end in ends
            if pd.notna(row.get(f"{metric}{end}"))
        }
    )
    mlflow.log_table(summary.astype(object).where(summary.notna(), None), "comparison.json")
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "forecasts.parquet"
        write_table(result.forecasts, path)
        mlflow.log_artifact(str(path))
    mlflow.log_text(result.experiment.model_dump_json(indent=1), "experiment.json")
    mlflow.log_figure(result.plot.reliability(), "figures/reliability.png")
    mlflow.log_figure(result.plot.skill(), "figures/skill.png")


def _tags(result: BacktestResult) -> dict[str, str]:
    """By which a later run finds this one, and is held against it."""
    tags = tags_of(result.trained)
    kept = ("target", "horizon", "data", "experiment_digest", "trained_to", "code", "code_digest")
    return {**{name: tags[name] for name in kept}, "best": result.best, TRAINING_TAG: uuid4().hex}
