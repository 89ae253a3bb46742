"""Where a local store stands: a folder that was moved or copied keeps its artifacts.

MLflow writes down artifacts by their absolute place. A store is looked at as it is opened: what
lies beside it in our own artifact folder is found there, wherever the store stood before.
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
EXPERIMENTS: Final = "experiments"
_PLACES: Final = (
    (EXPERIMENTS, "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
    ("model_versions", "source"),
)
"""Tables and columns in which MLflow keeps places of files."""


def store_uri(uri: str | None = None) -> str:
    """The tracking store: as given, from the environment, or sqlite in the working folder."""
    return uri or os.environ.get("MLFLOW_TRACKING_URI") or f"{SQLITE}{STORE_FILE}"


def local_file(uri: str) -> Path | None:
    """The file of an sqlite store; none for a server or another database."""
    return Path(uri.removeprefix(SQLITE)) if uri.startswith(SQLITE) else None


def artifact_location(path: Path, name: str) -> str:
    """Where artifacts of an experiment lie beside a store.

    Parameters
    ----------
    path : Path
        The store's file.
    name : str
        Of the experiment.
    """
    return (path.parent.resolve() / ARTIFACT_FOLDER / name).as_uri()


def moved_here(place: str, folder: Path) -> str | None:
    """The place in this artifact folder of what was written down in another one.

    Parameters
    ----------
    place : str
        A ``file`` address.
    folder : Path
        The artifact folder, absolute.

    Returns
    -------
    str or None
        None where it is here already, or was never in a folder of ours.

    Examples
    --------
    >>> moved_here("file:///old/mlartifacts/crisis/abc", Path("/new/mlartifacts"))
    'file:///new/mlartifacts/crisis/abc'
    >>> moved_here("file:///new/mlartifacts/crisis/abc", Path("/new/mlartifacts"))
    >>> moved_here("file:///elsewhere/abc", Path("/new/mlartifacts"))
    """
    address = urlparse(place)
    path = _file(place)
    parts = path.parts
    if address.scheme != "file" or ".." in parts or path.is_relative_to(folder):
        return None
    if ARTIFACT_FOLDER not in parts:
        return None
    last = len(parts) - 1 - parts[::-1].index(ARTIFACT_FOLDER)
    return folder.joinpath(*parts[last + 1 :]).as_uri()


def settle(path: Path, *, seconds: float = 5.0) -> None:
    """Make a store that was moved or copied find its artifacts where it stands now.

    Experiments write beside the store from now on, whether or not their artifacts came along. A run
    or a model that lies in the old place alone is read there.

    Parameters
    ----------
    path : Path
        The store's file, which is there.
    seconds : float, optional
        How long another writer is waited for.
    """
    folder = path.parent.resolve() / ARTIFACT_FOLDER
    with closing(sqlite3.connect(path, timeout=seconds)) as connection, connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        for table, column in _PLACES:
            if table not in tables:
                continue
            for old, new in _moved(connection, table, column, folder):
                if table == EXPERIMENTS or _file(new).exists() or not _file(old).exists():
                    connection.execute(
                        f"UPDATE {table} SET {column} = ? WHERE {column} = ?",
                        (new, old),
                    )


def _moved(
    connection: sqlite3.Connection, table: str, column: str, folder: Path
) -> list[tuple[str, str]]:
    """Places written down in a table that are not in the folder, and where they would be in it."""
    here = f"{folder.as_uri()}/"
    rows = connection.execute(
        f"SELECT DISTINCT {column} FROM {table} "
        f"WHERE {column} LIKE 'file:%' AND substr({column}, 1, ?) != ?",
        (len(here), here),
    ).fetchall()
    return [(place, now) for (place,) in rows if (now := moved_here(place, folder)) is not None]


def _file(place: str) -> Path:
    return Path(unquote(urlparse(place).path))
