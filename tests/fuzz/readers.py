"""Fuzz the readers with random files of every source, compared with an all-text reader.

    python tests/fuzz/readers.py [--files 2000] [--commands 50] [--seed 0] [--only SOURCE …]

Each file is a random table of a source, written with a random mixture of styles (separator, quotes,
encoding, spelling and order of columns, blanks, numbers with a point); every third one is then
damaged. Each must give an error of this package or a report whose counts add up, never any other
error, within ten CPU seconds. For undamaged files, every row must be read, and the events must
agree with what pandas, reading everything as text, finds in the same table.
"""

from __future__ import annotations

import argparse
import io
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import redirect_stderr
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from outside_tables import SAMPLES, TIDY, Sample, Table, text

from escalation import schema
from escalation.errors import EscalationError
from escalation.events import SOURCES, Limits, Options, load_events
from escalation.events.store.ingest import validate_files

LONGEST_SECONDS = 10.0
OWN_NAMES = {"When did it": "event_date", "what": "event_type", "Land": "country", "Ort": "admin1",
             "dead=": "killed", "known": "known_date", "text": "note"}  # fmt: skip
OWN = Sample([list(OWN_NAMES), *([row[TIDY.table[0].index(name)] for name in OWN_NAMES.values()]
                                 for row in TIDY.table[1:])], [])  # fmt: skip
"""A table without identifiers, with other column names that are declared."""
TABLES = {**SAMPLES, "tidy own": OWN}
KILLED = {"acled": "fatalities", "acled weekly": "FATALITIES", "ucdp": "best", "gtd": "nkill",
          "tidy": "killed", "tidy own": "dead="}  # fmt: skip
IDENTIFIERS = {"acled": "event_id_cnty", "ucdp": "id", "gdelt": "GLOBALEVENTID", "gtd": "eventid",
               "polecat": "Event ID", "tidy": "event_id"}  # fmt: skip
PROVINCES = {"acled": "admin1", "acled weekly": "ADMIN1", "ucdp": "adm_1", "tidy": "admin1",
             "gdelt": "ActionGeo_ADM1Code", "gtd": "provstate", "polecat": "Province",
             "icews": "Province", "tidy own": "Ort"}  # fmt: skip
PIECES = [b"", b"\0", b'"', b"\n", b"\r", b",", b"NA", b"\xff", b"1e400", b"[", b"{"]
NAMES = ["Baghdad", "S\u00e9gou", "O'Higgins", "Al Anbar", "\u0628\u063a\u062f\u0627\u062f", "7"]


def random_table(name: str, rng: random.Random, rows: int) -> Table:
    """Make a table of a source with more rows, other identifiers, provinces and tolls."""
    head, *body = TABLES[name].table
    table = [list(head)]
    for number in range(rows):
        row = list(rng.choice(body))
        cells = {
            IDENTIFIERS.get(name, "Event ID"): str(100_000_000_000 + number),
            PROVINCES[name]: rng.choice(NAMES),
            KILLED.get(name): str(rng.randrange(40)),
        }
        if name == "acled weekly":
            cells = {**cells, "COUNTRY": rng.choice(["Iraq", "Mali"]), "ADMIN1": f"P{number}"}
        for column, cell in cells.items():
            if column in head:
                row[head.index(column)] = cell
        table.append(row)
    return table


def spelled(rng: random.Random) -> Callable[[str], str]:
    """Choose how a program spells column names."""
    return rng.choice(
        [str, str.upper, str.lower, lambda n: f" {n} ", lambda n: n.replace(" ", ".")]
    )


def padded(rng: random.Random) -> Callable[[str], str]:
    """Choose which blanks a program leaves around cells."""
    return rng.choice([str, str, lambda cell: f" {cell}", lambda cell: f"{cell}\u00a0  "])


def written(name: str, table: Table, rng: random.Random) -> tuple[bytes, dict[str, object]]:
    """Return the bytes of a file in a mixture of styles, and the options that it needs."""
    order = list(range(len(table[0])))
    if rng.random() < 0.3:
        rng.shuffle(order)
    spell, pad = spelled(rng), padded(rng)
    rows = [[spell(table[0][k]) for k in order]]
    rows += [[pad(row[k]) if row[k] else "" for k in order] for row in table[1:]]
    if rng.random() < 0.2:
        rows = [["" if not number else str(number), *row] for number, row in enumerate(rows)]
    if rng.random() < 0.2:
        rows = [[*row, ""] for row in rows]
    delimiter = rng.choice([TABLES[name].delimiter, ",", ";", "\t", "|"])
    ends = rng.choice(["\n", "\r\n", "\r"])
    unquoted = delimiter == "\t" == TABLES[name].delimiter
    content = text(
        rows, delimiter=delimiter, ends=ends, quoting=0 if unquoted else rng.choice([0, 1])
    )
    if delimiter in ",;" and rng.random() < 0.2:
        content = f"sep={delimiter}{ends}{content}"
    encoding = rng.choice(["utf-8", "utf-8", "utf-8-sig", "utf-16"])
    options: dict[str, object] = {"encoding": encoding} if encoding == "utf-16" else {}
    if name == "tidy own":
        options["columns"] = {spell(own).strip(): new for own, new in OWN_NAMES.items()}
    return content.encode(encoding), options


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Drop, change, repeat or insert some bytes."""
    data = bytearray(content)
    for _ in range(rng.randrange(1, 5)):
        at, end = sorted(rng.randrange(len(data) + 1) for _ in range(2))
        piece = rng.choice(
            [b"", b"\0", b'"', b"\n", b"\r", b",", b"NA", b"\xff", b"1e400", data[at:end]]
        )
        data[at : at + rng.randrange(20)] = piece
        data = data or bytearray(b"x")
    return bytes(data)


def expected(name: str, table: Table) -> set[tuple[str, ...]]:
    """Return identifier, province and toll of every row, read as text."""
    frame = pd.read_csv(io.StringIO(text(table)), dtype=str, keep_default_na=False)
    columns = [IDENTIFIERS.get(name), PROVINCES[name], KILLED.get(name)]
    return set(
        zip(*(frame[column] if column else [""] * len(frame) for column in columns), strict=True)
    )


def found(name: str, path: Path, options: dict[str, object]) -> set[tuple[str, ...]]:
    """Return the same from the events that the package reads."""
    frame = load_events(name.split()[0], path, options=Options(**options)).versions
    killed = frame[schema.KILLED].astype("str").where(frame[schema.KILLED].notna(), "")
    identifiers = frame[schema.EVENT_ID] if name in IDENTIFIERS else [""] * len(frame)
    return set(zip(identifiers, frame[schema.ADMIN1].fillna(""), killed, strict=True))


def try_one(name: str, seed: int, folder: Path) -> str:
    """Return what became of one file; raise an error if something is wrong."""
    rng = random.Random(f"{name} {seed}")
    table = random_table(name, rng, rng.choice([1, 2, 7, 60]))
    content, options = written(name, table, rng)
    spoilt = seed % 3 == 2
    path = folder / "a.csv"
    path.write_bytes(damaged(content, rng) if spoilt else content)
    try:
        source, lax = SOURCES[name.split()[0]], Limits(max_bad=1.0)
        (report,) = validate_files(source, [path], options=Options(**options), limits=lax)
    except EscalationError as error:
        if spoilt and error.status == 3:
            return error.code
        raise
    assert report.accepted + report.quarantined + report.duplicates == report.records
    if not spoilt:
        assert report.quarantined == 0, (report.reasons, report.first)
        assert found(name, path, options) == expected(name, table)
    return "taken"


def try_command(name: str, seed: int, folder: Path) -> str:
    """Read the same file by the command; expect status 0 or 3, and no traceback."""
    try_one(name, seed, folder)
    command = [sys.executable, "-m", "escalation.cli", "validate", "--source", name.split()[0]]
    command.append(str(folder / "a.csv"))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 3) and "Traceback" not in done.stderr, done.stderr
    return f"status {done.returncode}"


def main() -> None:
    """Try many files of every source."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--commands", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", choices=list(TABLES), default=list(TABLES))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name in asked.only:
            became, slowest = Counter(), 0.0
            for seed in range(asked.seed, asked.seed + asked.files):
                start = time.process_time()
                with redirect_stderr(io.StringIO()):
                    became[try_one(name, seed, Path(folder))] += 1
                slowest = max(slowest, time.process_time() - start)
            print(f"{name}: {dict(became)}, the slowest in {slowest:.1f} s")
            assert slowest < LONGEST_SECONDS
        seeds = range(asked.seed, asked.seed + asked.commands)
        names = [name for name in asked.only if name != "tidy own"]
        tried = [try_command(names[seed % len(names)], seed, Path(folder)) for seed in seeds]
        print("commands", dict(Counter(tried)))


if __name__ == "__main__":
    main()
