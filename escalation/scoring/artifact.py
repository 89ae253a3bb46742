"""A fitted model on disk: a skops file, a manifest, and one hash over both.

Loading trusts nothing in the folder: it opens only two regular files with fixed names and bounded
size, whose hash must be the registered one; types must be on a fixed list, library versions must
match, and the canary rows must reproduce the recorded probabilities.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import asdict
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from escalation.errors import ModelError
from escalation.models import TRUSTED_TYPES
from escalation.scoring.manifest import PINNED, Manifest, canary_frame, read_manifest
from escalation.scoring.untrusted import check_logged, checked_zip, read_regular, refused

MODEL_FILE = "model.skops"
MANIFEST_FILE = "manifest.json"
CANARY_TOLERANCE = 1e-9
OURS = tuple(name for name in TRUSTED_TYPES if name.startswith("escalation."))
"""Types that a model may have."""


def save_artifact(model: Any, manifest: Manifest, folder: Path) -> str:
    """Write a model and its manifest, and return their hash.

    Parameters
    ----------
    model : estimator
        A fitted model of this package.
    manifest : Manifest
    folder : Path
        Created if missing.

    Returns
    -------
    str
        SHA-256 in hexadecimal.
    """
    import skops.io

    folder.mkdir(parents=True, exist_ok=True)
    skops.io.dump(model, folder / MODEL_FILE, compression=zipfile.ZIP_DEFLATED, compresslevel=6)
    text = json.dumps(asdict(manifest), sort_keys=True, indent=1, allow_nan=False)
    (folder / MANIFEST_FILE).write_text(text, encoding="utf-8")
    return artifact_hash(_contents(folder))


def artifact_hash(contents: dict[str, bytes]) -> str:
    """SHA-256 over file names, sizes and contents."""
    digest = sha256()
    for name in sorted(contents):
        digest.update(f"{name}\0{len(contents[name])}\0".encode())
        digest.update(contents[name])
    return digest.hexdigest()


def _contents(folder: Path) -> dict[str, bytes]:
    return {name: read_regular(folder / name) for name in (MODEL_FILE, MANIFEST_FILE)}


def load_logged(
    root: Path, *, expected_hash: str, allow_version_skew: bool = False
) -> tuple[Any, Manifest]:
    """Load a model from MLflow's folder; its ``MLmodel`` file is checked but never followed.

    Parameters and errors are those of :func:`load_artifact`.
    """
    folder = check_logged(root)
    return load_artifact(folder, expected_hash=expected_hash, allow_version_skew=allow_version_skew)


def load_artifact(
    folder: Path, *, expected_hash: str, allow_version_skew: bool = False
) -> tuple[Any, Manifest]:
    """Load a model after checking it.

    Parameters
    ----------
    folder : Path
        The artifact's folder.
    expected_hash : str
        The registered hash.
    allow_version_skew : bool
        Accept other library versions; the canary rows still have to be reproduced.

    Returns
    -------
    model, manifest

    Raises
    ------
    ModelError
        ``E-MODEL-UNTRUSTED``, ``E-MODEL-HASH``, ``E-MODEL-VERSION`` or ``E-MODEL-CANARY``.
    """
    contents = _contents(folder)
    actual_hash = artifact_hash(contents)
    if actual_hash != expected_hash:
        raise ModelError(
            "E-MODEL-HASH",
            f"registered with hash {expected_hash}, now {actual_hash}",
            where=str(folder),
            fix="train again; the stored model was changed",
        )
    manifest = read_manifest(contents[MANIFEST_FILE], str(folder))
    _check_versions(manifest, allow_version_skew)
    model = _read_model(contents[MODEL_FILE], str(folder))
    _check_canary(model, manifest, str(folder))
    return model, manifest


def _check_canary(model: Any, manifest: Manifest, where: str) -> None:
    frame = canary_frame(manifest)
    try:
        probability = model.predict_proba(frame)[:, 1]
        worst = float(np.abs(probability - np.array(manifest.canary["probability"])).max())
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        worst = np.inf
    if not worst <= CANARY_TOLERANCE:
        raise ModelError(
            "E-MODEL-CANARY",
            f"the recorded probabilities were not reproduced: they differ by up to {worst:.3g}",
            where=where,
            fix="train again on this machine",
        )


def _check_versions(manifest: Manifest, allow: bool) -> None:
    for name in PINNED:
        installed, required = version(name), manifest.versions.get(name)
        if installed != required and not allow:
            raise ModelError(
                "E-MODEL-VERSION",
                f"the model needs {name} {required}, but {installed} is installed",
                fix="train again, or add --allow-version-skew (allow_version_skew=True)",
            )


def _read_model(data: bytes, where: str) -> Any:
    model_type = checked_zip(data, where)
    if model_type not in OURS:
        raise refused(where, "not a model of this package", value=model_type)
    import skops.io

    try:
        foreign = sorted(set(skops.io.get_untrusted_types(data=data)) - set(TRUSTED_TYPES))
        if foreign:
            raise refused(where, "the model file contains a forbidden type", value=foreign[0])
        return skops.io.loads(data, trusted=list(TRUSTED_TYPES))
    except ModelError:
        raise
    except Exception:
        # Whatever error a forged file provokes in skops, it is not a valid model.
        raise refused(where, "the model file can't be read") from None
