"""A digest of the package's code and tables, and of the libraries that compute."""

from __future__ import annotations

import platform
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

LIBRARIES = ("numba", "numpy", "pandas", "scikit-learn", "scipy", "statsmodels")
"""Libraries whose version can change a forecast."""


@cache
def package_digest() -> str:
    """SHA-256 of all files of the package, library and Python versions, and CPU type."""
    versions = [f"{name}={version(name)}" for name in LIBRARIES]
    digest = sha256(" ".join([*versions, platform.python_version(), platform.machine()]).encode())
    folder = Path(__file__).parents[1]
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
