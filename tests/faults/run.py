"""Try every fault of the table at full size: `python tests/faults/run.py [ROW ...] [--quick]`.

Reports for each row how many cases passed, and what was skipped and why. Rows that have their own
tests are run as tests.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))
import inputs
from warm import Warm

import outputs

del sys.path[:2]

TESTS = Path(__file__).parents[1]
PROGRAMS = Path(__file__).with_name("kill_programs.py")
AS_TESTS = {
    12: "events/store/test_folder.py events/store/test_ingest.py",
    13: "events/store/test_ingest.py",
    15: "_util/test_files.py",
    16: "backtest/test_shortage.py",
    17: "scoring/test_score.py",
    18: "scoring/test_artifact.py scoring/test_score.py",
    19: "scoring/test_score.py cli/test_watch.py",
    20: "scoring/test_attacks.py",
    21: "scoring/test_attacks.py",
    22: "scoring/test_attacks.py",
    23: "scoring/test_attacks.py",
    33: "_util/test_files.py",
    43: "tracking/test_serving.py",
    44: "scoring/test_score.py",
}
"""Rows of the table that have their own tests."""


def of_inputs(warm, chosen):
    """Yield row, name and what is wrong, for faulty inputs."""
    for one in inputs.FAULTS:
        if one.row in chosen:
            with tempfile.TemporaryDirectory() as folder:
                yield one.row, one.name, inputs.tried(one, warm, Path(folder))


def of_outputs(chosen, *, quick):
    """Yield the same for faults when writing; a skipped one has its reason instead."""
    cases = [one for one in outputs.CASES if one.row in chosen and one.full != quick]
    if not cases:
        return
    with Warm(PROGRAMS) as warm, tempfile.TemporaryDirectory() as made:
        trained = outputs.prepared(warm, Path(made))
        for one in cases:
            with tempfile.TemporaryDirectory() as folder:
                place = outputs.copied(warm, trained, Path(folder) / "here")
                try:
                    yield one.row, one.name, one.run(place)
                except outputs.Skipped as reason:
                    yield one.row, one.name, str(reason)


def of_tests(chosen):
    """Yield the same for rows that are tests: what failed."""
    done = {}
    for number, files in AS_TESTS.items():
        if number not in chosen:
            continue
        for file in files.split():
            if file not in done:
                command = [sys.executable, "-m", "pytest", "-q", "-x", str(TESTS / file)]
                ended = subprocess.run(command, capture_output=True, text=True, check=False)
                done[file] = [ended.stdout[-800:]] if ended.returncode else []
            yield number, file, done[file]


def main():
    """Try all faults, and count by row."""
    parser = argparse.ArgumentParser()
    parser.add_argument("rows", type=int, nargs="*", default=list(range(1, 46)))
    parser.add_argument("--quick", action="store_true", help="Only what the tests try.")
    wanted = parser.parse_args()
    held, of, skipped = Counter(), Counter(), []

    def count(tried):
        for number, name, wrong in tried:
            if isinstance(wrong, str):
                skipped.append(f"row {number}, {name}: {wrong}")
                continue
            of[number] += 1
            held[number] += not wrong
            print(f"row {number}, {name}: {'held' if not wrong else 'NOT HELD'}", flush=True)
            for text in wrong:
                print(f"    {text}", flush=True)

    with Warm() as warm:
        count(of_inputs(warm, wanted.rows))
    for quick in (True, False)[: 1 if wanted.quick else 2]:
        count(of_outputs(wanted.rows, quick=quick))
    if not wanted.quick:
        count(of_tests(wanted.rows))
    print("\n".join(f"row {row}: {held[row]} of {of[row]} held" for row in sorted(of)))
    print("\n".join(f"skipped: {text}" for text in skipped) or "nothing was skipped")
    if missing := sorted(set(wanted.rows) - set(of)):
        print(f"not tried: {missing}")
    return int(held != of)


if __name__ == "__main__":
    sys.exit(main())
