"""The command that people read in the morning: what it prints and keeps, and how it fails."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
from pathlib import Path

import command_line
import pandas as pd
import pytest
from command_line import escalation

from escalation import schema
from escalation.cli.common import write_scores
from escalation.scoring.artifact import MANIFEST_FILE, save_artifact
from escalation.scoring.described import manifest_of
from escalation.scoring.explain import Driver
from escalation.scoring.ledger import read_ledger
from escalation.scoring.score import Score

DESCRIPTION = (
    "flavors: {python_function: {loader_module: escalation.scoring.serving, data: data}}\n"
)


@pytest.fixture(scope="module")
def work(trained, tmp_path_factory):
    """A folder with a store in which one model is registered."""
    from escalation import tracking

    folder = tmp_path_factory.mktemp("watch")
    digest = save_artifact(
        trained.models["logistic"], manifest_of(trained, "logistic"), folder / "model" / "data"
    )
    (folder / "model" / "MLmodel").write_text(DESCRIPTION)
    client = tracking.open_store(f"sqlite:///{folder}/mlflow.db")
    client.create_registered_model("crisis")
    client.create_model_version(
        "crisis", (folder / "model").as_uri(), tags={"escalation.hash": digest}
    )
    client.set_registered_model_alias("crisis", "champion", "1")
    return folder


def scored(folder, *arguments):
    """Run the command in this process; its status, output and messages."""
    done = escalation("score", "--model", "crisis", *arguments, folder=folder)
    return done.returncode, done.stdout, done.stderr


def in_a_fork(folder, *arguments, stdout):
    return command_line.in_a_fork(
        "score", "--model", "crisis", *arguments, folder=folder, stdout=stdout
    )


def test_the_same_stamp_gives_the_same_bytes_in_every_form(work, tmp_path):
    seen = []
    for turn in ("a", "b"):
        printed = scored(work, "--json", "--budget", "3")
        assert printed[0] == 0, printed[2]
        table = scored(work, "--budget", "3")
        for ending in ("csv", "json", "parquet"):
            out = tmp_path / f"{turn}.{ending}"
            assert scored(work, "--budget", "3", "--out", out)[0] == 0
        files = [(tmp_path / f"{turn}.{e}").read_bytes() for e in ("csv", "json", "parquet")]
        seen.append((printed, table, files))
    assert seen[0] == seen[1]
    assert seen[0][2][1].decode() == seen[0][0][1]


def test_every_row_in_every_form_has_the_documented_columns_and_full_provenance(work, tmp_path):
    rows = json.loads(scored(work, "--json", "--out", tmp_path / "a.parquet")[1])
    scored(work, "--out", tmp_path / "a.csv")
    tables = pd.read_parquet(tmp_path / "a.parquet"), pd.read_csv(tmp_path / "a.csv")
    for table in tables:
        assert list(table.columns) == list(schema.SCORE_COLUMNS)
        assert [json.loads(text) for text in table["provenance"]] == [
            row["provenance"] for row in rows
        ]
        assert [json.loads(text) for text in table["drivers"]] == [row["drivers"] for row in rows]
        assert table["probability"].tolist() == [row["probability"] for row in rows]
    for row in rows:
        assert tuple(row) == tuple(schema.SCORE_COLUMNS)
        stamp = row["provenance"]
        assert stamp["model"] == "crisis@champion v1"
        assert all(stamp[name] != "" for name in stamp if name != "caveat")
        assert {"model_hash", "scored_data", "training_data", "experiment", "version"} <= set(stamp)


def test_columns_keep_their_types_where_nothing_is_known(tmp_path):
    status = ("no history: x",)
    one = Score("=cmd()", "2020-03-10", 7, "any_7d", None, None, None, 0.1, status, (), {})
    write_scores([one.as_dict()], tmp_path / "a.parquet")
    kinds = pd.read_parquet(tmp_path / "a.parquet").dtypes.astype(str).to_dict()
    assert (kinds["probability"], kinds["rank"], kinds["alert"]) == ("float64", "Int64", "bool")
    assert (kinds["change"], kinds["events_to_alert"]) == ("float64", "Int64")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx"])
def test_text_that_a_spreadsheet_would_run_is_defused_in_csv_only(tmp_path, text):
    driver = Driver("e", "2020-03-01", text, "t", "a", "b", None, None, -0.5)
    one = Score(text, "2020-03-10", 7, "any_7d", 0.1, 0.0, 0.2, 0.1, (text,), (driver,),
                {"m": text},
                change=-0.5)  # fmt: skip
    for ending in ("csv", "json", "parquet"):
        write_scores([one.as_dict()], tmp_path / f"a.{ending}")
    with (tmp_path / "a.csv").open(newline="") as file:
        (cells,) = csv.DictReader(file)
    assert (cells["unit"], cells["status"], cells["change"]) == ("'" + text, "'" + text, "-0.5")
    assert not any(cell.startswith(("=", "+", "@", "\t", "\r")) for cell in cells.values())
    assert pd.read_parquet(tmp_path / "a.parquet")["unit"].tolist() == [text]
    (plain,) = json.loads((tmp_path / "a.json").read_text())
    assert (plain["unit"], plain["drivers"][0]["place"]) == (text, text)


def test_what_was_issued_is_in_the_ledger_once_and_the_next_day_is_compared_with_it(work, tmp_path):
    ledger = tmp_path / "kept" / "ledger.jsonl"
    first = ("--as-of", "2021-01-05", "--ledger", ledger, "--json")
    rows = json.loads(scored(work, *first)[1])
    scored(work, *first, "--explain", "0", "--budget", "2")
    entries = read_ledger(ledger)
    assert [one.forecast["unit"] for one in entries] == [row["unit"] for row in rows]
    for entry, row in zip(entries, rows, strict=True):
        assert entry.forecast == {name: row[name] for name in schema.ISSUED_COLUMNS}
    later = json.loads(scored(work, "--as-of", "2021-01-09", "--ledger", ledger, "--json")[1])
    said = {row["unit"]: row["probability"] for row in rows}
    for row in later:
        assert row["changed_since"] == "2021-01-05"
        assert row["change"] == row["probability"] - said[row["unit"]]
    assert len(read_ledger(ledger)) == 2 * len(rows)


def test_the_ledger_lies_beside_the_store_unless_another_is_named(work):
    assert scored(work)[0] == 0
    assert read_ledger(work / ".escalation" / "ledger.jsonl")


def test_what_is_supposed_is_told_with_its_change_and_nothing_is_written(work):
    def files():
        return {path: path.read_bytes() for path in work.rglob("*") if path.is_file()}

    before = files()
    asked = ("--as-of", "2020-03-10", "--allow-in-sample", "--explain", "0")
    line = "rocket_attack militia>us_coalition at taji killed=3"
    status, text, error = scored(work, *asked, "--if", line, "--if", "air_strike today")
    assert status == 0, error
    assert "Supposed, and nothing of it stored" in " ".join(text.split())
    rows = json.loads(scored(work, *asked, "--if", line, "--json")[1])
    assert next(row for row in rows if row["unit"] == "taji")["change"] > 0
    status, _, error = scored(work, *asked, "--if", "rocket_attack at tajji")
    assert status == 2 and "error[E-SUPPOSED]" in error and "'taji'" in error
    assert files() == before


def test_a_ledger_that_was_changed_is_refused_and_nothing_is_written(work, tmp_path):
    ledger, out = tmp_path / "ledger.jsonl", tmp_path / "out.csv"
    assert scored(work, "--ledger", ledger)[0] == 0
    ledger.write_text(ledger.read_text().replace('"probability":0', '"probability":1', 1))
    changed = ledger.read_bytes()
    status, said, error = scored(work, "--ledger", ledger, "--out", out)
    assert (status, said) == (3, "")
    assert "E-LEDGER" in error and ":1 " in error and "Traceback" not in error
    assert ledger.read_bytes() == changed and not out.exists()


def test_stale_data_are_a_warning_and_a_refusal_if_strict(work, tmp_path):
    status, said, error = scored(work, "--stale-after", "0", "--ledger", tmp_path / "l")
    assert status == 0 and "warning: stale data" in error
    assert " ".join(said.lower().split()).count("stale data: the newest report is") == 1
    status, said, error = scored(work, "--stale-after", "0", "--strict", "--ledger", tmp_path / "m")
    assert (status, said) == (4, "") and "E-STALE" in error
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    ("name", "status", "code"), [("out.xlsx", 2, "E-FORMAT"), ("file/out.csv", 6, "E-STORAGE")]
)
def test_an_output_that_cannot_be_is_refused_before_the_work(tmp_path, name, status, code):
    """There is no store here, so whoever looks for one first would say that instead."""
    (tmp_path / "file").write_text("")
    done = scored(tmp_path, "--out", tmp_path / name)
    assert (done[0], done[1]) == (status, "") and code in done[2]
    assert sorted(os.listdir(tmp_path)) == ["file"]


@pytest.mark.parametrize("form", ["--json", "--explain=0"])
def test_a_full_disk_under_the_output_is_a_storage_error(work, form):
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = in_a_fork(work, form, stdout=full.fileno())
    assert done.returncode == 6
    assert "E-STORAGE" in done.stderr and "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_reader_who_goes_away_is_no_error(work):
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = in_a_fork(work, "--json", stdout=writer)
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 128 kB."""
    place = tmp_path / "small"
    place.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", place], check=False,
                          capture_output=True)  # fmt: skip
    if made.returncode:
        pytest.skip(f"mounting is not permitted here: {made.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", place], check=True)


def test_without_room_the_old_output_stays_as_it_was(work, small_disk):
    out = small_disk / "out.csv"
    out.write_text("old")
    (small_disk / "filler").write_bytes(bytes(100_000))
    for options in (("--out", out), ("--ledger", small_disk / "ledger.jsonl")):
        status, said, error = scored(work, *options)
        assert (status, said) == (6, ""), error
        assert "E-STORAGE" in error
        assert sorted(os.listdir(small_disk)) == ["filler", "out.csv"]
    assert out.read_text() == "old"


def test_a_model_that_was_changed_in_the_store_is_refused_with_status_5(work, tmp_path):
    shutil.copytree(work / "model", tmp_path / "kept")
    manifest = work / "model" / "data" / MANIFEST_FILE
    try:
        manifest.write_text(manifest.read_text().replace("logistic", "l0gistic", 1))
        status, said, error = scored(work, "--ledger", tmp_path / "l")
        assert (status, said) == (5, "") and "E-MODEL-HASH" in error
        (work / "model" / "MLmodel").write_text(DESCRIPTION.replace("escalation", "hostile"))
        status, said, error = scored(work, "--ledger", tmp_path / "l")
        assert (status, said) == (5, "") and "E-MODEL-UNTRUSTED" in error
    finally:
        shutil.copytree(tmp_path / "kept", work / "model", dirs_exist_ok=True)
    assert not (tmp_path / "l").exists()
    assert scored(work, "--ledger", tmp_path / "l")[0] == 0


def test_several_statuses_are_a_list_in_json_and_one_cell_in_tables(tmp_path):
    both = ("new unit: a", "stale data: b")
    one = Score("x", "2020-03-10", 7, "any_7d", 0.1, 0.0, 0.2, 0.1, both, (), {}, unit_key="x")
    for ending in ("csv", "json", "parquet"):
        write_scores([one.as_dict()], tmp_path / f"a.{ending}")
    with (tmp_path / "a.csv").open(newline="") as file:
        (cells,) = csv.DictReader(file)
    assert cells["status"] == "new unit: a; stale data: b"
    assert pd.read_parquet(tmp_path / "a.parquet")["status"].tolist() == [cells["status"]]
    (plain,) = json.loads((tmp_path / "a.json").read_text())
    assert plain["status"] == list(both)
