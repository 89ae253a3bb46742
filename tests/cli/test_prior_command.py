"""``escalation prior`` learns numbers from files for experiments to use."""

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
READ = ("--source", "tidy", "--unit", "site", *(f"--columns={column}" for column in COLUMNS))
NAMED = (*READ, "--out", "my_prior.json")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(small_archives, "ARCHIVES", 2)
    events(seed=0).to_csv(tmp_path / "north.csv", index=False)
    return tmp_path


def test_an_experiment_with_the_numbers_trains_and_then_scores_without_their_file(folder):
    result = escalation("prior", "north.csv", *NAMED, "--json", folder=folder)
    assert result.returncode == 0, result.stderr
    labels = {row["label"]: row for row in json.loads(result.stdout)}
    numbers = json.loads((folder / "my_prior.json").read_text(encoding="utf-8"))
    assert labels["any"]["learnt"] and set(labels) == {"any", "onset", "exceed"}
    assert {name for name, row in labels.items() if row["learnt"]} == set(numbers["coefficients"])
    path = folder / "own.toml"
    path.write_text(EXPERIMENT, encoding="utf-8")
    assert load_experiment(path).models["prior"]["numbers"] == numbers
    with undrawn():
        result = escalation("train", "own.toml", "--json", folder=folder)
    assert result.returncode == 0, result.stderr
    (folder / "my_prior.json").unlink()
    result = escalation(
        "score", "--model", "own", "--events", "north.csv", "--explain", "0", "--json",
        folder=folder,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert {row["unit"] for row in json.loads(result.stdout)} == {f"site {k}" for k in range(4)}


def test_the_output_shows_what_was_learnt_and_warns_of_a_single_file(folder):
    result = escalation("prior", "north.csv", *NAMED, folder=folder)
    assert result.returncode == 0, result.stderr
    assert "One file: none could be left out" in result.stdout
    assert 'prior = { numbers = "my_prior.json" }' in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("none.csv", *NAMED), "error[E-FILE] none.csv"),
        (("north.csv", "./north.csv", *NAMED), "the same file twice"),
        (("north.csv", *NAMED[:-1], "prior.txt"), "error[E-FORMAT] prior.txt"),
        (("north.csv", *NAMED, "--last-day", "2018-01-04"), "error[E-INSUFFICIENT] north.csv"),
        (("north.csv", *NAMED, "--last-day", "soon"), "error[E-DATE]"),
    ],
)
def test_invalid_input_is_refused_and_no_numbers_are_written(folder, arguments, message):
    result = escalation("prior", *arguments, folder=folder)
    assert result.returncode and message in result.stderr
    assert not (folder / "my_prior.json").exists()


def test_a_missing_file_of_numbers_is_reported_before_anything_is_read(folder):
    (folder / "own.toml").write_text(EXPERIMENT, encoding="utf-8")
    result = escalation("train", "own.toml", folder=folder)
    assert result.returncode == 2 and "error[E-FILE]" in result.stderr
    assert "escalation prior FILES --out my_prior.json" in result.stderr
