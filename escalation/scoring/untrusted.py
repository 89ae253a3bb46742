"""Checks of untrusted files, without running or unpacking anything in them."""

from __future__ import annotations

import io
import json
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from escalation.errors import ModelError

LARGEST_FILE = 64 * 2**20
LARGEST_UNPACKED = 128 * 2**20
LARGEST_SCHEMA = 16 * 2**20
LARGEST_DESCRIPTION = 2**20
SCHEMA_FILE = "schema.json"
MEMBER = re.compile(r"[A-Za-z0-9_-]+\.(json|npy|npz)")
DESCRIPTION_FILE = "MLmodel"
DATA_FOLDER = "data"
LOADER = "escalation.scoring.serving"
_SIDE_FILES = {
    DESCRIPTION_FILE,
    "conda.yaml",
    "python_env.yaml",
    "requirements.txt",
    "input_example.json",
    "serving_input_example.json",
    "registered_model_meta",
}
"""The only files that may lie next to the data; MLflow writes them."""


def refused(
    where: object,
    message: str,
    *,
    value: object = None,
    fix: str = "train again; the stored model was changed",
) -> ModelError:
    """The error to raise for an artifact that is not what was stored: ``E-MODEL-UNTRUSTED``.

    Parameters
    ----------
    where : Path or str
    message : str
    value : optional
        The offending value.
    fix : str, optional
    """
    return ModelError("E-MODEL-UNTRUSTED", message, where=str(where), value=value, fix=fix)


def read_regular(path: Path, *, largest: int = LARGEST_FILE) -> bytes:
    """Contents of a regular file of bounded size; symbolic links are not followed.

    Parameters
    ----------
    path : Path
    largest : int, optional
        In bytes.

    Raises
    ------
    ModelError
        ``E-MODEL-UNTRUSTED``.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        trouble = "is a link, not a regular file" if path.is_symlink() else "can't be opened"
        raise refused(path.parent, f"{path.name} {trouble}") from None
    with os.fdopen(handle, "rb") as file:
        state = os.fstat(file.fileno())
        if not stat.S_ISREG(state.st_mode):
            raise refused(path.parent, f"{path.name} is not a regular file")
        if state.st_size > largest or len(data := file.read(largest + 1)) > largest:
            raise refused(path.parent, f"{path.name} has more than {largest} bytes")
    return data


def plain_json(data: bytes, where: object) -> Any:
    """Parse JSON without NaN and infinities.

    Parameters
    ----------
    data : bytes
        UTF-8.
    where : Path or str
        Quoted in errors.

    Raises
    ------
    ModelError
        ``E-MODEL-UNTRUSTED`` for anything else.
    """

    def refuse_constant(name: str) -> float:
        raise ValueError(name)

    try:
        return json.loads(data.decode(), parse_constant=refuse_constant)
    except (ValueError, RecursionError):
        raise refused(where, "not JSON with finite numbers") from None


def checked_zip(data: bytes, where: object) -> str:
    """Check a model file's table of contents, and return the type of the object in it.

    Parameters
    ----------
    data : bytes
        The whole file.
    where : Path or str
        Quoted in errors.

    Returns
    -------
    str
        Dotted name of the type.

    Raises
    ------
    ModelError
        ``E-MODEL-UNTRUSTED`` for paths, duplicate names, encryption, other kinds of files, too
        many bytes to unpack, or no type.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            _check_members(packed.infolist(), where)
            schema = plain_json(packed.read(SCHEMA_FILE), where)
    except (zipfile.BadZipFile, zlib.error, LookupError, RuntimeError, EOFError, OSError):
        raise refused(where, "the model file is damaged") from None
    if not isinstance(schema, dict):
        raise refused(where, "the model file names no type")
    return f"{schema.get('__module__')}.{schema.get('__class__')}"


def _check_members(members: Sequence[zipfile.ZipInfo], where: object) -> None:
    names = [member.filename for member in members]
    for name in names:
        if not MEMBER.fullmatch(name):
            raise refused(where, "invalid name in the model file", value=name)
    if len(set(names)) != len(names):
        raise refused(where, "duplicate names in the model file")
    sizes = {member.filename: member.file_size for member in members}
    size = sum(sizes.values())
    if size > LARGEST_UNPACKED or sizes.get(SCHEMA_FILE, 0) > LARGEST_SCHEMA:
        raise refused(where, f"more than {LARGEST_UNPACKED} bytes unpacked", value=size)


def check_logged(root: Path) -> Path:
    """The data folder of a logged model, after checking that nothing else in it could be run.

    The ``MLmodel`` file must name our own loader and plain data inside the folder, and is never
    followed. Code, pickles, links and other flavours are refused.

    Raises
    ------
    ModelError
        ``E-MODEL-UNTRUSTED``.
    """
    import yaml

    text = read_regular(root / DESCRIPTION_FILE, largest=LARGEST_DESCRIPTION)
    try:
        described = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, ValueError, RecursionError):
        raise refused(root, f"{DESCRIPTION_FILE} is not valid YAML") from None
    _check_description(described, root)
    for path in root.rglob("*"):
        inside = path.relative_to(root)
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            raise refused(root, "not a regular file", value=inside.as_posix())
        if inside.parts[0] != DATA_FOLDER and str(inside) not in _SIDE_FILES:
            raise refused(root, "unexpected file", value=inside.as_posix())
    nested = root / DATA_FOLDER / "artifact"
    return nested if nested.is_dir() else root / DATA_FOLDER


def _check_description(described: object, root: Path) -> None:
    flavours = described.get("flavors") if isinstance(described, Mapping) else None
    if not isinstance(flavours, Mapping) or set(flavours) != {"python_function"}:
        names = ", ".join(map(str, flavours)) if isinstance(flavours, Mapping) else flavours
        raise refused(
            root,
            "not a model of `escalation train`, which has the flavour python_function alone",
            value=names,
            fix="load models that you logged with MLflow yourself with mlflow.pyfunc.load_model",
        )
    ours = flavours["python_function"]
    allowed: dict[str, set[object]] = {
        "loader_module": {LOADER},
        "data": {DATA_FOLDER, f"{DATA_FOLDER}/artifact"},
        "code": {None},
        "config": {None},
        "model_code_path": {None},
        "streamable": {None, False},
    }
    known = {*allowed, "env", "python_version"}
    for key, value in ours.items() if isinstance(ours, Mapping) else [("", ours)]:
        plain = value is None or isinstance(value, str | bool)
        if key not in known or (key in allowed and not (plain and value in allowed[key])):
            raise refused(root, f"{DESCRIPTION_FILE} has an invalid {key}", value=value)
    if not isinstance(ours, Mapping) or ours.get("loader_module") != LOADER:
        raise refused(root, f"{DESCRIPTION_FILE} doesn't name the loader {LOADER}")
