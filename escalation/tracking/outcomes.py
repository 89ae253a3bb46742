"""What became of issued forecasts, as a run beside the trainings."""

from __future__ import annotations

import math
import tempfile
import time
from pathlib import Path

import pandas as pd
from mlflow.entities import Metric

from escalation import plots
from escalation._util.outputs import write_table
from escalation.scoring.scorer import Scorer
from escalation.scoring.verify import ISSUED, SHIFTED, Verified
from escalation.targets.wording import definition
from escalation.tracking.begun import begin_run, clear_stale, tracked_run
from escalation.tracking.metric_names import finite, summary_metrics
from escalation.tracking.store import NOTE_TAG, experiment_id, open_store, storage

_MOST_STEPS = 300
_SHOWN = 10
"""Inputs that the description names."""


def log_verified(verified: Verified, scorer: Scorer, *, uri: str, last_day: str) -> str:
    """Store a verification; its run id.

    Parameters
    ----------
    verified : Verified
    scorer : Scorer
        The champion.
    uri : str
    last_day : str
        Up to which outcomes are known, ISO.
    """
    client = open_store(uri)
    with storage():
        experiment = experiment_id(client, uri, scorer.experiment.experiment.name)
        clear_stale(client, experiment)
        tags = {
            "kind": "verify",
            "registered_model": scorer.reference,
            "known_to": last_day,
            "mlflow.source.name": "escalation verify",
            NOTE_TAG: _note(verified, scorer),
        }
        begun = begin_run(client, uri, experiment, f"verify to {last_day}", tags)
        with tracked_run(client, uri, begun) as run_id:
            now = int(time.time() * 1000)
            named = [
                Metric(name, value, now, 0) for name, value in _verified_metrics(verified).items()
            ]
            client.log_batch(run_id, [*named, *_steps(verified)])
            with tempfile.TemporaryDirectory() as scratch:
                _files(Path(scratch), verified)
                client.log_artifacts(run_id, scratch)
    return run_id


def _verified_metrics(verified: Verified) -> dict[str, float]:
    """Numbers of a verification under the names that trainings use."""
    named: dict[str, object] = {
        "counts/issued": verified.issued,
        "counts/matured": verified.matured,
        "counts/open": verified.open,
    }
    if len(verified.summary):
        row = verified.summary.set_index("model").loc[ISSUED].to_dict()
        named |= summary_metrics(row)
    if len(verified.drift):
        named["drift/largest_psi"] = float(verified.drift["psi"].max())
        named["drift/largest_ks"] = float(verified.drift["ks"].max())
        named["drift/columns_shifted"] = int((verified.drift["psi"] > SHIFTED).sum())
    return finite(named)


def _steps(verified: Verified) -> list[Metric]:
    """The rolling scores, the latest dates first to be kept."""
    if verified.rolling.empty:
        return []
    rolling = verified.rolling[verified.rolling["model"] == ISSUED].tail(_MOST_STEPS)
    points = []
    for step, row in enumerate(rolling.to_dict("records")):
        at = int(pd.Timestamp(row["day"]).tz_localize("UTC").timestamp() * 1000)
        for column, name in (("brier", "brier"), ("skill", "skill_vs_ewma_nb")):
            if math.isfinite(row[column]):
                points.append(Metric(f"rolling/{name}", float(row[column]), at, step))
    return points


def _files(folder: Path, verified: Verified) -> None:
    for name in ("figures", "tables"):
        (folder / name).mkdir()
    if len(verified.summary):
        figure = plots.reliability_figure(verified.forecasts, models=[ISSUED])
        figure.savefig(folder / "figures" / "reliability.png")
        write_table(verified.summary, folder / "tables" / "comparison.csv")
    if len(verified.drift):
        write_table(verified.drift, folder / "tables" / "drift.csv")
    verified.forecasts.to_parquet(folder / "forecasts.parquet", index=False)


def _note(verified: Verified, scorer: Scorer) -> str:
    moved = verified.drift.loc[verified.drift["psi"] > SHIFTED, "column"]
    text = (
        f"{definition(scorer.target)}\n\n**{verified.verdict[0].upper()}{verified.verdict[1:]}**\n\n"
        f"{verified.issued} forecasts issued by `{scorer.reference}` and those before it: "
        f"{verified.matured} resolved, {verified.open} open, {verified.in_sample} left out because "
        "the model was trained on their days.\n"
    )
    if len(moved):
        names = ", ".join(f"`{name}`" for name in moved.head(_SHOWN))
        text += f"\nInputs that moved since the training (index above {SHIFTED}): {names}.\n"
    return text
