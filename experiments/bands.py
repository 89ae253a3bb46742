"""Measure the intervals: coverage, width, and score against a band of constant width.

    python experiments/bands.py [--seeds 4] [--forecasts FOLDER]

On simulated panels, where the true probability is known: coverage of the mean true probability of
forecasts of similar value, over all panels of a kind and within each panel, by model and half. On
real events, from the files of `python experiments/skill.py --forecasts FOLDER`: observed frequency
by model and decile of the forecasts, with an allowance for noise, and the interval score compared
with that of a band whose width is the model's mean. Writes results/bands.md.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from escalation.backtest.rolling import backtest_labels
from escalation.events.simulate import Motion, world
from escalation.experiment import Experiment

HORIZON = 7
WORLDS = {
    "bursts": Motion(),
    "calm": Motion(burst_factor=1.0, unit_sd=0.3, common_sd=0.3),
    "wild": Motion(unit_days=100, unit_sd=0.9, common_days=60, common_sd=0.7, burst_factor=6.0),
}
OUT = Path(__file__).with_name("results") / "bands.md"
FEWEST_ROWS = 50
"""Cells with fewer rows are skipped."""


def simulated(seed: int, motion: Motion) -> pd.DataFrame:
    """Backtest a simulated panel; the column ``true`` holds the true probability of each day."""
    simulation = world(units=8, days=1500, seed=seed, motion=motion)
    experiment = Experiment(
        experiment={"name": "simulated"},
        panel={"units": ["site"]},
        targets=[{"name": "any", "horizon": HORIZON}],
        models={"logistic": {}, "negbin": {}, "pool": {}, "corrected": {}, "blend": {}},
        backtest={"every": 7, "refit_every": 8, "train_every": 7, "update_every": 4},
    )
    forecasts = backtest_labels(simulation.archive(), experiment)
    forecasts = forecasts[forecasts["at_risk"]]
    days = (forecasts["day"].to_numpy("datetime64[D]") - simulation.first_day).astype(int)
    issued_on = np.unique(days)
    true = simulation.probability(issued_on, horizon=HORIZON)
    unit = pd.Index(simulation.names).get_indexer(forecasts["unit"])
    late = days > np.median(issued_on)
    return forecasts.assign(
        true=true[unit, np.searchsorted(issued_on, days)],
        half=np.where(late, "second", "first"),
        young=days < issued_on[0] + HORIZON,
    )


def mean_true(rows: pd.DataFrame, groups: list[str], *, bins: int) -> pd.Series:
    """Mean true probability of similar forecasts: in a bin, or of equal value if there are few."""

    def bin_of(values: pd.Series) -> pd.Series:
        if values.nunique() < 2 * bins:
            return values.rank(method="dense")
        return pd.qcut(values.rank(method="first"), bins, labels=False)

    bins_of = rows.groupby(groups)["probability"].transform(bin_of)
    return rows["true"].groupby([*(rows[name] for name in groups), bins_of]).transform("mean")


def on_panels(seeds: int) -> list[str]:
    """Measure coverage and width on simulated panels; return lines of Markdown."""
    panels = [
        simulated(seed, motion).assign(world=name, seed=seed)
        for name, motion in WORLDS.items()
        for seed in range(seeds)
    ]
    rows = pd.concat(panels, ignore_index=True)
    lines = [
        f"{len(rows):,} forecasts of eight models on {len(panels)} panels (8 units, 1,500 days, "
        "`any_7d` every week).",
        "",
        "| coverage of the mean true probability | whole | worst model | worst half |",
        "| --- | --- | --- | --- |",
    ]
    resolved = rows[~rows["young"]]
    for words, groups, bins in (
        ("over all panels of a kind", ["world", "model"], 40),
        ("within each panel", ["world", "seed", "model"], 10),
    ):
        mean = mean_true(rows, groups, bins=bins)[resolved.index]
        covered = mean.between(resolved["lower"], resolved["upper"])
        by_model, by_half = (covered.groupby(resolved[name]).mean() for name in ("model", "half"))
        lines.append(
            f"| {words} | {covered.mean():.3f} | {by_model.min():.3f} ({by_model.idxmin()}) | "
            f"{by_half.min():.3f} ({by_half.idxmin()}) |"
        )
    width = (rows["upper"] - rows["lower"]).groupby(rows["model"]).mean()
    table = ", ".join(f"`{name}` {value:.3f}" for name, value in width.items())
    return [*lines, "", f"Mean width: {table}."]


def cells_of(rows: pd.DataFrame) -> pd.DataFrame:
    """Observed frequency and mean interval ends by model and decile of the forecasts of a file."""
    cells = []
    horizon = int(rows["horizon"].iloc[0])
    block = rows["day"].to_numpy("datetime64[D]").astype(int) // max(2 * horizon, 28)
    rows = rows.assign(block=block)[rows["outcome"].notna() & rows["at_risk"].astype(bool)]
    for model, forecasts in rows.groupby("model"):
        tenth = pd.qcut(forecasts["probability"].rank(method="first"), 10, labels=False)
        for _, cell in forecasts.groupby(tenth):
            if len(cell) < FEWEST_ROWS:
                continue
            observed = cell["outcome"].mean()
            summed = (cell["outcome"] - observed).groupby(cell["block"]).sum()
            noise = np.sqrt((summed**2).sum()) / len(cell)
            independent = np.sqrt(max(observed * (1 - observed), 1 / len(cell)) / len(cell))
            ends = cell["lower"].mean(), cell["upper"].mean()
            cells.append((model, observed, max(noise, independent), *ends))
    return pd.DataFrame(cells, columns=["model", "observed", "noise", "lower", "upper"])


def interval_score(low: pd.Series, high: pd.Series, observed: pd.Series) -> float:
    """Mean interval score (95%) of bands: the width plus forty times the distance outside."""
    outside = (low - observed).clip(lower=0) + (observed - high).clip(lower=0)
    return float((high - low + 40 * outside).mean())


def on_files(folder: Path) -> list[str]:
    """Measure cells, widths and interval scores on real events; return lines of Markdown."""
    lines = [
        "| file | mean width of `blend` | cells | in the band, noise allowed | without allowance | "
        "interval score | of a constant width |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    in_band = []
    for path in sorted(folder.glob("*.parquet")):
        rows = pd.read_parquet(path)
        blend = rows[rows["model"] == "blend"]
        width = (blend["upper"] - blend["lower"]).mean()
        cells = cells_of(rows)
        if cells.empty:
            lines.append(f"| {path.stem} | {width:.3f} | 0 | - | - | - | - |")
            continue
        allowed = 1.96 * cells["noise"]
        bare = cells["observed"].between(cells["lower"], cells["upper"])
        noisy = cells["observed"].between(cells["lower"] - allowed, cells["upper"] + allowed)
        in_band.append(noisy)
        middle = (cells["lower"] + cells["upper"]) / 2
        width_of = cells["upper"] - cells["lower"]
        half = width_of.groupby(cells["model"]).transform("mean") / 2
        scores = (
            interval_score(cells["lower"], cells["upper"], cells["observed"]),
            interval_score(middle - half, middle + half, cells["observed"]),
        )
        lines.append(
            f"| {path.stem} | {width:.3f} | {len(cells)} | {noisy.mean():.1%} | {bare.mean():.1%} "
            f"| {scores[0]:.3f} | {scores[1]:.3f} |"
        )
    all_cells = pd.concat(in_band)
    share = all_cells.mean()
    return [*lines, "", f"All {len(all_cells):,} cells: {share:.1%} in the band, noise allowed."]


def main() -> int:
    """Measure and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=4, help="panels of each kind")
    parser.add_argument("--forecasts", type=Path, help="folder with the forecasts of skill.py")
    parser.add_argument("--out", type=Path, default=OUT)
    arguments = parser.parse_args()
    lines = ["# Intervals", "", "## Simulated panels", "", *on_panels(arguments.seeds)]
    if arguments.forecasts:
        lines += ["", "## Real events", "", *on_files(arguments.forecasts)]
    text = "\n".join(lines) + "\n"
    arguments.out.write_text(text, "utf-8")
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
