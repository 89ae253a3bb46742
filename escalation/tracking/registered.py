"""Registered models of a local store, read without MLflow, whose import takes longer than a score.

As in :mod:`escalation.tracking.place`, this relies on MLflow's table layout. If the tables differ
or hold no answer, nothing is returned, and the caller asks MLflow.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlparse

from escalation.tracking.place import relocate_artifacts

HASH_TAG: Final = "escalation.hash"
_SECONDS: Final = 5.0
_VERSION: Final = """
    SELECT v.version, COALESCE(v.storage_location, v.source), t.value
    FROM registered_model_aliases AS a
    JOIN model_versions AS v ON v.name = a.name AND v.version = a.version
    JOIN model_version_tags AS t ON t.name = a.name AND t.version = a.version AND t.key = ?
    WHERE a.name = ? AND a.alias = ? AND v.current_stage != 'Deleted_Internal'
"""


class StoredVersion(NamedTuple):
    """A version of a registered model: the hash that it was registered with, its files' address."""

    name: str
    alias: str
    version: str
    digest: str
    source: str

    @property
    def reference(self) -> str:
        """Its name in provenance."""
        return f"{self.name}@{self.alias} v{self.version}"


def version_in_file(path: Path, name: str, alias: str) -> StoredVersion | None:
    """The version that an alias refers to; None if the store's file has no unique answer.

    Parameters
    ----------
    path : Path
        The store's file.
    name, alias : str
    """
    try:
        relocate_artifacts(path, seconds=_SECONDS)
        rows = _query(path, _VERSION, (HASH_TAG, name, alias))
    except sqlite3.Error:
        return None
    if len(rows) != 1 or not all(rows[0]) or urlparse(rows[0][1]).scheme not in {"", "file"}:
        return None
    version, source, digest = rows[0]
    return StoredVersion(name, alias, str(version), digest, source)


def names_in_file(path: Path) -> list[str]:
    """Names of the registered models in a store's file; empty if it can't be read."""
    try:
        return [name for (name,) in _query(path, "SELECT name FROM registered_models")]
    except sqlite3.Error:
        return []


def _query(path: Path, statement: str, values: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Rows, read without writing to the file or creating it."""
    uri = f"{path.resolve().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, timeout=_SECONDS, uri=True)) as connection:
        return connection.execute(statement, values).fetchall()
