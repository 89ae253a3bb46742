"""Custom feature families for the command line, from a Python file named with ``--plugin``.

A file runs only because the user names it. Experiment files and stored models may mention a family
as ``"module:family"``, but that loads nothing.
"""

from __future__ import annotations

import importlib.util
import inspect
import sys
from pathlib import Path
from types import ModuleType

from escalation.errors import UsageError
from escalation.features import ACROSS, FEATURES

REGISTRIES = {("panel",): FEATURES, ("local", "panel", "rows"): ACROSS}
"""Registries by the leading parameters of their families."""


def use_plugin(path: Path) -> list[str]:
    """Run a Python file and register its families for this process.

    A family is a public function defined in the file whose first parameter is ``panel``, or whose
    first parameters are ``local, panel, rows``. The others are keyword-only and annotated, and
    experiment files are checked against them. ``streak`` in ``mine.py`` becomes ``mine:streak``.

    Returns
    -------
    list of str
        Names that an experiment file may now use under ``[features]``.

    Raises
    ------
    UsageError
        ``E-PLUGIN`` if the file can't be run, has the name of a loaded module, has no family, or
        one whose parameters can't be checked.
    """
    module = _run(path)
    names = []
    for name, member in vars(module).items():
        is_own = inspect.isfunction(member) and member.__module__ == module.__name__
        if not is_own or name.startswith("_"):
            continue
        parameters = inspect.signature(member).parameters
        for leading, registry in REGISTRIES.items():
            if tuple(parameters)[: len(leading)] == leading:
                _require_checkable(path, name, list(parameters.values())[len(leading) :])
                registry[f"{module.__name__}:{name}"] = member
                names.append(f"{module.__name__}:{name}")
    if not names:
        raise UsageError(
            "E-PLUGIN",
            "expected a function whose first parameter is panel",
            where=str(path),
            fix="write def NAME(panel, *, days: int = 28): ...",
        )
    return names


def _run(path: Path) -> ModuleType:
    name, where = path.stem, str(path)
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    # There is no loader for a suffix that Python does not import.
    if path.suffix != ".py" or not path.is_file() or spec is None or spec.loader is None:
        fix = "name an existing .py file"
        raise UsageError("E-PLUGIN", "expected a Python file", where=where, fix=fix)
    loaded = sys.modules.get(name)
    if loaded is not None and getattr(loaded, "__file__", None) != str(path.resolve()):
        message = f"a module {name} is loaded already"
        raise UsageError("E-PLUGIN", message, where=where, fix="rename the file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        message = f"the file does not run: {type(error).__name__}: {error}"
        fix = f"correct it: `python {where}` shows where it fails"
        raise UsageError("E-PLUGIN", message, where=where, fix=fix) from error
    return module


def _require_checkable(path: Path, name: str, parameters: list[inspect.Parameter]) -> None:
    for parameter in parameters:
        keyword = parameter.kind is inspect.Parameter.KEYWORD_ONLY
        if not keyword or parameter.annotation is inspect.Parameter.empty:
            raise UsageError(
                "E-PLUGIN",
                "expected a keyword-only parameter with a type",
                where=str(path),
                column=name,
                value=parameter.name,
                fix=f"write, for example, *, {parameter.name}: int = 7",
            )
