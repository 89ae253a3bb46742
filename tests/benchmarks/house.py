"""Print figures on the layout of the package: ``python tests/benchmarks/house.py [ROOT]``."""

from __future__ import annotations

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import package_shape as shape
from test_imports import STAGES, complaints

OPTIMISER = re.compile(r"newton|line[ _-]search|backtrack|halving|levenberg|irls", re.IGNORECASE)
"""Words that suggest a hand-written optimiser, unless they name a library's solver."""
LIBRARY = re.compile(r"solver=|method=|scipy|sklearn|newton-cholesky|Newey")


def lines(folder: Path) -> int:
    """Count the lines of Python below a folder."""
    return sum(len(path.read_text(encoding="utf-8").splitlines()) for path in folder.rglob("*.py"))


def optimisers(package: Path) -> list[str]:
    """Return lines that look like a hand-written optimiser."""
    return [
        f"{shape.inside(path, package)}:{number}"
        for path in shape.modules(package)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if OPTIMISER.search(line) and not LIBRARY.search(line)
    ]


def arrows_up(package: Path) -> list[str]:
    """Return imports from a stage that is not an earlier one."""
    return [
        complaint
        for path in shape.modules(package)
        if shape.room(path, package) != "__init__"
        for complaint in complaints(shape.room(path, package), path.read_text(encoding="utf-8"))
    ]


def show(label: str, found: object, goal: str = "") -> None:
    """Format a line of the table; for a collection, its size and first few members."""
    if isinstance(found, list | dict | set):
        some = ", ".join(map(str, list(found)[:8]))
        more = ", ..." if len(found) > 8 else ""
        found = f"{len(found)}" + (f"  ({some}{more})" if found else "")
    print(f"{label:<48} {found}" + (f"   [{goal}]" if goal else ""))


def main(root: Path, *, verbose: bool) -> None:
    """Print the counts of a checkout."""
    package = root / "escalation"
    loose = sorted(path.stem for path in package.glob("*.py"))
    folders = sorted({path.parent for path in shape.modules(package) if path.parent != package})
    rooms = [folder for folder in folders if [*folder.glob("[!_]*.py")]]
    text = "\n".join(path.read_text(encoding="utf-8") for path in shape.modules(package))
    undocumented = shape.undocumented(package)
    show("loose modules at the top", loose, "4")
    show("rooms: folders with modules and loose modules", len(rooms) + len(loose) - 1)
    show("import stages, declared", len(STAGES), "11")
    show("import stages, longest chain", shape.longest_chain(shape.room_imports(package)))
    show("arrows up", arrows_up(package), "0")
    show("package lines", lines(package), "at most 23,500")
    show("test lines", lines(root / "tests"))
    show("fmt: skip", text.count("# fmt: skip"), "below 20")
    show("module names that occur twice", shape.same_module_names(package), "4")
    show("public names that occur twice", shape.same_public_names(package), "0")
    show("names that are verbs or pronouns", shape.vague_names(package), "0")
    show("two or more parameters, no Parameters section", len(undocumented), "40")
    show("hand-written optimisers", optimisers(package), "0")
    if verbose:
        print("\n".join(undocumented))


if __name__ == "__main__":
    given = [word for word in sys.argv[1:] if word != "-v"]
    main(Path(given[0]) if given else shape.PACKAGE.parent, verbose="-v" in sys.argv)
