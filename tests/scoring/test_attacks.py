"""Tampered models: refused with an error code, and nothing in them ever runs."""

from __future__ import annotations

import io
import json
import os
import pickle
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from escalation.errors import ModelError
from escalation.scoring.artifact import (
    MANIFEST_FILE,
    MODEL_FILE,
    artifact_hash,
    load_artifact,
    load_logged,
    save_artifact,
)
from escalation.scoring.described import manifest_of

DESCRIPTION = """\
artifact_path: file:///somewhere
flavors:
  python_function:
    code: null
    data: data/artifact
    env:
      conda: conda.yaml
      virtualenv: python_env.yaml
    loader_module: escalation.scoring.serving
    python_version: 3.11.7
    streamable: false
mlflow_version: 3.17.2
"""


@pytest.fixture(scope="module")
def original(trained, tmp_path_factory):
    """A logged model in the store, and its registered hash."""
    root = tmp_path_factory.mktemp("logged")
    folder = root / "data" / "artifact"
    model, manifest = trained.models["logistic"], manifest_of(trained, "logistic")
    digest = save_artifact(model, manifest, folder)
    (folder / "hash.txt").write_text(digest)
    (root / "MLmodel").write_text(DESCRIPTION)
    for name in ("conda.yaml", "python_env.yaml", "requirements.txt", "input_example.json"):
        (root / name).write_text("")
    return root, digest


@pytest.fixture
def logged(original, tmp_path):
    """A copy to tamper with."""
    root = tmp_path / "logged"
    shutil.copytree(original[0], root)
    return root, original[1]


@pytest.fixture
def marker(tmp_path, monkeypatch):
    """A marker file, and a hostile module on the path that would write it."""
    path = tmp_path / "marker"
    importable = tmp_path / "importable"
    importable.mkdir()
    hostile = f"from pathlib import Path\nPath({str(path)!r}).write_text('ran')\n"
    (importable / "hostile_loader.py").write_text(f"{hostile}def _load_pyfunc(path): pass\n")
    monkeypatch.syspath_prepend(importable)
    return path


class Hostile:
    """Writes the marker when it is unpickled."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


def rehash(folder):
    return artifact_hash({n: (folder / n).read_bytes() for n in (MODEL_FILE, MANIFEST_FILE)})


def refused(load, code):
    """The error message; neither the path nor the hostile module was touched."""
    path = list(sys.path)
    with pytest.raises(ModelError) as raised:
        load()
    assert (raised.value.code, raised.value.status) == (code, 5), raised.value
    assert sys.path == path
    assert "hostile_loader" not in sys.modules
    return str(raised.value)


def test_an_untouched_model_is_loaded(logged, trained):
    root, digest = logged
    model, manifest = load_logged(root, expected_hash=digest)
    X = trained.table.X
    assert np.array_equal(model.predict_proba(X), trained.models["logistic"].predict_proba(X))
    assert manifest.typical and "rocket_attack" in manifest.event_types


DESCRIPTIONS = {
    "a pickle": "flavors: {sklearn: {pickled_model: model.pkl, serialization_format: pickle}}",
    "a pickle next to the model": DESCRIPTION.replace(
        "  python_function:", "  sklearn: {pickled_model: model.pkl}\n  python_function:"
    ),
    "a loader": DESCRIPTION.replace("escalation.scoring.serving", "hostile_loader"),
    "no loader": DESCRIPTION.replace("    loader_module: escalation.scoring.serving\n", ""),
    "a folder of code": DESCRIPTION.replace("code: null", "code: code"),
    "code to run": DESCRIPTION.replace("code: null", "model_code_path: hostile_loader.py"),
    "a path outside": DESCRIPTION.replace("data/artifact", "../../elsewhere"),
    "an absolute path": DESCRIPTION.replace("data/artifact", "/tmp/elsewhere"),
    "its own trusted types": DESCRIPTION.replace(
        "    streamable: false", "    skops_trusted_types: [hostile_loader.Any]"
    ),
    "a python object": DESCRIPTION.replace(
        "code: null", "code: !!python/object/apply:os.system ['touch MARKER']"
    ),
    "a list": "- 1\n- 2\n",
    "no flavour": "flavors: {}\n",
    "a flavour that is text": "flavors: {python_function: escalation.scoring.serving}\n",
    "no YAML": "flavors: [}\n",
    "nothing": "",
    "too deep": "[" * 3000,
}


@pytest.mark.parametrize("attack", DESCRIPTIONS)
def test_an_edited_mlmodel_file_is_refused_and_runs_nothing(logged, marker, attack):
    root, digest = logged
    (root / "MLmodel").write_text(DESCRIPTIONS[attack].replace("MARKER", str(marker)))
    (root / "model.pkl").write_bytes(pickle.dumps(Hostile(marker)))
    (root / "code").mkdir()
    (root / "code" / "sitecustomize.py").write_text(f"open({str(marker)!r}, 'w')")
    refused(lambda: load_logged(root, expected_hash=digest), "E-MODEL-UNTRUSTED")
    assert not marker.exists()


@pytest.mark.parametrize(
    "name", ["model.pkl", "code/evil.py", "data/artifact/../../evil.py", "sklearn/model.skops"]
)
def test_extra_files_are_refused(logged, name):
    root, digest = logged
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text("import os")
    refused(lambda: load_logged(root, expected_hash=digest), "E-MODEL-UNTRUSTED")


@pytest.mark.parametrize(
    "name", ["MLmodel", "data", "data/artifact", f"data/artifact/{MODEL_FILE}"]
)
def test_a_link_is_refused_wherever_it_lies(logged, tmp_path, name):
    root, digest = logged
    (root / name).rename(tmp_path / "elsewhere")
    (root / name).symlink_to(tmp_path / "elsewhere")
    refused(lambda: load_logged(root, expected_hash=digest), "E-MODEL-UNTRUSTED")


@pytest.mark.parametrize("name", [MODEL_FILE, MANIFEST_FILE])
def test_a_pipe_or_missing_file_is_refused_without_blocking(logged, name):
    root, digest = logged
    folder = root / "data" / "artifact"
    (folder / name).unlink()
    os.mkfifo(folder / name)
    refused(lambda: load_artifact(folder, expected_hash=digest), "E-MODEL-UNTRUSTED")
    (folder / name).unlink()
    refused(lambda: load_artifact(folder, expected_hash=digest), "E-MODEL-UNTRUSTED")


def test_swapped_versions_are_refused_with_both_hashes(logged, trained, tmp_path):
    root, digest = logged
    other = tmp_path / "other"
    second = save_artifact(trained.models["boosting"], manifest_of(trained, "boosting"), other)
    shutil.copytree(other, root / "data" / "artifact", dirs_exist_ok=True)
    message = refused(lambda: load_logged(root, expected_hash=digest), "E-MODEL-HASH")
    assert digest in message and second in message


@pytest.mark.parametrize("length", [0, 1, 100, -1])
def test_a_truncated_model_is_refused_with_and_without_its_own_hash(logged, length):
    root, digest = logged
    path = root / "data" / "artifact" / MODEL_FILE
    path.write_bytes(path.read_bytes()[:length])
    refused(lambda: load_logged(root, expected_hash=digest), "E-MODEL-HASH")
    new_hash = rehash(path.parent)
    refused(lambda: load_logged(root, expected_hash=new_hash), "E-MODEL-UNTRUSTED")


def repack(path, change):
    """Repack a model file with changed members and valid checksums."""
    with zipfile.ZipFile(path) as packed:
        members = {name: packed.read(name) for name in packed.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in members.items():
            packed.writestr(name, data)


def flip_coefficient(members):
    for name, data in members.items():
        if name.endswith(".npy"):
            values = np.load(io.BytesIO(data))
            if values.ndim and values.dtype == np.float64 and np.abs(values).max() > 0:
                into = io.BytesIO()
                np.save(into, -values)
                members[name] = into.getvalue()
                return
    raise AssertionError("no coefficients")


def test_a_flipped_coefficient_with_a_valid_checksum_is_refused_twice(logged):
    """By the registered hash, and by the canary if the hash was changed too."""
    root, digest = logged
    folder = root / "data" / "artifact"
    repack(folder / MODEL_FILE, flip_coefficient)
    message = refused(lambda: load_logged(root, expected_hash=digest), "E-MODEL-HASH")
    assert digest in message and rehash(folder) in message
    refused(lambda: load_logged(root, expected_hash=rehash(folder)), "E-MODEL-CANARY")


def edit_schema(change):
    def perturbed(members):
        table = json.loads(members["schema.json"])
        change(table)
        members["schema.json"] = json.dumps(table).encode()

    return perturbed


def name_function(module, name):
    """Replace the model's settings by a reference to a function."""

    def change(table):
        table["content"]["content"]["evil"] = {
            "__class__": name, "__module__": module, "__loader__": "FunctionNode", "__id__": 7,
            "content": name,
        }  # fmt: skip

    return edit_schema(change)


def top_type(module, name, loader="ObjectNode"):
    return edit_schema(lambda t: t.update(__module__=module, __class__=name, __loader__=loader))


def deep(members):
    members["schema.json"] = b'{"a":' * 100_000 + b"1" + b"}" * 100_000


MODEL_FILES = {
    "a function": name_function("os", "system"),
    "a function of a module that would be imported": name_function("hostile_loader", "f"),
    "a foreign object": top_type("hostile_loader", "Model"),
    "a foreign object of a trusted library": top_type(
        "sklearn.preprocessing._function_transformer", "FunctionTransformer"
    ),
    "a call": top_type("builtins", "eval", "FunctionNode"),
    "another loader": edit_schema(lambda t: t.update(__loader__="hostile_loader")),
    "no loader": edit_schema(lambda t: t.pop("__loader__")),
    "another protocol": edit_schema(lambda t: t.update(protocol=99)),
    "a list": lambda members: members.update({"schema.json": b"[]"}),
    "too deep": deep,
    "no schema": lambda members: members.pop("schema.json"),
    "not a number": lambda members: members.update({"schema.json": b'{"a": NaN}'}),
    "a name outside": lambda members: members.update({"../evil.npy": b"x"}),
    "an absolute name": lambda members: members.update({"/tmp/evil.npy": b"x"}),
    "a folder": lambda members: members.update({"a/evil.npy": b"x"}),
    "a pickle": lambda members: members.update({"evil.pkl": b"x"}),
    "an array of objects": lambda members: members.update(objects_for_arrays(members)),
}


def objects_for_arrays(members):
    into = io.BytesIO()
    np.save(into, np.array([Hostile("MARKER")], dtype=object), allow_pickle=True)
    return {name: into.getvalue() for name in members if name.endswith(".npy")}


@pytest.mark.parametrize("attack", MODEL_FILES)
def test_a_hostile_model_file_is_refused_even_with_the_right_hash(logged, marker, attack):
    root, _ = logged
    folder = root / "data" / "artifact"
    repack(folder / MODEL_FILE, MODEL_FILES[attack])
    refused(lambda: load_logged(root, expected_hash=rehash(folder)), "E-MODEL-UNTRUSTED")
    assert not marker.exists()
    assert not Path("MARKER").exists()


def test_a_duplicate_name_is_refused(logged):
    root, _ = logged
    folder = root / "data" / "artifact"
    with (
        pytest.warns(UserWarning, match="Duplicate"),
        zipfile.ZipFile(folder / MODEL_FILE, "a") as packed,
    ):
        packed.writestr("schema.json", b"{}")
    refused(lambda: load_logged(root, expected_hash=rehash(folder)), "E-MODEL-UNTRUSTED")


BOMB = """
import sys
from pathlib import Path
from escalation.scoring.artifact import load_logged
from escalation.errors import ModelError

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(line.split()[1] for line in lines if line.startswith("VmHWM"))

for folder, digest in zip(sys.argv[1::2], sys.argv[2::2]):
    before = peak()
    try:
        load_logged(Path(folder), expected_hash=digest)
    except ModelError as error:
        print(error.code, before, peak(), "skops" in sys.modules)
"""


def bomb(root, member):
    """Put 320 MB, a third of a megabyte on disk, into a model file; return the new hash."""
    folder = root / "data" / "artifact"
    with zipfile.ZipFile(folder / MODEL_FILE, "w", zipfile.ZIP_DEFLATED) as packed:
        with packed.open(member, "w", force_zip64=True) as into:
            for _ in range(320):
                into.write(bytes(2**20))
        if member != "schema.json":
            packed.writestr("schema.json", b'{"__module__": "a", "__class__": "b"}')
    assert (folder / MODEL_FILE).stat().st_size < 2**20
    return rehash(folder)


def test_a_bomb_is_refused_before_anything_is_unpacked(logged, tmp_path):
    root, _ = logged
    other = shutil.copytree(root, tmp_path / "other")
    folders = [root, bomb(root, "1.npy"), other, bomb(other, "schema.json")]
    run = subprocess.run([sys.executable, "-c", BOMB, *map(str, folders)],
                         capture_output=True, text=True, check=True)  # fmt: skip
    lines = run.stdout.splitlines()
    assert len(lines) == 2
    for code, before, peak, built in map(str.split, lines):
        assert (code, built) == ("E-MODEL-UNTRUSTED", "False")
        assert int(peak) < 300 * 1024, f"{peak} kB resident"
        assert int(peak) - int(before) < 40 * 1024


@pytest.mark.parametrize("name", [MODEL_FILE, MANIFEST_FILE, "../../MLmodel"])
def test_a_file_that_is_too_large_is_refused_before_it_is_read(logged, name):
    root, digest = logged
    with (root / "data" / "artifact" / name).open("r+b") as file:
        file.truncate(2**36)
    refused(lambda: load_logged(root, expected_hash=digest), "E-MODEL-UNTRUSTED")


MANIFESTS = {
    "a missing key": lambda table: table.pop("columns"),
    "an extra key": lambda table: table.update(loader="hostile_loader"),
    "text for a list": lambda table: table.update(columns="events_sum_7d"),
    "no columns": lambda table: table.update(columns=[]),
    "columns that are not text": lambda table: table.update(columns=[1] * len(table["columns"])),
    "another width": lambda table: table["columns"].append("more"),
    "an unknown target": lambda table: table["target"].update(name="nobody"),
    "an invalid experiment": lambda table: table["experiment"].update(panel=7),
    "an unknown family": lambda table: table["experiment"]["features"].update(hostile={}),
    "no pool": lambda table: table["base_rate"].pop("pool"),
    "a rate that is text": lambda table: table["base_rate"].update(pool="0.5"),
    "units that are not a mapping": lambda table: table["base_rate"].update(units=[1]),
    "a unit without a name": lambda table: table["base_rate"]["names"].popitem(),
    "a name of one part": lambda table: table["base_rate"]["names"].update(all=["all"]),
    "a name that is a number": lambda table: table["base_rate"]["names"].update(all=[1, ""]),
    "no canary": lambda table: table["canary"].update(rows=[], unit=[], day=[], probability=[]),
    "a canary without rows": lambda table: table["canary"].pop("rows"),
    "a canary of text": lambda table: table["canary"].update(probability=["x"] * 8),
    "an invalid day": lambda table: table.update(trained_to="soon"),
    "no median": lambda table: table["typical"].pop(table["columns"][0]),
    "versions that are numbers": lambda table: table.update(versions={"numpy": 2}),
    "a number for text": lambda table: table.update(family=1),
}


@pytest.mark.parametrize("change", MANIFESTS)
def test_an_invalid_manifest_is_refused_without_a_traceback(logged, change):
    root, _ = logged
    path = root / "data" / "artifact" / MANIFEST_FILE
    table = json.loads(path.read_text())
    MANIFESTS[change](table)
    path.write_text(json.dumps(table))
    new_hash = rehash(path.parent)
    refused(lambda: load_logged(root, expected_hash=new_hash), "E-MODEL-MANIFEST")


@pytest.mark.parametrize("text", ["", "null", "[]", "{", '{"a": NaN}', "[" * 9999, "\udcff"])
def test_a_manifest_that_is_not_a_mapping_is_refused(logged, text):
    root, _ = logged
    path = root / "data" / "artifact" / MANIFEST_FILE
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ModelError):
        load_logged(root, expected_hash=rehash(path.parent))


def test_a_missing_version_counts_as_a_different_one(logged):
    root, _ = logged
    path = root / "data" / "artifact" / MANIFEST_FILE
    table = json.loads(path.read_text())
    table["versions"] = {}
    path.write_text(json.dumps(table))
    new_hash = rehash(path.parent)
    refused(lambda: load_logged(root, expected_hash=new_hash), "E-MODEL-VERSION")
    load_logged(root, expected_hash=new_hash, allow_version_skew=True)
