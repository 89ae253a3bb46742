"""Changes the source in one place and asks whether the tests of its module notice: `make mutants`.

    python tests/mutants.py [--each 60] [--seed 0] [--area metrics]

Every mutant runs in a process forked from one that paid for the imports; compiled loops are
interpreted. A mutant that survives is printed with its line, to be killed by a test or to be told
why it is the same program.
"""

from __future__ import annotations

import argparse
import ast
import copy
import doctest
import importlib.abc
import importlib.util
import os
import random
import resource
import sys
from collections.abc import Iterator
from pathlib import Path

if __name__ == "__main__":  # and not where the module is only looked at for its examples
    os.environ |= {"NUMBA_DISABLE_JIT": "1", "PYTHONDONTWRITEBYTECODE": "1", "MPLBACKEND": "Agg"}
ROOT = Path(__file__).resolve().parents[1]
AREAS = {
    "archive": ("events/archive.py", ["tests/events/test_archive.py"], "escalation._util.files"),
    "known-when": ("panel/[kls][ea]*[sre]*.py", ["tests/panel/test_known_when.py", "tests/panel"],
                   "escalation.events"),
    "targets": ("targets/*.py", ["tests/targets/test_tables.py", "tests/targets"],
                "escalation.features"),
    "metrics": ("metrics/*.py", ["tests/metrics/test_metrics_scores.py",
                                 "tests/metrics/test_metrics_bootstrap.py", "tests/metrics"],
                "escalation.experiment"),
    "ledger": ("scoring/ledger.py", ["tests/scoring/test_ledger.py"], "escalation.audit"),
}  # fmt: skip
"""What is changed, the tests of its own beside its examples, the quickest first, and what lies
beneath it: imported once, in the order in which data flows."""
COMPILED_ONLY = (
    "tests/panel/test_late.py::test_versions_of_later_days_change_no_bit_of_earlier_ones"
)
"""To the last bit only where loops are compiled."""
LONGEST_SECONDS = 120
COMPARED = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
            ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot,
            ast.IsNot: ast.Is}  # fmt: skip
COMBINED = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
            ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.FloorDiv: ast.Mult,
            ast.Mod: ast.Mult}  # fmt: skip


def mutations(node: ast.AST) -> Iterator[ast.AST]:
    """The same node with one thing changed."""
    changed = copy.copy(node)
    if isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARED:
        changed.ops = [COMPARED[type(node.ops[0])](), *node.ops[1:]]
        yield changed
    elif isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in COMBINED:
        changed.op = COMBINED[type(node.op)]()
        yield changed
    elif isinstance(node, ast.BoolOp):
        changed.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield changed
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub | ast.Invert):
        yield node.operand
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield ast.copy_location(ast.Constant(not node.value), node)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        yield ast.copy_location(ast.Constant(node.value + 1), node)
    elif isinstance(node, ast.IfExp):
        changed.test = ast.copy_location(ast.UnaryOp(ast.Not(), node.test), node)
        yield changed


def places(tree: ast.AST) -> Iterator[tuple[ast.AST, str, int | None, ast.AST]]:
    """Parent, field, place in a list, and node; not in annotations, decorators and refusals."""
    for name, value in ast.iter_fields(tree):
        if name in ("annotation", "returns", "decorator_list") or isinstance(tree, ast.Raise):
            continue
        for at, node in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(node, ast.AST):
                yield tree, name, at, node
                yield from places(node)


def mutants(path: Path) -> Iterator[tuple[int, str, ast.Module]]:
    """Line, change and tree of every mutant of a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for parent, name, at, node in list(places(tree)):
        for changed in mutations(node):
            held = getattr(parent, name)
            _put(parent, name, at, changed)
            made = ast.fix_missing_locations(copy.deepcopy(tree))
            yield getattr(node, "lineno", 0), f"{_text(node)}  ->  {_text(changed)}", made
            _put(parent, name, at, node)
            assert getattr(parent, name) is held


def _put(parent: ast.AST, name: str, at: int | None, node: ast.AST) -> None:
    if at is None:
        setattr(parent, name, node)
    else:
        getattr(parent, name)[at] = node


def _text(node: ast.AST) -> str:
    return " ".join(ast.unparse(ast.fix_missing_locations(copy.deepcopy(node))).split())[:90]


class Mutated(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives a changed tree in place of one module's source."""

    def __init__(self, path: Path, tree: ast.Module) -> None:
        parts = path.relative_to(ROOT).with_suffix("").parts
        self.package = parts[-1] == "__init__"
        self.name = ".".join(parts[:-1] if self.package else parts)
        self.path, self.tree = path, tree

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> object:
        if name != self.name:
            return None
        places = [str(self.path.parent)] if self.package else None
        return importlib.util.spec_from_file_location(
            name, self.path, loader=self, submodule_search_locations=places
        )

    def create_module(self, _spec: object) -> None:
        return None

    def exec_module(self, module: object) -> None:
        exec(compile(self.tree, str(self.path), "exec"), vars(module))


def survives(path: Path, tree: ast.Module | None, tests: list[str]) -> bool:
    """Whether the tests pass, in a process of their own."""
    child = os.fork()
    if not child:
        # Of processor time: a busy machine kills no mutant.
        resource.setrlimit(resource.RLIMIT_CPU, (LONGEST_SECONDS, LONGEST_SECONDS))
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        if tree is not None:
            changed = Mutated(path, tree)
            sys.meta_path.insert(0, changed)
            # Not by pytest, which imports a file that is named past every other finder.
            if doctest.testmod(importlib.import_module(changed.name)).failed:
                os._exit(1)
        import pytest

        options = ["-x", "-q", "-p", "no:cacheprovider", "-m", "not slow"]
        options += ["--deselect", COMPILED_ONLY]
        os._exit(int(pytest.main([*options, *tests])))
    _, state = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(state) == 0


def main() -> None:
    """Sample mutants of every area, and count those that are killed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--each", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--area", choices=AREAS, action="append")
    parser.add_argument("--at", help="only lines that hold this text")
    asked = parser.parse_args()
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    for heavy in ("pandas", "pyarrow.compute", "scipy.stats", "sklearn.linear_model", "numba",
                  "hypothesis", "pytest", "pydantic", "matplotlib.pyplot",
                  "matplotlib.font_manager"):  # fmt: skip
        importlib.import_module(heavy)
    tried = killed = 0
    for name in [area for area in AREAS if area in (asked.area or AREAS)]:
        pattern, tests, beneath = AREAS[name]
        importlib.import_module(beneath)
        every = [(path, *one) for path in sorted((ROOT / "escalation").glob(pattern))
                 for one in mutants(path)]  # fmt: skip
        if asked.at:
            every = [one for one in every if asked.at in one[2]]
        assert survives(ROOT, None, tests), f"the tests of {name} fail as it is"
        sample = random.Random(asked.seed).sample(every, min(asked.each, len(every)))
        alive = 0
        for path, line, change, tree in sample:
            if survives(path, tree, tests):
                alive += 1
                print(f"survives {path.relative_to(ROOT)}:{line}  {change}", flush=True)
        print(f"{name}: {len(sample) - alive} of {len(sample)} killed, of {len(every)}", flush=True)
        tried, killed = tried + len(sample), killed + len(sample) - alive
    print(f"all: {killed} of {tried} killed, {killed / max(tried, 1):.1%}")


if __name__ == "__main__":
    main()
