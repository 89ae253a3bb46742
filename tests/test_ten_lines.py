"""One module is enough to get from an odd table to skill with intervals, a figure and a run."""

import warnings

import mlflow
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import escalation as esc


def messy():
    days = np.random.default_rng(0).choice(pd.date_range("2019-01-01", "2020-06-30"), 160)
    when = pd.Series(np.sort(days))
    return pd.DataFrame(
        {
            "no": range(160),
            "happened": when.dt.strftime("%Y-%m-%d"),
            "filed": (when + pd.Timedelta(days=2)).dt.strftime("%Y-%m-%d"),
            "what": ["raid", "mortar round"] * 80,
            "village": ["Taji"] * 160,
        }
    )


def test_ten_lines(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/runs.db")
    warnings.simplefilter("ignore")
    df = messy()
    names = {"no": "event_id", "happened": "event_date", "what": "event_type", "village": "site"}
    archive = esc.EventArchive.from_pandas(df, columns=names, known_date="filed")
    mine = make_pipeline(StandardScaler(), LogisticRegression())
    result = esc.backtest(archive, esc.targets.AnyEvent(horizon=3), units="site",
                          models={"mine": mine}, features={"window_sums": {"windows": [7, 28]}},
                          start="2020-01-01", step=14, refit_every=20)  # fmt: skip
    table = result.summary()
    figure = result.plot.reliability("mine")
    run = mlflow.get_run(esc.log_run(result))
    assert {"skill_vs_ewma_nb", "skill_vs_ewma_nb_lower"} <= set(table)
    assert figure.axes
    assert run.info.status == "FINISHED" and "brier/mine" in run.data.metrics
    with mlflow.start_run() as own:
        assert esc.log_run(result) == own.info.run_id
