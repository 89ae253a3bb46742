"""Measure the shape of the package from its source: modules, names, docstrings, imports."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "escalation"
SHARED_MODULES = {"acled", "gdelt", "ucdp", "base"}
"""Module names that may occur twice: a source's format and its download, and bases."""
VAGUE = {"asked", "came", "earned", "found", "given", "kept", "made", "one", "own", "said", "told"}
"""Verbs and pronouns that are no names."""
BY_SOURCE = ("events/formats", "events/download")
"""Folders with one module per source, whose modules define the same names by design."""


def modules(package: Path = PACKAGE) -> list[Path]:
    """Return every module, including each ``__init__``."""
    return sorted(package.rglob("*.py"))


def inside(path: Path, package: Path = PACKAGE) -> str:
    """Return the path within the package."""
    return path.relative_to(package).as_posix()


def same_module_names(package: Path = PACKAGE) -> dict[str, list[str]]:
    """Return module names that occur more than once, and where."""
    where = defaultdict(list)
    for path in modules(package):
        if not path.stem.startswith("__"):
            where[path.stem].append(inside(path, package))
    return {name: paths for name, paths in where.items() if len(paths) > 1}


def defined(tree: ast.Module) -> Iterator[str]:
    """Return the public names that a module defines at top level, without imports."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            names = [node.name]
        elif isinstance(node, ast.Assign):
            names = [n.id for t in node.targets for n in ast.walk(t) if isinstance(n, ast.Name)]
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names = [node.target.id]
        else:
            names = []
        yield from (name for name in names if not name.startswith("_"))


def same_public_names(package: Path = PACKAGE) -> dict[str, list[str]]:
    """Return public names that several modules define; per-source folders count once."""
    where = defaultdict(set)
    for path in modules(package):
        place = inside(path, package)
        if place.startswith(BY_SOURCE):
            place = "events/formats, events/download"
        for name in defined(ast.parse(path.read_text(encoding="utf-8"))):
            where[name].add(place)
    return {name: sorted(places) for name, places in where.items() if len(places) > 1}


def named(tree: ast.Module) -> Iterator[str]:
    """Names that a module gives: to functions, classes, parameters, variables and fields."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr
        elif isinstance(node, ast.alias) and node.asname:
            yield node.asname
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            yield node.name


def vague_names(package: Path = PACKAGE) -> list[str]:
    """Names that say nothing of the thing they stand for, and where they are given."""
    return [
        f"{inside(path, package)}: {name}"
        for path in modules(package)
        for name in named(ast.parse(path.read_text(encoding="utf-8")))
        if name.strip("_") in VAGUE
    ]


def undocumented(package: Path = PACKAGE) -> list[str]:
    """Return public functions with two or more parameters and no Parameters section.

    A method without a docstring overrides one that has it; a command's options have help texts.
    """
    return [
        f"{inside(path, package)}:{node.lineno} {node.name}"
        for path in modules(package)
        if room(path, package) != "cli"
        for node in public_functions(ast.parse(path.read_text(encoding="utf-8")))
        if len(parameters(node)) > 1
        and "Parameters" not in (ast.get_docstring(node) or "Parameters")
    ]


def public_functions(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    """Return public functions of a module, and public methods of its public classes."""
    classes = (n for n in tree.body if isinstance(n, ast.ClassDef) and n.name[0] != "_")
    bodies = chain(tree.body, *(node.body for node in classes))
    yield from (n for n in bodies if isinstance(n, ast.FunctionDef) and n.name[0] != "_")


def parameters(node: ast.FunctionDef) -> list[str]:
    """Return the names of a function's parameters, without ``self`` and ignored ones."""
    given = node.args
    names = [a.arg for a in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    return [name for name in names if name not in {"self", "cls"} and name[0] != "_"]


def room(path: Path, package: Path = PACKAGE) -> str:
    """Return the top-level folder or module that a module belongs to."""
    return path.relative_to(package).parts[0].removesuffix(".py")


def room_imports(package: Path = PACKAGE) -> dict[str, set[str]]:
    """Return which rooms each room imports from, including imports inside functions."""
    rooms = {room(path, package) for path in modules(package)} - {"__init__"}
    found: dict[str, set[str]] = {name: set() for name in rooms}
    for path in modules(package):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("escalation"):
                first = [*node.module.split(".")[1:2]] or [alias.name for alias in node.names]
                found.setdefault(room(path, package), set()).update(rooms & set(first))
    return {name: into - {name} for name, into in found.items() if name in rooms}


def longest_chain(imports: dict[str, set[str]]) -> list[str]:
    """Return the longest chain of rooms, each importing from the one before it.

    Raises
    ------
    ValueError
        If rooms import each other in a circle.
    """
    done: dict[str, list[str]] = {}

    def reach(name: str, above: tuple[str, ...]) -> list[str]:
        if name in above:
            raise ValueError(f"circle: {' > '.join((*above, name))}")
        if name not in done:
            below = [reach(other, (*above, name)) for other in sorted(imports[name])]
            done[name] = [*max(below, key=len, default=[]), name]
        return done[name]

    return max((reach(name, ()) for name in sorted(imports)), key=len)
