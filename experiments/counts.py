"""Score the expected counts: the mixture, each count that it mixes, and ``ewma_nb``.

    python experiments/counts.py [--forecasts FOLDER]

On the shared files, with weekly origins over the last 70% of each and refitting every half year:
the CRPS of the mixture, of each of its counts alone, and of ``ewma_nb``; and the randomised PIT,
seeded. With the files of `python experiments/skill.py --forecasts FOLDER`, the mixture is
reweighted to the blend's probability, as ``score`` does. Writes results/counts.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from skill import Job
from skill_data import DATA, SHARED

from escalation import schema
from escalation.backtest.case import case_of_labels, origins
from escalation.backtest.table import Table
from escalation.metrics import crps
from escalation.models.counts import MOST_FITTED, CountMixture, reweighted, single_dispersions
from escalation.models.ewma_nb import EwmaNB, decayed_mean, nb_tail
from escalation.models.pool import AVERAGE_DAYS
from escalation.models.tails import evenly_spaced

OUT = Path(__file__).with_name("results") / "counts.md"
LABELS = (("any", 7), ("up", 30))
LAGS = (0, 14)
MIXED, REWEIGHTED, BASELINE = "mixed", "reweighted", "ewma_nb"
SINGLE = (*(f"average of {days} days" for days in AVERAGE_DAYS), "plain mean")
Array = NDArray[np.float64]


def tails_of(
    table: Table, learnt: Table, horizon: int, issued: Array | None
) -> Iterator[tuple[str, Array]]:
    """Yield the name and P(X > k) of each model, an array of shape (row, k)."""
    mixture = CountMixture.fitted(learnt.X, learnt.count, horizon=horizon)
    base = EwmaNB(horizon=horizon).fit(learnt.X, learnt.outcome, count=learnt.count)
    means = mixture.means(table.X)
    level = decayed_mean(table.X[base.decayed].to_numpy(), horizon)
    rows = evenly_spaced(len(learnt), most=MOST_FITTED)
    dispersions = single_dispersions(mixture.means(learnt.X)[:, rows], learnt.count[rows])
    alone = dict(zip(SINGLE, zip(means, dispersions, strict=True), strict=True))
    alone[BASELINE] = level, base.dispersion_
    least = np.arange(1.0, max(table.count.max(), 3.0 * means.max()) + 100.0)[None, :]
    for name, (mean, dispersion) in alone.items():
        yield name, nb_tail(mean[:, None], dispersion, least)
    parts = zip(mixture.weight, mixture.dispersion, means, strict=True)
    mixed = sum(w * nb_tail(mean[:, None], d, least) for w, d, mean in parts)
    yield MIXED, mixed
    if issued is not None:
        threshold = np.ceil(table.X[schema.THRESHOLD].to_numpy())
        reached = mixture.tail(means, threshold)[:, None]
        more = {"probability": issued[:, None], "threshold": threshold[:, None]}
        yield REWEIGHTED, reweighted(mixed, reached, least, **more)


def pit_of(above: Array, count: Array, rng: np.random.Generator) -> Array:
    """Randomised probability integral transform: uniform if the forecast is right."""
    whole = np.column_stack([np.ones(len(count)), above, np.zeros(len(count))])
    row, at = np.arange(len(count)), count.astype(int)
    low, high = 1.0 - whole[row, at], 1.0 - whole[row, at + 1]
    return low + rng.random(len(count)) * (high - low)


def issued_by(folder: Path | None, job: Job, index: pd.MultiIndex) -> Array | None:
    """Return the blend's probabilities for some rows, from the files of skill.py."""
    if folder is None:
        return None
    forecasts = pd.read_parquet(folder / f"{job.data}-{job.target}-{job.lag}.parquet")
    forecasts = forecasts[forecasts["model"] == "blend"].set_index([schema.UNIT_KEY, schema.DAY])
    return forecasts["probability"].reindex(index).to_numpy(np.float64)


def scored(job: Job, folder: Path | None) -> pd.DataFrame:
    """Return a row for each model and forecast, with its CRPS and PIT."""
    archive = job.archive()
    experiment = job.experiment(archive)
    case = case_of_labels(archive, experiment, experiment.labels[0])
    starts, every, rng = origins(case), experiment.backtest.refit_every, np.random.default_rng(7)
    parts = []
    for first in range(0, len(starts), every):
        block = starts[first : first + every]
        table = case.rows_on(block, case.final)
        issued = issued_by(folder, job, table.X.index)
        known = np.isfinite(table.count) & (True if issued is None else np.isfinite(issued))
        if not known.any():
            continue
        table, issued = table.rows(known), None if issued is None else issued[known]
        learnt = case.training_table(case.prepared.days[block[0]])
        for model, above in tails_of(table, learnt, job.horizon, issued):
            scores = {"crps": crps(above, table.count), "pit": pit_of(above, table.count, rng)}
            parts.append(pd.DataFrame({"model": model, **scores}))
    return pd.concat(parts, ignore_index=True).assign(
        data=job.data, lag=job.lag, label=f"{job.target}_{job.horizon}d"
    )


def report(rows: pd.DataFrame, chosen: str) -> str:
    """Return the page: a line for each file and label, and a summary."""
    keys = ["data", "label", "lag"]
    mean = rows.groupby([*keys, "model"], sort=False)["crps"].mean().unstack()
    mixture = rows[rows["model"] == chosen]
    inside = mixture.assign(inside=mixture["pit"].between(0.1, 0.9))
    within = inside.groupby(keys, sort=False)["inside"].mean()
    by_file = ", ".join(
        f"{name} {share:.1%}"
        for name, share in inside.groupby("data", sort=False)["inside"].mean().items()
    )
    best = mean[list(SINGLE)].min(axis=1)
    behind, gain = mean[chosen] / best - 1.0, 1.0 - mean[chosen] / mean[BASELINE]
    lines = [
        "# Expected counts", "",
        f"{len(mixture):,} forecasts; the mixture is {chosen}.", "",
        "| file | label | lag | PIT within .1 and .9 | CRPS | best single count in hindsight | "
        "behind it | better than `ewma_nb` |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]  # fmt: skip
    for key in mean.index:
        data, label, lag = key
        single = mean.loc[key, list(SINGLE)].astype(float).idxmin()
        lines.append(
            f"| {data} | {label} | {lag} | {within[key]:.1%} | {mean.loc[key, chosen]:.4f} | "
            f"{best[key]:.4f} ({single}) | {behind[key]:+.1%} | {gain[key]:+.1%} |"
        )
    lines += [
        "",
        "The count fell between the tenth and the ninetieth percentile in "
        f"{inside['inside'].mean():.1%} of all rows (PIT; by file: {by_file}). The mixture is "
        f"within 1% of the best single count on {(behind <= 0.01).sum()} of {len(behind)} pairs, "
        f"at worst {behind.max():.1%} behind, and better than `ewma_nb` on {(gain > 0).sum()} of "
        f"{len(gain)}.",
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Score the expected counts on every file and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--forecasts", type=Path, help="a folder that skill.py filled")
    parser.add_argument("--data", nargs="+", default=list(DATA), choices=list(DATA))
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--out", type=Path, default=OUT)
    arguments = parser.parse_args()
    if not SHARED.is_dir():
        sys.stderr.write(f"skipped: no event files at {SHARED}\n")
        return 0
    jobs = [
        Job(data, label, horizon, lag)
        for data in arguments.data for label, horizon in LABELS for lag in LAGS
    ]  # fmt: skip
    with ProcessPoolExecutor(arguments.processes) as pool:
        rows = pd.concat(pool.map(partial(scored, folder=arguments.forecasts), jobs))
    page = report(rows, REWEIGHTED if arguments.forecasts else MIXED)
    arguments.out.write_text(page, encoding="utf-8")
    sys.stdout.write(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
