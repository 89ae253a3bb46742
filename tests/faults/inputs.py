"""Faulty inputs: event files, experiment files, and options about them.

The command reads each in its own process. `python tests/faults/inputs.py` tries all of them and
reports how many cases passed for each row of the table of faults.
"""

from __future__ import annotations

import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

sys.path.insert(0, str(Path(__file__).parent))
import bad_files
from bad_files import HEADER, frame, gzipped, many, parquet, repeated, row, table, zipped
from warm import Warm

sys.path.pop(0)

LONGEST_SECONDS, MOST_MEGABYTES = 10.0, 500.0
LONGEST_REPEATED = 200


@dataclass(frozen=True)
class Fault:
    """A faulty file or experiment, and how the command must end.

    Parameters
    ----------
    row : int
        Of the table of faults.
    name : str
    content : callable
        Gives bytes or text.
    status : int
    said : tuple of str
        What either stream must hold.
    unsaid : tuple of str
        What none may hold.
    ending : str
        Of the file's name.
    options : tuple of str
    experiment : bool
        Whether the file is an experiment.
    full : bool
        Takes a second or more, and is left to `python tests/faults/run.py`.
    """

    row: int
    name: str
    content: Callable[[], bytes | str]
    status: int
    said: tuple[str, ...] = ()
    unsaid: tuple[str, ...] = ()
    ending: str = ".csv"
    options: tuple[str, ...] = ()
    experiment: bool = field(default=False, kw_only=True)
    full: bool = field(default=False, kw_only=True)


FAULTS: list[Fault] = []


def fault(number, name, content, status, *said, **more):
    made = content if callable(content) else lambda: content
    FAULTS.append(Fault(number, name, made, status, said, **more))


def cell(number, name, said, code, **cells):
    """Make a case with one wrong cell in two hundred rows; its line must be quarantined."""
    text = table(row(0), row(1, **cells), *(row(n) for n in range(2, 200)))
    fault(number, name, text, 0, "1 Q-", code, said, options=("--max-bad", "0.1"))


fault(1, "empty", "", 3, "E-EMPTY")
fault(1, "header only", HEADER, 3, "E-EMPTY")
fault(1, "mark only", b"\xef\xbb\xbf", 3, "E-EMPTY")
fault(2, "missing", table(row(), header=HEADER.replace("date", "dat")), 3, "E-COLUMNS",
      "event_date", "--columns event_dat=event_date")  # fmt: skip
fault(2, "twice", table(row(), header=HEADER.replace("killed", "event_id")), 3, "more than once")
fault(2, "unknown", table(row(), header=HEADER.replace("killed", "dead_ones")), 0,
      "columns left out: dead_ones")  # fmt: skip
fault(2, "unknown, strict", table(row(), header=HEADER.replace("killed", "dead_ones")), 3,
      "unknown columns: dead_ones", options=("--strict",))  # fmt: skip
fault(3, "short", many() + "1,2020-01-01,a\n", 0, "1 Q-ROW", "202", "6 cells, found 3")
fault(3, "long", many() + "1,2020-01-01,a,b,c,1,7\n", 0, "1 Q-ROW", "202", "6 cells, found 7")
fault(4, "utf-16", many().encode("utf-16"), 3, "byte 0", "--encoding utf-16")
fault(4, "latin-1", table(row(place="S\u00e9gou")).encode("latin-1"), 3, "byte 85", "--encoding")
fault(4, "broken", many().encode() + b"1,2020-01-01,x\xff\xfe,IRQ,a,1\n", 3, "byte 8157")
fault(4, "NUL", many() + row(7, place="a\0b"), 0, "1 Q-TEXT", "202", "\\x00")
fault(5, "open quote", table('1,2020-01-01,"a,IRQ,x,1\n', *(row(),) * 20_000), 3, "E-QUOTE",
      ".csv:2 ")  # fmt: skip
fault(5, "open quote, a million rows", lambda: table('1,2020-01-01,"a,IRQ,x,1\n',
      *(row(),) * 1_000_000), 3, "E-QUOTE", ".csv:2 ", full=True)  # fmt: skip
fault(6, "200 kB", table(row(place="x" * 200_000), *map(row, range(2, 200))), 0, "1 Q-TEXT")
fault(
    6, "50 MB line", lambda: table(row(place="x" * 50_000_000)), 3, "E-LIMIT", ".csv:2 ", full=True
)
fault(6, "gzip", lambda: gzipped(HEADER.encode() + (row() * 9).encode() * 90_000), 3, "E-LIMIT",
      ending=".csv.gz", full=True)  # fmt: skip
fault(6, "zip", lambda: zipped(content=HEADER + row() * 900_000), 3, "E-LIMIT", ending=".zip")
for day in ("01/02/2024", "2024-02-30", "0025-01-01", "20240102", "1577836800", "2020-1-1"):
    cell(7, day, day, "Q-DATE", day=day)
for day, zone in (("2024-03-31T02:30:00", "Europe/Paris"), ("2011-12-30", "Pacific/Apia")):
    text = table(row(), row(2, day=day), *map(row, range(3, 200)))
    fault(8, day, text, 0, "1 Q-DATE", day, options=("--zone", zone))
cell(8, "naive time", "2024-01-01T01:00:00", "Q-DATE", day="2024-01-01T01:00:00")
cell(9, "in the future", "2099-01-01", "Q-FUTURE", day="2099-01-01")
for value in ("-1", "1.5", "NaN", "inf", "1e400", '"1,200"', "1_000", "\u0661\u0662"):
    cell(10, value, value.strip('"'), "Q-NUMBER", killed=value)
fault(11, "identical", table(row(), row()), 0, "duplicates", options=("--json",))
fault(11, "contradicts", table(row(), row(place="Basra")), 3, "E-CONFLICT", ".csv:3 ")
for name in ("\u202ea", "a\x1b[2Jb"):
    text = table(row(), row(2, place=name), *map(row, range(3, 200)))
    fault(14, ascii(name), text, 0, "1 Q-TEXT", unsaid=(name,))
fault(14, "10 kB", table(row(place="y" * 10_000), *map(row, range(2, 200))), 0, "1 Q-TEXT",
      unsaid=("y" * 201,))  # fmt: skip

fault(30, "a value of 1 MB", lambda: parquet(frame(2000, admin1=repeated("x" * 10**6, 2000))), 3,
      "E-LIMIT", ending=".parquet")  # fmt: skip
fault(30, "a note of 1 MB", lambda: parquet(frame(2000, note=repeated("x" * 10**6, 2000))), 3,
      "E-LIMIT", ending=".parquet")  # fmt: skip
fault(30, "a cell of 300 MB", lambda: parquet(frame(admin1=["x" * 300_000_000, "a", "b"]),
      compression="zstd", write_statistics=False, use_dictionary=False), 3, "E-LIMIT",
      ending=".parquet", full=True)  # fmt: skip
fault(30, "20 million rows", lambda: parquet(bad_files.equal_rows(20_000_000)), 3, "E-LIMIT",
      ending=".parquet", full=True)  # fmt: skip
fault(30, "no day", lambda: many(230_000, day="x"), 3, "E-LIMIT", ".csv:2 ", "123", full=True)
fault(30, "one cell", HEADER + "a\n" * 4_000_000, 3, "E-LIMIT", ".csv:2 ", "6 cells, found 1")
fault(30, "NUL", HEADER + "\0,1,1,1,1,1\n" * 600_000, 3, "E-LIMIT", ".csv:2 ")
fault(30, "blank", HEADER + ",,,,,\n" * 1_300_000, 3, "E-EMPTY", full=True)
fault(30, "two cells far apart", lambda: bad_files.workbook(("XFD", 1_048_576)), 3, "E-LIMIT",
      ending=".xlsx")  # fmt: skip
fault(31, "brackets in JSON", "[" * 100_000, 3, ending=".json", unsaid=("[" * 201,))
fault(31, "a long column", table(row(), header=HEADER.replace("killed", "y" * 50_000)), 3,
      "unknown columns", options=("--strict",), unsaid=("y" * 201,))  # fmt: skip
fault(31, "a long value", many(day="x" * 5000), 3, "E-QUARANTINE", unsaid=("x" * 201,))
for name in ("[/foo]", "[bold]x[/bold]", ":smile:"):
    fault(32, f"column {name}", table(row(), header=HEADER.replace("killed", name)), 0,
          f"columns left out: {name}")  # fmt: skip
    cell(32, f"value {name}", name, "Q-DATE", day=name)
fault(32, "escape", table(row(), header=HEADER.replace("killed", "\x1b[2J")), 0, "\\x1b[2J",
      unsaid=("\x1b",))  # fmt: skip
fault(32, "file name", many(), 0, "[/foo]", ending="[/foo].csv")
for offset in ("+99:00", "+03:75"):
    text = table(row(), row(2, day=f"2020-01-01T00:00:00{offset}"), *map(row, range(3, 200)))
    fault(34, offset, text, 0, "1 Q-DATE", offset, options=("--zone", "Asia/Baghdad"))
for form in ("%d/%m", "%d/%m/%Y %d", "%Y", "%q", "%", "", "x"):
    fault(34, f"form {form!r}", many(), 2, "E-DATE-FORMAT", options=("--date-format", form))
for mark in (",,", "", "\n", '"', "\u00e9"):
    fault(34, f"separator {mark!r}", many(), 2, "E-SEPARATOR", options=("--separator", mark))

fault(35, "byte in a ragged row", many().encode() + b"1,2020-01-01,\xffa\n" + row().encode(), 3,
      "E-ENCODING", "byte 8156")  # fmt: skip
fault(35, "CR", many().replace("\n", "\r") + "1,2\r", 0, "1 Q-ROW", "202")
fault(35, "long header", table(row(), header=HEADER.replace("killed", "a" * 131_073)), 3, "E-LIMIT",
      unsaid=("a" * 201,))  # fmt: skip
for name, method in (("lzma", zipfile.ZIP_LZMA), ("bz2", zipfile.ZIP_BZIP2), ("deflate", 8),
                     ("stored", 0)):  # fmt: skip
    for at in (None, 60):
        fault(35, f"damaged {name} {at}", bad_files.damaged(zipped(method=method), at), 3, "E-FILE",
              "can't be read", ending=".zip")  # fmt: skip
    fault(35, f"cut {name}", zipped(method=method)[:-9], 3, "E-FILE", ending=".zip")
fault(35, "names that are no text", zipped("\u00e9\u00e9.csv").replace("\u00e9\u00e9".encode(),
      b"\xff\xfe\xff\xfe"), 3, "E-FILE", ending=".zip")  # fmt: skip
fault(35, "encrypted", bad_files.with_method(-1), 3, "E-FILE", ending=".zip")
fault(35, "unknown method", bad_files.with_method(97), 3, "E-FILE", ending=".zip")
fault(35, "two members", zipped("a.csv", "b.csv"), 3, "found 2", ending=".zip")
fault(35, "cut gzip", gzipped(many())[:-20], 3, "E-FILE", ending=".csv.gz")
fault(35, "no gzip", many(), 3, "E-FILE", ending=".csv.gz")
for name in ("idna", "punycode", "undefined", "unicode_escape", "rot13", "base64", "zip"):
    fault(35, f"codec {name}", many(), 3, "E-ENCODING", options=("--encoding", name))
for name in ("nosuch", "mbcs", ""):
    fault(35, f"codec {name!r}", many(), 2, "E-ENCODING", options=("--encoding", name))
fault(35, "broken Parquet text", parquet(frame(admin1=bad_files.broken_text())), 3, "E-FILE",
      ending=".parquet")  # fmt: skip
fault(35, "cut Parquet", parquet(frame())[:-30], 3, "E-FILE", ending=".parquet")
fault(35, "damaged Parquet", bad_files.damaged(parquet(frame())), 3, "E-FILE", ending=".parquet")
for name, column in {
    "bytes": pa.array([b"\xff", b"a", b"b"]),
    "lists": pa.array([["a"], ["b"], []]),
    "mappings": pa.array([[("a", 1)]] * 3, pa.map_(pa.string(), pa.int64())),
    "records": pa.array([{"a": 1}] * 3),
}.items():
    fault(35, f"Parquet of {name}", parquet(frame(admin1=column)), 3, "E-COLUMNS", "column=admin1",
          ending=".parquet")  # fmt: skip

EXPERIMENT = '[experiment]\nname = "small"\n'
LABEL = '[[targets]]\nname = "any"\n'


def experiment(number, text, key, *, whole=None, unsaid=()):
    content = whole if whole is not None else f"{EXPERIMENT}{LABEL}{text}\n"
    fault(number, text[:60], content, 2, key, ending=".toml", experiment=True, unsaid=unsaid)


for value in ("true", '"7"', "7.0", "7.5", "2020-01-01", "[7]", "91", "-1", "inf", "9" * 30):
    experiment(39, f"horizon = {value}", "horizon")
for key, value in (("killed", "3"), ("rung", "3.9"), ("rung", '"x"'), ("rung", "true"), ("rung", 7),
                   ("event_type", "[]"), ("event_type", "{ a = 1 }")):  # fmt: skip
    experiment(39, f"where = {{ {key} = {value} }}", f"column={key}")
    experiment(39, f"[panel]\nenters = {{ {key} = {value} }}", f"column={key}")
for text, key in {
    "[panel]\nunits = []": "units",
    '[panel]\nunits = ["all", "all"]': "units",
    "[panel.channels.target]": "target",
    "[panel.channels.events]": "events",
    "[panel.channels.event_type]": "event_type",
    "[panel.channels.unit]": "unit",
    '[panel]\npairs = [["a", "b"], ["b", "a"]]': "a>b",
    "[severity]\nx = [0, 1, 7]": "column=x",
    "[severity]\nx = [3, 2, 1]": "column=x",
    "[severity]\nx = [-1, 0, 1]": "column=x",
    "[severity]\nx = [1, 2.5, 4]": "severity.x",
    "[severity]\nx = [true, true, true]": "column=severity",
    "[data]\nfirst_day = 0001-01-01": "data.first_day",
    "[data]\nlast_day = 9999-12-31": "data.last_day",
    "[data]\nfirst_day = 5": "data.first_day",
    "[data]\nfirst_day = 2020-01-02\nlast_day = 2020-01-01": "column=last_day",
    "[data]\nlag = true": "data.lag",
    '[data]\nlag = "3"': "data.lag",
    '[data]\nevents = "a\\u0000b"': "data.events",
    '[data]\nsource = "nosuch"': "E-SOURCE",
    "[backtest]\nevery = true": "backtest.every",
    "[backtest]\nfirst_origin = 0001-01-01": "first_origin",
    "[features.window_sums]\nwindows = [true]": "windows",
    '[features.window_sums]\nwindows = ["7"]': "windows",
    "[features.window_sums]\nwindows = [7.5]": "windows",
    "[features.window_sums]\nwindows = [99999999999999999999]": "windows",
    "[features.decayed_sums]\nhalf_lives = [nan]": "half_lives",
    "[models.forest]\ntrees = true": "trees",
    "[models.forest]\ntrees = 0": "column=trees",
    "[models.forest]\nshare = 1.5": "column=share",
    "[models.boosting]\nleaves = 1": "column=leaves",
    "[models.logistic]\nridge = 0": "column=ridge",
    "[models.hazard]\nridge = 0.0": "column=ridge",
    "[models.boosting]\nleaf = 1000000000": "column=leaf",
    "[models.hawkes]\nridge = nan": "ridge",
}.items():
    experiment(39, text, key)
experiment(31, "brackets", "E-TOML", whole="a = " + "[" * 5000 + "]" * 5000, unsaid=("[" * 201,))
experiment(31, "tables", "E-TOML", whole="a = " + "{a=" * 5000 + "1" + "}" * 5000)
experiment(31, "dots", "E-CONFIG", whole=".".join("a" * 5000) + " = 1")
experiment(31, "long", "E-FILE", whole="#" * 3_000_000)
experiment(31, "long key", "E-CONFIG", whole=f"{EXPERIMENT}{LABEL}[{'y' * 50_000}]",
           unsaid=("y" * 201,))  # fmt: skip
experiment(31, "long text", "experiment.description", unsaid=("z" * 201,),
           whole=f'{EXPERIMENT}description = "{"z" * 900_000}"\n{LABEL}')  # fmt: skip


def tried(wanted, warm, folder):
    """Return what is wrong with how the command ended, or an empty text."""
    content = wanted.content()
    path = folder / (wanted.ending if wanted.ending.startswith("[") else f"a{wanted.ending}")
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    events = folder / "events.csv"
    if wanted.experiment:
        events.write_text(many(5))
        arguments = ("features", path.name, "--out", "out.parquet", *wanted.options)
        if "[data]" not in str(content):
            arguments = (*arguments, "--events", events.name, "--source", "tidy")
    else:
        arguments = ("validate", path.relative_to(folder), "--source", "tidy", *wanted.options)
    ended = warm.run(*arguments, folder=folder)
    left = {one.name for one in folder.iterdir()} - {path.relative_to(folder).parts[0], events.name}
    path.unlink()
    wrong = {
        f"status {ended.status} instead of {wanted.status}": ended.status != wanted.status,
        "a traceback": ended.traceback,
        f"{ended.seconds:.0f} s": ended.seconds > LONGEST_SECONDS,
        f"{ended.megabytes:.0f} MB": ended.megabytes > MOST_MEGABYTES,
        f"files left: {left}": bool(left),
    }
    said = " ".join(ended.said.split())
    folded = said.replace(" ", "").replace("\u2502", "")
    lacking = [
        word for word in wanted.said if word not in said and word.replace(" ", "") not in folded
    ]
    wrong[f"does not say {lacking}"] = bool(lacking)
    wrong["repeats too much"] = any(word in ended.said for word in wanted.unsaid)
    shown = ended.err.strip()[-300:]
    return [f"{what}: {shown}" for what, so in wrong.items() if so]


def main():
    """Try all cases, and count them by row."""
    held, of = Counter(), Counter()
    with Warm() as warm:
        for one in FAULTS:
            with tempfile.TemporaryDirectory() as folder:
                wrong = tried(one, warm, Path(folder))
            of[one.row] += 1
            held[one.row] += not wrong
            for text in wrong:
                print(f"row {one.row}, {one.name}: {text}")
    for number in sorted(of):
        print(f"row {number}: {held[number]} of {of[number]} held")


if __name__ == "__main__":
    main()
