"""The ledger: no issued forecast can be changed or removed unnoticed."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys

import pytest
from patience import PATIENCE

from escalation.errors import InputError, StorageError, UsageError
from escalation.scoring.ledger import (
    FIRST,
    ForecastSeries,
    append,
    canonical,
    chained,
    issued_before,
    issued_since,
    read_ledger,
)

NOW = dt.datetime(2020, 3, 10, 18, tzinfo=dt.UTC)


def forecast(unit="taji", day="2020-03-10", probability=0.25, **more):
    provenance = {"model": "m@champion v1"}
    return {"unit": unit.title(), "unit_key": unit, "day": day, "horizon": 7, "target": "any_7d",
            "probability": probability, "provenance": provenance, **more}  # fmt: skip


@pytest.fixture
def ledger(tmp_path):
    path = tmp_path / "deep" / "deeper" / "ledger.jsonl"
    append(path, [forecast("taji"), forecast("balad", probability=0.1)], now=NOW)
    append(path, [forecast("taji", "2020-03-11", 0.4)], now=NOW)
    return path


def test_issued_forecasts_are_read_back_in_order(ledger):
    entries = read_ledger(ledger)
    assert [entry.forecast["unit_key"] for entry in entries] == ["taji", "balad", "taji"]
    assert entries[0].previous == FIRST
    assert [entry.previous for entry in entries[1:]] == [entry.hash for entry in entries[:-1]]
    assert entries[0].issued_at == "2020-03-10T18:00:00+00:00"


def test_a_hash_is_the_sha256_of_the_previous_one_and_the_content(ledger):
    from hashlib import sha256

    first, second, _ = read_ledger(ledger)
    text = json.dumps(
        {"forecast": forecast("balad", probability=0.1), "issued_at": second.issued_at},
        sort_keys=True, separators=(",", ":"),
    )  # fmt: skip
    assert second.hash == sha256((first.hash + text).encode()).hexdigest()


def test_no_file_is_an_empty_ledger(tmp_path):
    assert read_ledger(tmp_path / "none.jsonl") == []


def test_the_same_forecast_is_not_appended_twice_but_another_number_is(ledger):
    before = ledger.read_bytes()
    assert append(ledger, [forecast("taji"), forecast("taji")]) == read_ledger(ledger)[-1].hash
    assert ledger.read_bytes() == before
    newest = append(ledger, [forecast("taji", probability=0.26)] * 2)
    *_, third, added = read_ledger(ledger)
    assert (added.hash, added.previous) == (newest, third.hash)
    assert added.forecast["probability"] == 0.26
    assert ledger.read_bytes().startswith(before)


def swap(lines):
    lines[0], lines[1] = lines[1], lines[0]


@pytest.mark.parametrize(
    ("tamper", "line"),
    [
        (lambda lines: lines.__setitem__(1, lines[1].replace("0.1", "0.9")), 2),
        (lambda lines: lines.__setitem__(0, lines[0].replace("v1", "v2")), 1),
        (lambda lines: lines.__setitem__(2, lines[2].replace("03-10T18", "03-09T18")), 3),
        (lambda lines: lines.pop(0), 1),
        (lambda lines: lines.pop(1), 2),
        (swap, 1),
        (lambda lines: lines.insert(1, lines[0]), 2),
        (lambda lines: lines.insert(2, ""), 3),
        (lambda lines: lines.__setitem__(1, lines[1].replace(":", ": ")), 2),
        (lambda lines: lines.__setitem__(1, "[" * 5000), 2),
        (lambda lines: lines.__setitem__(1, "null"), 2),
        (lambda lines: lines.__setitem__(1, '{"forecast":1}'), 2),
        (lambda lines: lines.__setitem__(2, lines[2].replace("0.4", "NaN")), 3),
    ],
)
def test_tampering_is_reported_at_the_first_changed_line(ledger, tamper, line):
    lines = ledger.read_text().splitlines()
    tamper(lines)
    ledger.write_text("".join(f"{line}\n" for line in lines))
    changed = ledger.read_bytes()
    with pytest.raises(InputError, match=f"E-LEDGER.*ledger.jsonl:{line} "):
        read_ledger(ledger)
    with pytest.raises(InputError, match="E-LEDGER"):
        append(ledger, [forecast("new")])
    assert ledger.read_bytes() == changed


def test_a_rewritten_line_with_its_own_valid_hash_breaks_the_next(ledger):
    lines = ledger.read_text().splitlines()
    first = read_ledger(ledger)[0]
    forged = chained(forecast("taji", probability=0.99), first.issued_at, FIRST)
    ledger.write_text("".join(f"{line}\n" for line in [forged.line, *lines[1:]]))
    with pytest.raises(InputError, match="E-LEDGER.*ledger.jsonl:2 "):
        read_ledger(ledger)


@pytest.mark.parametrize("cut", [1, 40])
def test_an_incomplete_line_is_refused(ledger, cut):
    ledger.write_bytes(ledger.read_bytes()[:-cut])
    with pytest.raises(InputError, match="E-LEDGER.*:3 "):
        read_ledger(ledger)


def test_truncation_is_detected_with_a_hash_kept_elsewhere(ledger):
    entries = read_ledger(ledger)
    last = entries[-1].hash
    assert [issued_since(entries, entry.hash, ledger) for entry in entries] == [2, 1, 0]
    with pytest.raises(InputError, match="E-LEDGER.*line 2,.*cut off.*older copy"):
        issued_since(entries[:2], last, ledger)
    append(ledger, [forecast("new")], now=NOW + dt.timedelta(hours=1))
    with pytest.raises(InputError, match="E-LEDGER.*line 4, issued 2020-03-10T19:00:00.*no line"):
        issued_since(read_ledger(ledger), FIRST, ledger)
    with pytest.raises(InputError, match="E-LEDGER.*empty or gone"):
        issued_since([], last, ledger)
    with pytest.raises(UsageError, match="E-USAGE"):
        issued_since(entries, last[:-1], ledger)


def test_concurrent_writers_lose_nothing(tmp_path):
    path = tmp_path / "ledger.jsonl"
    code = (
        "import sys, pathlib; from escalation.scoring.ledger import append\n"
        "for i in range(15): append(pathlib.Path(sys.argv[1]), [{'writer': sys.argv[2], 'i': i}])"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", code, str(path), name]) for name in ("a", "b", "c")
    ]
    assert [writer.wait(timeout=PATIENCE) for writer in writers] == [0, 0, 0]
    written = {(entry.forecast["writer"], entry.forecast["i"]) for entry in read_ledger(path)}
    assert written == {(name, i) for name in "abc" for i in range(15)}


def test_leftovers_of_a_killed_writer_are_cleared_and_a_failed_write_changes_nothing(
    ledger, monkeypatch
):
    before = ledger.read_bytes()
    code = (
        "import os, sys, pathlib; from escalation._util.files import replacing\n"
        "with replacing(pathlib.Path(sys.argv[1])) as part:\n"
        "    part.write_text('half'); beside = list(pathlib.Path(sys.argv[1]).parent.iterdir())\n"
        "    os.kill(os.getpid(), 9 * (len(beside) == 3))"
    )
    assert subprocess.run([sys.executable, "-c", code, str(ledger)], check=False).returncode == -9

    def full(*_args, **_options):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.write_text", full)
        with pytest.raises(StorageError, match="E-STORAGE.*No space left"):
            append(ledger, [forecast("new")])
    assert ledger.read_bytes() == before
    assert sorted(path.name for path in ledger.parent.iterdir()) == [
        "ledger.jsonl", "ledger.jsonl.lock",
    ]  # fmt: skip


def test_a_folder_that_cannot_be_made_is_a_storage_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="E-STORAGE"):
        append(tmp_path / "file" / "ledger.jsonl", [forecast()])


def test_the_latest_forecast_before_a_day_is_compared_with(ledger):
    append(ledger, [forecast("taji", probability=0.3), forecast("q", target="up_7d")], now=NOW)
    entries, series = read_ledger(ledger), ForecastSeries("m", "any_7d", 7)
    assert issued_before(entries, series, day="2020-03-12")["taji"] == ("2020-03-11", 0.4)
    assert issued_before(entries, series, day="2020-03-11") == {
        "taji": ("2020-03-10", 0.3), "balad": ("2020-03-10", 0.1),
    }  # fmt: skip
    assert issued_before(entries, series, day="2020-03-10") == {}


@pytest.mark.parametrize(
    ("series", "compared"),
    [
        (ForecastSeries("m", "any_7d", 7), 0.4),
        (ForecastSeries("other", "any_7d", 7), 0.9),
        (ForecastSeries("m", "any_7d", 14), 0.8),
        (ForecastSeries("m", "up_7d", 7), 0.7),
        (ForecastSeries("nobody", "any_7d", 7), None),
    ],
)
def test_other_models_labels_and_horizons_are_not_compared_with(ledger, series, compared):
    others = [
        forecast(day="2020-03-11", probability=0.9, provenance={"model": "other@champion v1"}),
        forecast(day="2020-03-11", probability=0.8, horizon=14),
        forecast(day="2020-03-11", probability=0.7, target="up_7d"),
        forecast(day="2020-03-11", probability=None),
    ]
    append(ledger, others, now=NOW)
    before = issued_before(read_ledger(ledger), series, day="2020-03-12")
    assert before.get("taji", (None, None))[1] == compared


def test_another_version_and_alias_of_a_model_continue_its_series(ledger):
    again = forecast(day="2020-03-11", probability=0.6, provenance={"model": "m@challenger v7"})
    append(ledger, [again], now=NOW)
    before = issued_before(read_ledger(ledger), ForecastSeries("m", "any_7d", 7), day="2020-03-12")
    assert before["taji"] == ("2020-03-11", 0.6)


def test_canonical_json_has_one_spelling():
    assert canonical({"b": [1, 0.5], "a": "é"}) == '{"a":"\\u00e9","b":[1,0.5]}'
    with pytest.raises(ValueError):
        canonical({"a": float("nan")})
