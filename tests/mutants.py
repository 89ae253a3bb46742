"""Change the source in one place at a time and check that the tests notice: `make mutants`.

    python tests/mutants.py [--each 60] [--seed 0] [--area metrics]

Every mutant runs in a process forked from one that has the imports; compiled loops are interpreted.
The tests that call the changed function run on it, the quickest first. A mutant that survives is
printed with its line: add a test that kills it, or explain in ``SAME`` why it is equivalent.
"""

from __future__ import annotations

import argparse
import ast
import copy
import doctest
import importlib.abc
import importlib.util
import json
import os
import random
import resource
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

if __name__ == "__main__":  # not when the module is only collected for its doctests
    os.environ |= {"NUMBA_DISABLE_JIT": "1", "PYTHONDONTWRITEBYTECODE": "1", "MPLBACKEND": "Agg",
                   "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # fmt: skip
ROOT = Path(__file__).resolve().parents[1]
AREAS = {
    "archive": ("events/[av]*.py", ["tests/events/test_archive.py"], "escalation._util.files"),
    "known-when": ("panel/[kls][ea]*[sre]*.py", ["tests/panel"], "escalation.events"),
    "targets": ("targets/*.py", ["tests/targets"], "escalation.features"),
    "tails": ("models/tails.py", ["tests/models/test_count_models.py",
                                  "tests/models/test_counts.py", "tests/models/test_mixture.py"],
              "escalation.features"),
    "metrics": ("metrics/*.py", ["tests/metrics"], "escalation.experiment"),
    "intervals": ("backtest/intervals.py", ["tests/backtest/test_intervals.py"],
                  "escalation.metrics"),
    "ledger": ("scoring/ledger.py", ["tests/scoring/test_ledger.py"], "escalation.audit"),
    "gate": ("tracking/gate.py", ["tests/tracking/test_gate.py"], "escalation.report"),
}  # fmt: skip
"""By area: the files to change, their tests besides the doctests, and the last stage below them,
which is imported once."""
SAME: dict[str, str] = {
    "calibration.py | return distinct, np.clip(isotonic_regression(rate, weights=size).x, 0.0, "
    "1.0) | 1.0  ->  2.0": "rates lie between 0 and 1, and so does their isotonic regression",
    "tails.py | MOST_ROWS = 3000 | 3000  ->  3001":
        "one row more of three thousand chooses the same value of a grid",
    "intervals.py | return np.stack([np.ones_like(score), score, score**2], axis=-1) | -1  ->  1":
        "the last axis of two is the second",
    "archive.py | columns = [name for name in schema.EVENT_COLUMNS if name in self.versions] | "
    "for name in schema.EVENT_COLUMNS if name in self.versions  ->  for name in "
    "schema.EVENT_COLUMNS": "only archives read in part lack a column: tests/events/store",
    "gate.py | def judge(forecasts: pd.DataFrame, *, seed: int = 0) -> Decision: | 0  ->  1":
        "another seed of the same bootstrap is as good",
    "dm.py | if not variance > (ROUNDING * np.abs(difference).max(initial=0.0)) ** 2: | "
    "ROUNDING * np.abs(difference).max(initial=0.0)  ->  "
    "ROUNDING / np.abs(difference).max(initial=0.0)":
        "a bound of rounding errors; differences of losses are near one in size",
    "archive.py | return pd.util.hash_pandas_object(column, index=False).to_numpy() | "
    "False  ->  True": "the index is always 0, 1, 2, ...: rows of the same order, the same hashes",
    "kernels.py | n_gaps, total, squares, before = 0, 0, 0, -1 | 1  ->  2":
        "any day before day 0 says that there was none",
    "ranking.py | most = max(FEWEST_REPLICATES, MOST_WORK // max(len(outcome), 1)) | 1  ->  2":
        "of a single row, nobody draws a hundred million replicates",
    "bootstrap.py | width = 2 * dates + 1 | 2  ->  3":
        "a longer axis, of which only the first two lengths are read",
    "late_days.py | if after[day] >= 0: | 0  ->  1": "what comes after a day is day 1 or later",
    "late_days.py | if after[day] >= 0: | after[day] >= 0  ->  after[day] > 0":
        "what comes after a day is day 1 or later",
}  # fmt: skip
"""Equivalent mutants, by file, line and change as printed, with the reason."""
COMPILED_ONLY = (
    "tests/panel/test_late.py::test_versions_of_later_days_change_no_bit_of_earlier_ones"
)
"""A test of bit-for-bit equality, which holds only for compiled loops."""
LONGEST_SECONDS, MOST_BYTES = 30.0, 4 * 2**30
"""Limits of processor time, in addition to five times that of the unchanged tests, and of memory; a
busy machine kills no mutant."""
COMPARED = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
            ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot,
            ast.IsNot: ast.Is}  # fmt: skip
OPPOSITE = {ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.GtE: ast.Lt}
COMBINED = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
            ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.FloorDiv: ast.Mult,
            ast.Mod: ast.Mult}  # fmt: skip


def mutations(node: ast.AST) -> Iterator[ast.AST]:
    """Yield copies of a node with one thing changed."""
    changed = copy.copy(node)
    if isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARED:
        for table in (COMPARED, OPPOSITE):
            if type(node.ops[0]) in table:
                other = copy.copy(node)
                other.ops = [table[type(node.ops[0])](), *node.ops[1:]]
                yield other
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
    elif isinstance(node, ast.Return) and node.value is not None:
        changed.value = ast.copy_location(ast.Constant(None), node)
        yield changed
    elif isinstance(node, ast.comprehension) and node.ifs:
        changed.ifs = []
        yield changed
    elif isinstance(node, ast.IfExp):
        changed.test = ast.copy_location(ast.UnaryOp(ast.Not(), node.test), node)
        yield changed


def places(tree: ast.AST) -> Iterator[tuple[ast.AST, str, int | None, ast.AST]]:
    """Yield parent, field, list index and node; skip annotations, decorators and raised errors."""
    for name, value in ast.iter_fields(tree):
        if name in ("annotation", "returns", "decorator_list") or isinstance(tree, ast.Raise):
            continue
        for at, node in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(node, ast.AST):
                yield tree, name, at, node
                yield from places(node)


def mutants(path: Path) -> Iterator[tuple[int, int, str, ast.Module]]:
    """Yield every mutant of a file: the function's first line, line, change and tree."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside = {}
    for one in ast.walk(tree):  # inner functions are visited after outer ones
        if isinstance(one, ast.FunctionDef):
            first = min(part.lineno for part in (one, *one.decorator_list))
            inside |= {id(node): first for node in ast.walk(one)}
    for parent, name, at, node in list(places(tree)):
        for changed in mutations(node):
            held = getattr(parent, name)
            _put(parent, name, at, changed)
            made = ast.fix_missing_locations(copy.deepcopy(tree))
            change = f"{_text(node)}  ->  {_text(changed)}"
            placed = getattr(node, "target", node)  # a comprehension has no line of its own
            yield inside.get(id(node), 0), getattr(placed, "lineno", 0), change, made
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
    """Import a changed tree in place of one module's source."""

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


class Watch:
    """Record each test's seconds and the functions of certain files that it calls."""

    def __init__(self, paths: list[Path]) -> None:
        self.names = {str(path): path.name for path in paths}
        self.callers: dict[str, list[str]] = defaultdict(list)
        self.seconds: dict[str, float] = {}
        self._now: set[str] = set()

    def _trace(self, frame: object, _event: str, _value: object) -> None:
        code = frame.f_code  # type: ignore[attr-defined]
        if name := self.names.get(code.co_filename):
            self._now.add(f"{name}:{code.co_firstlineno}")

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._now, self._start = set(), time.monotonic()
        sys.settrace(self._trace)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        sys.settrace(None)
        self.seconds[nodeid] = time.monotonic() - self._start
        for function in self._now:
            self.callers[function].append(nodeid)

    def through(self, path: Path, function: int) -> list[str]:
        """Return the tests that called a function, the quickest first.

        For code outside functions: the tests that called anything in the file, or nothing at all.
        """
        found = set(self.callers.get(f"{path.name}:{function}", ()))
        if not found:
            file = [tests for at, tests in self.callers.items() if at.startswith(f"{path.name}:")]
            calling = {test for tests in self.callers.values() for test in tests}
            found = {test for tests in file for test in tests} | (set(self.seconds) - calling)
        return sorted(found, key=self.seconds.__getitem__)


class Chosen:
    """Keep only some tests, in the given order."""

    def __init__(self, tests: list[str]) -> None:
        self.order = {test: at for at, test in enumerate(tests)}

    def pytest_collection_modifyitems(self, items: list) -> None:
        items[:] = sorted(
            (one for one in items if one.nodeid in self.order),
            key=lambda one: self.order[one.nodeid],
        )


def _passes(tests: list[str], *plugins: object) -> bool:
    import pytest

    options = ["-x", "-q", "-p", "no:cacheprovider", "-m", "not slow", "--assert=plain", "--tb=no"]
    options += ["--deselect", COMPILED_ONLY]
    return pytest.main([*options, *tests], plugins=list(plugins)) == pytest.ExitCode.OK


def _in_child(ask) -> bool:
    """Check a condition in a silent child process."""
    child = os.fork()
    if not child:
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        os._exit(not ask())
    _, state = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(state) == 0


def watched(paths: list[Path], tests: list[str]) -> Watch:
    """Find out which test calls which function, and how long each takes."""
    watch = Watch(paths)
    with tempfile.TemporaryDirectory() as folder:
        noted = Path(folder) / "noted.json"

        def ask() -> bool:
            passed = _passes(tests, watch)
            noted.write_text(json.dumps([watch.callers, watch.seconds]))
            return passed

        assert _in_child(ask), f"{tests} fail as they are"
        callers, watch.seconds = json.loads(noted.read_text())
        watch.callers.update(callers)
    return watch


def survives(path: Path, tree: ast.Module, chosen: list[str], watch: Watch) -> bool:
    """Check whether the doctests and the chosen tests pass."""

    def ask() -> bool:
        expected = sum(watch.seconds[test] for test in chosen)
        longest = int(LONGEST_SECONDS + 5 * expected)
        resource.setrlimit(resource.RLIMIT_CPU, (longest, longest))
        resource.setrlimit(resource.RLIMIT_DATA, (MOST_BYTES, MOST_BYTES))
        changed = Mutated(path, tree)
        sys.meta_path.insert(0, changed)
        # Not through pytest, which imports a named file past every other finder.
        if doctest.testmod(importlib.import_module(changed.name)).failed:
            return False
        files = list(dict.fromkeys(test.partition("::")[0] for test in chosen))
        return _passes(files, Chosen(chosen))

    return _in_child(ask)


def main() -> None:
    """Sample mutants of every area, and count those that the tests kill."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--each", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--area", choices=AREAS, action="append")
    parser.add_argument("--at", help="only changes that hold this text")
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
        paths = sorted((ROOT / "escalation").glob(pattern))
        assert not {Mutated(path, ast.Module([], [])).name for path in paths} & set(sys.modules)
        every = [(path, *one) for path in paths for one in mutants(path)]
        every = [one for one in every if not asked.at or asked.at in one[3]]
        watch = watched(paths, tests)
        sample = random.Random(asked.seed).sample(every, min(asked.each, len(every)))
        alive = 0
        for at, (path, function, line, change, tree) in enumerate(sample):
            if at and at % 10 == 0:
                print(f"{name}: {at - alive} of {at} killed", flush=True)
            if survives(path, tree, watch.through(path, function), watch):
                alive += 1
                source = path.read_text(encoding="utf-8").splitlines()[line - 1].strip()
                why = SAME.get(f"{path.name} | {source} | {change}", "not told why")
                where = f"{path.relative_to(ROOT)}:{line}"
                print(f"survives {where} | {source} | {change} | {why}", flush=True)
        print(f"{name}: {len(sample) - alive} of {len(sample)} killed, of {len(every)}", flush=True)
        tried, killed = tried + len(sample), killed + len(sample) - alive
    print(f"all: {killed} of {tried} killed, {killed / max(tried, 1):.1%}")


if __name__ == "__main__":
    main()
