"""Write the API reference: public names by topic, and every stage module by module."""

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
"""Public names of ``escalation`` by topic; a module stands for the names in its ``__all__``."""
OWN_PAGES = {"Labels", "Models"}
STAGES = (
    "errors", "schema", "_util", "events", "panel", "features", "targets", "models", "experiment",
    "metrics", "backtest", "plots", "audit", "scoring", "report", "tracking", "cli",
)  # fmt: skip


def listed(name: str) -> list[tuple[str, object]]:
    """Return the object of a public name, or the classes and functions if it is a module."""
    thing = getattr(esc, name)
    if not inspect.ismodule(thing):
        return [(name, thing)]
    names = getattr(thing, "__all__", None) or [n for n in vars(thing) if n.startswith("load_")]
    members = [(member, getattr(thing, member)) for member in names]
    return [
        (f"{name}.{member}", value)
        for member, value in members
        if inspect.isclass(value) or inspect.isfunction(value)
    ]


def undocumented() -> list[str]:
    """Return public names without a topic or a docstring, and topics' names that are not public."""
    grouped = {name for names in NOUNS.values() for name in names}
    missing = sorted(grouped ^ set(esc.__all__))
    without_docstring = [
        name
        for public in grouped & set(esc.__all__)
        for name, thing in listed(public)
        if not inspect.getdoc(thing)
    ]
    return missing + without_docstring


def pages() -> dict[str, str]:
    """Return the page of each topic and of each stage."""
    if names := undocumented():
        raise ValueError(f"not in the reference, or without a docstring: {', '.join(names)}")
    topics = {f"reference/{_slug(noun)}.md": _noun(noun, names) for noun, names in NOUNS.items()}
    return topics | {f"reference/stage-{name.strip('_')}.md": _stage(name) for name in STAGES}


def _slug(noun: str) -> str:
    return noun.lower().replace(" ", "-")


def _noun(noun: str, names: tuple[str, ...]) -> str:
    rows, listed_ids = [], set()
    for name in names:
        for shown, thing in listed(name):
            if id(thing) in listed_ids:
                continue
            listed_ids.add(id(thing))
            first = " ".join((inspect.getdoc(thing) or "").split("\n\n")[0].split())
            rows.append(f"| [`{shown}`](#{_home(thing)}) | {_escaped(first)} |")
    links = "\n".join(_linked(row) for row in rows)
    pointer = f"Each has [its own page](/{_slug(noun)}.md)." if noun in OWN_PAGES else ""
    return f"# {noun}\n\n{pointer}\n\n| `import escalation as esc` | |\n| --- | --- |\n{links}\n"


def _linked(row: str) -> str:
    """Turn the link of a row into a reference to the object, which Sphinx checks."""
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
    body = "\n".join(map(_module, names))
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
        *sorted(info.name for info in below if not info.name.endswith("__main__")),
    ]
