"""Files that may hold anything, looked at without running or unpacking anything that they name."""

from __future__ import annotations

import io
import json
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
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
"""What MLflow writes beside the data; nothing else may lie there."""


def refused(
    where: object,
    message: str,
    *,
    value: object = None,
    fix: str = "train again; the stored model was changed",
) -> ModelError:
    """The refusal of an artifact that is not what was stored.

    Parameters
    ----------
    where : Path or str
    message : str
    value : optional
        What was refused.
    fix : str, optional

    Returns
    -------
    ModelError
        ``E-MODEL-UNTRUSTED``, to be raised.
    """
    return ModelError(
        "E-MODEL-UNTRUSTED",
        message,
        where=str(where),
        value=value,
        fix=fix,
    )


def read_regular(path: Path, *, largest: int = LARGEST_FILE) -> bytes:
    """Contents of a regular file of bounded size; a link is not followed.

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
        kind = "a regular file, not a link" if path.is_symlink() else "a file"
        raise refused(path.parent, f"expected {kind} {path.name}") from None
    with os.fdopen(handle, "rb") as file:
        state = os.fstat(file.fileno())
        if not stat.S_ISREG(state.st_mode):
            raise refused(path.parent, f"expected {path.name} to be a regular file")
        if state.st_size > largest:
            raise refused(
                path.parent, f"expected at most {largest} bytes in {path.name}", value=state.st_size
            )
        data = file.read(largest + 1)
    if len(data) > largest:
        raise refused(path.parent, f"expected at most {largest} bytes in {path.name}")
    return data


def plain_json(data: bytes, where: object) -> Any:
    """JSON of a file, without NaN and infinities.

    Parameters
    ----------
    data : bytes
        UTF-8.
    where : Path or str
        Named in refusals.

    Raises
    ------
    ModelError
        ``E-MODEL-UNTRUSTED`` for anything else.
    """

    def no_number(text: str) -> float:
        raise ValueError(text)

    try:
        return json.loads(data.decode(), parse_constant=no_number)
    except (ValueError, RecursionError):
        raise refused(where, "expected JSON with finite numbers") from None


def checked_zip(data: bytes, where: object) -> str:
    """Look at a model file's table of contents; the type of the object that it holds.

    Parameters
    ----------
    data : bytes
        The whole file.
    where : Path or str
        Named in refusals.

    Returns
    -------
    str
        Dotted name of the type.

    Raises
    ------
    ModelError
        ``E-MODEL-UNTRUSTED`` for paths, repeated names, encryption, other kinds of files, too much
        to unpack, or no type.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            _check_members(packed.infolist(), where)
            schema = plain_json(packed.read(SCHEMA_FILE), where)
    except (zipfile.BadZipFile, zlib.error, LookupError, RuntimeError, EOFError, OSError):
        raise refused(where, "expected a whole model file") from None
    if not isinstance(schema, dict):
        raise refused(where, "expected a model file that says what it holds")
    return f"{schema.get('__module__')}.{schema.get('__class__')}"


def _check_members(members: Sequence[zipfile.ZipInfo], where: object) -> None:
    names = [member.filename for member in members]
    for name in names:
        if not MEMBER.fullmatch(name):
            raise refused(where, "expected names without folders in the model file", value=name)
    if len(set(names)) != len(names):
        raise refused(where, "expected each name once in the model file")
    sizes = {member.filename: member.file_size for member in members}
    size = sum(sizes.values())
    if size > LARGEST_UNPACKED or sizes.get(SCHEMA_FILE, 0) > LARGEST_SCHEMA:
        raise refused(where, f"expected at most {LARGEST_UNPACKED} bytes unpacked", value=size)


def check_logged(root: Path) -> Path:
    """The folder of the data in a logged model, once nothing else in it could be run.

    The description must name our own loader and plain data inside the folder; nothing of it is
    obeyed. There may be no code, no pickle, no link and no other flavour.

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
        raise refused(root, "expected a description in YAML") from None
    _check_description(described, root)
    for path in _everything(root):
        inside = path.relative_to(root).parts
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            raise refused(root, "expected regular files only", value="/".join(inside))
        if inside[0] != DATA_FOLDER and not (len(inside) == 1 and inside[0] in _SIDE_FILES):
            raise refused(root, "expected data and its description only", value="/".join(inside))
    nested = root / DATA_FOLDER / "artifact"
    return nested if nested.is_dir() else root / DATA_FOLDER


def _everything(root: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(root):
        for name in [*folders, *files]:
            yield Path(folder) / name


def _check_description(described: object, root: Path) -> None:
    flavours = described.get("flavors") if isinstance(described, Mapping) else None
    if not isinstance(flavours, Mapping) or set(flavours) != {"python_function"}:
        named = ", ".join(map(str, flavours)) if isinstance(flavours, Mapping) else flavours
        raise refused(
            root,
            "expected a model of `escalation train`, the flavour python_function alone",
            value=named,
            fix="load a model that you logged by MLflow's own means with mlflow.pyfunc.load_model",
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
            raise refused(root, f"expected our own loader and plain data, found {key}", value=value)
    if not isinstance(ours, Mapping) or ours.get("loader_module") != LOADER:
        raise refused(root, f"expected the loader {LOADER}")
