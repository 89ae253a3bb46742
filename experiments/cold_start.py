"""Measure the models on young archives, cut from conflicts that ``prior`` has not seen.

    python experiments/cold_start.py [--archives 6] [--processes 2]

Small archives (450 days, a few units) are cut at random from each conflict, with other draws than
those that ``prior`` learns from, and forecast with numbers learnt on the other conflicts. Until
there is enough to learn from, every model stands for what the command would issue: ``prior`` if it
has learnt the label, ``ewma_nb`` otherwise. Writes cold_start.csv, .md and .png in results/: the
reduction of the Brier score relative to ``ewma_nb`` in percent, by conflict, label and age of the
archive, with 95% intervals from resampling whole archives.
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from prior import CONFLICTS, LAST_DAY, numbers_without
from skill_data import DATA, SHARED

from escalation.backtest.case import Case, can_learn, make_case
from escalation.backtest.fitting import build_model
from escalation.backtest.prior_learning import gain
from escalation.backtest.rolling import backtest_case
from escalation.backtest.small_archives import cut
from escalation.errors import EscalationError
from escalation.events.archive import EventArchive
from escalation.experiment import Experiment

TARGETS = (("any", 7), ("any", 30), ("onset", 7), ("exceed", 7), ("exceed", 30), ("up", 30),
           ("surge", 7))  # fmt: skip
MODELS = ("prior", "blend", "corrected", "pool", "negbin")
BASE = "ewma_nb"
AGES = {"under 180 days": (0, 180), "180 to 450 days": (180, 451), "all": (0, 451)}
SCHEDULE = {"every": 7, "refit_every": 8, "update_every": 4, "train_every": 7}
SEED = 2026
RESULTS = Path(__file__).with_name("results")


def small(conflict: str, number: int) -> tuple[EventArchive, str] | None:
    """Cut one small archive and return it with its kind of unit; the same on every run."""
    files = CONFLICTS[conflict]
    read, unit, _ = DATA[files[number % len(files)]]
    rng = np.random.default_rng([SEED, list(CONFLICTS).index(conflict), number])
    for _ in range(20):
        if (archive := cut(read(0), unit, rng, last_day=LAST_DAY)) is not None:  # type: ignore[arg-type]
            return archive, unit
    return None


def experiment_of(
    unit: str, target: tuple[str, int], numbers: dict[str, Any], **start: Any
) -> Experiment:
    """Return the experiment for one small archive."""
    return Experiment(
        experiment={"name": "cold_start", "seed": 7},
        panel={"units": [unit]},
        targets=[{"name": target[0], "horizon": target[1]}],
        models={**{name: {} for name in MODELS}, "prior": {"numbers": numbers}},
        backtest={**SCHEDULE, **start},
    )


def forecasts_of(archive: EventArchive, unit: str, target: tuple[str, int], numbers: Any) -> Any:
    """Forecasts of all models; before they can learn, of what the command would issue."""

    def case(**start: Any) -> Case:
        experiment = experiment_of(unit, target, numbers, **start)
        return make_case(archive, experiment, experiment.labels[0])

    young = case()
    prior = build_model("prior", young.experiment, young.target)
    days = young.prepared.days
    learns = (at for at in range(28, len(days) - 1, 7) if can_learn(young, at))
    start = next(learns, len(days))
    early = backtest_case(replace(young, custom_models={"prior": prior}))
    early = early[early["day"] < days[start]] if start < len(days) else early
    issued = early[early["model"] == ("prior" if prior.covers_label else BASE)]
    parts = [early, *(issued.assign(model=name) for name in MODELS if name != "prior")]
    if start < len(days):
        parts.append(backtest_case(case(first_origin=days[start].item())))
    every = pd.concat(parts, ignore_index=True)
    return every.assign(age=(every["day"] - pd.Timestamp(days[0])).dt.days)


def run(job: tuple[str, int]) -> list[dict[str, Any]]:
    """Return the summed Brier scores of one small archive, by label, age and model."""
    conflict, number = job
    archive_and_unit = small(conflict, number)
    if archive_and_unit is None:
        return []
    results = []
    for target in TARGETS:
        try:
            rows = forecasts_of(*archive_and_unit, target, numbers_without(conflict))
        except EscalationError as error:
            sys.stderr.write(f"{conflict} {number} {target}: {error.message}\n")
            continue
        rows = rows[rows["at_risk"].astype(bool) & rows["outcome"].notna()]
        loss = (rows["probability"] - rows["outcome"]) ** 2
        for name, (first, last) in AGES.items():
            some = rows["age"].between(first, last, inclusive="left")
            sums = loss[some].groupby(rows.loc[some, "model"]).sum()
            results += [
                {"conflict": conflict, "archive": number, "target": f"{target[0]}_{target[1]}d",
                 "age": name, "model": model, "loss": value, "base": sums.get(BASE, np.nan)}
                for model, value in sums.items() if model in MODELS
            ]  # fmt: skip
    return results


def table_of(sums: pd.DataFrame) -> pd.DataFrame:
    """Return the gain by conflict, label, age and model."""
    keys = ["target", "age", "conflict", "model"]
    sums = sums[sums["base"] > 0]
    rows = []
    for key, part in sums.groupby(keys):
        value, low, high = gain(part[["base", "loss"]].to_numpy())
        measured = {"gain": value, "lower": low, "upper": high, "archives": len(part)}
        rows.append({**dict(zip(keys, key, strict=True)), **measured})
    return pd.DataFrame(rows).round(2)


def markdown(table: pd.DataFrame) -> str:
    """Return a table with a line for each label, age and conflict."""
    lines = ["| label | age | left out | " + " | ".join(f"`{m}`" for m in MODELS) + " |",
             "| --- | --- | --- |" + " --- |" * len(MODELS)]  # fmt: skip
    for (target, age, conflict), part in table.groupby(["target", "age", "conflict"], sort=False):
        by_model = part.set_index("model")
        cells = [f"{r.gain:+.1f} [{_low(r.lower)}, {r.upper:+.1f}]"
                 for r in by_model.reindex(MODELS).itertuples()]  # fmt: skip
        lines.append(f"| {target} | {age} | {conflict} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _low(value: float) -> str:
    """Format a lower end; it is unbounded if the baseline itself lost hardly anything."""
    return "below -100" if value < -100 else f"{value:+.1f}"


def figure(table: pd.DataFrame) -> Figure:
    """Draw the mean gain over conflicts by label, for young and older archives."""
    chart = Figure(figsize=(9.0, 4.6), layout="constrained")
    left, right = chart.subplots(1, 2, sharey=True)
    for ax, age in ((left, "under 180 days"), (right, "180 to 450 days")):
        mean = table[table["age"] == age].groupby(["target", "model"])["gain"].mean().unstack()
        for place, model in enumerate(MODELS):
            shown = mean[model].clip(-30, 60)
            ax.plot(shown, np.arange(len(shown)) + 0.08 * place, "o", label=model, ms=6)
        ax.axvline(0.0, color="#333333", lw=0.8)
        ax.set_yticks(range(len(mean)), mean.index)
        ax.set_title(f"{age} old", size=10, loc="left")
    chart.supxlabel(f"Brier score below that of {BASE} in percent, mean of the conflicts", size=10)
    left.invert_yaxis()
    right.legend(frameon=False, fontsize=8)
    return chart


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--archives", type=int, default=6, help="number per conflict")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    if not SHARED.is_dir():
        sys.stderr.write(f"skipped: no event files at {SHARED}\n")
        return 0
    jobs = [(conflict, number) for conflict in CONFLICTS for number in range(arguments.archives)]
    with ProcessPoolExecutor(arguments.processes) as pool:
        sums = pd.DataFrame([row for rows in pool.map(run, jobs) for row in rows])
    table = table_of(sums)
    arguments.out.mkdir(parents=True, exist_ok=True)
    table.to_csv(arguments.out / "cold_start.csv", index=False)
    (arguments.out / "cold_start.md").write_text(markdown(table), "utf-8")
    figure(table).savefig(arguments.out / "cold_start.png", dpi=130)
    sys.stdout.write(markdown(table))
    return 0


if __name__ == "__main__":
    sys.exit(main())
