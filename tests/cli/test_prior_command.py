"""``escalation prior`` learns from files, tells what it gains, and an experiment names it."""

import json

import pytest
from command_line import escalation, undrawn
from wars import events

from escalation.backtest import small_archives
from escalation.experiment import load_experiment

EXPERIMENT = """[experiment]
name = "own"
[data]
events = "north.csv"
columns = { place = "site", date = "event_date", type = "event_type", id = "event_id" }
[panel]
units = ["site"]
[features.window_sums]
windows = [7]
[[targets]]
name = "any"
horizon = 7
[models.prior]
numbers = "my_prior.json"
[backtest]
every = 28
"""
COLUMNS = ("place=site", "date=event_date", "type=event_type", "id=event_id")
READ = ("--source", "tidy", "--unit", "site", *(f"--columns={one}" for one in COLUMNS))
NAMED = (*READ, "--out", "my_prior.json")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(small_archives, "ARCHIVES", 2)
    events(seed=0).to_csv(tmp_path / "north.csv", index=False)
    return tmp_path


def test_an_experiment_that_names_them_trains_and_scores_without_the_file(folder):
    done = escalation("prior", "north.csv", *NAMED, "--json", folder=folder)
    assert done.returncode == 0, done.stderr
    told = {row["label"]: row for row in json.loads(done.stdout)}
    numbers = json.loads((folder / "my_prior.json").read_text(encoding="utf-8"))
    assert told["any"]["learnt"] and set(told) == {"any", "onset", "exceed"}
    assert {name for name, row in told.items() if row["learnt"]} == set(numbers["coefficients"])
    path = folder / "own.toml"
    path.write_text(EXPERIMENT, encoding="utf-8")
    assert load_experiment(path).models["prior"]["numbers"] == numbers
    with undrawn():
        done = escalation("train", "own.toml", "--json", folder=folder)
    assert done.returncode == 0, done.stderr
    (folder / "my_prior.json").unlink()
    done = escalation(
        "score", "--model", "own", "--events", "north.csv", "--explain", "0", "--json",
        folder=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert {row["unit"] for row in json.loads(done.stdout)} == {f"site {k}" for k in range(4)}


def test_it_tells_what_was_learnt_and_from_how_little(folder):
    done = escalation("prior", "north.csv", *NAMED, folder=folder)
    assert done.returncode == 0, done.stderr
    assert "One file: none could be left out" in done.stdout
    assert 'prior = { numbers = "my_prior.json" }' in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("none.csv", *NAMED), "error[E-FILE] none.csv"),
        (("north.csv", "./north.csv", *NAMED), "the same file twice"),
        (("north.csv", *NAMED[:-1], "prior.txt"), "error[E-FORMAT] prior.txt"),
        (("north.csv", *NAMED, "--last-day", "2018-01-04"), "error[E-INSUFFICIENT] north.csv"),
        (("north.csv", *NAMED, "--last-day", "soon"), "error[E-DATE]"),
    ],
)
def test_what_it_can_not_do_it_says(folder, arguments, said):
    done = escalation("prior", *arguments, folder=folder)
    assert done.returncode and said in done.stderr
    assert not (folder / "my_prior.json").exists()


def test_a_missing_file_of_numbers_is_told_before_anything_is_read(folder):
    (folder / "own.toml").write_text(EXPERIMENT, encoding="utf-8")
    done = escalation("train", "own.toml", folder=folder)
    assert done.returncode == 2 and "error[E-FILE]" in done.stderr
    assert "escalation prior FILES --out my_prior.json" in done.stderr
