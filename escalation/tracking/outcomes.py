"""The verification of issued forecasts as a run next to the trainings."""

from __future__ import annotations

import tempfile
from pathlib import Path

from mlflow.entities import Metric

from escalation import plots
from escalation._util.outputs import write_table
from escalation.scoring.scorer import Scorer
from escalation.scoring.verify import ISSUED, SHIFTED, Verified
from escalation.targets.wording import definition
from escalation.tracking.lifecycle import begin_run, clear_stale, tracked_run
from escalation.tracking.metric_names import finite, now_in_ms, score_curve, summary_metrics
from escalation.tracking.store import NOTE_TAG, experiment_id, open_store, storage

_MOST_STEPS = 300
_INPUTS_NAMED = 10


def log_verified(verified: Verified, scorer: Scorer, *, uri: str, last_day: str) -> str:
    """Store a verification and return its run ID.

    Parameters
    ----------
    verified : Verified
    scorer : Scorer
        The champion.
    uri : str
    last_day : str
        Last day with known outcomes, ISO.
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
        run_id = begin_run(client, uri, experiment, f"verify to {last_day}", tags)
        with tracked_run(client, uri, run_id):
            client.log_batch(run_id, _metrics(verified))
            with tempfile.TemporaryDirectory() as folder:
                _write_files(Path(folder), verified)
                client.log_artifacts(run_id, folder)
    return run_id


def _metrics(verified: Verified) -> list[Metric]:
    """Numbers under the names that trainings use, and rolling scores of the latest dates."""
    metrics: dict[str, object] = {
        "counts/issued": verified.issued,
        "counts/matured": verified.matured,
        "counts/open": verified.open,
    }
    if len(verified.summary):
        metrics |= summary_metrics(verified.summary.set_index("model").loc[ISSUED].to_dict())
    if len(verified.drift):
        metrics["drift/largest_psi"] = float(verified.drift["psi"].max())
        metrics["drift/largest_ks"] = float(verified.drift["ks"].max())
        metrics["drift/columns_shifted"] = int((verified.drift["psi"] > SHIFTED).sum())
    now = now_in_ms()
    points = [Metric(name, value, now, 0) for name, value in finite(metrics).items()]
    if len(verified.rolling):
        rolling = verified.rolling[verified.rolling["model"] == ISSUED].tail(_MOST_STEPS)
        points += score_curve("rolling", rolling, range(len(rolling)))
    return points


def _write_files(folder: Path, verified: Verified) -> None:
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
    drifted = verified.drift.loc[verified.drift["psi"] > SHIFTED, "column"]
    text = (
        f"{definition(scorer.target)}\n\n**{verified.verdict[0].upper()}{verified.verdict[1:]}**\n\n"
        f"{verified.issued} forecasts issued by `{scorer.reference}` and earlier versions: "
        f"{verified.matured} resolved, {verified.open} open, {verified.in_sample} left out because "
        "the model was trained on their days.\n"
    )
    if len(drifted):
        names = ", ".join(f"`{name}`" for name in drifted.head(_INPUTS_NAMED))
        text += f"\nInputs that drifted since the training (PSI above {SHIFTED}): {names}.\n"
    return text
