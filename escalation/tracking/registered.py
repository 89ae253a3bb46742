"""Registered models of a local store, found without MLflow, whose import takes longer than a score.

As in :mod:`escalation.tracking.place`, MLflow's tables are read where they are as we know them.
Where they are not, or hold no answer, there is none here, and MLflow is asked.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlparse

from escalation.tracking.place import settle

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
    """A version of a registered model.

    Parameters
    ----------
    name, alias, version : str
    digest : str
        The hash that it was registered with.
    source : str
        Where its files are.
    """

    name: str
    alias: str
    version: str
    digest: str
    source: str

    @property
    def reference(self) -> str:
        """What it is called in provenance."""
        return f"{self.name}@{self.alias} v{self.version}"


def in_file(path: Path, name: str, alias: str) -> StoredVersion | None:
    """The version behind an alias, where the file of a store tells it plainly.

    Parameters
    ----------
    path : Path
        The store's file.
    name, alias : str
    """
    try:
        settle(path, seconds=_SECONDS)
        with closing(_reader(path)) as connection:
            rows = connection.execute(_VERSION, (HASH_TAG, name, alias)).fetchall()
    except sqlite3.Error:
        return None
    if len(rows) != 1 or not all(rows[0]) or urlparse(rows[0][1]).scheme not in {"", "file"}:
        return None
    version, source, digest = rows[0]
    return StoredVersion(name, alias, str(version), digest, source)


def names_in_file(path: Path) -> list[str]:
    """Names of the registered models of a store; none where its file does not tell them.

    Parameters
    ----------
    path : Path
        The store's file.
    """
    try:
        with closing(_reader(path)) as connection:
            rows = connection.execute("SELECT name FROM registered_models").fetchall()
    except sqlite3.Error:
        return []
    return [name for (name,) in rows]


def _reader(path: Path) -> sqlite3.Connection:
    """A connection that neither writes nor makes a file."""
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", timeout=_SECONDS, uri=True)
