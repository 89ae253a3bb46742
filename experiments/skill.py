"""Compare every model with ``ewma_nb`` on real event data, with intervals.

    python experiments/skill.py                                   # the files in ../shared/data
    python experiments/skill.py --events FILE --source tidy --units admin1

Weekly origins over the last 70% of each file. All models are refitted every half year, and models
that combine others are updated every four weeks. ``prior`` is learnt on the other conflicts only,
and has the bundled numbers on your own file. Writes skill.csv, skill.md and skill.png in results/.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from prior import CONFLICTS, numbers_without
from skill_data import DATA, SHARED
from skill_report import MODEL, write_report

from escalation import metrics
from escalation.backtest.case import make_case
from escalation.backtest.rolling import backtest_case
from escalation.errors import EscalationError
from escalation.events import load_events
from escalation.events.archive import EventArchive
from escalation.events.source import Options
from escalation.experiment import Experiment
from escalation.metrics.calibration import recoverable
from escalation.metrics.paired import pair
from escalation.metrics.summary import SKILL_PREFIX
from escalation.models import BASELINES, MODELS
from escalation.models.base import EventModel, MetaEstimator

TARGETS = (("exceed", 7), ("up", 30), ("any", 7), ("onset", 7), ("surge", 7))
LAGS = (0, 14)
FIRST_ORIGIN = 0.3
"""Share of the day axis before the first forecast."""
FEATURES: dict[str, dict[str, Any]] = {
    "window_sums": {"channels": ["events", "killed"], "windows": [7, 28, 90]},
    "neighbours": {"channels": ["events"], "windows": [7, 28]},
    "recency": {"channels": ["events"]},
    "trend": {"channels": ["events"]},
    "tempo": {"channels": ["events"]},
}
EVERY_MODEL: dict[str, dict[str, Any]] = {name: {} for name in MODELS if name not in BASELINES}
SCHEDULE = {"every": 7, "refit_every": 26, "update_every": 4, "train_every": 7}
RESULTS = Path(__file__).with_name("results")


@cache
def _archive(data: str, lag: int, events: str, source: str) -> EventArchive:
    """Read the events, once per process."""
    if events:
        options = Options(lag=lag) if source != "tidy" else None
        return load_events(source, Path(events), options=options)
    return DATA[data][0](lag)


@dataclass(frozen=True)
class Job:
    """One data set, label and reporting lag."""

    data: str
    target: str
    horizon: int
    lag: int
    events: str = ""
    source: str = ""
    units: str = ""
    keep: str = ""
    numbers: dict[str, Any] | None = None

    def archive(self) -> EventArchive:
        """Return the events, known ``lag`` days after they happened unless the file has dates."""
        return _archive(self.data, self.lag, self.events, self.source)

    def experiment(self, archive: EventArchive) -> Experiment:
        """Return its experiment: every model, the same features and schedule for all."""
        _, units, first = DATA.get(self.data, (None, self.units, None))
        start = pd.Timestamp(first or archive.first_day)
        span = pd.Timestamp(archive.covered_to) - start
        origin = start + pd.Timedelta(int(span.days * FIRST_ORIGIN), "D")
        return Experiment(
            experiment={"name": "skill", "seed": 7},
            data={"lag": self.lag, "first_day": start.date()},
            panel={"units": [units]},
            features=FEATURES,
            targets=[{"name": self.target, "horizon": self.horizon}],
            models={**EVERY_MODEL, "prior": {"numbers": self.numbers} if self.numbers else {}},
            backtest={**SCHEDULE, "first_origin": origin.date()},
        )


class Stopwatch:
    """Seconds spent inside estimators; a call within another is counted once."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.running = False

    def around(self, method: Any) -> Any:
        """Return the method, timed."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            if self.running:
                return method(*args, **kwargs)
            start, self.running = time.perf_counter(), True
            try:
                return method(*args, **kwargs)
            finally:
                self.running = False
                self.seconds += time.perf_counter() - start

        return timed

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Time every fit and every prediction of any model."""
        fit, predict = EventModel.fit, EventModel.predict_proba
        combined = MetaEstimator.fit, MetaEstimator.predict_proba
        for owner in (EventModel, MetaEstimator):
            owner.fit, owner.predict_proba = (
                self.around(owner.fit),
                self.around(owner.predict_proba),
            )
        try:
            yield
        finally:
            EventModel.fit, EventModel.predict_proba = fit, predict
            MetaEstimator.fit, MetaEstimator.predict_proba = combined


def ratio_if_calibrated(probability: np.ndarray, *, draws: int = 100) -> float:
    """Median of miscalibration over discrimination if outcomes followed the forecasts."""
    rng = np.random.default_rng(0)
    outcomes = [(rng.random(len(probability)) < probability) * 1.0 for _ in range(draws)]
    parts = [metrics.decompose(probability, outcome) for outcome in outcomes]
    return float(np.median([part.miscalibration / part.discrimination for part in parts]))


def about_the_blend(forecasts: pd.DataFrame, table: pd.DataFrame) -> dict[str, float]:
    """Return further figures for the blend alone.

    ``ratio_if_calibrated``, the median of miscalibration over discrimination if the forecasts were
    perfectly calibrated (simulated); ``recoverable``; and for each score the lower end of its
    excess over the best other model.
    """
    (paired,) = pair(forecasts)
    probability = paired.of(MODEL)
    others = table[table["model"] != MODEL].set_index("model")
    lower = {}
    for score, skill in SKILL_PREFIX.items():
        best = others[score].astype(float).idxmin()
        two = forecasts[forecasts["model"].isin([MODEL, best])]
        (against,) = metrics.compare(two, reference=best, seed=7).to_dict("records")
        lower[f"{score}_over_best_lower"] = -against[f"{skill}_upper"]
    return {
        "ratio_if_calibrated": ratio_if_calibrated(probability),
        "recoverable": recoverable(probability, paired.outcome, paired.date),
        **lower,
    }


def run(job: Job) -> pd.DataFrame:
    """Backtest and compare every model; on an error print it and return an empty table."""
    start, watch = time.perf_counter(), Stopwatch()
    try:
        with watch.watching():
            archive = job.archive()
            experiment = job.experiment(archive)
            forecasts = backtest_case(make_case(archive, experiment, experiment.labels[0]))
        table = metrics.summary(forecasts, horizon=job.horizon, seed=7)
    except EscalationError as error:
        sys.stderr.write(f"{job.data} {job.target} lag {job.lag}: {error}\n")
        return pd.DataFrame()
    for name, value in about_the_blend(forecasts, table).items():
        table[name] = np.where(table["model"] == MODEL, value, np.nan)
    if job.keep:
        forecasts.to_parquet(Path(job.keep) / f"{job.data}-{job.target}-{job.lag}.parquet")
    seconds = time.perf_counter() - start
    table.insert(0, "data", job.data)
    table.insert(1, "lag", job.lag)
    return table.assign(seconds=seconds, inside=watch.seconds)


def run_all(jobs: list[Job], *, processes: int) -> pd.DataFrame:
    """Run all jobs in parallel; return their tables in the order of the list."""
    tables: dict[int, pd.DataFrame] = {}
    with ProcessPoolExecutor(processes) as pool:
        waiting = {pool.submit(run, job): place for place, job in enumerate(jobs)}
        for future in as_completed(waiting):
            place = waiting[future]
            tables[place] = future.result()
            job = jobs[place]
            took = 0.0 if tables[place].empty else tables[place]["seconds"].iloc[0]
            sys.stderr.write(
                f"{len(tables)}/{len(jobs)} {job.data} {job.target} lag {job.lag}: {took:.0f} s\n"
            )
    parts = [tables[place] for place in sorted(tables) if len(tables[place])]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def jobs_of(arguments: argparse.Namespace) -> list[Job]:
    """Return the jobs for the given file, or for every shared one."""
    keep = str(arguments.forecasts or "")
    if arguments.events:
        more = {
            "events": str(arguments.events),
            "source": arguments.source,
            "units": arguments.units,
        }
        names = [arguments.events.stem]
    else:
        more, names = {}, list(DATA)
    return [
        Job(data, target, horizon, lag, keep=keep, **more)
        for data in names
        for lag in LAGS
        for target, horizon in TARGETS
    ]


def with_numbers(job: Job) -> Job:
    """Add the numbers of ``prior`` learnt on the other conflicts, unless it is a user's file."""
    conflict = next((name for name, files in CONFLICTS.items() if job.data in files), None)
    if job.events or conflict is None:
        return job
    return replace(job, numbers=numbers_without(conflict))


def main() -> int:
    """Run the jobs and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=Path, help="your own event file")
    parser.add_argument("--source", default="tidy", help="its format")
    parser.add_argument("--units", default="admin1", help="its units")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--forecasts", type=Path, help="a folder for the forecasts")
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    if not arguments.events and not SHARED.is_dir():
        sys.stderr.write(f"skipped: no event files at {SHARED}; give one with --events FILE\n")
        return 0
    for folder in (arguments.out, arguments.forecasts):
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    table = run_all([*map(with_numbers, jobs_of(arguments))], processes=arguments.processes)
    if table.empty:
        sys.stderr.write("nothing could be scored\n")
        return 4
    sys.stdout.write(write_report(table, arguments.out, seconds=time.perf_counter() - start))
    return 0


if __name__ == "__main__":
    sys.exit(main())
