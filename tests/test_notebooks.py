"""Notebooks run from the first cell to the last and reproduce their stored outputs."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import nbformat
import pytest
from forked_kernels import NAME, forking
from notebook_runs import FOLDER, SETTINGS, differences, executed, same

NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


@pytest.fixture(scope="module")
def kernels():
    """Variables with which Jupyter finds the forked kernels; socket paths have to be short."""
    with (
        tempfile.TemporaryDirectory() as folder,
        forking(Path(folder), SETTINGS) as found,
    ):
        yield found


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_says_what_its_stored_outputs_say(path, kernels, tmp_path):
    stored = nbformat.read(path, as_version=4)
    found = list(differences(stored, executed(path, tmp_path, kernel=NAME, **kernels)))
    assert not found, "\n".join([*found, "fix: make notebooks, then read what they say"])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_keeps_its_outputs_and_no_local_path(path, root):
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert sum(bool(cell.outputs) for cell in code) >= len(code) // 2
    assert not any(out.output_type == "error" for cell in code for out in cell.outputs)
    text = path.read_text(encoding="utf-8")
    assert str(root) not in text and "/tmp/" not in text


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_needs_one_module_and_its_prose_quotes_no_result(path):
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert not re.search(r"(from|import) escalation\.|from escalation ", cell.source)
        else:
            assert not re.search(r"\d%|\d\.\d\d", cell.source), cell.source


@pytest.mark.parametrize(
    ("stored", "fresh", "equal"),
    [
        ("skill +3.3% [-5.3%, 8.6%]", "skill +3.3% [-5.3%, 8.6%]", True),
        ("0.061", "0.0615", True),
        ("an interval up to 11%", "an interval up to 20%", False),
        ("0.061", "0.064", False),
        ("better", "worse", False),
        ("1 2", "1 2 3", False),
    ],
)
def test_numbers_may_differ_by_a_hair_and_words_not_at_all(stored, fresh, equal):
    assert same(stored, fresh) is equal


def test_a_changed_number_is_told_with_its_cell_and_column():
    def notebook(brier):
        table = (
            f"<table><tr><th></th><th>brier</th></tr><tr><th>0</th><td>{brier}</td></tr></table>"
        )
        out = nbformat.v4.new_output("execute_result", {"text/html": table, "text/plain": "x"})
        return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x", outputs=[out])])

    assert not list(differences(notebook(0.06), notebook(0.06)))
    (found,) = differences(notebook(0.06), notebook(0.08))
    assert found == "cell 0, column 'brier', row 1: '0.06' and now '0.08'"
