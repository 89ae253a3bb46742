"""``escalation score``: its output, the ledger, and how it fails."""

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
    result = escalation("score", "--model", "crisis", *arguments, folder=folder)
    return result.returncode, result.stdout, result.stderr


def in_a_fork(folder, *arguments, stdout):
    return command_line.in_a_fork(
        "score", "--model", "crisis", *arguments, folder=folder, stdout=stdout
    )


def test_the_same_data_and_model_give_the_same_bytes_in_every_format(work, tmp_path):
    runs = []
    for turn in ("a", "b"):
        printed = scored(work, "--json", "--budget", "3")
        assert printed[0] == 0, printed[2]
        table = scored(work, "--budget", "3")
        for ending in ("csv", "json", "parquet"):
            out = tmp_path / f"{turn}.{ending}"
            assert scored(work, "--budget", "3", "--out", out)[0] == 0
        files = [(tmp_path / f"{turn}.{e}").read_bytes() for e in ("csv", "json", "parquet")]
        runs.append((printed, table, files))
    assert runs[0] == runs[1]
    assert runs[0][2][1].decode() == runs[0][0][1]


def test_every_row_in_every_format_has_the_documented_columns_and_full_provenance(work, tmp_path):
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


def test_columns_keep_their_types_if_all_values_are_missing(tmp_path):
    status = ("no history: x",)
    score = Score("=cmd()", "2020-03-10", 7, "any_7d", None, None, None, 0.1, status, (), {})
    write_scores([score.as_dict()], tmp_path / "a.parquet")
    kinds = pd.read_parquet(tmp_path / "a.parquet").dtypes.astype(str).to_dict()
    assert (kinds["probability"], kinds["rank"], kinds["alert"]) == ("float64", "Int64", "bool")
    assert (kinds["change"], kinds["events_to_alert"]) == ("float64", "Int64")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx"])
def test_formulas_are_escaped_only_in_csv(tmp_path, text):
    driver = Driver("e", "2020-03-01", text, "t", "a", "b", None, None, -0.5)
    score = Score(text, "2020-03-10", 7, "any_7d", 0.1, 0.0, 0.2, 0.1, (text,), (driver,),
                {"m": text},
                change=-0.5)  # fmt: skip
    for ending in ("csv", "json", "parquet"):
        write_scores([score.as_dict()], tmp_path / f"a.{ending}")
    with (tmp_path / "a.csv").open(newline="") as file:
        (cells,) = csv.DictReader(file)
    assert (cells["unit"], cells["status"], cells["change"]) == ("'" + text, "'" + text, "-0.5")
    assert not any(cell.startswith(("=", "+", "@", "\t", "\r")) for cell in cells.values())
    assert pd.read_parquet(tmp_path / "a.parquet")["unit"].tolist() == [text]
    (plain,) = json.loads((tmp_path / "a.json").read_text())
    assert (plain["unit"], plain["drivers"][0]["place"]) == (text, text)


def test_a_forecast_is_in_the_ledger_once_and_the_next_day_is_compared_with_it(work, tmp_path):
    ledger = tmp_path / "kept" / "ledger.jsonl"
    first = ("--as-of", "2021-01-05", "--ledger", ledger, "--json")
    rows = json.loads(scored(work, *first)[1])
    scored(work, *first, "--explain", "0", "--budget", "2")
    entries = read_ledger(ledger)
    assert [entry.forecast["unit"] for entry in entries] == [row["unit"] for row in rows]
    for entry, row in zip(entries, rows, strict=True):
        assert entry.forecast == {name: row[name] for name in schema.ISSUED_COLUMNS}
    later = json.loads(scored(work, "--as-of", "2021-01-09", "--ledger", ledger, "--json")[1])
    first_day = {row["unit"]: row["probability"] for row in rows}
    for row in later:
        assert row["changed_since"] == "2021-01-05"
        assert row["change"] == row["probability"] - first_day[row["unit"]]
    assert len(read_ledger(ledger)) == 2 * len(rows)


def test_the_ledger_lies_next_to_the_store_by_default(work):
    assert scored(work)[0] == 0
    assert read_ledger(work / ".escalation" / "ledger.jsonl")


def test_supposed_events_are_shown_with_their_change_and_nothing_is_written(work):
    def files():
        return {path: path.read_bytes() for path in work.rglob("*") if path.is_file()}

    before = files()
    options = ("--as-of", "2020-03-10", "--allow-in-sample", "--explain", "0")
    line = "rocket_attack militia>us_coalition at taji killed=3"
    status, text, error = scored(work, *options, "--if", line, "--if", "air_strike today")
    assert status == 0, error
    assert "Supposed, and nothing of it stored" in " ".join(text.split())
    rows = json.loads(scored(work, *options, "--if", line, "--json")[1])
    assert next(row for row in rows if row["unit"] == "taji")["change"] > 0
    status, _, error = scored(work, *options, "--if", "rocket_attack at tajji")
    assert status == 2 and "error[E-SUPPOSED]" in error and "'taji'" in error
    assert files() == before


def test_a_changed_ledger_is_refused_and_nothing_is_written(work, tmp_path):
    ledger, out = tmp_path / "ledger.jsonl", tmp_path / "out.csv"
    assert scored(work, "--ledger", ledger)[0] == 0
    ledger.write_text(ledger.read_text().replace('"probability":0', '"probability":1', 1))
    changed = ledger.read_bytes()
    status, output, error = scored(work, "--ledger", ledger, "--out", out)
    assert (status, output) == (3, "")
    assert "E-LEDGER" in error and ":1 " in error and "Traceback" not in error
    assert ledger.read_bytes() == changed and not out.exists()


def test_stale_data_raise_a_warning_or_with_strict_an_error(work, tmp_path):
    status, output, error = scored(work, "--stale-after", "0", "--ledger", tmp_path / "l")
    assert status == 0 and "warning: stale data" in error
    assert " ".join(output.lower().split()).count("stale data: the newest report is") == 1
    status, output, error = scored(
        work, "--stale-after", "0", "--strict", "--ledger", tmp_path / "m"
    )
    assert (status, output) == (4, "") and "E-STALE" in error
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    ("name", "status", "code"), [("out.xlsx", 2, "E-FORMAT"), ("file/out.csv", 6, "E-STORAGE")]
)
def test_an_impossible_output_file_is_refused_before_any_work(tmp_path, name, status, code):
    """There is no store here, so a check for one that comes first would fail instead."""
    (tmp_path / "file").write_text("")
    result = scored(tmp_path, "--out", tmp_path / name)
    assert (result[0], result[1]) == (status, "") and code in result[2]
    assert sorted(os.listdir(tmp_path)) == ["file"]


@pytest.mark.parametrize("form", ["--json", "--explain=0"])
def test_a_full_disk_is_a_storage_error(work, form):
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        result = in_a_fork(work, form, stdout=full.fileno())
    assert result.returncode == 6
    assert "E-STORAGE" in result.stderr and "Traceback" not in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_closed_pipe_is_not_an_error(work):
    reader, writer = os.pipe()
    os.close(reader)
    try:
        result = in_a_fork(work, "--json", stdout=writer)
    finally:
        os.close(writer)
    assert (result.returncode, result.stderr) == (141, "")


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 128 kB."""
    place = tmp_path / "small"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", place]
    mounted = subprocess.run(command, check=False, capture_output=True)
    if mounted.returncode:
        pytest.skip(f"mounting is not permitted here: {mounted.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", place], check=True)


def test_on_a_full_disk_the_old_output_stays_unchanged(work, small_disk):
    out = small_disk / "out.csv"
    out.write_text("old")
    (small_disk / "filler").write_bytes(bytes(100_000))
    for options in (("--out", out), ("--ledger", small_disk / "ledger.jsonl")):
        status, output, error = scored(work, *options)
        assert (status, output) == (6, ""), error
        assert "E-STORAGE" in error
        assert sorted(os.listdir(small_disk)) == ["filler", "out.csv"]
    assert out.read_text() == "old"


def test_a_model_changed_in_the_store_is_refused_with_status_5(work, tmp_path):
    shutil.copytree(work / "model", tmp_path / "kept")
    manifest = work / "model" / "data" / MANIFEST_FILE
    try:
        manifest.write_text(manifest.read_text().replace("logistic", "l0gistic", 1))
        status, output, error = scored(work, "--ledger", tmp_path / "l")
        assert (status, output) == (5, "") and "E-MODEL-HASH" in error
        (work / "model" / "MLmodel").write_text(DESCRIPTION.replace("escalation", "hostile"))
        status, output, error = scored(work, "--ledger", tmp_path / "l")
        assert (status, output) == (5, "") and "E-MODEL-UNTRUSTED" in error
    finally:
        shutil.copytree(tmp_path / "kept", work / "model", dirs_exist_ok=True)
    assert not (tmp_path / "l").exists()
    assert scored(work, "--ledger", tmp_path / "l")[0] == 0


def test_several_statuses_are_a_list_in_json_and_one_cell_in_tables(tmp_path):
    both = ("new unit: a", "stale data: b")
    score = Score("x", "2020-03-10", 7, "any_7d", 0.1, 0.0, 0.2, 0.1, both, (), {}, unit_key="x")
    for ending in ("csv", "json", "parquet"):
        write_scores([score.as_dict()], tmp_path / f"a.{ending}")
    with (tmp_path / "a.csv").open(newline="") as file:
        (cells,) = csv.DictReader(file)
    assert cells["status"] == "new unit: a; stale data: b"
    assert pd.read_parquet(tmp_path / "a.parquet")["status"].tolist() == [cells["status"]]
    (plain,) = json.loads((tmp_path / "a.json").read_text())
    assert plain["status"] == list(both)
