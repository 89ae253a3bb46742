"""`escalation audit` from the command line, with a custom family."""

from __future__ import annotations

import json
import sys

import pytest
from command_line import a_new_start, escalation

EXPERIMENT = """
[experiment]
name = "mine"
[data]
source = "iraq_crisis"
first_day = 2019-10-01
last_day = 2020-06-30
[panel]
units = ["site", "all"]
enters = { tags = "installation_attack" }
[features.window_sums]
windows = [7, 28]
[features."mine:streak"]
channel = "events"
[[targets]]
name = "any"
horizon = 7
where = { tags = "installation_attack" }
[models]
climatology = {}
[backtest]
first_origin = 2020-03-01
"""
STREAK = '''
import numpy as np

def streak(panel, *, channel: str = "events"):
    """Days in a row with an event, ending today."""
    out = np.zeros_like(panel[channel])
    for t, today in enumerate(panel[channel].T):
        out[:, t] = np.where(today > 0, 1 + (out[:, t - 1] if t else 0), 0)
    return {f"{channel}_streak": out}
'''
AHEAD = STREAK.replace("return {", "out = np.roll(out, -1, axis=1)\n    return {")


@pytest.fixture
def folder(tmp_path):
    """A working folder; what a plugin registers is gone afterwards."""
    (tmp_path / "mine.toml").write_text(EXPERIMENT)
    (tmp_path / "mine.py").write_text(STREAK)
    with a_new_start("mine"):
        yield tmp_path


@pytest.fixture
def run(folder):
    def run(*arguments):
        process = escalation(*arguments, folder=folder)
        return process.returncode, process.stdout, process.stderr

    return run


QUICK = ("--cuts", "2", "--seeds", "1")


def test_a_clean_custom_family_passes(run, folder):
    status, out, err = run("audit", "mine.toml", "--plugin", "mine.py", *QUICK)
    assert (status, err) == (0, "")
    assert "truncation" in out
    assert "label shuffle" in out


def test_a_leaking_family_exits_with_status_4_and_is_named_with_unit_and_day(run, folder):
    (folder / "mine.py").write_text(AHEAD)
    status, out, err = run("audit", "mine.toml", "--plugin", "mine.py", *QUICK, "--json")
    assert status == 4
    assert "error[E-LEAK] mine" in err
    report = json.loads(out)
    assert not report["clean"]
    findings = [finding for check in report["checks"] for finding in check["findings"]]
    assert {"unit", "day", "says"} <= set(findings[0])
    assert any("events_streak at" in finding["says"] for finding in findings)
    assert any("moved when only later days changed" in finding["says"] for finding in findings)


def test_custom_columns_are_listed(run, folder):
    status, out, _ = run("features", "mine.toml", "--plugin", "mine.py", "--list")
    assert status == 0
    assert "events_streak" in out.split()


def test_an_experiment_alone_runs_no_file(run, folder):
    (folder / "mine.py").write_text("raise SystemExit(99)")
    status, out, err = run("features", "mine.toml", "--list")
    assert (status, out) == (2, "")
    assert "E-CONFIG" in err
    assert "--plugin FILE" in err
    assert "mine" not in sys.modules


def test_custom_parameters_are_checked(run, folder):
    (folder / "mine.toml").write_text(EXPERIMENT.replace('channel = "events"', "chanel = 1"))
    status, _, err = run("audit", "mine.toml", "--plugin", "mine.py")
    assert status == 2
    assert "did you mean 'channel'" in err


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("mine.py", "1 / 0", "ZeroDivisionError"),
        ("mine.py", "x = 1", "first parameter is panel"),
        ("mine.py", "def f(panel, *, days): return {}", "keyword-only parameter with a type"),
        ("mine.py", "def f(panel, days: int): return {}", "keyword-only parameter with a type"),
        ("json.py", STREAK, "a module json is loaded"),
        ("mine.txt", STREAK, "expected a Python file"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(run, folder, name, text, words):
    (folder / name).write_text(text)
    status, out, err = run("audit", "mine.toml", "--plugin", name)
    assert (status, out) == (2, "")
    assert "E-PLUGIN" in err
    assert words in err
    assert "\n" not in err.rstrip()
