"""Files that come with the package: the Iraq chronology and its experiments."""

from __future__ import annotations

from pathlib import Path

from escalation.errors import UsageError

PACKAGE = Path(__file__).resolve().parents[1]
SUFFIXES = (".csv", ".toml")


def folders(package: Path = PACKAGE) -> tuple[Path, ...]:
    """Where bundled files lie: inside an installed package, beside it in a checkout."""
    root = package.parent
    if (root / "pyproject.toml").is_file():
        return root / "data", root / "experiments"
    return (package / "bundled",)


def bundled(name: str, *, package: Path = PACKAGE) -> Path:
    """The path of a bundled file.

    Parameters
    ----------
    name : str
        A file name without folders, such as ``iraq_crisis_events.csv``.
    package : Path, optional
        Folder of the package.

    Raises
    ------
    UsageError
        ``E-BUNDLED`` when no such file comes with the package.

    Examples
    --------
    >>> bundled("iraq_crisis_events.csv").name
    'iraq_crisis_events.csv'
    """
    places = folders(package)
    paths = (path for folder in places for path in folder.glob("*.*"))
    known = {path.name: path for path in paths if path.suffix in SUFFIXES}
    try:
        return known[name]
    except KeyError:
        raise UsageError(
            "E-BUNDLED",
            f"expected a bundled file, one of: {', '.join(sorted(known)) or 'none is there'}",
            value=name,
            where=str(places[0]),
            fix="install the package again" if not known else "",
        ) from None
