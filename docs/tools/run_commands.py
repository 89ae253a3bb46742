"""Run every command in an empty folder and store its output: `make docs-outputs`.

With the name of a command, such as `replay`, run only that one.

The outputs go to docs/outputs, one file per command. The results of the models of the bundled
experiment also go to experiments/results, where the documentation takes its numbers from.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd

from escalation import metrics
from escalation._util.resources import bundled
from escalation.experiment import load_experiment

HERE = Path(__file__).resolve().parent
OUTPUTS, ROOT = HERE.parent / "outputs", HERE.parents[1]
RESULTS = ROOT / "experiments" / "results"
LABEL = "any_7d"
"""The label of the bundled experiment whose comparison the documentation shows."""
HALF = "half and half"
UNITS = ("all", "taji", "green_zone")
JUNE = "--set experiment.name=june --set data.last_day=2021-06-30 --set backtest.every=7"
REPLAY = "--from 2020-03-10 --to 2020-03-14 --unit all --unit taji --unit green_zone"
WHAT_IF = '--if "rocket_attack militia>us_coalition at taji killed=1"'
SESSION: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("init", ("init mine.csv",)),
    ("validate", ("validate iraq_crisis_events.csv --source iraq_crisis",)),
    ("ingest", ("ingest iraq_crisis_events.csv --source iraq_crisis --archive events",)),
    ("archive", ("archive events",)),
    ("train", ("train",)),
    ("score", ("score", f"score {WHAT_IF}")),
    ("card", (
        "card --model iraq_crisis.any_7d",
        "card --model iraq_crisis.any_7d --out card.md",
        "card --model iraq_crisis.any_7d --check card.md",
    )),
    ("report", ("report --out report.html",)),
    ("replay", (f"replay iraq_crisis.toml {REPLAY} --out replay.csv",)),
    ("backtest", ("backtest iraq_crisis.toml --out forecasts.parquet",)),
    ("features", ("features iraq_crisis.toml --list",)),
    ("audit", ("audit iraq_crisis.toml --cuts 2 --seeds 1",)),
    ("moves", ("moves iraq_crisis.toml",)),
    ("revisions", ("revisions iraq_crisis.toml",)),
    ("prior", (
        "prior iraq_crisis_events.csv --source iraq_crisis --unit site --out my_prior.json",
    )),
    ("", (f"train iraq_crisis.toml {JUNE}",)),
    ("verify", (
        "score --model june.any_7d --as-of 2021-07-01 --budget 5",
        "score --model june.any_7d --as-of 2021-07-15 --budget 5",
        "score --model june.any_7d --as-of 2021-07-29 --budget 5",
        "verify --model june.any_7d --as-of 2021-12-31",
    )),
    ("", (f"train iraq_crisis.toml {JUNE} --set features.window_sums.windows=[3,7,28]",)),
    ("compare", ("compare",)),
    ("promote", ("promote --model june.any_7d",)),
    ("ui", ("ui --port 5055",)),
    ("download_ucdp", ("download ucdp --version latest --out ucdp",)),
    ("download_gdelt", ("download gdelt --from 2020-01-02 --to 2020-01-01 --out gdelt",)),
    ("download_acled", (
        "download acled --country Iraq --from 2020-01-01 --to 2020-12-31 --out acled",
    )),
)  # fmt: skip
SHOWN_LAST = {"verify": 1}
"""For these, only the last commands are shown with their output."""


def main() -> None:
    """Run the whole session, or only the named commands."""
    chosen = set(sys.argv[1:])
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(os.environ.get("DOCS_SESSION", temporary))
        folder.mkdir(exist_ok=True)
        _prepare(folder)
        for name, lines in SESSION:
            if not chosen or name in chosen:
                _keep(name, lines, folder)
        _results(folder)


def _prepare(folder: Path) -> None:
    for name in ("iraq_crisis.toml", "iraq_crisis_events.csv"):
        shutil.copy(bundled(name), folder)
    events = pd.read_csv(bundled("iraq_crisis_events.csv"), dtype=str)
    last = events.drop_duplicates("event_id", keep="last")
    mine = last[["event_id", "event_date", "event_type", "admin1", "country", "killed"]]
    mine.rename(columns={"event_date": "date", "admin1": "province"}).to_csv(
        folder / "mine.csv", index=False
    )


def _keep(name: str, lines: tuple[str, ...], folder: Path) -> None:
    outputs = [_typed(line, folder) for line in lines]
    if name:
        shown = len(outputs) - SHOWN_LAST.get(name, len(outputs))
        texts = [text.split("\n")[0] if i < shown else text for i, text in enumerate(outputs)]
        (OUTPUTS / f"{name}.txt").write_text("\n\n".join(texts) + "\n", encoding="utf-8")


def _typed(line: str, folder: Path) -> str:
    env = {**os.environ, "COLUMNS": "110", "PYTHONPATH": str(ROOT), "NO_COLOR": "1", "TERM": "dumb"}
    for name in [name for name in env if name.startswith(("MLFLOW_", "ACLED_"))]:
        del env[name]
    command = f"{sys.executable} -m escalation.cli {line}"
    if line.startswith("ui"):
        command = f"timeout -s INT 20 {command}"
    result = subprocess.run(
        command, shell=True, cwd=folder, env=env, capture_output=True, text=True
    )
    printed = "\n".join(row.rstrip() for row in (result.stdout + result.stderr).splitlines())
    if line.startswith("ui"):
        printed = printed.splitlines()[0]
    status = "" if result.returncode in {0, 124, 130} else f"\n$ echo $?\n{result.returncode}"
    return f"$ escalation {line}\n{printed.replace(str(folder), '.').strip()}{status}"


def _results(folder: Path) -> None:
    """Store the comparison of the bundled experiment and five days of the replay, if they ran."""
    for path in folder.glob("mlartifacts/iraq_crisis/**/tables/comparison.csv"):
        if pd.read_csv(path)["target"].eq(LABEL).all():
            shutil.copy(path, RESULTS / "iraq_crisis.csv")
            forecasts = pd.read_parquet(path.parents[1] / "forecasts.parquet")
            half_and_half(forecasts).to_csv(RESULTS / "iraq_crisis_half.csv", index=False)
    if (folder / "replay.csv").exists():
        replayed = pd.read_csv(folder / "replay.csv")
        replayed[replayed["unit"].isin(UNITS)].to_csv(
            RESULTS / "iraq_crisis_march_2020.csv", index=False
        )


def half_and_half(forecasts: pd.DataFrame) -> pd.DataFrame:
    """Return the row of the mean of ``ewma_nb`` and ``prior`` in the comparison of models."""
    by_model = forecasts.set_index(["unit_key", "day"]).groupby("model")["probability"]
    both = [by_model.get_group(name) for name in ("ewma_nb", "prior")]
    baselines = forecasts[forecasts["model"].isin(["ewma_nb", "climatology"])]
    base = forecasts[forecasts["model"] == "ewma_nb"].set_index(["unit_key", "day"])
    half = base.assign(model=HALF, probability=sum(both) / len(both)).reset_index()
    seed = load_experiment().experiment.seed
    table = metrics.summary(pd.concat([baselines, half], ignore_index=True), seed=seed)
    return table[table["model"] == HALF]


if __name__ == "__main__":
    main()
