"""Stored models: plain data, and anything else is refused before it runs."""

from __future__ import annotations

import json

import numpy as np
import pytest

from escalation.errors import ModelError
from escalation.scoring.artifact import (
    MANIFEST_FILE,
    MODEL_FILE,
    artifact_hash,
    load_artifact,
    save_artifact,
)
from escalation.scoring.described import manifest_of


@pytest.fixture
def stored(trained, tmp_path):
    folder = tmp_path / "model"
    digest = save_artifact(trained.models["logistic"], manifest_of(trained, "logistic"), folder)
    return folder, digest


def rehash(folder):
    return artifact_hash({n: (folder / n).read_bytes() for n in (MODEL_FILE, MANIFEST_FILE)})


def test_a_model_comes_back_the_same(stored, trained):
    folder, digest = stored
    model, manifest = load_artifact(folder, expected_hash=digest)
    X = trained.table.X
    assert np.array_equal(model.predict_proba(X), trained.models["logistic"].predict_proba(X))
    assert manifest.columns == list(X.columns)


@pytest.mark.parametrize("name", [MODEL_FILE, MANIFEST_FILE])
def test_one_changed_byte_is_refused_with_both_hashes(stored, name):
    folder, digest = stored
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(bytes(data))
    with pytest.raises(ModelError, match=f"E-MODEL-HASH.*{digest}.*{rehash(folder)}"):
        load_artifact(folder, expected_hash=digest)


def test_a_model_that_does_not_reproduce_its_canary_is_refused(stored):
    folder, _ = stored
    text = json.loads((folder / MANIFEST_FILE).read_text())
    text["canary"]["probability"][0] += 1e-6
    (folder / MANIFEST_FILE).write_text(json.dumps(text))
    with pytest.raises(ModelError, match="E-MODEL-CANARY"):
        load_artifact(folder, expected_hash=rehash(folder))


def test_another_library_version_is_refused_unless_allowed(stored):
    folder, _ = stored
    text = json.loads((folder / MANIFEST_FILE).read_text())
    text["versions"]["scikit-learn"] = "1.8.0"
    (folder / MANIFEST_FILE).write_text(json.dumps(text))
    with pytest.raises(ModelError, match=r"E-MODEL-VERSION.*scikit-learn 1\.8\.0"):
        load_artifact(folder, expected_hash=rehash(folder))
    load_artifact(folder, expected_hash=rehash(folder), allow_version_skew=True)


def test_a_symlink_is_refused(stored, tmp_path):
    folder, digest = stored
    (folder / MODEL_FILE).rename(tmp_path / "elsewhere")
    (folder / MODEL_FILE).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ModelError, match="E-MODEL-UNTRUSTED.*regular file"):
        load_artifact(folder, expected_hash=digest)


def test_a_foreign_type_is_refused_even_with_the_right_hash(stored):
    import skops.io
    from sklearn.preprocessing import FunctionTransformer

    folder, _ = stored
    skops.io.dump(FunctionTransformer(print), folder / MODEL_FILE)
    with pytest.raises(ModelError, match="E-MODEL-UNTRUSTED.*not a model of this package"):
        load_artifact(folder, expected_hash=rehash(folder))
