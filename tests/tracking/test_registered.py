"""Reading registered models from a store's file gives MLflow's answer, or none."""

import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from escalation import tracking
from escalation.errors import ModelError, UsageError
from escalation.tracking.loading import registered_names, registered_version
from escalation.tracking.registered import names_in_file, version_in_file


@pytest.fixture
def store(stored, tmp_path):
    """A copy of the store's file."""
    return shutil.copy(stored[0].removeprefix("sqlite:///"), tmp_path / "mlflow.db")


def test_the_file_and_mlflow_return_the_same(store):
    uri = f"sqlite:///{store}"
    assert version_in_file(store, "small", "champion") == registered_version(
        uri, "small", "champion"
    )
    assert [name for name in names_in_file(store) if name.startswith("s")] == registered_names(
        uri, "s"
    )


SPOILT = {
    "another alias": "UPDATE registered_model_aliases SET alias = 'other'",
    "no hash": "DELETE FROM model_version_tags",
    "a deleted version": "UPDATE model_versions SET current_stage = 'Deleted_Internal'",
    "a table of another name": "ALTER TABLE model_versions RENAME TO model_versions_2",
    "a column of another name": "ALTER TABLE model_version_tags RENAME COLUMN value TO content",
    "files elsewhere": "UPDATE model_versions SET source = 's3://a/b', storage_location = NULL",
}


@pytest.mark.parametrize("change", SPOILT)
def test_nothing_is_returned_if_the_tables_differ_from_those_of_mlflow(store, change):
    with sqlite3.connect(store) as connection:
        connection.execute(SPOILT[change])
    connection.close()
    assert version_in_file(store, "small", "champion") is None


def test_a_file_that_is_not_a_store_returns_nothing_and_a_missing_one_is_not_created(tmp_path):
    (tmp_path / "text.db").write_text("no database, " * 200)
    assert version_in_file(tmp_path / "text.db", "small", "champion") is None
    assert names_in_file(tmp_path / "text.db") == []
    assert names_in_file(tmp_path / "none.db") == []
    with pytest.raises(ModelError, match="E-MODEL-MISSING.*no store"):
        tracking.load_scorer("small", uri=f"sqlite:///{tmp_path}/none.db")
    assert not (tmp_path / "none.db").exists()


def test_a_scorer_of_a_local_store_is_read_without_mlflow(stored):
    code = (
        "import sys; from escalation import tracking; "
        f"scorer = tracking.load_scorer('small', uri={stored[0]!r}); "
        "print(scorer.reference, 'mlflow' in sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == ["small@champion", "v1", "False"]


def test_a_notebook_gets_the_model_with_the_checks_of_score(stored, monkeypatch):
    import escalation as esc

    uri = stored[0]
    fitted = esc.load_model("models:/small@champion", tracking_uri=uri)
    assert fitted.scorer.reference == "small@champion v1" and len(fitted.scorer.model_hash) == 64
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert esc.load_model("small").scorer.model_hash == fitted.scorer.model_hash
    with pytest.raises(UsageError, match="E-MODEL.*models:/small@champion"):
        esc.load_model("models:/small/1")
    with pytest.raises(ModelError, match="E-MODEL-MISSING"):
        esc.load_model("models:/small@nobody")


def test_a_changed_file_is_refused_in_a_notebook_too(uri, log):
    import escalation as esc

    log(uri)
    folder = Path(uri.removeprefix("sqlite:///")).parent / "mlartifacts"
    (manifest,) = folder.rglob("manifest.json")
    manifest.write_text(manifest.read_text().replace('"null_share": ', '"null_share": 0'))
    with pytest.raises(ModelError, match="E-MODEL-HASH"):
        esc.load_model("models:/small@champion", tracking_uri=uri)
