"""Cached numbers are verified and bounded in size, and problems only cost time."""

from __future__ import annotations

import os

import numpy as np
import pytest

from escalation._util.cautions import EscalationWarning
from escalation._util.number_cache import NumberCache, users_cache

VALUES = np.array([0.25, 0.5, 1e-6])


def test_a_stored_array_is_read_back_from_a_private_folder(tmp_path):
    cache = NumberCache(tmp_path / "deep" / "cache")
    cache.write("ab", VALUES)
    assert np.array_equal(cache.read("ab", rows=3), VALUES)
    assert cache.folder.stat().st_mode & 0o777 == 0o700
    assert cache.read("cd", rows=3) is None


def test_without_a_folder_nothing_is_stored_or_read():
    cache = NumberCache()
    cache.write("ab", VALUES)
    assert cache.read("ab", rows=3) is None


def damage(path, how):
    data = path.read_bytes()
    if how == "object":
        np.savez(path, values=np.array([{}], dtype=object), sha256=np.zeros(32, np.uint8))
    elif how == "text":
        path.write_text("no archive")
    elif how == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "digit":
        with np.load(path) as stored:
            np.savez(path, values=stored["values"] + 1e-9, sha256=stored["sha256"])
    else:
        np.savez(path, values=VALUES)


@pytest.mark.parametrize("how", ["object", "text", "cut", "empty", "digit", "no hash"])
def test_a_damaged_file_is_not_used_and_reported_once(tmp_path, how):
    cache = NumberCache(tmp_path / "cache")
    cache.write("ab", VALUES)
    damage(tmp_path / "cache" / "ab.npz", how)
    with pytest.warns(EscalationWarning, match="cache of forecasts"):
        assert cache.read("ab", rows=3) is None
    assert cache.read("ab", rows=3) is None


def test_an_array_of_another_length_is_not_used(tmp_path):
    cache = NumberCache(tmp_path / "cache")
    cache.write("ab", VALUES)
    with pytest.warns(EscalationWarning):
        assert cache.read("ab", rows=4) is None


def test_a_folder_that_others_may_write_to_is_not_used(tmp_path):
    cache = NumberCache(tmp_path)
    cache.write("ab", VALUES)
    tmp_path.chmod(0o777)
    with pytest.warns(EscalationWarning, match="others may write"):
        assert cache.read("ab", rows=3) is None


def test_an_unwritable_cache_is_reported_once(tmp_path):
    (tmp_path / "file").write_text("")
    cache = NumberCache(tmp_path / "file" / "cache")
    with pytest.warns(EscalationWarning, match="nothing is stored"):
        cache.write("ab", VALUES)
    cache.write("cd", VALUES)


def test_the_least_recently_used_file_is_deleted_first(tmp_path):
    cache = NumberCache(tmp_path / "cache")
    for age, key in ((300, "aa"), (200, "bb"), (100, "cc")):
        cache.write(key, VALUES)
        os.utime(cache.folder / f"{key}.npz", (1e9 - age, 1e9 - age))
    size = (cache.folder / "aa.npz").stat().st_size
    cache.read("aa", rows=3)
    NumberCache(cache.folder, largest=3 * size).write("dd", VALUES)
    assert {path.stem for path in cache.folder.iterdir()} == {"aa", "cc", "dd"}


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"ESCALATION_CACHE": "off"}, None),
        ({"ESCALATION_CACHE": "OFF", "XDG_CACHE_HOME": "/x"}, None),
        ({"ESCALATION_CACHE": "/here"}, "/here"),
        ({"XDG_CACHE_HOME": "/x"}, "/x/escalation"),
    ],
)
def test_the_environment_names_the_folder(environment, folder):
    path = users_cache(environment).folder
    assert (path and path.as_posix()) == folder


def test_without_a_home_nothing_is_stored(monkeypatch):
    def homeless():
        raise RuntimeError

    monkeypatch.setattr("pathlib.Path.home", homeless)
    assert users_cache({}).folder is None
