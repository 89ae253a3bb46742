"""Bundled files: the Iraq chronology and its experiments."""

from __future__ import annotations

from pathlib import Path

from escalation.errors import UsageError

PACKAGE = Path(__file__).resolve().parents[1]


def _bundled_folders(package: Path) -> tuple[Path, ...]:
    """Folders of bundled files: inside an installed package, next to it in a checkout."""
    root = package.parent
    if (root / "pyproject.toml").is_file():
        return root / "data", root / "experiments"
    return (package / "bundled",)


def bundled(name: str, *, package: Path = PACKAGE) -> Path:
    """The path of a bundled file.

    Parameters
    ----------
    name : str
        File name without folders, such as ``iraq_crisis_events.csv``.
    package : Path, optional
        Folder of the package.

    Raises
    ------
    UsageError
        ``E-BUNDLED`` if the package has no such file.

    Examples
    --------
    >>> bundled("iraq_crisis_events.csv").name
    'iraq_crisis_events.csv'
    """
    folders = _bundled_folders(package)
    paths = (path for folder in folders for path in folder.glob("*.*"))
    known = {path.name: path for path in paths if path.suffix in (".csv", ".toml")}
    if name not in known:
        raise UsageError(
            "E-BUNDLED",
            f"expected a bundled file, one of: {', '.join(sorted(known)) or '(none)'}",
            value=name,
            where=str(folders[0]),
            fix="" if known else "reinstall the package",
        )
    return known[name]
