"""The public names exist, are typed and lazy, and importing them has no side effects."""

import json
import subprocess
import sys
from types import ModuleType

import pytest

import escalation as esc

HEAVY = ("matplotlib", "mlflow", "numba", "pandas", "pyarrow", "scipy", "sklearn", "statsmodels")
STATE = """
import json, logging, os, sys, warnings
import mlflow
def state():
    loggers = {n: l.level for n, l in logging.root.manager.loggerDict.items()
               if isinstance(l, logging.Logger) and n.split(".")[0] in {"mlflow", "alembic"}}
    return {"env": dict(os.environ), "root": logging.root.level, "loggers": loggers,
            "uri": mlflow.get_tracking_uri(), "registry": mlflow.get_registry_uri()}
import mlflow.pyfunc, mlflow.store.db.utils
before = state()
import escalation
for name in escalation.__all__:
    getattr(escalation, name)
import importlib, pkgutil
for found in pkgutil.walk_packages(escalation.__path__, "escalation."):
    if not found.name.endswith("__main__"):
        importlib.import_module(found.name)
assert escalation.tracking.store and escalation.tracking.runs
filters = [f for f in warnings.filters if "mlflow" in str(f[1:2]) + str(f[3])]
assert not filters, filters
after = state()
print(json.dumps([{k: before[k] for k in ("env", "root", "uri", "registry")},
                  {k: after[k] for k in ("env", "root", "uri", "registry")},
                  {n: [v, after["loggers"].get(n)] for n, v in before["loggers"].items()
                   if after["loggers"].get(n) != v}]))
"""


def run(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.parametrize("name", esc.__all__)
def test_every_name_is_there_and_in_completion(name):
    assert getattr(esc, name) is not None
    assert name in dir(esc)


def test_only_folders_of_names_are_modules():
    found = {name for name in esc.__all__ if isinstance(getattr(esc, name), ModuleType)}
    assert found - {"audit", "backtest"} == {  # these two are called all the same
        "datasets",
        "features",
        "metrics",
        "models",
        "plots",
        "targets",
    }


def test_the_names_and_their_homes_agree():
    assert sorted(esc._HOMES) == esc.__all__ == sorted(esc.__all__)


def test_importing_loads_nothing_heavy():
    code = f"import sys, escalation; print(*sorted(set({HEAVY!r}) & set(sys.modules)))"
    assert run(code).split() == []


def test_importing_every_name_and_module_changes_nothing_outside():
    before, after, levels = json.loads(run(STATE))
    assert before == after
    assert levels == {}


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        esc.nonsense  # noqa: B018


def test_functions_stay_callable_after_their_folder_was_imported():
    import escalation.audit.run  # noqa: F401

    assert callable(esc.audit)


@pytest.mark.parametrize("door", ["audit", "replay"])
@pytest.mark.parametrize("wrong", ["archive", "experiment"])
def test_another_type_is_answered_with_how_to_get_the_right_one(door, wrong):
    given = {"archive": esc.datasets.load_iraq_crisis(), "experiment": esc.load_experiment()}
    day = {"day": "2020-03-10"} if door == "replay" else {}
    with pytest.raises(esc.EscalationError, match=r"E-CONFIG.*expected .*, got str; fix: .*\("):
        getattr(esc, door)(**{**given, wrong: "mine.csv"}, **day)
