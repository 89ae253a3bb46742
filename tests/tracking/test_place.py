"""A store that was moved or copied with its folder works in its new place."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from escalation import tracking
from escalation.errors import ModelError
from escalation.tracking.place import relocated_uri

PLACES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
)
NEW = Path("/new/mlartifacts")


@pytest.mark.parametrize(
    ("place", "here"),
    [
        ("file:///old/mlartifacts/a", "file:///new/mlartifacts/a"),
        ("file:///old/mlartifacts/a%20b/c", "file:///new/mlartifacts/a%20b/c"),
        ("file:///old/mlartifacts/x/mlartifacts/a", "file:///new/mlartifacts/a"),
        ("file:///new/mlartifacts/a", None),
        ("file:///elsewhere/a", None),
        ("file:///old/mlartifacts/../../etc/a", None),
        ("file:///old/mlartifacts/%2e%2e/%2e%2e/etc/a", None),
        ("mlflow-artifacts:/1/a", None),
        ("s3://bucket/mlartifacts/a", None),
        ("models:/m-1", None),
    ],
)
def test_only_paths_in_an_artifact_folder_of_ours_are_relocated(place, here):
    assert relocated_uri(place, NEW) == here


def places(folder):
    with closing(sqlite3.connect(folder / "mlflow.db")) as connection:
        return [
            place
            for table, column in PLACES
            for (place,) in connection.execute(f"SELECT {column} FROM {table}")
            if "mlartifacts" in (place or "")
        ]


def listing(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.fixture
def old(stored):
    return Path(stored[0].removeprefix("sqlite:///")).parent


@pytest.fixture
def folder(old, tmp_path):
    """A copy of the store with its artifacts, in a folder whose name needs quoting."""
    return shutil.copytree(old, tmp_path / "one folder%")


def test_a_copy_reads_and_writes_only_in_its_own_folder(folder, old, log):
    before = listing(old)
    uri = f"sqlite:///{folder}/mlflow.db"
    assert tracking.load_scorer("small", uri=uri).reference == "small@champion v1"
    assert {place.startswith((folder / "mlartifacts").as_uri()) for place in places(folder)} == {
        True
    }
    count = len(listing(folder / "mlartifacts"))
    assert log(uri).version == "2"
    assert len(listing(folder / "mlartifacts")) > count
    assert listing(old) == before


def test_a_renamed_folder_keeps_working_and_the_old_one_is_not_recreated(folder, log, tmp_path):
    tracking.open_store(f"sqlite:///{folder}/mlflow.db")
    moved = folder.rename(tmp_path / "two")
    uri = f"sqlite:///{moved}/mlflow.db"
    assert len(tracking.load_forecasts("small", uri=uri))
    log(uri)
    assert tracking.load_scorer("small@challenger", uri=uri).reference == "small@challenger v2"
    assert [path.name for path in tmp_path.iterdir()] == ["two"]


def test_a_copied_database_reads_the_old_artifacts_and_writes_next_to_itself(old, log, tmp_path):
    before = listing(old)
    shutil.copy(old / "mlflow.db", tmp_path)
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    assert tracking.load_scorer("small", uri=uri).reference == "small@champion v1"
    log(uri)
    assert tracking.load_scorer("small@challenger", uri=uri).reference == "small@challenger v2"
    assert (tmp_path / "mlartifacts").is_dir()
    assert listing(old) == before


def test_missing_artifacts_are_reported_as_missing_and_not_as_untrusted(folder, tmp_path):
    tracking.open_store(f"sqlite:///{folder}/mlflow.db")
    shutil.rmtree(folder / "mlartifacts")
    moved = folder.rename(tmp_path / "two")
    with pytest.raises(ModelError, match=r"E-MODEL-MISSING.*two/mlartifacts.*put the folder"):
        tracking.load_scorer("small", uri=f"sqlite:///{moved}/mlflow.db")


def test_a_model_changed_in_the_copy_is_refused(folder):
    (manifest,) = folder.rglob("manifest.json")
    manifest.write_text(manifest.read_text().replace("ewma", "emwa", 1) + " ")
    with pytest.raises(ModelError, match="E-MODEL-HASH"):
        tracking.load_scorer("small", uri=f"sqlite:///{folder}/mlflow.db")


def test_a_model_replaced_by_a_link_is_refused(folder, old):
    (manifest,) = folder.rglob("manifest.json")
    (original,) = old.rglob("manifest.json")
    manifest.unlink()
    manifest.symlink_to(original)
    with pytest.raises(ModelError, match="E-MODEL-UNTRUSTED"):
        tracking.load_scorer("small", uri=f"sqlite:///{folder}/mlflow.db")
