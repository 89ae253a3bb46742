"""What computes: the package's own code and tables, and the libraries under it."""

from __future__ import annotations

import platform
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

LIBRARIES = ("numba", "numpy", "pandas", "scikit-learn", "scipy", "statsmodels")
"""Whose versions can change a forecast."""


@cache
def package_digest() -> str:
    """SHA-256 of every file of the package, of the libraries' versions, Python and the processor.

    Examples
    --------
    >>> len(package_digest())
    64
    """
    under = [f"{name}={version(name)}" for name in LIBRARIES]
    digest = sha256(" ".join([*under, platform.python_version(), platform.machine()]).encode())
    folder = Path(__file__).parents[1]
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
