"""Callable packages: ``escalation.backtest`` is both a folder and a public function."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


class _CallableModule(ModuleType):
    _function: tuple[str, str]

    def __call__(self, *args: Any, **options: Any) -> Any:
        module, name = self._function
        return getattr(import_module(module), name)(*args, **options)


def make_callable(package: str, module: str, function: str) -> None:
    """Make calls of a package call one of its functions, imported at the first call.

    Parameters
    ----------
    package, module : str
        Dotted names.
    function : str
        Name of the function in the module.
    """
    loaded = sys.modules[package]
    loaded.__class__ = _CallableModule
    loaded._function = (module, function)  # type: ignore[attr-defined]
