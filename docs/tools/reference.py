"""The reference: the names of the front door by noun, and every stage module by module."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from types import ModuleType

import escalation as esc

NOUNS: dict[str, tuple[str, ...]] = {
    "Events": ("EventArchive", "read_events", "datasets"),
    "Experiments": ("Experiment", "load_experiment"),
    "Features and tables": ("features", "build_features", "training_table", "RollingOriginSplit"),
    "Labels": ("targets",),
    "Models": ("models",),
    "Backtests and their results": ("backtest", "BacktestResult", "replay", "audit"),
    "Scores": ("metrics",),
    "Figures": ("plots",),
    "Tracking": ("log_run", "compare_runs", "load_model"),
    "Errors": ("EscalationError",),
}
"""Public names of ``escalation`` by noun; modules stand for the names that they list."""
OWN_PAGES = {"Labels", "Models"}
STAGES = (
    "errors", "schema", "_util", "events", "panel", "features", "targets", "models", "experiment",
    "metrics", "backtest", "plots", "audit", "scoring", "report", "tracking", "cli",
)  # fmt: skip


def listed(name: str) -> list[tuple[str, object]]:
    """What a public name stands for: itself, or the classes and functions of a module."""
    thing = getattr(esc, name)
    if not inspect.ismodule(thing):
        return [(name, thing)]
    names = getattr(thing, "__all__", None) or [n for n in vars(thing) if n.startswith("load_")]
    pairs = [(one, getattr(thing, one)) for one in names]
    return [
        (f"{name}.{one}", held)
        for one, held in pairs
        if inspect.isclass(held) or inspect.isfunction(held)
    ]


def undocumented() -> list[str]:
    """Public names without a noun or a docstring, and nouns without a public name."""
    grouped = {name for names in NOUNS.values() for name in names}
    missing = sorted(grouped ^ set(esc.__all__))
    silent = [name for one in grouped & set(esc.__all__) for name, thing in listed(one)
              if not inspect.getdoc(thing)]  # fmt: skip
    return missing + silent


def pages() -> dict[str, str]:
    """The page of each noun and of each stage."""
    if wrong := undocumented():
        raise ValueError(f"not in the reference, or without a docstring: {', '.join(wrong)}")
    made = {f"reference/{_slug(noun)}.md": _noun(noun, names) for noun, names in NOUNS.items()}
    return made | {f"reference/stage-{name.strip('_')}.md": _stage(name) for name in STAGES}


def _slug(noun: str) -> str:
    return noun.lower().replace(" ", "-")


def _noun(noun: str, names: tuple[str, ...]) -> str:
    rows, seen = [], set()
    for name in names:
        for shown, thing in listed(name):
            if id(thing) in seen:
                continue
            seen.add(id(thing))
            first = " ".join((inspect.getdoc(thing) or "").split("\n\n")[0].split())
            rows.append(f"| [`{shown}`](#{_home(thing)}) | {_escaped(first)} |")
    links = "\n".join(_linked(row) for row in rows)
    pointer = f"Each has [a page of its own](/{_slug(noun)}.md)." if noun in OWN_PAGES else ""
    return f"# {noun}\n\n{pointer}\n\n| `import escalation as esc` | |\n| --- | --- |\n{links}\n"


def _linked(row: str) -> str:
    """The link as a reference to the object, which Sphinx checks."""
    before, _, rest = row.partition("](#")
    home, _, after = rest.partition(")")
    shown = before.partition("[`")[2].rstrip("`")
    return f"| {{py:obj}}`{shown} <{home}>` {after}"


def _home(thing: object) -> str:
    return f"{thing.__module__}.{thing.__qualname__}"  # type: ignore[attr-defined]


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("$", "\\$").replace("``", "`")


def _stage(name: str) -> str:
    names = _modules(importlib.import_module(f"escalation.{name}"))
    body = "\n".join(_module(one) for one in names)
    return f"# The stage {name}\n\n```{{eval-rst}}\n{body}\n```\n"


def _module(name: str) -> str:
    line = "-" * len(name)
    return f"{name}\n{line}\n\n.. automodule:: {name}\n   :members:\n   :ignore-module-all:\n"


def _modules(module: ModuleType) -> list[str]:
    if not hasattr(module, "__path__"):
        return [module.__name__]
    below = pkgutil.walk_packages(module.__path__, f"{module.__name__}.")
    return [
        module.__name__,
        *sorted(one.name for one in below if not one.name.endswith("__main__")),
    ]
