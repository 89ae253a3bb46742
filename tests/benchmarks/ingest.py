"""Measure how fast files are validated and ingested, and how much memory that takes.

    python tests/benchmarks/ingest.py [--rows 5000000] [--source tidy|ucdp] [--archive]

Prints rows per CPU second (other work on the machine does not count), compared with Arrow's plain
CSV reader on the same file, and the peak memory of each (Linux), in separate processes.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from escalation._util.resources import bundled
from escalation.events.formats import ucdp

BLOCK = 250_000
ONE_CORE = dict.fromkeys(("OMP_NUM_THREADS", "ARROW_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")

MEASURE = """
import re, time
from pathlib import Path
{setup}
start, wall = time.process_time(), time.perf_counter()
rows = {run}
seconds, wall = time.process_time() - start, time.perf_counter() - wall
peak = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024
print(f"{{rows}} {{seconds:.3f}} {{wall:.3f}} {{peak:.0f}}")
"""
PLAIN = (
    "import pyarrow.csv as c\n"
    "reader = c.open_csv({path!r}, read_options=c.ReadOptions(use_threads=False))",
    "sum(batch.num_rows for batch in reader)",
)
VALIDATE = (
    "from escalation.events import SOURCES\n"
    "from escalation.events.store.ingest import validate_files\n"
    "validate_files(SOURCES['iraq_crisis'], [Path({warm!r})])",
    "validate_files(SOURCES[{source!r}], [Path({path!r})])[0].accepted",
)
INGEST = (
    "from escalation.events import SOURCES\n"
    "from escalation.events.store.ingest import ingest_files\n"
    "from escalation.events.store.folder import ArchiveStore\n"
    "warm = ArchiveStore(Path({folder!r}) / 'warm')\n"
    "ingest_files(SOURCES['iraq_crisis'], [Path({warm!r})], warm)\n"
    "store = ArchiveStore(Path({folder!r}) / 'archive')",
    "ingest_files(SOURCES[{source!r}], [Path({path!r})], store)[0].accepted",
)


def tidy_block(first: int, rows: int, rng: np.random.Generator) -> pa.Table:
    """Make tidy events of 20 provinces over 9 years."""
    ids = np.arange(first, first + rows)
    days = np.datetime64("2015-01-01") + rng.integers(0, 3285, rows)
    place = rng.integers(0, 20, rows)
    words = np.array(["rocket_attack", "air_strike", "protest", "battle", "ied_attack"])
    sides = np.array(["militia", "us_coalition", "iraq_government", "protesters"])
    killed = pa.array(rng.poisson(0.6, rows), mask=rng.random(rows) < 0.2)
    return pa.table(
        {
            "event_id": [f"EV{number:09d}" for number in ids],
            "event_date": pa.array(days).cast(pa.string()),
            "known_date": pa.array(days + rng.integers(0, 9, rows)).cast(pa.string()),
            "country": pa.repeat("IRQ", rows),
            "admin1": np.array([f"Province {k}" for k in range(20)])[place],
            "latitude": np.round(30 + place * 0.3 + rng.random(rows), 4),
            "longitude": np.round(42 + place * 0.2 + rng.random(rows), 4),
            "event_type": words[rng.integers(0, 5, rows)],
            "actor": sides[rng.integers(0, 4, rows)],
            "target": sides[rng.integers(0, 4, rows)],
            "killed": killed,
            "wounded": pa.array(rng.poisson(2, rows)),
            "note": [f"Report number {number} of the day, as told by the press" for number in ids],
        }
    )


def ucdp_block(first: int, rows: int, rng: np.random.Generator) -> pa.Table:
    """Make events in the 49 columns of UCDP GED."""
    ids = np.arange(first, first + rows)
    start = np.datetime64("2015-01-01") + rng.integers(0, 3285, rows)
    sides = np.array(["Government of Iraq", "IS", "PKK", "Civilians", "Mahdi Army"])
    best, kind = rng.poisson(3, rows), rng.integers(1, 4, rows).astype(str)
    cells = {name: pa.repeat("1", rows) for name in ucdp.FORMAT.required + ucdp.FORMAT.optional}
    cells |= {
        "id": ids,
        "relid": [f"IRQ-2015-1-{number}" for number in ids],
        "type_of_violence": kind,
        "side_a": sides[rng.integers(0, 5, rows)],
        "side_b": sides[rng.integers(0, 5, rows)],
        "source_article": [f'"Agency {n}, 2015-01-01, ""Dozens killed"""' for n in ids],
        "where_coordinates": np.array([f"Town {k}" for k in range(500)])[ids % 500],
        "adm_1": np.array([f"Province {k}" for k in range(20)])[ids % 20],
        "latitude": np.round(30 + 6 * rng.random(rows), 6),
        "longitude": np.round(42 + 6 * rng.random(rows), 6),
        "geom_wkt": [f"POINT (44.{number % 999} 33.{number % 997})" for number in ids],
        "country": pa.repeat("Iraq", rows),
        "country_id": pa.repeat("645", rows),
        "region": pa.repeat("Middle East", rows),
        "date_prec": np.where(rng.random(rows) < 0.995, "1", "2"),
        "date_start": pa.array(start).cast(pa.string()),
        "date_end": pa.array(start + rng.integers(0, 2, rows)).cast(pa.string()),
        "code_status": pa.repeat("Clear", rows),
        "best": best, "high": best + 2, "low": best,
    }  # fmt: skip
    return pa.table(cells)


BLOCKS = {"tidy": tidy_block, "ucdp": ucdp_block}


def write_file(path: Path, source: str, rows: int) -> None:
    """Write a file of seeded random events."""
    rng = np.random.default_rng(1)
    first = BLOCKS[source](0, 1, rng).schema
    with pa_csv.CSVWriter(path, first) as writer:
        for start in range(0, rows, BLOCK):
            block = BLOCKS[source](start, min(BLOCK, rows - start), rng)
            writer.write_table(block.cast(first))


def measure(name: str, steps: tuple[str, str], **names: str) -> float:
    """Run in a separate process; return rows per second."""
    setup, run = (step.format(**names) for step in steps)
    code = MEASURE.format(setup=setup, run=run)
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **ONE_CORE},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    rows, seconds, wall, peak = done.stdout.split()
    speed = int(rows) / float(seconds)
    print(f"{name:28} {speed:12,.0f} rows/s {float(wall):8.2f} s passed {peak:>5} MB at most")
    return speed


def main() -> None:
    """Generate, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--source", choices=[*BLOCKS], action="append")
    parser.add_argument("--archive", action="store_true", help="also ingest it into an archive")
    asked = parser.parse_args()
    for source in asked.source or [*BLOCKS]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "events.csv"
            write_file(path, source, asked.rows)
            size = path.stat().st_size / 2**20
            print(f"{source}: {asked.rows:,} rows, {size:,.0f} MB")
            run(source, path, archive=asked.archive)


def run(source: str, path: Path, *, archive: bool) -> None:
    """Measure one file."""
    names = {"source": source, "path": str(path), "folder": str(path.parent)}
    names["warm"] = str(bundled("iraq_crisis_events.csv"))
    plain = measure("plain CSV reader of pyarrow", PLAIN, **names)
    ours = measure("escalation validate", VALIDATE, **names)
    print(f"{'share of the plain reader':28} {ours / plain:12.0%}")
    if archive:
        measure("escalation ingest", INGEST, **names)


if __name__ == "__main__":
    main()
