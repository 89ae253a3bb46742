"""A fitted model on disk: a file of data, a manifest, and one hash over both.

Reading back trusts nothing that the folder says about how to read it: only two regular files of
known names and bounded size are opened, their hash must be the registered one, types must be on the
fixed list, library versions must be equal, and the canary rows must give the recorded
probabilities.
"""

from __future__ import annotations

import io
import json
import stat
import zipfile
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from escalation.errors import ModelError
from escalation.models.trusted import TRUSTED_TYPES

MODEL_FILE = "model.skops"
MANIFEST_FILE = "manifest.json"
LARGEST_FILE = 64 * 2**20
LARGEST_UNPACKED = 256 * 2**20
PINNED = ("scikit-learn", "numpy", "scipy")
CANARY_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Manifest:
    """What a model is, as plain data.

    Parameters
    ----------
    family : str
        Name in the registry of models.
    experiment : dict
        The whole experiment file.
    target : dict
        The label's table within it.
    columns : list of str
        Input columns in order.
    trained_to : str
        Last day of knowledge that the fit used, ISO.
    data_digest : str
        Hash of the archive that it was fitted on.
    known_basis : str
        How the archive's known dates were obtained.
    base_rate : dict
        ``pool`` and ``units``: shares of positives, shrunk.
    record : dict
        Its track record: ``mean``, ``covariance``, ``quantile``, ``spread``.
    null_share : float
        Share of positives that a no-change process gives by chance.
    canary : dict
        ``rows``, ``unit`` and ``probability``: inputs and answers to reproduce.
    versions : dict
        Library versions.
    """

    family: str
    experiment: dict[str, Any]
    target: dict[str, Any]
    columns: list[str]
    trained_to: str
    data_digest: str
    known_basis: str
    base_rate: dict[str, Any]
    record: dict[str, Any]
    null_share: float
    canary: dict[str, Any]
    versions: dict[str, str] = field(default_factory=lambda: {n: version(n) for n in PINNED})


def canary_of(model: Any, X: pd.DataFrame, *, rows: int = 8) -> dict[str, Any]:
    """A few spread-out training rows and the model's answers, to be reproduced at reading."""
    some = X.iloc[np.unique(np.linspace(0, len(X) - 1, rows).astype(int))]
    return {
        "unit": [str(unit) for unit, _ in some.index],
        "day": [f"{day:%Y-%m-%d}" for _, day in some.index],
        "rows": some.to_numpy(dtype=np.float64).tolist(),
        "probability": model.predict_proba(some.astype(np.float64))[:, 1].tolist(),
    }


def canary_frame(manifest: Manifest) -> pd.DataFrame:
    """The canary's input rows."""
    canary = manifest.canary
    index = pd.MultiIndex.from_arrays(
        [canary["unit"], pd.to_datetime(canary["day"])], names=["unit", "day"]
    )
    return pd.DataFrame(canary["rows"], index=index, columns=manifest.columns, dtype=np.float64)


def save_artifact(model: Any, manifest: Manifest, folder: Path) -> str:
    """Write a model and its manifest; give their hash."""
    import skops.io

    folder.mkdir(parents=True, exist_ok=True)
    skops.io.dump(model, folder / MODEL_FILE, compression=zipfile.ZIP_DEFLATED, compresslevel=6)
    text = json.dumps(asdict(manifest), sort_keys=True, indent=1, allow_nan=False)
    (folder / MANIFEST_FILE).write_text(text, encoding="utf-8")
    return artifact_hash(_contents(folder))


def artifact_hash(contents: dict[str, bytes]) -> str:
    """SHA-256 over names and contents."""
    digest = sha256()
    for name in sorted(contents):
        digest.update(f"{name}\0{len(contents[name])}\0".encode())
        digest.update(contents[name])
    return digest.hexdigest()


def _contents(folder: Path) -> dict[str, bytes]:
    found = {}
    for name in (MODEL_FILE, MANIFEST_FILE):
        path = folder / name
        try:
            state = path.lstat()
        except OSError:
            raise ModelError(
                "E-MODEL-UNTRUSTED", f"expected a file {name}", where=str(folder)
            ) from None
        if not stat.S_ISREG(state.st_mode):
            raise ModelError(
                "E-MODEL-UNTRUSTED", f"expected {name} to be a regular file", where=str(folder)
            )
        if state.st_size > LARGEST_FILE:
            raise ModelError(
                "E-MODEL-UNTRUSTED",
                f"expected at most {LARGEST_FILE} bytes in {name}",
                where=str(folder),
                value=state.st_size,
            )
        found[name] = path.read_bytes()
    return found


def load_artifact(
    folder: Path, *, expected_hash: str, allow_version_skew: bool = False
) -> tuple[Any, Manifest]:
    """Read a model back, or refuse.

    Parameters
    ----------
    folder : Path
        The artifact's folder.
    expected_hash : str
        The hash that was registered.
    allow_version_skew : bool
        Read a model of other library versions; the canaries still have to be reproduced.

    Returns
    -------
    model, manifest

    Raises
    ------
    ModelError
        ``E-MODEL-UNTRUSTED``, ``E-MODEL-HASH``, ``E-MODEL-VERSION`` or ``E-MODEL-CANARY``.
    """
    contents = _contents(folder)
    got = artifact_hash(contents)
    if got != expected_hash:
        raise ModelError(
            "E-MODEL-HASH",
            f"expected hash {expected_hash}, got {got}",
            where=str(folder),
            fix="train again; the stored model was changed",
        )
    manifest = Manifest(**json.loads(contents[MANIFEST_FILE]))
    _check_versions(manifest, allow_version_skew)
    model = _read_model(contents[MODEL_FILE], str(folder))
    frame = canary_frame(manifest)
    answers = model.predict_proba(frame)[:, 1]
    worst = float(np.abs(answers - np.array(manifest.canary["probability"])).max())
    if not worst <= CANARY_TOLERANCE:
        raise ModelError(
            "E-MODEL-CANARY",
            f"expected the recorded answers, the worst differs by {worst:.3g}",
            where=str(folder),
            fix="train again on this machine",
        )
    return model, manifest


def _check_versions(manifest: Manifest, allow: bool) -> None:
    for name, wanted in manifest.versions.items():
        here = version(name) if name in PINNED else None
        if here != wanted and not allow:
            raise ModelError("E-MODEL-VERSION", f"expected {name} {wanted}, here is {here}",
                             fix="train again, or score with --allow-version-skew")  # fmt: skip


def _read_model(data: bytes, where: str) -> Any:
    import skops.io

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            names = [item.filename for item in packed.infolist()]
            size = sum(item.file_size for item in packed.infolist())
    except zipfile.BadZipFile:
        raise ModelError("E-MODEL-UNTRUSTED", "expected a model file", where=where) from None
    if size > LARGEST_UNPACKED or any(".." in name or name.startswith("/") for name in names):
        raise ModelError(
            "E-MODEL-UNTRUSTED", "expected a small file without paths outside", where=where
        )
    foreign = sorted(set(skops.io.get_untrusted_types(data=data)) - set(TRUSTED_TYPES))
    if foreign:
        raise ModelError("E-MODEL-UNTRUSTED", "expected only types of the fixed list", where=where,
                         value=foreign[0])  # fmt: skip
    return skops.io.loads(data, trusted=list(TRUSTED_TYPES))
