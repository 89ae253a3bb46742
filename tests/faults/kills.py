"""Send real signals at random times to five commands, on sqlite and on a real server.

`python tests/faults/kills.py --kills 200` reports after each kill what is corrupted or left behind,
and counts at the end. Any command may follow a kill; here it is `validate` of a small file.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))
from bad_files import many, row, table
from servers import serving
from tracking_small import SMALL
from warm import Warm

del sys.path[:2]

PROGRAMS = Path(__file__).with_name("kill_programs.py")
SIGNALS = (signal.SIGKILL,) * 6 + (signal.SIGTERM, signal.SIGINT)
STATUS = {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGINT: 130}
COMMANDS = ("ingest", "train", "score", "promote", "verify")
ROWS = 3000


class Place:
    """Make a folder with an archive and a ledger, and a store with two versions of a model."""

    def __init__(self, warm, folder, uri):
        self.warm, self.folder, self.uri, self.files = warm, folder, uri, 0
        (folder / "small.toml").write_text(SMALL.replace("[models.logistic]\n", ""))
        (folder / "tiny.csv").write_text(many(5))
        for command in ("ingest", "train", "train", "score", "verify"):
            self.must(*self.arguments(command))
        self.before = self.state()

    def arguments(self, command):
        store = ("--tracking-uri", self.uri)
        if command == "ingest":
            self.files += 1
            first = self.files * ROWS
            rows = (row(n, day=f"2020-{1 + n % 12:02}-{1 + n % 28:02}") for n in range(ROWS))
            text = table(*(one.replace(",", f"-{first},", 1) for one in rows))
            (self.folder / "new.csv").write_text(text)
            return "ingest", "new.csv", "--source", "tidy", "--archive", "archive"
        if command == "train":
            return "train", "small.toml", "--again", *store
        if command == "promote":
            return "promote", "--model", "small", "--force", "--reason", "a test", *store
        ledger = ("--model", "small", "--ledger", "ledger.jsonl", *store)
        if command == "verify":
            return "verify", *ledger
        day = f"2020-{random.randint(3, 12):02}-{random.randint(1, 28):02}"
        return "score", "--as-of", day, "--allow-in-sample", *ledger

    def must(self, *arguments):
        ended = self.warm.run(*arguments, folder=self.folder, longest=600)
        assert ended.status == 0, ended.said
        return ended

    def state(self):
        done = self.must("@state", self.uri, self.folder / "archive", self.folder / "ledger.jsonl")
        return json.loads(done.out.splitlines()[-1])

    def typical(self, command):
        if command == "promote":
            self.must("@challenge", self.uri)
        start = time.monotonic()  # includes the server's work
        self.must(*self.arguments(command))
        took = time.monotonic() - start
        self.before = self.state()
        return took

    def killed(self, command, after, number):
        """Return what is wrong after a kill and one more command."""
        if command == "promote":
            self.must("@challenge", self.uri)
            self.before = self.state()
        ended = self.warm.run(
            *self.arguments(command), folder=self.folder, longest=600, after=after,
            signal=int(number),
        )  # fmt: skip
        self.must("validate", "tiny.csv", "--source", "tidy")
        now, before = self.state(), self.before
        self.before = now
        left = [p.relative_to(self.folder) for p in self.folder.rglob("*") if p.suffix == ".part"]
        wrong = {
            f"status {ended.status}": ended.status not in (0, STATUS[number]),
            "a traceback": "Traceback (most" in ended.said,
            f"left {left}": bool(left),
            f"{now['running']} runs go on": now["running"],
            f"{now['half']} half models": now["half"],
            "the ledger lost lines": now["ledger"][: len(before["ledger"])] != before["ledger"],
            "half a file": now["events"] - before["events"] not in (0, ROWS),
            "versions were lost": not set(before["versions"]) <= set(now["versions"]),
            "the champion moved": command != "promote"
            and now["aliases"]["champion"] != before["aliases"]["champion"],
            "sqlite": self.damaged(),
        }
        found = [what for what, so in wrong.items() if so]
        return ended.status != 0, found and [*found, ended.err[-500:]]

    def damaged(self):
        with sqlite3.connect(self.folder / "mlflow.db") as store:
            return store.execute("PRAGMA integrity_check").fetchall() != [("ok",)]


def tried(place, kills, chance, name):
    """Kill n times; count by command the kills that came in time, and report what was wrong."""
    took = {command: place.typical(command) for command in COMMANDS}
    print(name, {command: round(seconds, 1) for command, seconds in took.items()}, flush=True)
    killed, wrong, number = Counter(), [], 0
    while sum(killed.values()) < kills:
        command, number = COMMANDS[number % len(COMMANDS)], number + 1
        after, sent = chance.uniform(0, took[command]), chance.choice(SIGNALS)
        in_time, found = place.killed(command, after, sent)
        killed[command] += in_time
        wrong += [(command, what) for what in found]
        for what in found:
            print(f"{name}: {command}, {sent.name} after {after:.2f} s: {what}", flush=True)
        if number % 20 == 0:
            print(f"{name}: {sum(killed.values())} kills, {len(wrong)} wrong", flush=True)
    print(f"{name}: {dict(killed)}, wrong: {len(wrong)}", flush=True)
    return sum(killed.values()), len(wrong)


def main():
    """Do half of the kills on sqlite, half on a server."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--store", choices=("sqlite", "server", "both"), default="both")
    wanted = parser.parse_args()
    print(f"seed {wanted.seed}", flush=True)
    chance, done = random.Random(wanted.seed), []
    random.seed(wanted.seed)
    shares = {"sqlite": wanted.kills // 2, "server": wanted.kills - wanted.kills // 2}
    if wanted.store != "both":
        shares = {wanted.store: wanted.kills}
    with Warm(PROGRAMS) as warm:
        for store, kills in shares.items():
            with tempfile.TemporaryDirectory(prefix="kills-") as name:
                folder = Path(name)
                if store == "sqlite":
                    place = Place(warm, folder, f"sqlite:///{folder}/mlflow.db")
                    done.append(tried(place, kills, chance, store))
                    continue
                subprocess.run(
                    [sys.executable, "-c", "import sys; from escalation import tracking; "
                     f"tracking.open_store('sqlite:///{folder}/mlflow.db')"], check=True,
                )  # fmt: skip
                arguments = ("mlflow", "server", "--backend-store-uri",
                             f"sqlite:///{folder}/mlflow.db", "--artifacts-destination",
                             folder / "held", "--workers", "1")  # fmt: skip
                with serving(*arguments, folder=folder) as address:
                    done.append(tried(Place(warm, folder, address), kills, chance, store))
    print(f"{sum(n for n, _ in done)} kills, {sum(n for _, n in done)} wrong")
    return int(any(wrong for _, wrong in done))


if __name__ == "__main__":
    sys.exit(main())
