"""Measure time and memory from millions of versions to features in Parquet.

    python tests/benchmarks/scale.py [--events 10_000_000] [--late 60] [--only PART]

Makes versions of events in half-degree cells over ten years (not timed), a given percentage of them
reported days late, and writes 40 features for every cell and day as known on each day, for four
numbers of cells. Each line runs in its own process, so that peak memory can be compared. Finally,
the same work runs on Dask, with one worker and with two.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from escalation._util.engine import in_threads, on_dask
from escalation.events.units import UnitName
from escalation.features.stream import write_features
from escalation.panel.dense import day_range
from escalation.panel.history import History

DAYS = day_range("2010-01-01", "2019-12-29")
SIZES = (1_625, 3_250, 6_500, 13_000)
LONGEST_DELAY = 15
FAMILIES = {
    "window_sums": {},
    "decayed_sums": {},
    "recency": {},
    "trend": {},
    "severity": {"windows": [7, 28]},
    "tempo": {"gaps": [20]},
    "calendar": {"cycles": ["month"]},
}


def made(cells: int, events: int, late: int) -> History:
    """Make random versions: most in a few cells, at least one in every cell."""
    rng = np.random.default_rng(5)
    share = np.cumsum(rng.gamma(0.5, 1.0, SIZES[-1]))[:cells]
    count = max(cells, int(events * cells / SIZES[-1]))
    code = np.searchsorted(share, rng.random(count) * share[-1]).astype(np.int32)
    code[:cells] = np.arange(cells)
    happened = rng.integers(0, len(DAYS) - LONGEST_DELAY, count).astype(np.int32)
    delay = rng.integers(1, LONGEST_DELAY, count) * (rng.random(count) < late / 100)
    known = happened + delay.astype(np.int32)
    order = np.lexsort((known, code))
    code, happened, known = code[order], happened[order], known[order]
    killed = rng.negative_binomial(0.1, 0.2, count).astype(np.float32)
    ones, rung = np.ones(count, np.float32), np.where(killed > 0, 5, 3).astype(np.float32)
    nowhere, names = np.full(cells, np.nan), [f"{cell:06}" for cell in range(cells)]
    return History(
        code=code,
        event_day=happened,
        known_day=known,
        end_day=np.full(count, len(DAYS), np.int32),
        row=order,
        opening=np.ones(count, dtype=bool),
        weights={"events": ones, "killed": killed, "severity": rung},
        highest=frozenset({"severity"}),
        units=tuple(names),
        unit_names=tuple(UnitName(name, name) for name in names),
        entry=known[np.searchsorted(code, np.arange(cells))].astype(np.int64),
        latitude=nowhere,
        longitude=nowhere,
        country=("",) * cells,
        days=DAYS,
        lag=0,
    )


def features(folder: Path, cells: int, events: int, late: int) -> dict[str, float]:
    """Compute features from versions, in two threads."""
    past, path = made(cells, events, late), folder / f"{cells}.parquet"
    start, busy = time.perf_counter(), time.process_time()
    rows = write_features(past, FAMILIES, path, engine=in_threads(2))
    return {
        "seconds": time.perf_counter() - start,
        "CPU": time.process_time() - busy,
        "versions": len(past.code),
        "rows": rows,
        "features": len(pq.read_schema(path).names) - 2,
        "MB": path.stat().st_size / 1e6,
    }


def on_workers(
    folder: Path, cells: int, events: int, late: int, workers: int
) -> dict[str, float | str]:
    """Write a folder of parts on Dask; time it without starting processes and importing."""
    past, path = made(cells, events, late), folder / f"dask{workers}"
    with on_dask(workers=workers) as run:
        write_features(past.part(0, 300), FAMILIES, folder / f"warm{workers}", engine=run)
        start = time.perf_counter()
        write_features(past, FAMILIES, path, engine=run)
        seconds = time.perf_counter() - start
        peaks = run.args[0].run(lambda: __import__("resource").getrusage(0).ru_maxrss)
    return {"seconds": seconds, "worker GB": max(peaks.values()) / 1e6, "sha256": _digest(path)}


def _digest(path: Path) -> str:
    """Hash a file, or the files of a folder in order."""
    parts = sorted(path.iterdir()) if path.is_dir() else [path]
    return sha256(b"".join(sha256(part.read_bytes()).digest() for part in parts)).hexdigest()[:16]


def alone(call: str, *arguments: object) -> dict[str, float]:
    """Call a function of this file in its own process, and measure its peak memory."""
    command = [sys.executable, __file__, "--alone", call, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def _run_alone(call: str, folder: str, *numbers: str) -> None:
    result = {"features": features, "on_workers": on_workers}[call](
        Path(folder), *map(int, numbers)
    )
    result["GB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(json.dumps(result))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--late", type=int, default=60, help="percentage of versions that are late")
    parser.add_argument("--only", choices=["features", "dask"])
    options = parser.parse_args()
    load = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start"
    print(f"{options.events:,} events, {options.late}% late, {SIZES[-1]:,} cells x "
          f"{len(DAYS):,} days; {load}")  # fmt: skip
    with tempfile.TemporaryDirectory() as temporary:
        if options.only in (None, "features"):
            print_features(Path(temporary), options.events, options.late)
        if options.only in (None, "dask"):
            print_dask(Path(temporary), options.events, options.late)


def print_features(folder: Path, events: int, late: int) -> None:
    """Print a line for each number of cells."""
    print(f"{'cells':>7}{'versions':>12}{'features':>10}{'rows':>13}{'seconds':>9}{'CPU s':>8}"
          f"{'CPU s/1,000':>13}{'GB':>7}{'file MB':>9}")  # fmt: skip
    for cells in SIZES:
        one = alone("features", folder, cells, events, late)
        print(f"{cells:7,}{one['versions']:12,}{one['features']:10}{one['rows']:13,}"
              f"{one['seconds']:9.1f}{one['CPU']:8.1f}{one['CPU'] / cells * 1000:13.2f}"
              f"{one['GB']:7.2f}{one['MB']:9.0f}")  # fmt: skip
        (folder / f"{cells}.parquet").unlink()


def print_dask(folder: Path, events: int, late: int) -> None:
    """Run one and two workers, and check that the bytes equal those of this process."""
    cells = SIZES[2]
    one, two = (alone("on_workers", folder, cells, events, late, n) for n in (1, 2))
    here = folder / "here"
    write_features(made(cells, events, late), FAMILIES, here, engine=in_threads(2))
    same = {one["sha256"], two["sha256"], _digest(here)}
    print(
        f"Dask, {cells:,} cells: one worker {one['seconds']:.1f} s, two {two['seconds']:.1f} s, "
        f"ratio {two['seconds'] / one['seconds']:.2f}; {two['worker GB']:.2f} GB a worker; "
        f"load {os.getloadavg()[0]:.1f}; bytes {'equal' if len(same) == 1 else 'DIFFER'}"
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--alone"]:
        _run_alone(*sys.argv[2:])
    else:
        main()
