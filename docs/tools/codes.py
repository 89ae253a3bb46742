"""Every error code of the package, found where the code stands in the source."""

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
    """Modules and exception classes by code; a class is missing where a row is quarantined."""
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: {"modules": set(), "kinds": set()})
    for path in sorted(PACKAGE.rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for code, kind in _in(ast.parse(path.read_text(encoding="utf-8"))):
            found[code]["modules"].add(module)
            if kind:
                found[code]["kinds"].add(kind)
    return dict(sorted(found.items()))


def _in(tree: ast.AST) -> Iterator[tuple[str, str]]:
    named: dict[int, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            kind = node.func.id if hasattr(errors, node.func.id) else ""
            for argument in node.args:
                named.setdefault(id(argument), kind)
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) else None
        if isinstance(text, str) and CODE.fullmatch(text):
            yield text, named.get(id(node), "")


def statuses(kinds: set[str]) -> list[int]:
    """Exit statuses of exception classes."""
    return sorted({getattr(errors, kind).status for kind in kinds})
