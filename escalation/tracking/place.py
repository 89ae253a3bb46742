"""The location of a local store and its artifacts.

MLflow stores absolute paths of artifacts. When a store is opened, paths into an artifact folder of
ours are rewritten to the one next to the store, so that a moved or copied folder keeps working.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlparse

STORE_FILE = "mlflow.db"
ARTIFACT_FOLDER = "mlartifacts"
SQLITE: Final = "sqlite:///"
_PATH_COLUMNS: Final = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
    ("model_versions", "source"),
)
"""Tables and columns in which MLflow keeps paths of files."""


def store_uri(uri: str | None = None) -> str:
    """The given tracking store, or that of the environment, or sqlite in the working folder."""
    return uri or os.environ.get("MLFLOW_TRACKING_URI") or f"{SQLITE}{STORE_FILE}"


def local_file(uri: str) -> Path | None:
    """The file of an sqlite store; None for a server or another database."""
    return Path(uri.removeprefix(SQLITE)) if uri.startswith(SQLITE) else None


def artifact_location(path: Path, name: str) -> str:
    """The address of an experiment's artifacts next to a store.

    Parameters
    ----------
    path : Path
        The store's file.
    name : str
        Of the experiment.
    """
    return (path.parent.resolve() / ARTIFACT_FOLDER / name).as_uri()


def relocated_uri(uri: str, folder: Path) -> str | None:
    """The address in an artifact folder of a file that was recorded in another such folder.

    Parameters
    ----------
    uri : str
        A ``file`` address.
    folder : Path
        The artifact folder, absolute.

    Returns
    -------
    str or None
        None if the file is in the folder already, or was never in an artifact folder of ours.

    Examples
    --------
    >>> relocated_uri("file:///old/mlartifacts/crisis/abc", Path("/new/mlartifacts"))
    'file:///new/mlartifacts/crisis/abc'
    >>> relocated_uri("file:///new/mlartifacts/crisis/abc", Path("/new/mlartifacts"))
    >>> relocated_uri("file:///elsewhere/abc", Path("/new/mlartifacts"))
    """
    path = _path_of(uri)
    parts = path.parts
    if urlparse(uri).scheme != "file" or ".." in parts or path.is_relative_to(folder):
        return None
    if ARTIFACT_FOLDER not in parts:
        return None
    last = len(parts) - 1 - parts[::-1].index(ARTIFACT_FOLDER)
    return folder.joinpath(*parts[last + 1 :]).as_uri()


def relocate_artifacts(path: Path, *, seconds: float = 5.0) -> None:
    """Point a store that was moved or copied to the artifacts next to it.

    Experiments write next to the store from now on, whether or not their artifacts came along. A
    run or a model whose files exist only in the old folder is still read there.

    Parameters
    ----------
    path : Path
        The store's file, which exists.
    seconds : float, optional
        How long to wait for another writer.
    """
    folder = path.parent.resolve() / ARTIFACT_FOLDER
    with closing(sqlite3.connect(path, timeout=seconds)) as connection, connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        for table, column in _PATH_COLUMNS:
            if table not in tables:
                continue
            for old, new in _relocations(connection, table, column, folder):
                if table == "experiments" or _path_of(new).exists() or not _path_of(old).exists():
                    connection.execute(
                        f"UPDATE {table} SET {column} = ? WHERE {column} = ?",
                        (new, old),
                    )


def _relocations(
    connection: sqlite3.Connection, table: str, column: str, folder: Path
) -> list[tuple[str, str]]:
    """Addresses outside the folder, each with its counterpart in it."""
    here = f"{folder.as_uri()}/"
    rows = connection.execute(
        f"SELECT DISTINCT {column} FROM {table} "
        f"WHERE {column} LIKE 'file:%' AND substr({column}, 1, ?) != ?",
        (len(here), here),
    ).fetchall()
    return [(old, new) for (old,) in rows if (new := relocated_uri(old, folder)) is not None]


def _path_of(uri: str) -> Path:
    return Path(unquote(urlparse(uri).path))
