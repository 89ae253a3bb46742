"""Faults when writing: files, the store, the ledger, streams, users, signals.

The command meets each in its own process, on a copy of a folder with a trained store. Those marked
``full`` take long; `python tests/faults/run.py` includes them.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))
from bad_files import many
from servers import serving
from tracking_small import SMALL

del sys.path[:2]

AT_ONCE, STORE = 2.0, "sqlite:///mlflow.db"
DAY = ("--as-of", "2020-06-01", "--allow-in-sample")
MODEL = ("--model", "small")


class Skipped(Exception):
    """A case that can't be tried here, with the reason."""


class Place:
    """The folder of one case, with a trained store, an experiment and a file of events."""

    def __init__(self, warm, folder):
        self.warm, self.folder = warm, folder

    def run(self, *arguments, **how):
        return self.warm.run(*arguments, **{"folder": self.folder, **how})

    def ends(self, status, *arguments, said=(), within=10.0, **how):
        """Return what is wrong with how a command ends."""
        done = self.run(*arguments, **how)
        statuses = status if isinstance(status, tuple) else (status,)
        words = " ".join(done.said.split())
        wrong = {
            f"status {done.status} instead of {status}": done.status not in statuses,
            "a traceback": "Traceback (most" in done.said,
            f"took {done.seconds:.1f} s": done.seconds > within,
            f"does not say {[w for w in said if w not in words]}": any(
                word not in words for word in said
            ),
        }
        named = " ".join(map(str, arguments))
        return [f"{named}: {what}: {done.err[-300:]}" for what, so in wrong.items() if so]

    @property
    def parts(self):
        return [f"left: {path.name}" for path in self.folder.rglob("*") if path.suffix == ".part"]


@dataclass(frozen=True)
class Case:
    """A fault: its row in the table, a name, and a function that returns what is wrong."""

    row: int
    name: str
    run: Callable[[Place], list[str]]
    full: bool = False


CASES: list[Case] = []


def case(row, name, *, full=False):
    def listed(run):
        CASES.append(Case(row, name, run, full))
        return run

    return listed


def prepared(warm, folder):
    """Make a folder with a trained store, to be copied."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "small.toml").write_text(SMALL.replace("[models.logistic]\n", ""))
    (folder / "events.csv").write_text(many(50))
    (folder / "bad.csv").write_text("")
    place = Place(warm, folder)
    wrong = place.ends(0, "train", "small.toml", "--tracking-uri", STORE, within=600, longest=600)
    wrong += place.ends(0, "score", *MODEL, *DAY, "--tracking-uri", STORE, within=600)
    assert not wrong, wrong
    return folder


def copied(warm, folder, into):
    """Copy the folder for one case."""
    shutil.copytree(folder, into, dirs_exist_ok=True)
    return Place(warm, into)


OUTPUTS = {
    "validate": ("validate", "events.csv", "--source", "tidy", "--quarantine"),
    "ingest": ("ingest", "events.csv", "--source", "tidy", "--archive", "a", "--quarantine"),
    "init": ("init", "events.csv", "--source", "tidy", "--force", "--out"),
    "score": ("score", *MODEL, *DAY, "--out"),
    "ledger": ("score", *MODEL, *DAY, "--ledger"),
    "backtest": ("backtest", "small.toml", "--out"),
    "features": ("features", "small.toml", "--out"),
    "report": ("report", *MODEL, *DAY, "--out"),
    "replay": ("replay", "small.toml", "--as-of", "2020-06-01", "--out"),
    "figure": ("replay", "small.toml", "--from", "2020-06-01", "--to", "2020-06-02", "--figure"),
    "moves": ("moves", "small.toml", "--figure"),
    "revisions": ("revisions", "small.toml", "--figure"),
}
ENDING = {"report": ".html", "figure": ".png", "moves": ".png", "revisions": ".png",
          "ledger": ".jsonl", "init": ".toml"}  # fmt: skip


def _mknod(path):
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    except PermissionError:
        raise Skipped("only root makes a device") from None


def _socket(path):
    with contextlib.chdir(path.parent), socket.socket(socket.AF_UNIX) as made:
        made.bind(path.name)


KINDS = {"device": _mknod, "FIFO": os.mkfifo, "socket": _socket, "folder": Path.mkdir}


def _refused(kind, make, names):
    def run(place):
        wrong = []
        for name in names:
            target = place.folder / f"out{ENDING.get(name, '.csv')}"
            make(target)
            before = target.lstat()
            wrong += place.ends(2, *OUTPUTS[name], target.name, said=("E-FILE-KIND",))
            after = target.lstat()
            if (before.st_mode, before.st_ino) != (after.st_mode, after.st_ino):
                wrong.append(f"{name}: the {kind} was replaced")
            target.rmdir() if kind == "folder" else target.unlink()
        return wrong + place.parts

    return run


for kind, make in KINDS.items():
    case(29, f"every output is a {kind}", full=True)(_refused(kind, make, OUTPUTS))
    case(29, f"an output is a {kind}")(_refused(kind, make, ("score", "features", "ledger")))


@case(29, "links are written through")
def _links(place):
    (place.folder / "there").mkdir()
    for name, target in (("a.csv", "there/a.csv"), ("l.jsonl", "there/l.jsonl")):
        (place.folder / name).symlink_to(target)
    wrong = place.ends(0, *OUTPUTS["score"], "a.csv", "--ledger", "l.jsonl", within=60)
    for name in ("a.csv", "l.jsonl"):
        link = place.folder / name
        if not (link.is_symlink() and link.resolve().is_file()):
            wrong.append(f"{name} is not written through")
    return wrong


@contextlib.contextmanager
def mounted(folder, options):
    """Mount a small file system; skip if mounts are not permitted."""
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise Skipped(f"no mount: {error}") from None
    if done.returncode:
        raise Skipped(f"mount is not permitted: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


def fill(folder, leave=0):
    """Fill the file system, leaving the given number of bytes free."""
    state = os.statvfs(folder)
    size = state.f_bavail * state.f_frsize - leave
    with contextlib.suppress(OSError), (folder / "filler").open("wb") as file:
        while size > 0:
            file.write(bytes(min(size, 1 << 20)))
            size -= 1 << 20


def _no_room(options, names, prepare=lambda folder: None):
    def run(place):
        wrong = []
        with mounted(place.folder / "held", options) as held:
            prepare(held)
            kept = sorted(path.name for path in held.iterdir())
            for name in names:
                if name == "train":
                    store = f"sqlite:///{held}/mlflow.db"
                    command = ("train", "small.toml", "--again", "--tracking-uri", store)
                elif name == "archive":
                    command = (*OUTPUTS["ingest"][:4], "--archive", held / "archive")
                else:
                    command = (*OUTPUTS[name], held / f"out{ENDING.get(name, '.csv')}")
                wrong += place.ends(6, *command, said=("E-STORAGE",), within=AT_ONCE * 2)
            if sorted(path.name for path in held.iterdir()) != kept:
                wrong.append(f"left {sorted(path.name for path in held.iterdir())}")
        return wrong

    return run


WRITING = ("train", "archive", *OUTPUTS)
for name, options, prepare in (
    ("read-only", "size=4m,ro", lambda folder: None),
    ("full", "size=4m", fill),
    ("almost full", "size=4m", lambda folder: fill(folder, 200_000)),
):
    case(38, f"{name} target of every command", full=True)(_no_room(options, WRITING, prepare))
    case(38, f"{name} target")(
        _no_room(options, ("train", "archive", "backtest", "score"), prepare)
    )


@case(27, "standard output is full, or closed")
def _streams(place):
    good, bad = (("validate", name, "--source", "tidy") for name in ("events.csv", "bad.csv"))
    return [
        *place.ends(6, *good, out="/dev/full", said=("E-STORAGE",)),
        *place.ends(3, *bad, out="/dev/full"),
        *place.ends(0, *good, out="closed"),
        *place.ends(3, *bad, out="closed"),
        *place.ends(0, *good, err="/dev/full"),
        *place.ends(3, *bad, err="/dev/full"),
        *place.ends(3, *bad, err="closed"),
        *place.ends(2, "nonsense", err="/dev/full"),
    ]


@case(27, "the disk fills up while a training is stored, or events are taken in", full=True)
def _filled_up(place):
    wrong = []
    with mounted(place.folder / "held", "size=40m") as held:
        shutil.copytree(place.folder / "mlartifacts", held / "mlartifacts")
        shutil.copy(place.folder / "mlflow.db", held)
        store = f"sqlite:///{held}/mlflow.db"
        filling = threading.Timer(2.0, fill, [held])
        filling.start()
        train = ("train", "small.toml", "--again", "--tracking-uri", store)
        wrong += place.ends(6, *train, within=600, longest=600)
        filling.join()
        (held / "filler").unlink(missing_ok=True)
        score = ("score", *MODEL, *DAY, "--tracking-uri", store)
        wrong += place.ends(0, *score, within=60)
        wrong += place.ends(0, *train, within=600, longest=600)
        with sqlite3.connect(held / "mlflow.db") as connection:
            wrong += [
                f"sqlite: {line}"
                for (line,) in connection.execute("PRAGMA integrity_check")
                if line != "ok"
            ]
    return wrong


def _damage(place, how):
    path = place.folder / "mlflow.db"
    data = bytearray(path.read_bytes())
    if how == "cut":
        data = data[: len(data) // 2]
    elif how == "text":
        data = bytearray(b"this is no database\n" * 100)
    elif how == "damaged":
        for page in range(1, len(data) // 4096, 2):
            data[page * 4096 : page * 4096 + 200] = os.urandom(200)
    path.write_bytes(data)
    return bytes(data)


STORED = {
    "train": ("train", "small.toml", "--again"),
    "score": ("score", *MODEL, *DAY),
    "promote": ("promote", *MODEL),
    "verify": ("verify", *MODEL),
    "report": ("report", *MODEL, *DAY, "--out", "page.html"),
    "compare": ("compare",),
    "ui": ("ui", "--port", "65000"),
}


def _bad_store(uri, status, names=tuple(STORED), how=None):
    def run(place):
        wrong, before = [], _damage(place, how) if how else None
        for name in names:
            wrong += place.ends(status, *STORED[name], "--tracking-uri", uri, within=10.0)
        if how and (place.folder / "mlflow.db").read_bytes() != before:
            wrong.append("the store was changed")
        return wrong + place.parts

    return run


for how in ("cut", "text", "damaged"):
    names = tuple(name for name in STORED if (how, name) != ("damaged", "ui"))
    case(36, f"{how} store, every command", full=True)(_bad_store(STORE, (5, 6), names, how))
    case(36, f"{how} store")(_bad_store(STORE, (5, 6), ("score", "train"), how))
for uri in ("sqlite:///.", ".", "file:///tmp", "foo://bar", "nonsense", "sqlite://",
            "sqlite:////dev/null", "http://127.0.0.1:9", "postgresql://127.0.0.1:9/x"):  # fmt: skip
    case(36, f"{uri}, every command", full=True)(_bad_store(uri, 6))
    case(36, uri)(_bad_store(uri, 6, ("train",)))


@contextlib.contextmanager
def silent(answers=0):
    """Run a server that accepts every connection, answers some requests and then no more."""
    taken, held = socket.create_server(("127.0.0.1", 0), backlog=100), []

    def serve():
        for number in range(10_000):
            try:
                one, _ = taken.accept()
            except OSError:
                return
            held.append(one)
            if number < answers:
                one.recv(65_536)
                body = b'{"experiments": []}'
                one.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
                one.sendall(b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body))
                one.sendall(body)
                one.close()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"
    finally:
        taken.close()
        for one in held:
            one.close()


@case(36, "a server that does not answer, every command", full=True)
def _silent(place):
    with silent() as uri:
        return _bad_store(uri, (6, 7), tuple(STORED)[:-1])(place)


@case(36, "a server that stops answering", full=True)
def _falls_silent(place):
    wrong = []
    for answers in (1, 2):
        with silent(answers) as uri:
            for name in ("train", "score", "promote"):
                command = (*STORED[name], "--tracking-uri", uri)
                wrong += place.ends((5, 6, 7), *command, within=12.0)
    return wrong


@case(36, "a server that does not answer")
def _silent_once(place):
    with silent() as uri:
        return _bad_store(uri, (6, 7), ("score",))(place)


@case(26, "the store is locked", full=True)
def _locked(place):
    connection = sqlite3.connect(place.folder / "mlflow.db", isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    try:
        return place.ends(7, *STORED["train"], "--tracking-uri", STORE, said=("E-BUSY",),
                          within=34.0)  # fmt: skip
    finally:
        connection.close()


@case(26, "killed while the store is being made", full=True)
def _half_made(place):
    wrong = []
    for path in (place.folder / "mlflow.db", place.folder / "mlartifacts"):
        path.unlink() if path.is_file() else shutil.rmtree(path)
    train = ("train", "small.toml", "--tracking-uri", STORE)
    for after in (4.0, 6.0, 8.0, 10.0):
        place.run(*train, after=after, signal=int(signal.SIGKILL), longest=600)
        wrong += place.ends(0, "validate", "events.csv", "--source", "tidy") + place.parts
    return wrong + place.ends(0, *train, within=600, longest=600)


@case(28, "two promotions at once", full=True)
def _promotions(place):
    wrong = place.ends(0, *STORED["train"], "--tracking-uri", STORE, within=600, longest=600)
    promote = ("promote", *MODEL, "--force", "--reason", "x", "--tracking-uri", STORE)
    command = [sys.executable, "-m", "escalation.cli", *promote]
    both = [subprocess.Popen(command, cwd=place.folder, stderr=subprocess.PIPE) for _ in range(2)]
    ended = sorted(one.wait(600) for one in both)
    if ended[0] != 0 or ended[1] not in (0, 4, 5, 7):
        wrong.append(f"ended with {ended}")
    return wrong


@case(24, "signals at eight points of train", full=True)
def _signals(place):
    took, wrong = 0.0, []
    train = (*STORED["train"], "--tracking-uri", STORE)
    took = place.run(*train, longest=600).seconds
    for number, status in ((signal.SIGKILL, -9), (signal.SIGTERM, 143), (signal.SIGINT, 130)):
        for point in range(8):
            after = took * (point + 0.5) / 8
            done = place.run(*train, longest=600, after=after, signal=int(number))
            if done.status not in (status, 0) or "Traceback" in done.said:
                wrong.append(f"{number.name} after {after:.1f} s: {done.status} {done.err[-300:]}")
            wrong += place.ends(0, "validate", "events.csv", "--source", "tidy") + place.parts
            with sqlite3.connect(place.folder / "mlflow.db") as store:
                (running,) = store.execute(
                    "SELECT count(*) FROM runs WHERE status = 'RUNNING'"
                ).fetchone()
                alias = store.execute(
                    "SELECT version FROM registered_model_aliases WHERE alias = 'champion'"
                ).fetchall()
            if running or alias != [(1,)]:
                wrong.append(f"{number.name} after {after:.1f} s: {running} run, champion {alias}")
    return wrong + place.ends(0, *train, within=600, longest=600)


@case(25, "six trains at once, on no store and on a live one", full=True)
def _six(place):
    wrong = []
    for name in ("none.db", "mlflow.db"):
        command = [sys.executable, "-m", "escalation.cli", "train", "small.toml", "--again",
                   "--tracking-uri", f"sqlite:///{name}"]  # fmt: skip
        six = [
            subprocess.Popen(
                [*command, "--set", f"experiment.seed={seed}"], cwd=place.folder,
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            )
            for seed in range(6)
        ]  # fmt: skip
        said = [one.communicate()[1] for one in six]
        wrong += [text[-300:] for one, text in zip(six, said, strict=True) if one.returncode]
        with sqlite3.connect(place.folder / name) as store:
            (versions,) = store.execute("SELECT count(*) FROM model_versions").fetchone()
            sound = store.execute("PRAGMA integrity_check").fetchall()
        if versions != 6 + (name == "mlflow.db") or sound != [("ok",)]:
            wrong.append(f"{name}: {versions} versions, {sound}")
    return wrong


@case(40, "ports and numbers out of range")
def _ranges(place):
    wrong = []
    for port in ("99999", "0", "-1", "65536", "9" * 30):
        wrong += place.ends(2, "ui", "--port", port, "--tracking-uri", STORE)
    for arguments in (("--budget", "9" * 30), ("--explain", "-1"), ("--stale-after", "x")):
        wrong += place.ends((2, 0), "score", *MODEL, *DAY, *arguments, within=60)
    wrong += place.ends(2, "validate", "events.csv", "--source", "tidy", "--lag", "9" * 30)
    return wrong


@case(42, "a ledger that was cut, emptied or is an older copy")
def _cut(place):
    ledger = place.folder / ".escalation" / "ledger.jsonl"
    lines = ledger.read_text().splitlines(keepends=True)
    newest = json.loads(lines[-1])["hash"]
    verify = ("verify", *MODEL, "--tracking-uri", STORE, "--expect")
    done = place.run("score", *MODEL, *DAY, "--tracking-uri", STORE)
    wrong = [] if newest in done.err else [f"score does not print the hash: {done.err}"]
    wrong += place.ends(0, *verify, newest, within=60)
    for kept, words in ((lines[:-1], "cut off"), ([], "empty or gone"), (lines[:1], "older copy")):
        ledger.write_text("".join(kept))
        wrong += place.ends(3, *verify, newest, said=("E-LEDGER", words), within=60)
    ledger.unlink()
    wrong += place.ends(3, *verify, newest, said=("E-LEDGER", "gone"), within=60)
    return wrong + place.ends(2, *verify, "abc", said=("E-USAGE",), within=60)


FEW = """
[experiment]
name = "few"
[data]
source = "tidy"
events = "few.csv"
[panel]
units = ["all"]
[features.window_sums]
[[targets]]
name = "any"
horizon = 7
[models.ewma_nb]
[backtest]
every = 7
refit_every = 20
"""


@case(45, "a model from 12 events and two outcomes of a kind", full=True)
def _few(place):
    days = [f"2020-{month:02}-01" for month in range(1, 13)]
    rows = [f"{n},{day},rocket_attack,IRQ,Anbar,1\n" for n, day in enumerate(days)]
    header = "event_id,event_date,event_type,country,admin1,killed\n"
    (place.folder / "few.csv").write_text(header + "".join(rows))
    (place.folder / "few.toml").write_text(FEW)
    done = place.run("train", "few.toml", "--tracking-uri", "sqlite:///few.db", longest=600)
    words = " ".join(done.said.split())
    if done.status == 4 and "E-INSUFFICIENT" in words:
        return []
    told = "champion" not in words or "nothing is verified" in words
    return [] if done.status == 0 and told else [f"{done.status}: {words[-500:]}"]


@contextlib.contextmanager
def users(*names):
    """Create two ordinary users temporarily; yield their ids and their common group."""
    if os.geteuid() or not shutil.which("useradd"):
        raise Skipped("only root makes users")
    made = []
    try:
        subprocess.run(["groupadd", "-f", "faults"], check=True, capture_output=True)
        for name in names:
            command = ["useradd", "--no-create-home", "-g", "faults", name]
            if subprocess.run(command, capture_output=True, check=False).returncode:
                raise Skipped("useradd is not permitted")
            made.append(name)
        yield list(names)
    finally:
        for name in made:
            subprocess.run(["userdel", name], check=False, capture_output=True)
        subprocess.run(["groupdel", "faults"], check=False, capture_output=True)


READS = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
"""If the interpreter is in a closed home, users may read more than usual, but not write more."""


def as_user(name, folder, *arguments):
    """Run the command as another user, in a folder, with that user's home."""
    home = folder / f"home-{name}"
    home.mkdir(exist_ok=True)
    shutil.chown(home, name, "faults")
    user = ["setpriv", f"--reuid={name}", "--regid=faults", "--clear-groups"]
    reached = subprocess.run([*user, sys.executable, "-c", ""], capture_output=True, check=False)
    command = [*user, *(READS if reached.returncode else ()), "--", sys.executable, "-m",
               "escalation.cli", *map(str, arguments)]  # fmt: skip
    environment = {**os.environ, "HOME": str(home), "USER": name, "MPLCONFIGDIR": str(home)}
    return subprocess.Popen(
        command, cwd=folder, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def both_train(folder, names, uri):
    """Return what is wrong after two users have trained at once, and each has scored."""
    wrong = []
    train = ("train", "small.toml", "--again", "--tracking-uri", uri)
    running = [as_user(name, folder, *train) for name in names]
    for name, one in zip(names, running, strict=True):
        _, err = one.communicate(timeout=900)
        wrong += [f"{name}: train ended with {one.returncode}: {err[-500:]}"] * bool(one.returncode)
    for name in names:
        one = as_user(name, folder, "score", *MODEL, *DAY, "--tracking-uri", uri)
        _, err = one.communicate(timeout=300)
        wrong += [f"{name}: score ended with {one.returncode}: {err[-500:]}"] * bool(one.returncode)
    return wrong


@case(41, "two users, one folder that their group may write", full=True)
def _one_folder(place):
    with users("faults-a", "faults-b") as names, _open_to_all(place.folder):
        shared = place.folder / "shared"
        shared.mkdir()
        shutil.copy(place.folder / "small.toml", shared)
        shutil.chown(shared, names[0], "faults")
        shared.chmod(0o2775)
        return both_train(shared, names, STORE)


@case(41, "two users, one server", full=True)
def _one_server(place):
    held = place.folder / "server"
    held.mkdir()
    arguments = ("mlflow", "server", "--backend-store-uri", f"sqlite:///{held}/mlflow.db",
                 "--artifacts-destination", held / "held", "--workers", "1")  # fmt: skip
    with users("faults-a", "faults-b") as names, _open_to_all(place.folder):
        shared = place.folder / "shared"
        shared.mkdir()
        shutil.copy(place.folder / "small.toml", shared)
        shared.chmod(0o2777)
        with serving(*arguments, folder=held) as uri:
            return both_train(shared, names, uri)


@contextlib.contextmanager
def _open_to_all(folder):
    """Let other users enter the parent folders."""
    closed = [p for p in (folder, *folder.parents) if not p.stat().st_mode & 0o001]
    modes = {path: path.stat().st_mode & 0o7777 for path in closed}
    for path, mode in modes.items():
        path.chmod(mode | 0o011)
    try:
        yield
    finally:
        for path, mode in modes.items():
            path.chmod(mode)


@case(37, "ten kills over five commands", full=True)
def _kills(place):
    kills = Path(__file__).with_name("kills.py")
    command = [sys.executable, str(kills), "--kills", "10", "--store", "sqlite"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return [] if done.returncode == 0 else [done.stdout[-500:] + done.stderr[-500:]]


@case(37, "what a killed command left is cleared by the next of any kind")
def _cleared(place):
    code = (
        "import os\nfrom pathlib import Path\nfrom escalation._util.files import replacing\n"
        "with replacing(Path('a.csv')) as part:\n"
        "    part.write_text('half'); os.kill(os.getpid(), 9 * part.exists())"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=place.folder, check=False)
    wrong = [] if done.returncode == -9 else ["nothing was left to clear"]
    wrong += place.ends(0, "validate", "events.csv", "--source", "tidy")
    return wrong + place.parts
