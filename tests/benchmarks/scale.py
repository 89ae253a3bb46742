"""Seconds and memory from tens of millions of events to features in Parquet, and on two workers.

    python tests/benchmarks/scale.py [--events 50_000_000] [--folder FOLDER] [--only PART]

Makes events in half-degree cells over ten years (not timed), aggregates them by cell and day, and
writes 40 features for every cell and day, for four numbers of cells. Each line is a process of its
own, so that its highest memory is its own. At last the same work on Dask, by one worker and by two.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from hashlib import file_digest
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from escalation.panel.aggregate import aggregate
from escalation.panel.sparse import SparsePanel

from escalation._util.engine import in_threads, on_dask
from escalation.features.stream import write_features
from escalation.panel.dense import PanelSpec, day_range

CELLS, DAYS = 13_000, day_range("2010-01-01", "2019-12-29")
SIZES = (1_625, 3_250, 6_500, 13_000)
FAMILIES = {
    "window_sums": {},
    "decayed_sums": {},
    "recency": {},
    "trend": {},
    "severity": {"windows": [7, 28]},
    "tempo": {"gaps": [20]},
    "calendar": {"cycles": ["month"]},
}
TYPES = ("battle", "explosion", "protest", "riot", "violence_against_civilians")


def make_events(path: Path, count: int) -> None:
    """Random events, a few cells with most of them, every cell with at least one."""
    rng = np.random.default_rng(5)
    cells = np.sort(rng.choice(np.arange(100_000, 200_000), CELLS, replace=False)) - 1
    share = np.cumsum(rng.gamma(0.5, 1.0, CELLS))
    first = int(DAYS[0].astype(int))
    writer = None
    for start in range(0, count, 1_000_000):
        size = min(1_000_000, count - start)
        cell = cells[np.searchsorted(share, rng.random(size) * share[-1])]
        cell[: max(0, CELLS - start)] = cells[start : start + size]
        day = pa.array(rng.integers(first, first + len(DAYS), size).astype("i4")).cast(pa.date32())
        killed = rng.negative_binomial(0.1, 0.2, size).astype("i4")
        table = pa.table(
            {
                "event_id": pa.array(np.arange(start, start + size)).cast(pa.string()),
                "event_date": day,
                "known_date": day,
                "country": pa.array((cell % 40).astype("i4")).cast(pa.string()),
                "latitude": (cell // 720 + rng.random(size)) / 2 - 90,
                "longitude": (cell % 720 + rng.random(size)) / 2 - 180,
                "event_type": pa.array(np.array(TYPES, dtype=object)[rng.integers(0, 5, size)]),
                "severity": np.where(killed > 0, 5, 3).astype("i1"),
                "killed": killed,
                "source": pa.repeat("made", size),
            }
        )
        writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
        writer.write_table(table)
    assert writer is not None
    writer.close()


def aggregated(folder: Path) -> dict[str, float]:
    """Events to a panel."""
    panel = aggregate(
        [folder / "events.parquet"], PanelSpec(("priogrid",)), folder / "panel",
        first_day=DAYS[0], last_day=DAYS[-1],
    )  # fmt: skip
    return {
        "cells": len(panel.units),
        "rows": pq.read_metadata(folder / "panel/cells.parquet").num_rows,
    }


def features(folder: Path, cells: int) -> dict[str, float]:
    """A panel to features."""
    panel, path = SparsePanel.read(folder / "panel").part(0, cells), folder / f"{cells}.parquet"
    rows = write_features(panel, FAMILIES, path, engine=in_threads(2))
    columns = pq.read_schema(path).names
    return {"rows": rows, "features": len(columns) - 2, "MB": path.stat().st_size / 1e6}


def on_workers(folder: Path, cells: int, workers: int) -> dict[str, float | str]:
    """The same on Dask; the time without that of starting processes and importing."""
    panel, path = (
        SparsePanel.read(folder / "panel").part(0, cells),
        folder / f"dask{workers}.parquet",
    )
    with on_dask(workers=workers) as run:
        write_features(panel.part(0, 300), FAMILIES, path, engine=run)
        start = time.perf_counter()
        write_features(panel, FAMILIES, path, engine=run)
        seconds = time.perf_counter() - start
        peaks = run.args[0].run(lambda: __import__("resource").getrusage(0).ru_maxrss)
    return {"seconds": seconds, "worker GB": max(peaks.values()) / 1e6, "sha256": _digest(path)}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()[:16]


def alone(call: str, *arguments: object) -> dict[str, float]:
    """A function of this file in a process of its own, with its time and highest memory."""
    code = (
        "import json, resource, sys, time; from pathlib import Path\n"
        "if __name__ == '__main__':\n"
        f"    sys.path.insert(0, {str(Path(__file__).parent)!r}); import scale\n"
        f"    start = time.perf_counter(); done = scale.{call}(Path(sys.argv[1]), "
        "*map(int, sys.argv[2:]))\n"
        "    done.setdefault('seconds', time.perf_counter() - start)\n"
        "    done['GB'] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6\n"
        "    print(json.dumps(done))\n"
    )
    with tempfile.NamedTemporaryFile("w", suffix=".py") as script:
        script.write(code)
        script.flush()
        command = [sys.executable, script.name, *map(str, arguments)]
        return json.loads(
            subprocess.run(command, capture_output=True, text=True, check=True).stdout
        )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=50_000_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--only", choices=["aggregate", "features", "dask"])
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = told.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "events.parquet").exists():
            make_events(folder / "events.parquet", told.events)
        load = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start"
        print(f"{told.events:,} events, {CELLS:,} cells x {len(DAYS):,} days; {load}")
        if told.only in (None, "aggregate") or not (folder / "panel").exists():
            one = alone("aggregated", folder)
            print(f"aggregate: {one['cells']:,} cells, {one['rows']:,} cell-days with events, "
                  f"{one['seconds']:.0f} s, {one['GB']:.2f} GB")  # fmt: skip
        if told.only in (None, "features"):
            print_features(folder)
        if told.only in (None, "dask"):
            print_dask(folder)


def print_features(folder: Path) -> None:
    """A line for each number of cells."""
    print(
        f"{'cells':>7}{'features':>10}{'rows':>13}{'seconds':>9}{'s/1,000':>9}{'GB':>7}"
        f"{'file MB':>9}"
    )
    for cells in SIZES:
        one = alone("features", folder, cells)
        print(f"{cells:7,}{one['features']:10}{one['rows']:13,}{one['seconds']:9.1f}"
              f"{one['seconds'] / cells * 1000:9.2f}{one['GB']:7.2f}{one['MB']:9.0f}")  # fmt: skip
        (folder / f"{cells}.parquet").unlink()


def print_dask(folder: Path) -> None:
    """One worker, two workers, and whether the bytes are those of this process."""
    cells = SIZES[2]
    one, two = (alone("on_workers", folder, cells, workers) for workers in (1, 2))
    alone("features", folder, cells)
    same = {one["sha256"], two["sha256"], _digest(folder / f"{cells}.parquet")}
    print(
        f"Dask, {cells:,} cells: one worker {one['seconds']:.1f} s, two {two['seconds']:.1f} s, "
        f"ratio {two['seconds'] / one['seconds']:.2f}; {two['worker GB']:.2f} GB a worker; "
        f"load {os.getloadavg()[0]:.1f}; bytes {'equal' if len(same) == 1 else 'DIFFER'}"
    )
    for name in ("dask1", "dask2", str(cells)):
        (folder / f"{name}.parquet").unlink()


if __name__ == "__main__":
    main()
