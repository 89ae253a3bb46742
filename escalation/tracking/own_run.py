"""A backtest of a notebook into a run of one's own."""

from __future__ import annotations

import tempfile
from pathlib import Path

import mlflow
import pandas as pd

from escalation._util.files import write_table
from escalation.scoring.result import BacktestResult

_LOGGED = ("brier", "log_score", "skill_vs_climatology", "skill_vs_ewma_nb")
_LONGEST = 6000


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
    active = mlflow.active_run()
    if active is not None:
        _log(result)
        return str(active.info.run_id)
    with mlflow.start_run(run_name=name or result.trained.label) as run:
        _log(result)
    return str(run.info.run_id)


def _log(result: BacktestResult) -> None:
    summary = result.summary()
    settings = result.experiment.model_dump(mode="json", exclude={"models"}, exclude_none=True)
    mlflow.log_params(
        {
            f"{section}.{key}": str(value)[:_LONGEST]
            for section, values in settings.items()
            if isinstance(values, dict)
            for key, value in values.items()
            if value not in ([], {}, "")
        }
        | {"target": result.trained.label, "best": result.best}
    )
    ends = ("", "_lower", "_upper")
    mlflow.log_metrics(
        {
            f"{metric}{end}/{row['model']}": float(row[f"{metric}{end}"])
            for row in summary.to_dict("records")
            for metric in _LOGGED
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
