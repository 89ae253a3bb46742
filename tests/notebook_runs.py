"""Execute notebooks in a temporary folder and compare them with their stored outputs.

``make notebooks`` executes and stores them: ``python tests/notebook_runs.py [NAME]``.
"""

from __future__ import annotations

import html.parser
import math
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from patience import PATIENCE

FOLDER = Path(__file__).parents[1] / "notebooks"
NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?")
TOLERANCE = 0.01
"""Relative tolerance: numbers are identical on one machine, and nearly so on others."""
_ROUNDED = 0.0015
"""Absolute tolerance, for rounding to three digits."""


SETTINGS = {
    "JUPYTER_PLATFORM_DIRS": "1", "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
}  # fmt: skip
"""Environment variables of the kernels."""


def executed(
    path: Path, folder: Path, *, kernel: str = "python3", **found: str
) -> nbformat.NotebookNode:
    """Execute a notebook and return it with its new outputs.

    Parameters
    ----------
    path, folder : Path
        The notebook, and the folder in which it runs.
    kernel : str
        Name of the kernel.
    found : str
        Environment variables with which Jupyter finds the kernel.
    """
    own = {
        # Ignore the user's own kernels and start-up files.
        **{f"JUPYTER_{name}_DIR": str(folder / "jupyter") for name in ("DATA", "CONFIG")},
        "IPYTHONDIR": str(folder / "ipython"),
    }
    before = dict(os.environ)
    os.environ.update(SETTINGS | own | found)
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    try:
        notebook = nbformat.read(path, as_version=4)
        client = NotebookClient(
            notebook, timeout=PATIENCE, startup_timeout=PATIENCE, kernel_name=kernel,
            resources={"metadata": {"path": str(folder)}},
        )  # fmt: skip
        return client.execute()
    finally:
        os.environ.clear()
        os.environ.update(before)


class _Cells(html.parser.HTMLParser):
    """Collect the rows of all tables of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.open = False

    def handle_starttag(self, tag, attrs):
        if tag == "tr":
            self.rows.append([])
        elif tag in {"td", "th"} and self.rows:
            self.rows[-1].append("")
            self.open = True

    def handle_endtag(self, tag):
        self.open = self.open and tag not in {"td", "th"}

    def handle_data(self, data):
        if self.open:
            self.rows[-1][-1] += data


def said(output) -> list[tuple[str, str]]:
    """Return the texts of an output by place (column and row of a table), without figures."""
    if output.output_type == "stream":
        return [] if output.name == "stderr" else [("print", output.text)]
    data = output.get("data", {})
    if "<table" in data.get("text/html", ""):
        parser = _Cells()
        parser.feed(data["text/html"])
        head = parser.rows[0] if parser.rows else []
        return [
            (f"column {head[k].strip() if k < len(head) else k!r}, row {n}", cell)
            for n, row in enumerate(parser.rows)
            for k, cell in enumerate(row)
        ]
    if "image/png" in data:
        return [("figure", "")]
    text = data.get("text/markdown") or data.get("text/plain", "")
    return [("text", text)]


def same(stored: str, fresh: str) -> bool:
    """Check that words are equal and numbers nearly equal."""
    if NUMBER.sub("#", stored).split() != NUMBER.sub("#", fresh).split():
        return False
    pairs = zip(NUMBER.findall(stored), NUMBER.findall(fresh), strict=True)
    return all(
        math.isclose(float(a), float(b), rel_tol=TOLERANCE, abs_tol=_ROUNDED) for a, b in pairs
    )


def differences(stored, fresh) -> Iterator[str]:
    """Yield where the outputs of two executions of a notebook differ."""
    for number, (old, new) in enumerate(zip(stored.cells, fresh.cells, strict=True)):
        before = [one for out in old.get("outputs", []) for one in said(out)]
        after = [one for out in new.get("outputs", []) for one in said(out)]
        if [place for place, _ in before] != [place for place, _ in after]:
            yield f"cell {number}: other outputs: {before[:3]} and now {after[:3]}"
            continue
        for (place, one), (_, other) in zip(before, after, strict=True):
            if not same(one, other):
                yield f"cell {number}, {place}: {one.strip()!r} and now {other.strip()!r}"


def store(path: Path) -> None:
    """Execute and store a notebook, without times, paths and messages of libraries."""
    with tempfile.TemporaryDirectory() as folder:
        notebook = executed(path, Path(folder))
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [
                out
                for out in cell.outputs
                if not (out.output_type == "stream" and out.name == "stderr")
            ]
    notebook.metadata = {
        "kernelspec": notebook.metadata["kernelspec"],
        "language_info": {"name": "python"},
    }
    nbformat.write(notebook, path)


if __name__ == "__main__":
    for chosen in sorted(FOLDER.glob(f"{sys.argv[1] if len(sys.argv) > 1 else ''}*.ipynb")):
        store(chosen)
        print(f"{chosen.name} executed and stored")
