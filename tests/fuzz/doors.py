"""Fuzz every input of the package: a valid input, spoilt by a seeded generator.

    python tests/fuzz/doors.py [--seconds 3600] [--seed 0]

Experiment files, command lines, model folders, ledgers and files in containers: each trial gives a
mutated input to the package in a separate process. It must end without traceback and without exit
status 1, in less than ten seconds and a gigabyte; changed input must not be mistaken for the
original, and unchanged input must be read unchanged.
"""

from __future__ import annotations

import argparse
import gzip
import inspect
import json
import random
import shutil
import sys
import tempfile
import time
import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "faults"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))
import bad_files
import outside_tables
from mutators import WORDS, spoilt, spoilt_json, spoilt_lines, spoilt_toml
from warm import Ended, Warm

del sys.path[:3]

PROGRAMS = Path(__file__).resolve().parent / "programs.py"
LONGEST_SECONDS, MOST_MEGABYTES = 10.0, 1000.0
KILLED_AFTER = 120.0
"""Wall-clock seconds in which even a busy machine gives a process ten CPU seconds."""
ROWS = 40


@dataclass(frozen=True)
class Tried:
    """A trial: what was tried, how it ended, and what is wrong with that."""

    arguments: tuple[str, ...]
    ended: Ended
    wrong: str


def judged(arguments, ended, wrong=""):
    """Add the checks that hold for every trial."""
    if ended.traceback:
        wrong = "a traceback or status 1"
    elif ended.status not in (0, 2, 3, 4, 5, 6, 7):
        wrong = f"status {ended.status}"
    elif ended.seconds > LONGEST_SECONDS:
        wrong = f"{ended.seconds:.0f} s"
    elif ended.megabytes > MOST_MEGABYTES:
        wrong = f"{ended.megabytes:.0f} MB"
    elif any(letter in ended.said for letter in "\x1b\x07\u202e"):
        wrong = "a terminal is told what to do"
    return Tried(arguments, ended, wrong)


# Files of events, in every container.

EVENTS = bad_files.table(
    *(bad_files.row(n, day=f"2020-01-{1 + n % 28:02}", killed=str(n % 4)) for n in range(ROWS))
)


def contained(rng):
    """Make a file of forty events; return whether its container detects changes."""
    cells = [line.split(",") for line in EVENTS.split()]
    sample = outside_tables.Sample(cells, [])
    kind = rng.choice(["csv", "gz", "zip", "zip", "parquet", "parquet", "xlsx", "json"])
    if kind == "csv":
        return ".csv", EVENTS.encode(), False
    if kind == "gz":
        return ".csv.gz", gzip.compress(EVENTS.encode(), mtime=0), True
    if kind == "zip":
        method = rng.choice([0, 8, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
        return ".zip", bad_files.zipped(method=method, content=EVENTS), True
    if kind == "parquet":
        columns = dict(zip(cells[0], zip(*cells[1:], strict=True), strict=True))
        packing = rng.choice(["none", "snappy", "zstd", "gzip", "brotli", "lz4"])
        how = {"use_dictionary": rng.random() < 0.5, "row_group_size": rng.choice([7, 100]),
               "data_page_version": rng.choice(["1.0", "2.0"])}  # fmt: skip
        made = bad_files.pa.table({name: list(column) for name, column in columns.items()})
        return ".parquet", bad_files.parquet(made, compression=packing, **how), False
    if kind == "xlsx":
        return ".xlsx", outside_tables.workbook(sample), True
    return ".json", json.dumps(outside_tables.records(sample)).encode(), False


def try_container(rng, warm, folder):
    ending, content, guarded = contained(rng)
    damaged = rng.random() < 0.8
    (folder / f"a{ending}").write_bytes(spoilt(content, rng) if damaged else content)
    arguments = ("validate", f"a{ending}", "--source", "tidy", "--json", "--max-bad", "1")
    ended = warm.run(*arguments, folder=folder, longest=KILLED_AFTER)
    wrong = ""
    if ended.status == 0:
        (report,) = json.loads(ended.out)
        counts = [report[name] for name in ("accepted", "quarantined", "duplicates")]
        if sum(counts) != report["records"] or (guarded and counts != [ROWS, 0, 0]):
            wrong = f"counts {counts} of {report['records']}"
    elif not damaged:
        wrong = "what is right is refused"
    return judged(arguments, ended, wrong)


def try_source(rng, warm, folder):
    arguments = ("@reader", rng.choice(sorted(outside_tables.SAMPLES)), str(rng.randrange(10**9)))
    return judged(arguments, warm.run(*arguments, folder=folder, longest=KILLED_AFTER))


# Experiment files.

OWN = """
[experiment]
name = "small"
seed = 3
description = "a test"
[data]
source = "tidy"
events = "e.csv"
lag = 0
first_day = 2020-01-01
last_day = 2020-01-28
[panel]
units = ["admin1", "all"]
enters = { rung = 1 }
pairs = [["a", "b"]]
[panel.channels.rockets]
where = { event_type = ["rocket_attack"] }
measure = "count"
[severity]
rocket_attack = [3, 4, 5]
[features.window_sums]
channels = ["events", "killed", "rockets"]
windows = [3, 7]
[features.decayed_sums]
half_lives = [3, 7.5]
[features.trend]
windows = [[7, 28]]
eps = 0.02
[features.recency]
rungs = [3, 5]
cap = 365
[features.calendar]
cycles = ["weekday"]
[features.tempo]
gaps = [5]
[features.severity]
windows = [7]
[features.pairs]
windows = [7]
[features.neighbours]
windows = [7]
within_km = [250]
[[targets]]
name = "any"
horizon = 7
where = { rung = 3 }
[[targets]]
name = "exceed"
horizon = 7
quantile = 0.9
windows = 52
[[targets]]
name = "climb"
horizon = 3
window = 28
[models.logistic]
ridge = 10.0
[models.forest]
trees = 20
[backtest]
first_origin = 2020-01-10
every = 7
refit_every = 4
"""


def try_experiment(rng, warm, folder):
    (folder / "e.csv").write_text(EVENTS)
    text = spoilt_toml(OWN.strip(), rng)
    content = spoilt(text.encode(), rng) if rng.random() < 0.2 else text.encode()
    (folder / "e.toml").write_bytes(content)
    arguments = ("features", "e.toml", "--out", "out.parquet")
    if rng.random() < 0.3:
        arguments = ("backtest", "e.toml", "--out", "out.parquet")
    return judged(arguments, warm.run(*arguments, folder=folder, longest=KILLED_AFTER))


# Command lines.

LINES = {
    "validate": ("e.csv", "--source", "tidy"),
    "ingest": ("e.csv", "--source", "tidy", "--archive", "store"),
    "archive": ("store",),
    "features": ("e.toml", "--out", "out.parquet"),
    "init": ("e.csv",),
    "moves": ("e.toml",),
    "revisions": ("--events", "e.csv", "--source", "tidy"),
    "score": ("--model", "small"),
    "report": ("--out", "out.html", "--model", "small"),
    "verify": ("--model", "small"),
    "promote": ("small",),
    "backtest": ("e.toml", "--out", "out.csv"),
    "audit": ("e.toml",),
    "replay": ("e.toml", "--as-of", "2020-01-20"),
}
SMALL = OWN.split("[features.decayed_sums]")[0] + "[[targets]]\nname = 'any'\n"


def option_names(command):
    """Return the options of a command, as people type them."""
    import typer

    from escalation import cli

    made = typer.main.get_command(cli.app).commands[command]  # type: ignore[attr-defined]
    names = [name for one in made.params for name in getattr(one, "opts", ())]
    return sorted(name for name in names if name.startswith("--"))


def try_command_line(rng, warm, folder):
    (folder / "e.csv").write_text(EVENTS)
    (folder / "e.toml").write_text(SMALL)
    command = rng.choice(sorted(LINES))
    words = [*LINES[command]]
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(words) + 1)
        options = option_names(command)
        if rng.random() < 0.6 and options:
            words += [rng.choice(options), rng.choice(WORDS)]
        elif rng.random() < 0.5 and at < len(words):
            words[at] = rng.choice(WORDS)
        else:
            words[at:at] = [rng.choice(WORDS)]
    # No server name: nobody would answer, and that is another test.
    words = [word.encode("utf-8", "ignore").decode().replace("\0", "") for word in words]
    arguments = (command, *words)
    if "--help" in words or "--tracking-uri" in words or "--scheduler" in words:
        arguments = (command, *LINES[command])
    return judged(arguments, warm.run(*arguments, folder=folder, longest=KILLED_AFTER))


# Ledgers and model folders.


def whole_ledger(path):
    import datetime as dt

    from escalation.scoring.ledger import append

    day = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    for n in range(3):
        forecasts = [{"unit": unit, "day": f"2020-01-0{n + 1}", "probability": n / 7, "status":
                      ["ok"], "provenance": {"model": "a"}} for unit in ("a", "b")]  # fmt: skip
        append(path, forecasts, now=day + dt.timedelta(n))
    return path.read_bytes()


def try_ledger(rng, warm, folder):
    path = folder / "ledger.jsonl"
    whole = whole_ledger(path)
    changed = spoilt_lines(whole, rng) if rng.random() < 0.9 else whole
    path.write_bytes(changed)
    ended = warm.run("@ledger", path, folder=folder, longest=KILLED_AFTER)
    is_start = whole.startswith(changed) and (not changed or changed.endswith(b"\n"))
    wrong = "" if (ended.status == 0) == is_start else f"{ended.status}, a start: {is_start}"
    return judged(("@ledger",), ended, wrong)


DESCRIPTION = """\
artifact_path: file:///somewhere
flavors:
  python_function:
    code: null
    data: data/artifact
    env: {conda: conda.yaml, virtualenv: python_env.yaml}
    loader_module: escalation.scoring.serving
    python_version: 3.11.7
    streamable: false
mlflow_version: 3.17.2
"""


def logged_model(root):
    """Store a logistic regression of two columns as in a store; return its hash."""
    import numpy as np
    import pandas as pd

    from escalation.models import MODELS
    from escalation.scoring.artifact import save_artifact
    from escalation.scoring.described import canary_of
    from escalation.scoring.manifest import Manifest

    rng = np.random.default_rng(1)
    days = pd.MultiIndex.from_product([["a", "b"], pd.date_range("2020-01-01", periods=60)])
    X = pd.DataFrame(rng.poisson(2, (120, 3)), columns=["x", "y", "threshold"], index=days)
    X = X.astype(float).rename_axis(index=["unit", "day"])
    model = MODELS["logistic"](horizon=7).fit(X, (X["x"] > 2).to_numpy(float))
    target = {"name": "any", "horizon": 7}
    manifest = Manifest(
        family="logistic", target=target, columns=list(X), trained_to="2020-03-01",
        experiment={"experiment": {"name": "small"}, "targets": [target]}, data_digest="0" * 64,
        known_basis="observed", null_share=0.1, canary=canary_of(model, X), record={},
            informative=True,
        base_rate={"pool": 0.2, "units": {"a": 0.1}, "names": {"a": ["a", ""]}},
        typical=X.median().to_dict(), event_types=["battle"],
    )  # fmt: skip
    digest = save_artifact(model, manifest, root / "data" / "artifact")
    (root / "data" / "artifact" / "hash.txt").write_text(digest)
    (root / "MLmodel").write_text(DESCRIPTION)
    (root / "requirements.txt").write_text("numpy\n")
    return digest


def spoil_model(root, rng):
    """Spoil one file of the folder, or one member of the model file."""
    data = root / "data" / "artifact"
    path = rng.choice([root / "MLmodel", data / "manifest.json", *[data / "model.skops"] * 3])
    if path.suffix == ".json" and rng.random() < 0.8:
        path.write_text(json.dumps(spoilt_json(json.loads(path.read_bytes()), rng)))
    elif path.suffix == ".skops" and rng.random() < 0.8:
        with zipfile.ZipFile(path) as packed:
            members = {name: packed.read(name) for name in packed.namelist()}
        name = rng.choice(sorted(members))
        if name.endswith(".json") and rng.random() < 0.8:
            members[name] = json.dumps(spoilt_json(json.loads(members[name]), rng)).encode()
        else:
            members[name] = spoilt(members[name], rng)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
            for name, content in members.items():
                packed.writestr(name, content)
    else:
        path.write_bytes(spoilt(path.read_bytes(), rng))


_MODELS: dict[str, tuple[Path, str]] = {}


def original_model():
    """Return the original model, built once."""
    if not _MODELS:
        root = Path(tempfile.mkdtemp(prefix="fuzzed-model-")) / "model"
        _MODELS["it"] = (root, logged_model(root))
    return _MODELS["it"]


def try_model(rng, warm, folder):
    original, digest = original_model()
    root = folder / "model"
    shutil.copytree(original, root)
    if rng.random() < 0.95:
        spoil_model(root, rng)
    names = ("data/artifact/model.skops", "data/artifact/manifest.json")
    same = all((root / name).read_bytes() == (original / name).read_bytes() for name in names)
    expected = digest if rng.random() < 0.3 else ""
    ended = warm.run("@model", root, expected, folder=folder, longest=KILLED_AFTER)
    wrong = "read though it was changed" if ended.status == 0 and expected and not same else ""
    return judged(("@model", str(root), expected), ended, wrong)


DOORS = {
    "files of sources": try_source,
    "files in containers": try_container,
    "experiments": try_experiment,
    "command lines": try_command_line,
    "ledgers": try_ledger,
    "models": try_model,
}


def try_door(name, seed, warm, *, keep=None):
    """Run one trial; keep a failing one as a folder with its seed."""
    rng = random.Random(f"{name} {seed}")
    with tempfile.TemporaryDirectory() as folder:
        tried = DOORS[name](rng, warm, Path(folder))
        if tried.wrong and keep is not None:
            shutil.copytree(folder, keep / f"{name} {seed}", dirs_exist_ok=True, symlinks=True)
    return tried


def main():
    """Try every kind of input in turn until the time is up."""
    parser = argparse.ArgumentParser(description=inspect.getdoc(sys.modules[__name__]))
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--door", choices=DOORS, action="append")
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "fuzz-findings")
    asked = parser.parse_args()
    end, seed = time.monotonic() + asked.seconds, asked.seed
    counts, statuses, wrong, spent = Counter(), Counter(), Counter(), Counter()
    slowest, largest = 0.0, 0.0
    with Warm(PROGRAMS) as warm:
        while time.monotonic() < end:
            for name in asked.door or DOORS:
                tried = try_door(name, seed, warm, keep=asked.keep)
                counts[name] += 1
                spent[name] += tried.ended.seconds
                statuses[tried.ended.status] += 1
                slowest = max(slowest, tried.ended.seconds)
                largest = max(largest, tried.ended.megabytes)
                if tried.wrong:
                    wrong[name] += 1
                    last = tried.ended.err.strip().splitlines()[-1:]
                    print(f"{name}, seed {seed}: {tried.wrong}: {tried.arguments} {last}"[:600],
                          flush=True)  # fmt: skip
            seed += 1
    for name, count in counts.items():
        print(f"{name}: {count} tried, {wrong[name]} wrong, {spent[name]:.0f} s")
    print(f"by exit status {dict(statuses)}; the slowest {slowest:.1f} s, {largest:.0f} MB at most")
    raise SystemExit(bool(wrong))


if __name__ == "__main__":
    main()
