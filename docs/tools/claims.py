"""Check or rewrite the measured numbers in the prose, from files in experiments/results.

A block of them lies between ``<!-- measured NAME: COMMAND -->`` and ``<!-- end of NAME -->``; the
command is the one that writes the file. A test fails if a block differs from the file.

    python docs/tools/claims.py           # reports what differs
    python docs/tools/claims.py --write   # rewrites the blocks
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from tools import results

BLOCK = re.compile(r"<!-- measured (\S+): .*? -->\n(.*?)<!-- end of \1 -->", re.DOTALL)
MEASURED: dict[str, Callable[[], list[str]]] = {
    "bundled": results.bundled_table,
    "bundled-finding": results.bundled_finding,
    "skill": results.skill_table,
    "skill-limits": results.skill_limits,
    "replay": results.replay_table,
    "replay_labels": results.replay_labels_table,
    "short": results.short,
    "how-many": results.how_many,
}
"""Functions that return the lines of a block, by its name."""


def files() -> list[Path]:
    """The README and the hand-written pages, which may contain blocks."""
    docs = results.ROOT / "docs"
    pages = [
        path for path in sorted(docs.rglob("*.md")) if path.relative_to(docs).parts[0] != "made"
    ]
    return [results.ROOT / "README.md", *(p for p in pages if "_site" not in p.parts)]


def written(text: str) -> str:
    """Return the text with its blocks rewritten from the results."""
    return BLOCK.sub(_written, text)


def _written(match: re.Match[str]) -> str:
    start, _, _ = match[0].partition("\n")
    return "\n".join([start, *MEASURED[match[1]](), f"<!-- end of {match[1]} -->"])


def differences() -> list[str]:
    """Return a message for each file whose blocks differ from the results."""
    return [
        f"{path.relative_to(results.ROOT)}: measured numbers differ from experiments/results; "
        "run `python docs/tools/claims.py --write` (the results of the replay come from "
        "`python docs/tools/run_commands.py replay`)"
        for path in files()
        if written(text := path.read_text(encoding="utf-8")) != text
    ]


if __name__ == "__main__":
    if "--write" in sys.argv:
        for path in files():
            path.write_text(written(path.read_text(encoding="utf-8")), encoding="utf-8")
    print("\n".join(differences()) or "all measured numbers agree with experiments/results")
    raise SystemExit(bool(differences()))
