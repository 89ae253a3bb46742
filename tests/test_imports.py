"""Data flows one way: a module imports only from stages before its own."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

STAGES = (
    {"errors", "schema"},
    {"_util"},
    {"events"},
    {"panel"},
    {"features", "targets", "models"},
    {"experiment", "metrics"},
    {"backtest", "plots"},
    {"audit", "scoring"},
    {"report"},
    {"tracking"},
    {"cli"},
)
"""From first to last; modules of the same stage never import each other."""
RANK = {name: rank for rank, stage in enumerate(STAGES) for name in stage}
MLFLOW = "tracking"
HEAVY = ("matplotlib", "mlflow", "numba", "pandas", "pyarrow", "scipy", "sklearn", "statsmodels")


def imported(source: str) -> Iterator[tuple[int, str]]:
    """Yield line and dotted name of every import anywhere; ``from a import b`` is ``a.b``."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "escalation" if node.level else node.module
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


def complaints(stage: str, source: str) -> list[str]:
    """Return what is wrong with the imports of a module of a stage."""
    if stage not in RANK:
        return [f"{stage}: no rank; put it into STAGES in {__file__}, after all that it imports"]
    wrong = []
    for line, name in imported(source):
        top, _, rest = name.partition(".")
        first = rest.partition(".")[0]
        if top == "mlflow" and stage != MLFLOW:
            wrong.append(f"{stage}:{line} imports mlflow; only {MLFLOW} does")
        elif (
            top == "escalation" and first != stage and first in RANK and RANK[first] >= RANK[stage]
        ):
            wrong.append(f"{stage}:{line} imports {first}, which is not before it")
        elif top == "escalation" and first not in RANK and first != "__version__":
            wrong.append(f"{stage}:{line} imports {name}, which has no rank")
    return wrong


def modules(root: Path) -> Iterator[tuple[str, Path]]:
    """Return stage and path of every module; the package's own ``__init__`` belongs to none."""
    package = root / "escalation"
    for path in sorted(package.rglob("*.py")):
        stage = path.relative_to(package).parts[0].removesuffix(".py")
        if stage != "__init__":
            yield stage, path


def test_every_module_imports_only_from_stages_before_its_own(root):
    wrong = [
        f"{path.relative_to(root)}: {complaint}"
        for stage, path in modules(root)
        for complaint in complaints(stage, path.read_text(encoding="utf-8"))
    ]
    assert not wrong, "\n".join(wrong)


def test_the_package_itself_imports_nothing_until_asked(root):
    code = "import sys, escalation; print(*(m for m in sys.modules if m.startswith('escalation.')))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


@pytest.mark.parametrize(
    ("stage", "source", "wrong"),
    [
        ("features", "from escalation.targets import TARGETS", "features:1 imports targets"),
        ("models", "from escalation import features", "models:1 imports features"),
        ("panel", "def late():\n    import escalation.cli", "panel:2 imports cli"),
        ("panel", "from . import scoring", "panel:1 imports scoring"),
        ("schema", "from escalation.errors import InputError", "schema:1 imports errors"),
        ("cli", "def late():\n    from mlflow import log_metric", "cli:2 imports mlflow"),
        ("scoring", "import mlflow.pyfunc", "scoring:1 imports mlflow"),
        ("scoring", "from escalation.novel import thing", "has no rank"),
        ("novel", "", "no rank; put it into STAGES"),
    ],
)
def test_a_planted_violation_is_caught(stage, source, wrong):
    (found,) = complaints(stage, source)
    assert wrong in found


@pytest.mark.parametrize(
    ("stage", "source"),
    [
        ("features", "from escalation.features.windows import window_sums"),
        ("cli", "from escalation import __version__, tracking"),
        ("tracking", "import mlflow"),
        ("errors", "from typing import ClassVar"),
    ],
)
def test_what_is_allowed_raises_no_alarm(stage, source):
    assert complaints(stage, source) == []


def test_the_command_line_alone_loads_nothing_heavy(root):
    if not (root / "escalation/cli").exists():
        pytest.skip("escalation/cli is not there")
    code = f"import sys, escalation.cli; print(*sorted(set({HEAVY!r}) & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []
