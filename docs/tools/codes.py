"""Find every error code of the package in its source."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from escalation import errors

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "escalation"
CODE = re.compile(r"E-[A-Z]+(-[A-Z]+)*")


@cache
def codes() -> dict[str, dict[str, set[str]]]:
    """Modules and exception classes by code; codes that only quarantine rows have no class."""
    places: dict[str, dict[str, set[str]]] = defaultdict(lambda: {"modules": set(), "kinds": set()})
    for path in sorted(PACKAGE.rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for code, kind in _in(ast.parse(path.read_text(encoding="utf-8"))):
            places[code]["modules"].add(module)
            if kind:
                places[code]["kinds"].add(kind)
    return dict(sorted(places.items()))


def _in(tree: ast.AST) -> Iterator[tuple[str, str]]:
    raised_by: dict[int, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            kind = node.func.id if hasattr(errors, node.func.id) else ""
            for argument in node.args:
                raised_by.setdefault(id(argument), kind)
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) else None
        if isinstance(text, str) and CODE.fullmatch(text):
            yield text, raised_by.get(id(node), "")


def statuses(kinds: set[str]) -> list[int]:
    """Return the exit statuses of exception classes."""
    return sorted({getattr(errors, kind).status for kind in kinds})
