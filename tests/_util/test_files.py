"""Files are written completely or not at all, and spreadsheets run nothing in them."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pandas as pd
import pytest

from escalation._util.files import locked, replacing, require_room
from escalation._util.outputs import escape_formulas, write_figure, write_table
from escalation.errors import BusyError, StorageError, UsageError


def _socket(path):
    socket.socket(socket.AF_UNIX).bind(str(path))


def _null(path):
    os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))


def _loop(path):
    path.symlink_to(path.name)


def test_a_failure_halfway_leaves_only_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), replacing(path) as part:
        part.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_a_new_file_has_default_permissions_and_an_old_one_keeps_its_own(tmp_path):
    (tmp_path / "plain").write_text("")
    (tmp_path / "shut").write_text("")
    (tmp_path / "shut").chmod(0o600)
    for name in ("new", "shut"):
        with replacing(tmp_path / name) as part:
            part.write_text("whole")
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert modes["new"] == modes["plain"]
    assert modes["shut"] == 0o600


def test_an_unwritable_place_is_a_storage_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="E-STORAGE"), replacing(tmp_path / "file" / "a.csv"):
        pass


@pytest.mark.parametrize("risky", ["=1+1", "+1", "-1", "@A1", "\tx", "\rx"])
def test_text_that_a_spreadsheet_would_run_is_prefixed_and_numbers_are_not(risky):
    safe = escape_formulas(
        pd.DataFrame({"text": [risky, "plain", None], "number": [-1.0, 2.0, 3.0]})
    )
    assert safe["text"].tolist()[:2] == ["'" + risky, "plain"]
    assert pd.isna(safe["text"].iloc[2])
    assert safe["number"].tolist() == [-1.0, 2.0, 3.0]


@pytest.mark.parametrize("ending", ["parquet", "csv", "json"])
def test_a_table_survives_each_format(tmp_path, ending):
    table = pd.DataFrame({"unit": ["007", "NA"], "probability": [0.25, 0.5]})
    path = tmp_path / f"t.{ending}"
    write_table(table, path)
    readers = {
        "parquet": pd.read_parquet,
        "csv": lambda p: pd.read_csv(p, dtype={"unit": str}, keep_default_na=False),
        "json": lambda p: pd.read_json(p, dtype={"unit": str}),
    }
    read = readers[ending](path)
    assert read["unit"].tolist() == ["007", "NA"]
    assert read["probability"].tolist() == [0.25, 0.5]


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(UsageError, match="E-FORMAT"):
        write_table(pd.DataFrame({"a": [1]}), tmp_path / "a.xlsx")


def test_headers_and_categories_are_escaped_too():
    safe = escape_formulas(pd.DataFrame({"=a": pd.Categorical(["+b", "c"]), "d": [1, 2]}))
    assert safe.columns.tolist() == ["'=a", "d"]
    assert safe["'=a"].tolist() == ["'+b", "c"]


def test_a_figure_with_another_ending_is_refused(tmp_path):
    with pytest.raises(UsageError, match="E-FORMAT"):
        write_figure(None, tmp_path / "figure.gif")
    assert not list(tmp_path.iterdir())


def test_links_are_followed_and_stay(tmp_path):
    (tmp_path / "there").mkdir()
    for name, target in (("a", "there/a"), ("b", "there/none"), ("c", "a")):
        (tmp_path / name).symlink_to(target)
    (tmp_path / "there" / "a").write_text("old")
    for name in ("a", "b", "c"):
        with replacing(tmp_path / name) as part:
            part.write_text(name)
    assert all((tmp_path / name).is_symlink() for name in ("a", "b", "c"))
    assert (tmp_path / "there" / "a").read_text() == "c"
    assert (tmp_path / "there" / "none").read_text() == "b"


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, _socket, _null, _loop])
def test_anything_but_a_regular_file_is_refused_and_stays(tmp_path, make):
    path = tmp_path / "a.csv"
    try:
        make(path)
    except PermissionError:
        pytest.skip("only root makes a device")
    before = path.lstat()
    for write in (require_room, lambda path: write_table(pd.DataFrame({"a": [1]}), path)):
        with pytest.raises(UsageError, match=r"E-FILE-KIND.*a\.csv"):
            write(path)
    assert path.lstat() == before and len(list(tmp_path.iterdir())) == 1


def test_files_in_a_group_folder_are_shared_but_not_in_a_sticky_one(tmp_path):
    for mode, expected in ((0o755, 0o600), (0o770, 0o660), (0o777, 0o666), (0o1777, 0o600)):
        tmp_path.chmod(mode)
        before = os.umask(0o077)
        try:
            with replacing(tmp_path / f"{mode:o}") as part:
                part.write_text("")
        finally:
            os.umask(before)
        assert (tmp_path / f"{mode:o}").stat().st_mode & 0o777 == expected


def test_free_space_is_checked_beforehand(tmp_path):
    require_room(tmp_path / "new" / "a.csv")
    require_room(None)
    with pytest.raises(StorageError, match="E-STORAGE.*No space left"):
        require_room(tmp_path / "a.csv", size=1 << 60)
    with pytest.raises(StorageError, match="E-STORAGE"):
        require_room(Path("/proc/a.csv"))
    assert [path.name for path in tmp_path.rglob("*")] == ["new"]


def test_any_user_may_hold_a_lock(tmp_path):
    before = os.umask(0o077)
    try:
        with locked(tmp_path / "a"):
            pass
    finally:
        os.umask(before)
    assert (tmp_path / "a.lock").stat().st_mode & 0o777 == 0o666
    (tmp_path / "a.lock").chmod(0o444)
    with locked(tmp_path / "a"), pytest.raises(BusyError), locked(tmp_path / "a", seconds=0):
        pass
