"""The archive on disk: complete or unchanged, independent of order, exact as of any day."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from escalation import schema
from escalation._util import owners
from escalation._util.files import locked
from escalation.cli.process import _clear_up
from escalation.errors import BusyError, InputError, StorageError
from escalation.events.archive import EventArchive
from escalation.events.store import intake, listing
from escalation.events.store.folder import ArchiveStore
from escalation.events.store.hashing import row_hashes
from escalation.events.store.parts import VERSION_SCHEMA, to_frame

FILE = listing.FileRecord("a.csv", "a" * 64, "press", "observed")


def version(line: str) -> dict[str, object]:
    """A version from ``id event_day known_day killed operation``."""
    event, happened, known, killed, *rest = line.split()
    return {
        schema.EVENT_ID: event, schema.EVENT_DATE: dt.date(2020, 3, int(happened)),
        schema.KNOWN_DATE: dt.date(2020, 3, int(known)), schema.EVENT_TYPE: "rocket_attack",
        schema.SOURCE: "press", schema.SEVERITY: 3, schema.OPERATION: rest[0] if rest else "add",
        schema.KILLED: None if killed == "-" else int(killed),
    }  # fmt: skip


def reports(*lines: str) -> pa.Table:
    return pa.Table.from_pylist([version(line) for line in lines], VERSION_SCHEMA)


def of_frame(frame: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(frame, VERSION_SCHEMA, preserve_index=False)


def file_named(name: str, **more: object) -> listing.FileRecord:
    return replace(FILE, name=name, sha256=name[0] * 64, **more)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def store(tmp_path):
    return ArchiveStore(tmp_path / "archive", wait=0.3)


@pytest.fixture
def corrected(store):
    """One event in three versions, one in a single version, one that is retracted."""
    store.append(
        [reports("taji 1 1 -", "taji 1 3 3", "taji 1 5 4", "balad 2 2 0", "erbil 2 2 1",
              "erbil 2 4 1 retract")],
        file=FILE,
    )  # fmt: skip
    return store


@pytest.mark.parametrize(
    ("day", "known"),
    [
        (1, [("taji", None)]),
        (2, [("taji", None), ("balad", 0), ("erbil", 1)]),
        (3, [("taji", 3), ("balad", 0), ("erbil", 1)]),
        (4, [("taji", 3), ("balad", 0)]),
        (5, [("taji", 4), ("balad", 0)]),
    ],
)
def test_a_snapshot_holds_the_last_version_known_by_then_without_retracted_events(
    corrected, day, known
):
    events = corrected.as_of(f"2020-03-0{day}")
    killed = [None if pd.isna(count) else count for count in events[schema.KILLED]]
    assert list(zip(events[schema.EVENT_ID], killed, strict=True)) == known


def test_a_day_before_anything_was_known_has_no_events(corrected):
    assert corrected.as_of("2020-02-01").empty


def test_a_day_after_the_last_day_covered_is_refused(corrected):
    with pytest.raises(InputError, match=r"E-COVERAGE.*2020-03-06"):
        corrected.as_of("2020-03-06")


def test_an_archive_without_events_is_refused(store):
    with pytest.raises(InputError, match="E-EMPTY"):
        store.as_of("2020-03-01")
    store.append([], file=FILE)
    with pytest.raises(InputError, match="E-EMPTY"):
        store.archive()


def test_a_snapshot_can_be_of_one_source_and_some_columns(corrected):
    other = reports("taji 1 2 9").set_column(
        VERSION_SCHEMA.get_field_index(schema.SOURCE), schema.SOURCE, pa.array(["radio"])
    )
    corrected.append([other], file=file_named("b.csv"))
    events = corrected.snapshot(source="radio", columns=[schema.EVENT_ID, schema.KILLED])
    assert events.to_pylist() == [{"event_id": "taji", "killed": 9}]
    assert len(corrected.as_of("2020-03-05")) == 3


@pytest.mark.parametrize("seed", range(4))
def test_the_store_answers_as_the_archive_in_memory(store, random_archive, seed, monkeypatch):
    monkeypatch.setattr(intake, "ROWS_PER_SHARE", 7)
    archive = random_archive(seed)
    rows = archive.versions.sample(frac=1, random_state=seed)
    for number, part in enumerate(np.array_split(np.arange(len(rows)), 3)):
        file = file_named(f"{number}.csv", covered_to=archive.covered_to.astype(object))
        store.append([of_frame(rows.iloc[part])], file=file)
    again = store.archive()
    assert (again.covered_to, again.known_basis) == (archive.covered_to, "observed")
    for day in archive.covered_to - np.arange(0, 50, 3):
        here, there = store.as_of(day), archive.as_of(day)
        pd.testing.assert_frame_equal(here, there, check_dtype=False)
        pd.testing.assert_frame_equal(here, again.as_of(day))


def test_every_cell_is_read_back_as_it_was_written(store):
    text = {name: f" {name} ü=1 " for name in schema.TEXT_COLUMNS}
    numbers = {schema.WEIGHT: 7, schema.HOUR: 23, schema.MUNITIONS: 33}
    odd = {**version("007 1 2 0"), **text, **numbers, schema.EVENT_ID: "00" * 10,
           schema.LATITUDE: -0.5, schema.LONGITUDE: 179.99999, schema.TAGS: "",
           schema.NOTE: "x" * 5000}  # fmt: skip
    bare = version("NA 1 1 -")
    store.append([pa.Table.from_pylist([odd, bare], VERSION_SCHEMA)], file=FILE)
    rows = store.snapshot(columns=VERSION_SCHEMA.names).sort_by(schema.EVENT_ID).to_pylist()
    blank = dict.fromkeys(VERSION_SCHEMA.names)
    assert rows == [{**blank, **odd}, {**blank, schema.WEIGHT: 1, **bare}]


def test_a_claim_is_a_version_known_from_its_own_day_on(store):
    claim = {**version("a 1 2 0"), schema.ATTRIBUTION: "claimed"}
    table = pa.Table.from_pylist([{**version("a 1 1 0"), schema.ATTRIBUTION: "unknown"}, claim],
                                VERSION_SCHEMA)  # fmt: skip
    store.append([table], file=FILE)
    attributions = [store.as_of(f"2020-03-0{d}")[schema.ATTRIBUTION].tolist() for d in (1, 2)]
    assert attributions == [["unknown"], ["claimed"]]
    assert store.as_of("2020-03-02")[schema.WEIGHT].tolist() == [1]


def test_a_weight_below_one_is_refused(store):
    with pytest.raises(InputError, match="E-VALUE.*weight"):
        none = {**version("a 1 1 0"), schema.WEIGHT: 0}
        store.append([pa.Table.from_pylist([none], VERSION_SCHEMA)], file=FILE)


def test_frames_have_the_types_that_the_archive_expects(corrected):
    frame = to_frame(corrected.snapshot())
    assert frame[schema.KILLED].dtype == "Int64"
    assert frame[schema.EVENT_DATE].dtype == "datetime64[s]"
    assert frame[schema.EVENT_ID].dtype == "str"


def test_the_counts_of_a_file_add_up(store):
    first = store.append([reports("a 1 1 0", "b 1 1 0", "b 1 2 1", "a 1 1 0")],
                         file=replace(FILE, quarantined=2))  # fmt: skip
    assert (first.rows, first.accepted, first.duplicates, first.quarantined) == (6, 3, 1, 2)
    assert (first.added, first.updated, first.retracted) == (2, 1, 0)
    second = store.append(
        [reports("a 1 1 0", "a 1 3 2", "b 1 4 1 retract", "c 3 4 0"), reports("a 1 3 2")],
        file=lambda: file_named("b.csv"),
    )
    assert (second.rows, second.accepted, second.duplicates) == (5, 3, 2)
    assert (second.added, second.updated, second.retracted) == (1, 1, 1)
    assert (str(second.first_day), str(second.last_day)) == ("2020-03-01", "2020-03-03")
    assert [file.name for file in store.files()] == ["a.csv", "b.csv"]
    assert store.files()[1] == second


def test_a_file_may_cover_days_on_which_nothing_became_known(store):
    store.append([reports("a 1 1 0")], file=replace(FILE, covered_to=dt.date(2020, 3, 31)))
    assert len(store.as_of("2020-03-31")) == 1


def test_known_dates_are_as_good_as_the_weakest_file(store):
    store.append([reports("a 1 1 0")], file=FILE)
    store.append([reports("b 1 1 0")], file=file_named("b.csv", known_basis="assumed"))
    store.append([reports("a 1 1 0")], file=file_named("c.csv", known_basis="event_date"))
    assert store.summary()["known_basis"] == "assumed"
    assert store.archive().known_basis == "assumed"


def test_the_same_file_again_changes_nothing(corrected):
    before = content(corrected.folder)
    versions = corrected.snapshot(columns=VERSION_SCHEMA.names)
    assert versions.num_rows == 2
    again = corrected.append(
        [reports("taji 1 1 -", "taji 1 3 3", "taji 1 5 4", "balad 2 2 0", "erbil 2 2 1",
              "erbil 2 4 1 retract")],
        file=FILE,
    )  # fmt: skip
    assert (again.accepted, again.duplicates) == (0, 6)
    assert content(corrected.folder) == before


def test_another_file_with_the_same_content_is_listed_without_a_part(corrected):
    before = corrected.digest
    corrected.append([reports("balad 2 2 0")], file=file_named("b.csv"))
    assert [file.part for file in corrected.files()] == ["part-000001.parquet", ""]
    assert corrected.digest == before


def test_another_store_sees_what_was_appended_in_between(corrected):
    other = ArchiveStore(corrected.folder)
    assert other.append([reports("d 6 6 0")], file=file_named("b.csv")).added == 1
    assert corrected.append([reports("d 6 6 0")], file=file_named("c.csv")).duplicates == 1
    assert len(corrected.as_of("2020-03-06")) == 3


@pytest.mark.parametrize("share", [3, 500_000])
def test_order_and_repetition_leave_the_digest_alone(tmp_path, random_archive, monkeypatch, share):
    monkeypatch.setattr(intake, "ROWS_PER_SHARE", share)
    monkeypatch.setattr(intake, "ROWS_PER_GROUP", 16)
    rows = random_archive(3).versions
    once, shuffled, split = (ArchiveStore(tmp_path / name) for name in ("a", "b", "c"))
    once.append([of_frame(rows)], file=FILE)
    twice = pd.concat([rows, rows]).sample(frac=1, random_state=0)
    counts = shuffled.append([of_frame(twice)], file=FILE)
    assert counts.duplicates == len(rows)
    for number, some in enumerate((rows[::2], rows[1::3], rows)):
        split.append([of_frame(some)], file=file_named(f"{number}.csv"))
    assert once.digest == shuffled.digest == split.digest
    pd.testing.assert_frame_equal(once.archive().versions, shuffled.archive().versions)
    pd.testing.assert_frame_equal(once.archive().versions, split.archive().versions)


@pytest.mark.parametrize(
    "changed",
    [
        {schema.KILLED: 1}, {schema.KILLED: None}, {schema.NOTE: ""}, {schema.SOURCE: "radio"},
        {schema.KNOWN_DATE: dt.date(2020, 3, 2)}, {schema.OPERATION: "retract"},
        {schema.LATITUDE: 0.0}, {schema.EVENT_ID: "aa"},
    ],
)  # fmt: skip
def test_any_changed_cell_changes_the_digest(tmp_path, changed):
    digests = set()
    for name, cells in (("a", {}), ("b", changed)):
        store = ArchiveStore(tmp_path / name)
        row = {**version("a 1 1 0"), **cells}
        store.append([pa.Table.from_pylist([row], VERSION_SCHEMA)], file=FILE)
        digests.add(store.digest)
    assert len(digests) == 2


@pytest.mark.parametrize("lines", [("c 1 1 0", "a 1 1 9"), ("c 1 1 0", "d 1 1 1", "d 1 1 2")])
def test_two_versions_on_one_day_are_refused_and_nothing_changes(store, lines):
    store.append([reports("a 1 1 0")], file=FILE)
    before = content(store.folder)
    with pytest.raises(InputError, match=f"E-CONFLICT.*value='{lines[-1][0]}'.*known_date"):
        store.append([reports(*lines)], file=file_named("b.csv"))
    assert content(store.folder) == before


def test_a_reader_that_fails_halfway_changes_nothing(corrected):
    def tables():
        yield reports("d 6 6 0")
        raise InputError("E-LIMIT", "expected fewer bad rows")

    before = content(corrected.folder)
    with pytest.raises(InputError, match="E-LIMIT"):
        corrected.append(tables(), file=file_named("b.csv"))
    assert content(corrected.folder) == before


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ({schema.EVENT_ID: None}, "E-VALUE"),
        ({schema.KNOWN_DATE: None}, "E-VALUE"),
        ({schema.OPERATION: "delete"}, "E-OPERATION"),
        ({schema.KNOWN_DATE: dt.date(2020, 2, 29)}, "E-KNOWN"),
    ],
)
def test_rows_that_a_reader_should_have_rejected_are_refused(store, row, code):
    table = pa.Table.from_pylist([{**version("a 1 1 0"), **row}], VERSION_SCHEMA)
    with pytest.raises(InputError, match=code):
        store.append([table], file=FILE)
    with pytest.raises(InputError, match="E-COLUMNS.*severity"):
        store.append([table.drop_columns([schema.SEVERITY])], file=FILE)


def test_a_second_writer_gets_an_error_that_names_the_lock(store):
    store.append([reports("a 1 1 0")], file=FILE)
    with locked(store.folder / "archive"), pytest.raises(BusyError, match="E-BUSY.*archive.lock"):
        store.append([reports("b 1 1 0")], file=file_named("b.csv"))
    assert len(store.as_of("2020-03-01")) == 1


def test_only_leftovers_of_an_interrupted_command_are_removed(corrected):
    for name in ("part-000002.parquet", "part-000003.parquet.part", "archive.jsonl.part"):
        (corrected.folder / name).write_bytes(b"half")
    (corrected.folder / "notes.parquet").write_bytes(b"mine")
    assert len(corrected.as_of("2020-03-05")) == 2
    corrected.append([reports("d 6 6 0")], file=file_named("b.csv"))
    assert names(corrected.folder) == [
        "archive.jsonl", "archive.lock", "notes.parquet", "part-000001.parquet",
        "part-000002.parquet",
    ]  # fmt: skip


@pytest.mark.parametrize("harm", ["missing", "cut", "flipped", "listing"])
def test_a_damaged_archive_is_reported(corrected, harm):
    part = corrected.folder / "part-000001.parquet"
    data = bytearray(part.read_bytes())
    if harm == "missing":
        part.unlink()
    elif harm == "cut":
        part.write_bytes(data[: len(data) // 2])
    elif harm == "flipped":
        at = data.index(b"taji")
        data[at] ^= 1
        part.write_bytes(data)
    else:
        (corrected.folder / "archive.jsonl").write_text('{"format": "another"}\n')
    with pytest.raises(StorageError, match="E-ARCHIVE.*copy"):
        corrected.as_of("2020-03-05")


def test_a_command_that_an_archive_refused_leaves_no_note(corrected):
    (corrected.folder / "archive.jsonl").write_text('{"format": "another"}\n')
    before = list(owners._note_file.begun)
    with pytest.raises(StorageError, match="E-ARCHIVE"):
        corrected.append([reports("d 6 6 0")], file=file_named("b.csv"))
    assert owners._note_file.begun == before


def test_a_note_of_a_damaged_archive_is_removed(corrected):
    (corrected.folder / "archive.jsonl").write_text('{"format": "another"}\n')
    token = "-".join([owners._host(), "0" * 16])
    path = owners.shared_folder() / f"{token}.owner"
    path.write_text(f"archive\t\t{corrected.folder}\n")
    _clear_up()
    assert not path.exists()


@pytest.mark.parametrize(
    ("owner", "name", "nth", "is_in"),
    [
        (Path, "write_text", 1, False),
        (os, "replace", 1, False),
        (os, "replace", 2, False),
        (os, "fsync", 1, False),
        (os, "fsync", 2, False),
        (os, "fsync", 3, False),
        # The new listing is in place by then.
        (os, "fsync", 4, True),
    ],
)
def test_if_writing_fails_the_file_was_added_or_nothing_changed(
    corrected, monkeypatch, owner, name, nth, is_in
):
    real, calls = getattr(owner, name), []

    def failing(*args, **kwargs):
        calls.append(args)
        if len(calls) == nth:
            raise OSError(28, "No space left on device")
        return real(*args, **kwargs)

    before = content(corrected.folder)
    monkeypatch.setattr(owner, name, failing)
    with pytest.raises(StorageError, match="E-STORAGE.*No space left") as refused:
        corrected.append([reports("d 5 5 0")], file=file_named("b.csv"))
    monkeypatch.undo()
    assert refused.value.status == 6
    assert (content(corrected.folder) == before) == (not is_in)
    assert len(corrected.as_of("2020-03-05")) == 2 + is_in


@pytest.fixture
def small_disk(tmp_path):
    """A disk of half a megabyte, in memory."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small tmpfs is not permitted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def noisy(count: int) -> pa.Table:
    """Events that do not compress."""
    rng = np.random.default_rng(0)
    row = version("a 1 1 0")
    noise = [{schema.EVENT_ID: f"e{n}", schema.NOTE: rng.bytes(400).hex()} for n in range(count)]
    return pa.Table.from_pylist([{**row, **cells} for cells in noise], VERSION_SCHEMA)


def test_a_disk_that_is_full_or_read_only_leaves_the_archive_as_it_was(small_disk):
    store = ArchiveStore(small_disk / "archive")
    store.append([reports("a 1 1 0")], file=FILE)
    before = content(store.folder)
    with pytest.raises(StorageError, match="E-STORAGE"):
        store.append([noisy(3000)], file=file_named("b.csv"))
    assert content(store.folder) == before
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(StorageError, match="E-STORAGE"):
        store.append([reports("b 1 1 0")], file=file_named("c.csv"))
    assert len(store.as_of("2020-03-01")) == 1


KILLED = """
    import os, signal, sys
    sys.path.insert(0, sys.argv[1])
    from pathlib import Path
    import pyarrow.parquet as pq
    import test_folder as tables
    from escalation.events.store.hashing import content_hashes

    calls = 0

    def deadly(owner, name, last):
        real = getattr(owner, name)
        def call(*args, **kwargs):
            global calls
            calls += 1
            if calls == last:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args, **kwargs)
        setattr(owner, name, call)

    def attempt(last):
        # One child per attempt, so that the libraries are loaded once.
        child = os.fork()
        if child:
            return os.waitpid(child, 0)[1]
        for owner, name in ((os, "replace"), (os, "fsync"), (os, "open"), (Path, "unlink"),
                            (Path, "write_text"), (pq.ParquetWriter, "write_batch"),
                            (pq.ParquetWriter, "close")):
            deadly(owner, name, last)
        tables.fill(Path(sys.argv[2]) / str(last))
        os._exit(0)

    content_hashes(tables.reports("a 1 1 0").to_batches()[0])
    last = 1
    while attempt(last) == signal.SIGKILL:
        last += 1
    print(last)
"""


def fill(folder: Path) -> ArchiveStore:
    """Two files, the second with repeats and corrections."""
    store = ArchiveStore(folder)
    many = noisy(40)
    store.append([many.slice(0, 30)], file=FILE)
    later = many.slice(20, 10).to_pylist()
    news = [{**row, schema.KNOWN_DATE: dt.date(2020, 3, 2), schema.KILLED: 5} for row in later]
    changed = pa.Table.from_pylist(news, VERSION_SCHEMA)
    store.append([many.slice(10), changed, changed], file=file_named("b.csv"))
    return store


@pytest.mark.slow
def test_a_command_killed_anywhere_and_run_again_equals_an_uninterrupted_one(tmp_path):
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(Path(__file__).parent)]
    run = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True, check=True)
    unharmed = ArchiveStore(tmp_path / run.stdout.strip())
    assert int(run.stdout) >= 20
    assert fill(tmp_path / "clean").digest == unharmed.digest
    for call in range(1, int(run.stdout)):
        again = fill(tmp_path / str(call))
        assert again.digest == unharmed.digest
        assert names(again.folder) == names(unharmed.folder)
        pd.testing.assert_frame_equal(again.archive().versions, unharmed.archive().versions)


def murmur(data: bytes, seed: int) -> int:
    """MurmurHash64A with the length plus one, as an independent oracle."""
    m, word = 0xC6A4A7935BD1E995, 2**64
    hashed = seed ^ (len(data) + 1) * m % word
    for start in range(0, len(data), 8):
        k = int.from_bytes(data[start : start + 8], "little") * m % word
        k = (k ^ k >> 47) * m % word
        hashed = (hashed ^ k) * m % word
    hashed = (hashed ^ hashed >> 47) * m % word
    return hashed ^ hashed >> 47


def test_stored_hashes_never_change():
    texts = ["", "a", "12345678", "123456789", "ü" * 20, "007"]
    batch = pa.record_batch({"one": [None, *texts], "two": ["x", *texts]}).slice(1)
    expected = [murmur(text.encode(), murmur(text.encode(), 0)) for text in texts]
    assert row_hashes(batch, ["one", "two"]).tolist() == expected


def test_no_two_of_many_similar_rows_hash_the_same():
    ids = [f"{kind}{number}" for kind in ("IRQ", "SYR", "0") for number in range(60_000)]
    batch = pa.record_batch({"id": ids, "killed": pa.array(range(len(ids)), pa.int32())})
    for columns in (["id"], ["killed"], ["id", "killed"]):
        assert len(np.unique(row_hashes(batch, columns))) == len(ids)


def test_missing_numbers_hash_the_same_and_differ_from_zero():
    batch = pa.record_batch({"x": pa.array([None, float("nan"), 0.0, -0.0, 1.0])})
    first, second, zero, negative, one = row_hashes(batch, ["x"]).tolist()
    assert first == second
    assert zero == negative
    assert len({first, zero, one}) == 3


def test_the_archive_in_memory_equals_one_built_from_the_table(corrected):
    lines = ("taji 1 1 -", "taji 1 3 3", "taji 1 5 4", "balad 2 2 0", "erbil 2 2 1",
             "erbil 2 4 1 retract")  # fmt: skip
    expected = EventArchive.of(to_frame(reports(*lines)), known_basis="observed")
    assert corrected.archive().digest == expected.digest


def test_the_command_lists_the_files_of_an_archive(corrected, tmp_path):
    from command_line import escalation

    shown = escalation("archive", corrected.folder, folder=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "a.csv" in shown.stdout
    assert "6 versions, covered to 2020-03-05, known dates observed" in shown.stdout
    plain = escalation("archive", corrected.folder, "--json", folder=tmp_path)
    assert json.loads(plain.stdout) == corrected.summary()
    assert corrected.summary()["files"][0]["accepted"] == 6
    none = escalation("archive", tmp_path / "none", folder=tmp_path)
    assert none.returncode == 3
    assert "E-EMPTY" in none.stderr
    assert not (tmp_path / "none").exists()
