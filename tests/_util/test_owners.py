"""What a killed process had begun is known and cleared; what lives is left alone."""

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
    """Another process that holds a folder, and then is killed: its name, and what kills it."""
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process.stdout.readline().strip(), lambda: process.communicate("now\n")


def test_the_living_are_left_alone_and_the_dead_are_cleared(other, tmp_path):
    token, kill = other
    owners.clear_dead()
    owners.clear_beside(tmp_path, "a.csv")
    assert owners.is_alive(token) and len(list(tmp_path.iterdir())) == 1
    kill()
    assert not owners.is_alive(token)
    (run,) = [run for run in owners.clear_dead() if run.name == "run 7"]
    assert run.place == "sqlite:///none.db" and not list(tmp_path.iterdir())
    assert run in owners.clear_dead()  # until somebody has ended it
    owners.remove_notes([run.note])
    assert run not in owners.clear_dead()


def test_a_process_lives_and_its_child_is_another():
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
def test_of_another_machine_nothing_is_said(name):
    assert owners.is_alive(name)


def test_a_note_of_anothers_folder_clears_nothing(tmp_path):
    kept = tmp_path / ".a-000000.00000000-0123456789abcdef.part"
    kept.mkdir()
    dead = f"{owners.owner()[:8]}-{'0' * 16}"
    note = owners.shared_folder() / f"{dead}.owner"
    note.write_text(f"folder\t\t{kept}\nfolder\t\t{tmp_path}\nnonsense\n")
    owners.clear_dead()
    assert kept.is_dir() and not note.exists()


@pytest.mark.parametrize("ended", [True, False])
def test_a_process_that_did_not_end_what_it_began_leaves_its_note(ended):
    code = (
        "import sys; from escalation._util import owners\n"
        "owners.note_begun(owners.RUN, 'sqlite:///none.db', '7')\n"
        "owners.note_begun(owners.RUN, 'sqlite:///none.db', '8')\n"
        "for _ in range(int(sys.argv[1])): owners.note_ended(owners.RUN, 'sqlite:///none.db')\n"
        "owners.note_ended(owners.RUN, 'sqlite:///other.db')\n"
        "print(owners.owner())"
    )
    command = [sys.executable, "-c", code, "2" if ended else "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    left = [one for one in owners.clear_dead() if one.note.stem == done.stdout.strip()]
    assert [one.name for one in left] == ([] if ended else ["7", "8"])
    owners.remove_notes(one.note for one in left)


@pytest.fixture
def dead(monkeypatch, tmp_path):
    """Notes of two dead processes that began a run on the same server, out of others' sight."""
    monkeypatch.setattr(owners, "shared_folder", lambda: tmp_path)
    notes = [tmp_path / f"{owners._host()}-{digit * 16}.owner" for digit in "01"]
    for path in notes:
        path.write_text("run\t7\thttp://never.example\n")
    return notes


@pytest.mark.parametrize(
    ("seconds_ago", "asked"),
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
def test_what_could_not_be_cleared_is_tried_again_ever_less_often(dead, seconds_ago, asked):
    with dead[0].open("a") as file:
        file.writelines(f"tried\t\t{time.time() - ago:.0f}\n" for ago in seconds_ago)
    assert (dead[0] in [left.note for left in owners.clear_dead()]) == asked and dead[0].exists()


def test_after_two_days_of_tries_a_note_is_given_up(dead):
    with dead[0].open("a") as file:
        file.writelines(["tried\t\t1\n"] * 15)
    assert dead[0] not in [left.note for left in owners.clear_dead()] and not dead[0].exists()
