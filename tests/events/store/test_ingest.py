"""Files are ingested completely or not at all, and every row is accounted for."""

import datetime as dt
import json
import os
import random
import subprocess
import sys

import pandas as pd
import pytest
from command_line import escalation

from escalation import schema
from escalation.errors import EscalationError, GateError, InputError, UsageError
from escalation.events import SOURCES, Limits, Options, load_events
from escalation.events.store.folder import ArchiveStore
from escalation.events.store.ingest import ingest_files, validate_files

TIDY = SOURCES["tidy"]
LAX = Limits(max_bad=1.0)
HEADER = "event_id,event_date,known_date,event_type,admin1,killed"


def rows(*lines, header=HEADER):
    return "".join(f"{line}\n" for line in (header, *lines))


def plain(number, *, known="2020-01-09", killed=0):
    return f"e{number},2020-01-01,{known},battle,Basra,{killed}"


MANY = [plain(number) for number in range(200)]


@pytest.fixture
def write(tmp_path):
    def write(text, name="a.csv"):
        path = tmp_path / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write


@pytest.fixture
def store(tmp_path):
    return ArchiveStore(tmp_path / "archive")


def take(store, *paths, source=TIDY, **options):
    reports = ingest_files(source, paths, store, **options)
    for report in reports:
        assert report.accepted + report.quarantined + report.duplicates == report.records
        assert report.accepted == report.added + report.updated
    return reports[-1]


def check(*paths, source=TIDY, **options):
    reports = validate_files(source, paths, **options)
    for report in reports:
        assert report.accepted + report.quarantined + report.duplicates == report.records
    return reports[-1]


def bytes_of(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def refused(store, path, code, **options):
    """The error's text; the archive and its folder are unchanged."""
    before = bytes_of(store.folder)
    with pytest.raises(EscalationError) as caught:
        ingest_files(TIDY, [path], store, **options)
    after = bytes_of(store.folder)
    after.pop("archive.lock", None)
    assert after == {name: data for name, data in before.items() if name != "archive.lock"}
    assert not list(path.parent.rglob("*.part"))
    assert caught.value.code == code and caught.value.status == 3
    return str(caught.value)


@pytest.mark.parametrize("content", ["", "\ufeff", rows(), "\n\n", rows(",,,,,", ",,,,,")])
def test_a_file_without_rows_is_refused(store, write, content):
    take(store, write(rows(*MANY)))
    refused(store, write(content, "b.csv"), "E-EMPTY")


def test_missing_and_repeated_columns_are_refused_and_unknown_ones_only_if_strict(store, write):
    path = write("event_id,event_dat,event_type,site\na,2020-01-01,battle,x\n")
    message = refused(store, path, "E-COLUMNS")
    assert "missing: event_date" in message and "add --columns event_dat=event_date" in message
    refused(store, write(rows(MANY[0] + ",x", header=HEADER + ",killed")), "E-COLUMNS")
    refused(store, write("event_id,event_date,site\na,2020-01-01,x\n"), "E-COLUMNS")
    path = write(rows(MANY[0] + ",x", header=HEADER + ",mood"))
    assert "mood" in refused(store, path, "E-COLUMNS", limits=Limits(strict=True))
    assert take(store, path).unknown == ("mood",)


def test_rows_too_short_or_too_long_are_quarantined_and_no_value_shifts(store, write):
    path = write(rows(*MANY, "e200,2020-01-01,2020-01-02,battle,Basra", MANY[0] + ",7", plain(201)))
    report = take(store, path)
    assert (report.records, report.accepted, report.quarantined) == (203, 201, 2)
    assert [(row.line, row.code) for row in report.first] == [(202, "Q-ROW"), (203, "Q-ROW")]
    assert set(store.as_of("2020-01-09")["killed"]) == {0}


def test_text_that_is_not_utf_8_is_refused_and_a_nul_quarantined(store, write):
    text = rows(*MANY, "é,2020-01-01,2020-01-02,battle,Basra,0")
    assert f"byte {text.index('é')} " in refused(store, write(text.encode("latin-1")), "E-ENCODING")
    refused(store, write(text.encode("utf-16")), "E-ENCODING")
    assert (
        take(store, write(text.encode("cp1252")), options=Options(encoding="cp1252")).added == 201
    )
    report = check(write(rows(*MANY, "n\0,2020-01-01,2020-01-02,battle,Basra,0")))
    assert [(row.line, row.code) for row in report.first] == [(202, "Q-TEXT")]


def peak_of(arguments, folder):
    """Exit status, message and peak megabytes of the command."""
    code = (
        "import atexit, re, sys\n"
        "from pathlib import Path\n"
        "from escalation.cli import main\n"
        "status = lambda: Path('/proc/self/status').read_text()\n"
        "peak = lambda: re.search(r'VmHWM:\\s+(\\d+)', status())[1]\n"
        "atexit.register(lambda: print(peak()))\n"
        f"sys.argv = ['escalation', *{[str(argument) for argument in arguments]!r}]\n"
        "main()\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=folder)
    return run.returncode, run.stderr, int(run.stdout.split()[-1]) / 1024


linux = pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="needs Linux's /proc")


@linux
def test_a_quote_left_open_on_line_2_of_a_million_is_named_in_300_mb(write, tmp_path):
    path = write(rows('e0,2020-01-01,2020-01-02,"battle,Basra,0', *[MANY[0]] * 1_000_000))
    status, message, peak = peak_of(["validate", "--source", "tidy", path], tmp_path)
    assert status == 3 and "error[E-QUOTE]" in message and "a.csv:2 " in message
    assert peak < 300


@linux
@pytest.mark.parametrize("shape", ["field", "line", "packed"])
def test_a_huge_field_line_or_packed_file_is_stopped_in_500_mb(write, tmp_path, shape):
    import gzip

    lines = {"field": "x" * 200_000, "line": "x" * 50_000_000}
    if shape == "packed":
        path = write(gzip.compress(rows(MANY[0]).encode() + b",,,,,\n" * 34_000_000), "a.csv.gz")
    else:
        path = write(rows(*MANY, f"e,2020-01-01,2020-01-02,battle,{lines[shape]},0"))
    status, message, peak = peak_of(["validate", "--source", "tidy", path], tmp_path)
    assert status == (0 if shape == "field" else 3)
    assert ("E-LIMIT" in message) == (shape != "field")
    assert peak < 500


@pytest.mark.parametrize("day", ["01/02/2024", "2024-02-30", "0025-01-01", "20240102",
                                 "1704153600"])  # fmt: skip
def test_a_date_in_another_form_is_quarantined_unless_the_form_is_declared(write, day):
    report = check(write(rows(*MANY, f"e,{day},2025-01-01,battle,Basra,0")))
    assert report.reasons == {"Q-DATE": 1} and report.first[0].value == day
    path = write("event_id,event_date,event_type,site\na,01/02/2024,battle,x\n")
    assert check(path, options=Options(date_format="%d/%m/%Y")).accepted == 1


def test_a_time_stamp_is_quarantined_unless_its_zone_is_declared_and_reported(write):
    header = "event_id,event_date,event_type,site"
    times = ["2024-03-10T02:30", "2024-11-03T01:30", "2024-03-10 12:00:00"]
    path = write(rows(*(f"{k},{time},battle,x" for k, time in enumerate(times)), header=header))
    report = check(path, limits=LAX)
    assert report.reasons == {"Q-DATE": 3} and report.zone is None
    report = check(path, limits=LAX, options=Options(zone="America/New_York"))
    assert report.accepted == 2 and report.zone == "America/New_York"
    assert [row.value for row in report.first] == [times[0]]
    with pytest.raises(UsageError, match="E-ZONE"):
        check(path, options=Options(zone="Mars/Phobos"))


def test_future_days_and_reports_before_the_event_have_three_codes(store, write):
    today = dt.date(2020, 1, 10)
    limits = Limits(max_bad=1.0, today=today)
    path = write(rows(
        "future,2020-01-11,2020-01-11,battle,Basra,0",
        "early,2020-01-05,2020-01-04,battle,Basra,0",
        "late,2020-01-05,2020-01-11,battle,Basra,0",
        "fine,2020-01-10,2020-01-10,battle,Basra,0",
    ))  # fmt: skip
    report = take(store, path, limits=limits)
    assert [row.code for row in report.first] == ["Q-FUTURE", "Q-KNOWN-EARLY", "Q-KNOWN-FUTURE"]
    assert list(store.as_of("2020-01-10")["event_id"]) == ["fine"]


def test_a_day_begins_in_the_first_time_zone_on_earth():
    before = dt.datetime.now(dt.UTC)
    latest = Limits().latest
    after = dt.datetime.now(dt.UTC)
    first = dt.timezone(dt.timedelta(hours=14))
    assert before.astimezone(first).date() <= latest <= after.astimezone(first).date()


@pytest.mark.parametrize("killed", ["-1", "1.5", "NaN", "inf", "1e400", '"1,200"', "1_000",
                                    "\u0663"])  # fmt: skip
def test_an_invalid_number_is_quarantined(write, killed):
    report = check(write(rows(*MANY, plain("x", killed=killed))))
    assert report.reasons == {"Q-NUMBER": 1} and report.first[0].value == killed.strip('"')


def test_a_repeat_is_counted_a_later_version_added_and_a_contradiction_refused(store, write):
    report = take(store, write(rows(*MANY, MANY[0], MANY[0])))
    assert (report.added, report.duplicates) == (200, 2)
    report = take(store, write(rows(MANY[0], plain(0, known="2020-02-01", killed=4)), "b.csv"))
    assert (report.added, report.updated, report.duplicates) == (0, 1, 1)
    first = store.as_of("2020-01-31").set_index("event_id")["killed"]["e0"]
    assert (first, store.as_of("2020-02-01").set_index("event_id")["killed"]["e0"]) == (0, 4)
    clash = write(rows(plain(0, killed=9)), "c.csv")
    assert "e0" in refused(store, clash, "E-CONFLICT")
    within = write(rows(*MANY, plain(7, killed=9)), "d.csv")
    refused(store, within, "E-CONFLICT")
    with pytest.raises(InputError, match=r"E-CONFLICT.*d\.csv:202"):
        check(within)


def test_the_same_file_twice_or_shuffled_changes_nothing(store, write):
    lines = [*MANY, plain(3, known="2020-02-01", killed=2)]
    path = write(rows(*lines))
    take(store, path)
    digest, before = store.digest, bytes_of(store.folder)
    report = take(store, path)
    assert (report.accepted, report.duplicates) == (0, 201)
    assert bytes_of(store.folder) == before
    random.Random(1).shuffle(lines)
    assert take(store, write(rows(*lines), "b.csv")).accepted == 0
    other = ArchiveStore(store.folder.with_name("other"))
    take(other, write(rows(*lines), "b.csv"))
    assert other.digest == store.digest == digest


KILLED = """
import os, random, signal, sys
from pathlib import Path
import escalation
from escalation.events import SOURCES
from escalation.events.store.ingest import ingest_files
from escalation.events.store.folder import ArchiveStore

PACKAGE = str(Path(escalation.__file__).parent) + os.sep

def run(folder, kill_at):
    calls = 0
    def step(frame, event, arg):
        nonlocal calls
        if event == "call" and frame.f_code.co_filename.startswith(PACKAGE):
            calls += 1
            if calls == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.setprofile(step)
    ingest_files(SOURCES["tidy"], [Path("a.csv")], ArchiveStore(Path(folder)))
    sys.setprofile(None)
    return calls

run("warm", 0)
steps = run("counted", 0)  # as in a child: caches are filled
for number, at in enumerate(random.Random(5).sample(range(1, steps), 20)):
    child = os.fork()
    if not child:
        run(f"killed{number}", at)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_an_ingest_killed_anywhere_and_run_again_equals_a_clean_one(store, write, tmp_path):
    path = write(rows(*MANY, MANY[0]))
    take(store, path)
    run = subprocess.run(
        [sys.executable, "-c", KILLED], capture_output=True, text=True, cwd=tmp_path
    )
    assert run.stdout.split() == ["-9"] * 20, run.stderr
    half_way = 0
    for number in range(20):
        again = ArchiveStore(tmp_path / f"killed{number}")
        half_way += not again.folder.exists() or not again.files()
        report = take(again, path)
        assert report.accepted + report.duplicates == 201
        assert again.digest == store.digest
        assert set(bytes_of(again.folder)) == set(bytes_of(store.folder))
    assert 0 < half_way <= 20


def test_events_that_a_later_file_lacks_are_listed_and_retracted_only_on_request(store, write):
    take(store, write(rows(*MANY)))
    bad = "e7,2020-01-01,2020-01-09,battle,Basra,many"
    later = write(rows(*MANY[:5], bad, plain(900, known="2020-03-01"), *MANY[8:]), "b.csv")
    report = take(store, later)
    assert (report.missing, report.missing_count) == (("e5", "e6"), 2)
    assert len(store.as_of("2020-03-01")) == 201
    report = take(store, later, retract_missing=True)
    assert (report.retracted, report.missing_count, report.accepted) == (2, 0, 0)
    assert len(store.as_of("2020-02-28")) == 200
    gone = set(store.as_of("2020-02-28")["event_id"]) - set(store.as_of("2020-03-01")["event_id"])
    assert gone == {"e5", "e6"}
    assert take(store, later, retract_missing=True).retracted == 0


def test_an_event_known_on_the_last_day_is_retracted_on_the_next(store, write):
    take(store, write(rows(*MANY)))
    assert take(store, write(rows(*MANY[1:]), "b.csv"), retract_missing=True).retracted == 1
    assert len(store.as_of("2020-01-09")) == 200 and len(store.as_of("2020-01-10")) == 199


MONTHS = [
    f"{country}{day},2020-0{month}-{day:02},2020-0{month}-{day:02},battle,{country}"
    for country, month in (("KEN", 1), ("KEN", 2), ("SOM", 1)) for day in range(10, 30)
]  # fmt: skip
PLACED = "event_id,event_date,known_date,event_type,country"


def months(*lines):
    """Rows of some days, each with its own identifier."""
    return rows(*(f"{number}-{line}" for number, line in lines), header=PLACED)


NUMBERED = list(enumerate(MONTHS))


def test_a_file_of_other_days_or_countries_lacks_nothing(store, write):
    take(store, write(months(*NUMBERED[:40])))
    for part in (NUMBERED[20:40], NUMBERED[40:], NUMBERED[5:15]):
        report = take(store, write(months(*part), "b.csv"), retract_missing=True)
        assert (report.retracted, report.missing_count) == (0, 0)
    assert len(store.as_of("2020-02-29")) == 60


def test_events_missing_between_the_first_and_last_day_of_a_country_are_retracted(store, write):
    take(store, write(months(*NUMBERED)))
    present = [line for line in NUMBERED if line[0] not in {7, 25}]
    report = take(store, write(months(*present[5:35]), "b.csv"), retract_missing=True)
    assert report.retracted == 2
    assert len(store.as_of("2020-02-29")) == 58


def test_more_than_a_tenth_is_retracted_only_if_forced(store, write):
    take(store, write(months(*NUMBERED)))
    before, path = bytes_of(store.folder), write(months(*NUMBERED[::2]), "b.csv")
    with pytest.raises(GateError, match="E-RETRACT.*28 of the 58 events.*--yes") as refused:
        take(store, path, retract_missing=True)
    assert refused.value.status == 4 and bytes_of(store.folder) == before
    assert take(store, path, retract_missing=True, force=True).retracted == 28


def test_events_of_another_source_are_not_missing(store, write):
    take(store, write(rows(*MANY)))
    other = write(rows(MANY[0] + ",press", header=HEADER + ",source"), "b.csv")
    assert take(store, other, retract_missing=True).retracted == 0
    assert len(store.as_of("2020-01-09")) == 201


NAMES = ["../../x", "a/b", "007", "Nan", "12345678901234567890", "=1+1", "-1", "\u200fabc", "0"]


def test_names_are_stored_unchanged_and_never_become_part_of_a_path(store, write, tmp_path):
    lines = [f"{name},2020-01-01,2020-01-02,battle,{name},0" for name in NAMES]
    take(store, write(rows(*lines)))
    events = store.as_of("2020-01-02")
    assert set(events["event_id"]) == set(events["admin1"]) == set(NAMES)
    assert {path.name for path in tmp_path.iterdir()} == {"a.csv", "archive"}
    bad = ["n\0l", "\u202ex", "x" * 10_000]
    report = check(write(rows(*(lines[2].replace("007", name) for name in bad))), limits=LAX)
    assert report.reasons == {"Q-TEXT": 3}


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x", "\tx", "\rx"])
def test_the_quarantine_file_has_no_cell_that_a_spreadsheet_would_run(write, tmp_path, cell):
    into = tmp_path / "bad.csv"
    check(write(rows(f'e,2020-01-01,2020-01-02,battle,Basra,"{cell}"')), limits=LAX,
          quarantine=into)  # fmt: skip
    (row,) = pd.read_csv(into, dtype=str, lineterminator="\n").to_dict("records")
    assert row["value"] == f"'{cell}"
    assert (row["line"], row["code"], row["column"]) == ("2", "Q-NUMBER", "killed")
    assert (row["file"], "whole number" in row["expected"]) == ("a.csv", True)


def test_above_the_limit_nothing_is_ingested_and_the_rows_are_reported(store, write, tmp_path):
    path = write(rows(*MANY[:98], plain("x", killed=-1), plain("y", killed=-2)))
    message = refused(store, path, "E-QUARANTINE")
    assert "a.csv:100 " in message and "column=killed" in message and "2 of 100 rows" in message
    rejected = pd.read_csv(tmp_path / "archive.quarantine" / "a.csv.csv", dtype=str)
    assert list(rejected["line"]) == ["100", "101"]
    assert check(path).refusal.code == "E-QUARANTINE"
    assert take(store, path, limits=Limits(max_bad=0.02)).accepted == 98


def test_coarse_dates_are_left_out_without_refusing_the_file(store, crisis_csv, write):
    header = "id,date_start,date_end,date_prec,type_of_violence,side_a,side_b,country,latitude,"
    cells = "2019-01-01,2019-01-01,{},1,IS,Government of Iraq,Iraq,33,44,1"
    lines = [f"{k},{cells.format(1 if k else 5)}" for k in range(9)]
    path = write(rows(*lines, header=header + "longitude,best"))
    report = take(store, path, source=SOURCES["ucdp"])
    assert (report.accepted, report.reasons) == (8, {"Q-PRECISION": 1})
    assert check(path, source=SOURCES["ucdp"], options=Options(coarsest=366)).accepted == 9


def test_loading_a_file_an_archive_and_the_bundled_one_gives_the_same(store, write):
    path = write(rows(*MANY, plain("x", killed=-1)))
    with pytest.warns(UserWarning, match="1 of 201 rows") as warnings:
        loaded = load_events("tidy", path)
    text = "".join(str(warning.message) for warning in warnings)
    assert "1 of 201 rows" in text and "line 202 Q-NUMBER killed='-1'" in text
    take(store, path)
    stored = load_events("tidy", store.folder)
    assert stored.digest == loaded.digest and loaded.known_basis == "observed"
    assert len(load_events("iraq_crisis").versions) == 355
    with pytest.raises(InputError, match="E-QUARANTINE"):
        load_events("tidy", path, limits=Limits(max_bad=0))
    with pytest.raises(UsageError, match="E-SOURCE"):
        load_events("tidy")
    with pytest.raises(UsageError, match="E-SOURCE"):
        load_events("rumours", path)


def test_a_file_without_known_dates_says_so(write):
    path = write("event_id,event_date,event_type,site\na,2020-01-01,battle,x\n")
    assert load_events("tidy", path).known_basis == "event_date"
    lagged = load_events("tidy", path, options=Options(lag=5))
    assert lagged.known_basis == "assumed"
    assert str(lagged.versions[schema.KNOWN_DATE][0].date()) == "2020-01-06"


def test_many_blocks_give_the_result_of_a_single_block(store, write, monkeypatch):
    from escalation.events.reading import rows as reading
    from escalation.events.store import ingest as module

    lines = [*MANY, MANY[5], plain("x", killed="many"), plain(5, known="2020-02-02")]
    path = write(rows(*lines))
    whole, digest = take(store, path, limits=LAX), store.digest
    monkeypatch.setattr(reading, "_BLOCK_BYTES", 400)
    monkeypatch.setattr(reading, "_FEWEST_ROWS", 1)
    monkeypatch.setattr(module, "ROWS_PER_SHARE", 20)
    other = ArchiveStore(store.folder.with_name("other"))
    assert take(other, path, limits=LAX) == whole and other.digest == digest
    assert check(path, limits=LAX).duplicates == 1


def test_the_commands_validate_ingest_and_report(write, tmp_path):
    path = write(rows(*MANY, plain("x", killed=-1)))
    lax = escalation("validate", "--source", "tidy", path, folder=tmp_path)
    assert lax.returncode == 0 and "Q-NUMBER" in lax.stdout and "202" in lax.stdout
    strict = escalation("validate", "--source", "tidy", path, "--max-bad", 0, folder=tmp_path)
    assert strict.returncode == 3 and "error[E-QUARANTINE]" in strict.stderr
    assert "Q-NUMBER" in strict.stdout
    ingest = escalation(
        "ingest", "--source", "tidy", path, "--archive", "kept", "--json", folder=tmp_path
    )
    (report,) = json.loads(ingest.stdout)
    assert (
        ingest.returncode == 0 and report["added"] == 200 and report["reasons"] == {"Q-NUMBER": 1}
    )
    assert ArchiveStore(tmp_path / "kept").files()[0].quarantined == 1
