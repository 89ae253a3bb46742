"""Time what a user waits for: help, a score, the fit of every model, and hostile files.

    python tests/benchmarks/commands.py [--runs 5] [--only help|score|fits|files]

Prints the median CPU seconds of each command, run in its own process, so that other work on the
machine does not count. A score is compared with the bare import of its libraries, and every figure
with its bound.
"""

from __future__ import annotations

import argparse
import gzip
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from escalation.models import MODELS

COMMAND = (sys.executable, "-m", "escalation.cli")
IMPORTS = (sys.executable, "-c", "import pandas, sklearn, mlflow")
HEADER = b"event_id,event_date,known_date,event_type,admin1,killed\n"
ROW = b"e%d,2020-01-01,2020-01-09,battle,Basra,0\n"
EXPERIMENT = """
[experiment]
name = "quick"
[data]
source = "iraq_crisis"
first_day = 2019-10-01
last_day = 2020-12-31
[panel]
units = ["site", "all"]
enters = { tags = "installation_attack" }
[features.window_sums]
[[targets]]
name = "any"
horizon = 7
where = { tags = "installation_attack" }
[models.logistic]
[backtest]
first_origin = 2020-03-01
every = 7
refit_every = 20
"""


def seconds_of(line: Iterable[object], folder: Path) -> float:
    """Return the CPU seconds of a command, whether it succeeds or fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([*map(str, line)], cwd=folder, check=False, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def median_of(line: Iterable[object], folder: Path, runs: int) -> float:
    """Return the median of several runs."""
    return statistics.median(seconds_of([*line], folder) for _ in range(runs))


def show(name: str, seconds: float, bound: float) -> None:
    """Format one line: the name, the seconds and the bound."""
    print(f"{name:40} {seconds:7.2f} s   at most {bound:5.2f} s", flush=True)


def time_help(folder: Path, runs: int) -> None:
    """Time the list of commands."""
    show("escalation --help", median_of((*COMMAND, "--help"), folder, runs), 0.5)


def time_score(folder: Path, runs: int) -> None:
    """Time a score by a registered model, and the imports that it needs."""
    (folder / "quick.toml").write_text(EXPERIMENT, encoding="utf-8")
    store = ("--tracking-uri", f"sqlite:///{folder}/mlflow.db")
    subprocess.run(
        [*COMMAND, "train", "quick.toml", *store], cwd=folder, check=True, capture_output=True
    )
    bare = median_of(IMPORTS, folder, runs)
    whole = median_of((*COMMAND, "score", "--model", "quick", *store), folder, runs)
    show("import pandas, sklearn, mlflow", bare, bare)
    show("escalation score", whole, 2 * bare)
    print(f"{'ratio':40} {whole / bare:7.2f}")


def training_rows(rows: int = 10_000, columns: int = 100) -> tuple[pd.DataFrame, np.ndarray]:
    """Make inputs of a model, most of them noise, and counts with a drifting rate."""
    rng = np.random.default_rng(0)
    days, units = rows // 10, 10
    rate = np.exp(np.cumsum(rng.normal(0, 0.05, (units, days)), axis=1)) * 0.2
    count = rng.poisson(np.minimum(rate, 3.0)).ravel().astype(float)
    named = {"history_mean": rate.ravel() * 7, "threshold": np.ones(rows)}
    named |= {f"history_decay_{k}d": rate.ravel() * k for k in (7, 10, 21, 45, 90, 365)}
    named |= {f"history_sum_{k}d": np.round(rate.ravel() * k) for k in (7, 28, 360)}
    named["history_days_since"] = rng.integers(0, 100, rows).astype(float)
    for k in range(columns - len(named)):
        named[f"feature_{k}"] = rng.normal(0, 10.0 ** (k % 6 - 2), rows)
    index = pd.MultiIndex.from_product(
        [[f"u{k}" for k in range(units)], pd.date_range("2019-01-01", periods=days)],
        names=["unit", "day"],
    )
    return pd.DataFrame(named, index=index).astype(np.float32), count


def time_fits(_folder: Path, runs: int) -> None:
    """Time every model on ten thousand rows of a hundred columns."""
    X, count = training_rows()
    outcome = (count >= X["threshold"].to_numpy()).astype(float)
    for name, make in MODELS.items():
        model = make()
        model.fit(X.iloc[::20], outcome[::20], count=count[::20])  # pay for imports before the fit
        spent = []
        for _ in range(runs):
            start = time.process_time()
            model.fit(X, outcome, count=count)
            spent.append(time.process_time() - start)
        show(f"fit {name}", statistics.median(spent), 2.0)


def time_files(folder: Path, runs: int) -> None:
    """Time files that are made to exhaust a reader: they are refused, or read, quickly."""
    rows = b"".join(ROW % number for number in range(200))
    packed = gzip.compress(HEADER + ROW % 0 + b"\n" * 200_000_000)
    hostile = {
        "field of 200 kB": (HEADER + rows + _long_field(200_000), "a.csv"),
        "line of 50 MB": (HEADER + rows + _long_field(50_000_000), "a.csv"),
        "200 MB packed into 200 kB": (packed, "a.csv.gz"),
        "quote left open before a million lines": (
            HEADER + b'e,2020-01-01,2020-01-02,"battle,Basra,0\n' + (ROW % 0) * 1_000_000, "a.csv"
        ),
    }  # fmt: skip
    for what, (content, name) in hostile.items():
        (folder / name).write_bytes(content)
        line = (*COMMAND, "validate", "--source", "tidy", name)
        show(what, median_of(line, folder, runs), 10.0)


def _long_field(size: int) -> bytes:
    return b"e,2020-01-01,2020-01-02,battle," + b"x" * size + b",0\n"


PARTS: dict[str, Callable[[Path, int], None]] = {
    "help": time_help, "score": time_score, "fits": time_fits, "files": time_files,
}  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", choices=PARTS, action="append")
    asked = parser.parse_args()
    for name in asked.only or PARTS:
        with tempfile.TemporaryDirectory() as folder:
            PARTS[name](Path(folder), asked.runs)


if __name__ == "__main__":
    main()
