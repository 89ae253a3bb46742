"""Feature families of one's own for the command line: a Python file that is named on it.

A file is run only because whoever types the command names it. An experiment file or a stored model
may mention a family as ``"module:family"``, and that alone loads nothing.
"""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from escalation.errors import UsageError
from escalation.features import ACROSS, FEATURES

LOCAL, BESIDE = ("panel",), ("local", "panel", "rows")
"""The leading parameters of a family that reads one row at a time, and of one across units."""


def use_plugin(path: Path) -> list[str]:
    """Run a Python file and register its families for this process.

    A family is a public function defined in the file whose first parameter is ``panel`` (or
    ``local, panel, rows``); the others are keyword-only and annotated, and an experiment file is
    checked against them. A family ``streak`` in ``mine.py`` is called ``mine:streak``.

    Returns
    -------
    list of str
        The names that an experiment file may now use under ``[features]``.

    Raises
    ------
    UsageError
        ``E-PLUGIN`` when the file can't be run, has the name of a module that is loaded already,
        holds no family, or one whose parameters can't be checked.
    """
    module = _run(path)
    added = []
    for name, family in _families(module):
        leading = tuple(inspect.signature(family).parameters)
        registry: dict[str, Any] = FEATURES if leading[:1] == LOCAL else ACROSS
        _require_checkable(path, name, family, LOCAL if registry is FEATURES else BESIDE)
        registry[f"{module.__name__}:{name}"] = family
        added.append(f"{module.__name__}:{name}")
    if not added:
        raise UsageError(
            "E-PLUGIN",
            "expected a function whose first parameter is panel",
            where=str(path),
            fix="write def NAME(panel, *, days: int = 28): ...",
        )
    return added


def _run(path: Path) -> ModuleType:
    name, where = path.stem, str(path)
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    # Without an ending that Python imports there is no loader.
    if path.suffix != ".py" or not path.is_file() or spec is None or spec.loader is None:
        raise UsageError(
            "E-PLUGIN", "expected a Python file", where=where, fix="name a .py file that is there"
        )
    loaded = sys.modules.get(name)
    if loaded is not None and getattr(loaded, "__file__", None) != str(path.resolve()):
        raise UsageError(
            "E-PLUGIN", f"expected another name, a module {name} is loaded", where=where,
            fix="rename the file",
        )  # fmt: skip
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        says = f"expected a file that runs: {type(error).__name__}: {error}"
        raise UsageError(
            "E-PLUGIN", says, where=where, fix="mend it: `python FILE` shows where"
        ) from error
    return module


def _families(module: ModuleType) -> Iterator[tuple[str, Callable[..., Any]]]:
    for name, member in vars(module).items():
        if inspect.isfunction(member) and member.__module__ == module.__name__:
            leading = tuple(inspect.signature(member).parameters)
            if not name.startswith("_") and (leading[:1] == LOCAL or leading[:3] == BESIDE):
                yield name, member


def _require_checkable(
    path: Path, name: str, family: Callable[..., Any], given: tuple[str, ...]
) -> None:
    for key, parameter in inspect.signature(family).parameters.items():
        if key in given:
            continue
        keyword = parameter.kind is inspect.Parameter.KEYWORD_ONLY
        if not keyword or parameter.annotation is inspect.Parameter.empty:
            raise UsageError(
                "E-PLUGIN", "expected a keyword-only parameter with a type", where=str(path),
                column=name, value=key, fix=f"write *, {key}: int = 7 or the like",
            )  # fmt: skip
