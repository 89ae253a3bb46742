"""Measure CPU time and memory of the commands on events with and without late reports.

    python tests/benchmarks/known_when.py [--parts PART …] [--sizes N …] [--runs N] [--memory GB]

Synthetic events of 300 provinces over ten years, each reported one to several days after it
happened, a tenth of them corrected later; the same file without ``known_date``; and an archive in
which a hundredth is also retracted. Every measurement runs in its own process: its CPU seconds
(user and system, with all threads and children) and peak memory hardly depend on other work on the
machine. Not timed: making the files, and a warm-up that compiles.

========= ======================================================================================
features  ``escalation features`` with every family, dated and undated
backtest  ``escalation backtest`` of ``any_7d``, then ``exceed_7d``, six models and the baselines
score     ``escalation score`` of the last day with three named events for each unit, by a model
          that was trained earlier on other events; from a file, then from an archive on disk
train     ``escalation train experiments/own_data.toml``
archive   ``escalation ingest``, retractions, then ``escalation features --events ARCHIVE``
peer      pandas, day by day, on 20 units x 1,000 days; the same columns by the package
========= ======================================================================================
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from known_when_events import DAYS, FIRST_DAY, UNITS, make, retract
from known_when_peer import compare
from known_when_process import Bounds, Cost, run

from escalation._util.resources import bundled

WARM_UP = 20_000
SIZES = {
    "features": (50_000, 200_000, 800_000, 5_000_000),
    "backtest": (200_000,),
    "score": (200_000, 800_000),
    "train": (200_000,),
    "archive": (50_000, 200_000, 800_000, 5_000_000),
    "peer": (5_000,),
}
LABELS = ("any", "exceed")
MODELS = ("climatology", "ewma_nb", "logistic", "negbin", "pool", "corrected")
PANEL = """
[data]
source = "tidy"
first_day = 2010-01-01
last_day = {last_day}
[panel]
units = ["admin1"]
pairs = [["state", "rebels"]]
[features.window_sums]
channels = ["events", "killed"]
windows = [7, 28, 90, 360]
[features.decayed_sums]
channels = ["events", "killed"]
half_lives = [7, 28, 180]
[features.recency]
channels = ["events"]
rungs = [5]
[features.trend]
channels = ["events"]
[features.severity]
windows = [28]
[features.tempo]
channels = ["events"]
[features.pairs]
windows = [28]
[features.neighbours]
channels = ["events"]
windows = [7, 28]
[features.calendar]
"""
RUNS = """
[[targets]]
name = "{label}"
horizon = 7
[backtest]
every = 7
refit_every = 26
train_every = 7
"""


def experiment_text(name: str, label: str, models: Sequence[str], last_day: object) -> str:
    """Return the text of an experiment with every family, one label and some models."""
    chosen = "".join(f"[models.{model}]\n" for model in models)
    head = f'[experiment]\nname = "{name}"\nseed = 7\n'
    return head + PANEL.format(last_day=last_day) + RUNS.format(label=label) + chosen


def escalation(*arguments: object) -> list[object]:
    """Return the command line of this checkout's package."""
    return [sys.executable, "-m", "escalation.cli", *arguments]


@dataclass
class Bench:
    """The folder, the bounds, and the costs so far."""

    folder: Path
    bounds: Bounds
    runs: int = 1

    def __post_init__(self) -> None:
        self.costs: dict[tuple[str, int, str], Cost] = {}

    def here(self, call: str, *arguments: object) -> None:
        """Call a function of this file in its own process, so that this one stays small."""
        command = [sys.executable, __file__, "--call", call, self.folder, *arguments]
        subprocess.run([str(part) for part in command], check=True)

    def events(self, count: int, *, dated: bool) -> Path:
        """Return the file of that size; make it if it does not exist."""
        path = self.folder / f"{count}_{'dated' if dated else 'undated'}.parquet"
        if not path.exists():
            self.here("make", count, int(dated))
        return path

    def archive(self, count: int) -> Path:
        """Return the archive of that size, with retractions; make it if it does not exist."""
        folder = self.folder / f"{count}_archive"
        if not folder.exists():
            events = self.events(count, dated=True)
            self.measure("ingest", count, "dated", "ingest", events, "--source", "tidy",
                         "--archive", folder, once=True)  # fmt: skip
            self.here("retract", count)
        return folder

    def experiment(self, name: str, label: str, models: Sequence[str], years: int = 10) -> Path:
        """Return the path of an experiment file."""
        path = self.folder / f"{name}.toml"
        last = FIRST_DAY + (DAYS - 1) - 365 * (10 - years)
        path.write_text(experiment_text(name, label, models, last), encoding="utf-8")
        return path

    def measure(
        self, what: str, count: int, kind: str, *arguments: object, once: bool = False
    ) -> None:
        """Print one line of the table: of several runs, the one with the least CPU time."""
        command, runs = escalation(*arguments), 1 if once else self.runs
        costs = [run(command, self.folder, self.bounds) for _ in range(runs)]
        cost = min(costs, key=lambda each: (each.end != "ok", each.cpu))
        self.costs[what, count, kind] = cost
        print(f"{what:<20}{count:>11,}  {kind:<9}{cost.cpu:9.1f}{cost.seconds:9.1f}"
              f"{cost.megabytes:9,.0f}  {cost.end}", flush=True)  # fmt: skip

    def both(self, what: str, count: int, arguments: Callable[[Path], Sequence[object]]) -> None:
        """Run a command on the file without known dates, then on the one with them."""
        for kind in ("undated", "dated"):
            self.measure(what, count, kind, *arguments(self.events(count, dated=kind == "dated")))
        undated, dated = (self.costs[what, count, kind] for kind in ("undated", "dated"))
        if undated.end == dated.end == "ok":
            print(f"{'':<33}dated / undated: CPU {dated.cpu / undated.cpu:.2f}, "
                  f"memory {dated.megabytes / undated.megabytes:.2f}", flush=True)  # fmt: skip

    def marginal(self, what: str, kind: str) -> None:
        """Print the CPU time per additional event, between neighbouring sizes."""
        done = {
            n: c.cpu for (w, n, k), c in self.costs.items() if (w, k, c.end) == (what, kind, "ok")
        }
        for small, large in pairwise(sorted(done)):
            each = (done[large] - done[small]) / (large - small) * 1e6
            print(f"{what}, {kind}, {small:,} to {large:,}: {each:.1f} µs of CPU a further event")


def features(bench: Bench, sizes: Sequence[int]) -> None:
    """Measure the way from a file to features in Parquet."""
    file = bench.experiment("families", "any", MODELS)
    for count in sizes:
        bench.both("features", count, lambda events: [
            "features", file, "--events", events, "--source", "tidy", "--out", "out.parquet"
        ])  # fmt: skip
    for kind in ("undated", "dated"):
        bench.marginal("features", kind)


def backtest(bench: Bench, sizes: Sequence[int]) -> None:
    """Measure a backtest of one label with six models and the baselines."""
    for label in LABELS:
        file = bench.experiment(f"{label}_7d", label, MODELS)
        for count in sizes:
            bench.both(f"backtest {label}_7d", count, lambda events, file=file: [
                "backtest", file, "--events", events, "--source", "tidy", "--out", "out.parquet"
            ])  # fmt: skip


def score(bench: Bench, sizes: Sequence[int]) -> None:
    """Score the last day; the model was trained on fewer, undated events up to two years before."""
    file = bench.experiment("small", "any", ("logistic", "blend"), years=8)
    store = f"sqlite:///{bench.folder / 'small.db'}"
    if not (bench.folder / "small.db").exists():
        events = bench.events(WARM_UP, dated=False)
        bench.measure("train for score", WARM_UP, "undated", "train", file, "--events", events,
                      "--source", "tidy", "--tracking-uri", store)  # fmt: skip
    asked = [
        "score", "--model", "small", "--source", "tidy", "--tracking-uri", store,
        "--as-of", FIRST_DAY + (DAYS - 1), "--explain", 3,
    ]  # fmt: skip
    for count in sizes:
        bench.both("score", count, lambda events: [*asked, "--events", events])
        bench.measure("score, archive", count, "dated", *asked, "--events", bench.archive(count))


def train(bench: Bench, sizes: Sequence[int]) -> None:
    """Train the bundled experiment for user's events, dated only."""
    for count in sizes:
        store = f"sqlite:///{bench.folder / f'train{count}.db'}"
        events = bench.events(count, dated=True)
        bench.measure("train own_data", count, "dated", "train", bundled("own_data.toml"),
                      "--events", events, "--source", "tidy", "--tracking-uri", store)  # fmt: skip


def archive(bench: Bench, sizes: Sequence[int]) -> None:
    """Measure an archive on disk with retractions, and features from it."""
    file = bench.experiment("families", "any", MODELS)
    for count in sizes:
        bench.measure("features, archive", count, "dated", "features", file,
                      "--events", bench.archive(count), "--out", "out.parquet")  # fmt: skip
    bench.marginal("features, archive", "dated")


def peer(_bench: Bench, sizes: Sequence[int]) -> None:
    """Measure what a user would write, day by day."""
    for count in sizes:
        print(compare(count), flush=True)


PARTS = {
    "features": features, "backtest": backtest, "score": score, "train": train,
    "archive": archive, "peer": peer,
}  # fmt: skip
CALLS = {"make": make, "retract": retract}


def main() -> None:
    """Print the table."""
    if sys.argv[1:2] == ["--call"]:
        name, folder, *numbers = sys.argv[2:]
        CALLS[name](Path(folder), *map(int, numbers))
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument(
        "--sizes", nargs="+", type=int, help="numbers of events; the default depends on the part"
    )
    parser.add_argument(
        "--runs", type=int, default=1, help="runs of each; the least CPU time is printed"
    )
    parser.add_argument("--memory", type=float, default=16.0,
                        help="GB that each process may reserve, more than it touches")  # fmt: skip
    parser.add_argument("--seconds", type=int, default=1_800, help="time limit of each process")
    parser.add_argument(
        "--folder", type=Path, help="folder to keep the files in; temporary by default"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.folder or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        bench = Bench(folder, Bounds(int(options.memory * 1e9), options.seconds), options.runs)
        print(f"{UNITS} provinces x {DAYS:,} days; at most {options.memory:g} GB a process; "
              f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")  # fmt: skip
        warm_up(bench, options.parts)
        print(f"{'':<20}{'events':>11}  {'':<9}{'CPU s':>9}{'clock s':>9}{'MB':>9}")
        for name in options.parts:
            PARTS[name](bench, options.sizes or SIZES[name])


def warm_up(bench: Bench, parts: Sequence[str]) -> None:
    """Compile what the parts need, so that no measurement includes it."""
    if set(parts) == {"peer"}:
        return
    file = bench.experiment("warm_up", "exceed", MODELS, years=3)
    events = bench.events(WARM_UP, dated=True)
    for command in ("features", "backtest"):
        given = [command, file, "--events", events, "--source", "tidy", "--out", "out.parquet"]
        cost = run(escalation(*given), bench.folder, bench.bounds)
        if cost.end != "ok":
            print(f"warm-up: {command}: {cost.end}")


if __name__ == "__main__":
    main()
