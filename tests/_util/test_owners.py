"""Work of a killed process is found and cleaned up; that of a live one is left alone."""

import os
import subprocess
import sys
import time

import pytest

from escalation._util import owners

KILLED = """
import os, sys
from pathlib import Path
from escalation._util import owners
with owners.temporary_folder(Path(sys.argv[1]), "a.csv"):
    owners.note_begun(owners.RUN, "sqlite:///none.db", "run 7")
    print(owners.owner(), flush=True)
    sys.stdin.readline()
    os.kill(os.getpid(), 9)
"""


@pytest.fixture
def other(tmp_path):
    """The token of another process that holds a folder, and a function that kills it."""
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process.stdout.readline().strip(), lambda: process.communicate("now\n")


def test_live_processes_are_left_alone_and_dead_ones_are_cleaned_up(other, tmp_path):
    token, kill = other
    owners.clear_dead()
    owners._clear_beside(tmp_path, "a.csv")
    assert owners.is_alive(token) and len(list(tmp_path.iterdir())) == 1
    kill()
    assert not owners.is_alive(token)
    (run,) = [run for run in owners.clear_dead() if run.name == "run 7"]
    assert run.place == "sqlite:///none.db" and not list(tmp_path.iterdir())
    assert run in owners.clear_dead()  # until it has been ended
    owners.remove_notes([run.note])
    assert run not in owners.clear_dead()


def test_a_process_is_alive_and_its_child_has_another_token():
    name = owners.owner()
    assert owners.is_alive(name) and owners.owner() == name
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, owners.owner().encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert (other := os.read(reading, 100).decode()) != name
    assert owners.is_alive(name) and not owners.is_alive(other)
    owners.clear_dead()


@pytest.mark.parametrize("name", ["", "host:12", "00000000-0123456789abcdef", "../x"])
def test_a_token_of_another_machine_counts_as_alive(name):
    assert owners.is_alive(name)


def test_a_note_of_another_processes_folder_removes_nothing(tmp_path):
    folder = tmp_path / ".a-000000.00000000-0123456789abcdef.part"
    folder.mkdir()
    dead = f"{owners.owner()[:8]}-{'0' * 16}"
    note = owners.shared_folder() / f"{dead}.owner"
    note.write_text(f"folder\t\t{folder}\nfolder\t\t{tmp_path}\nnonsense\n")
    owners.clear_dead()
    assert folder.is_dir() and not note.exists()


@pytest.mark.parametrize("ended", [True, False])
def test_a_process_with_unfinished_work_leaves_its_note(ended):
    code = (
        "import sys; from escalation._util import owners\n"
        "owners.note_begun(owners.RUN, 'sqlite:///none.db', '7')\n"
        "owners.note_begun(owners.RUN, 'sqlite:///none.db', '8')\n"
        "for _ in range(int(sys.argv[1])): owners.note_ended(owners.RUN, 'sqlite:///none.db')\n"
        "owners.note_ended(owners.RUN, 'sqlite:///other.db')\n"
        "print(owners.owner())"
    )
    command = [sys.executable, "-c", code, "2" if ended else "1"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    unfinished = [work for work in owners.clear_dead() if work.note.stem == run.stdout.strip()]
    assert [work.name for work in unfinished] == ([] if ended else ["7", "8"])
    owners.remove_notes(work.note for work in unfinished)


@pytest.fixture
def dead(monkeypatch, tmp_path):
    """Notes of two dead processes with a run on the same server, in a private folder."""
    monkeypatch.setattr(owners, "shared_folder", lambda: tmp_path)
    notes = [tmp_path / f"{owners._host()}-{digit * 16}.owner" for digit in "01"]
    for path in notes:
        path.write_text("run\t7\thttp://never.example\n")
    return notes


@pytest.mark.parametrize(
    ("seconds_ago", "due"),
    [
        ([], True),
        ([9], False),
        ([11], True),
        ([60, 19], False),
        ([60, 21], True),
        ([9000] * 13 + [40_900], False),
        ([9000] * 13 + [82_000], True),
        ([-100], True),  # the clock was set back
    ],
)
def test_a_failed_cleanup_is_retried_ever_less_often(dead, seconds_ago, due):
    with dead[0].open("a") as file:
        file.writelines(f"tried\t\t{time.time() - ago:.0f}\n" for ago in seconds_ago)
    assert (dead[0] in [work.note for work in owners.clear_dead()]) == due and dead[0].exists()


def test_after_two_days_of_tries_a_note_is_dropped(dead):
    with dead[0].open("a") as file:
        file.writelines(["tried\t\t1\n"] * 15)
    assert dead[0] not in [work.note for work in owners.clear_dead()] and not dead[0].exists()
