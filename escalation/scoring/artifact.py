"""A fitted model on disk: a file of data, a manifest, and one hash over both.

Reading back trusts nothing that the folder says about how to read it: only two regular files of
known names and bounded size are opened, their hash must be the registered one, types must be on the
fixed list, library versions must be equal, and the canary rows must give the recorded
probabilities.
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
from escalation.models.trusted import TRUSTED_TYPES
from escalation.scoring.manifest import PINNED, Manifest, canary_frame, read_manifest
from escalation.scoring.untrusted import check_logged, checked_zip, read_regular, refused

MODEL_FILE = "model.skops"
MANIFEST_FILE = "manifest.json"
CANARY_TOLERANCE = 1e-9
OURS = tuple(name for name in TRUSTED_TYPES if name.startswith("escalation."))
"""What a model file may hold at its top."""


def save_artifact(model: Any, manifest: Manifest, folder: Path) -> str:
    """Write a model and its manifest; give their hash.

    Parameters
    ----------
    model : estimator
        One of our own, fitted.
    manifest : Manifest
    folder : Path
        Made if need be.

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
    """SHA-256 over names and contents."""
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
    """Read a model back from where MLflow put it; its description is checked and not obeyed.

    Parameters and refusals are those of :func:`load_artifact`.
    """
    folder = check_logged(root)
    return load_artifact(folder, expected_hash=expected_hash, allow_version_skew=allow_version_skew)


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
            f"registered with hash {expected_hash}, now {got}",
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
        answers = model.predict_proba(frame)[:, 1]
        worst = float(np.abs(answers - np.array(manifest.canary["probability"])).max())
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        worst = np.inf
    if not worst <= CANARY_TOLERANCE:
        raise ModelError(
            "E-MODEL-CANARY",
            f"the recorded probabilities are not reproduced, they differ by up to {worst:.3g}",
            where=where,
            fix="train again on this machine",
        )


def _check_versions(manifest: Manifest, allow: bool) -> None:
    for name in PINNED:
        here, wanted = version(name), manifest.versions.get(name)
        if here != wanted and not allow:
            raise ModelError(
                "E-MODEL-VERSION",
                f"the model needs {name} {wanted}, installed is {here}",
                fix="train again, or allow it: --allow-version-skew (allow_version_skew=True)",
            )


def _read_model(data: bytes, where: str) -> Any:
    held = checked_zip(data, where)
    if held not in OURS:
        raise refused(where, "expected one of our own models", value=held)
    import skops.io

    try:
        foreign = sorted(set(skops.io.get_untrusted_types(data=data)) - set(TRUSTED_TYPES))
        if foreign:
            raise refused(where, "expected only types of the fixed list", value=foreign[0])
        return skops.io.loads(data, trusted=list(TRUSTED_TYPES))
    except ModelError:
        raise
    except Exception:
        # Whatever a made-up file makes the reader stumble over, it is no model of ours.
        raise refused(where, "expected a model file that can be read") from None
