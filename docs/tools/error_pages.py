"""A table of every error code: its exit status, its cause, its cure, and where it is raised."""

from __future__ import annotations

import tomllib
from pathlib import Path

from tools.codes import codes, statuses

WORDS = Path(__file__).parents[1] / "errors.toml"
GROUPS = {
    1: "A defect, or of any kind (exit status 1)",
    2: "Usage: a command line or a file of settings (exit status 2)",
    3: "Input refused (exit status 3)",
    4: "A quality gate is closed (exit status 4)",
    5: "A stored model is refused (exit status 5)",
    6: "Reading or writing failed (exit status 6)",
    7: "Busy: try again later (exit status 7)",
}


def words() -> dict[str, list[str]]:
    """Cause and cure by code."""
    return tomllib.loads(WORDS.read_text(encoding="utf-8"))


def status_of(code: str) -> int:
    """The lowest exit status of a code; 3 for a code that only quarantines rows."""
    return min(statuses(codes()[code]["kinds"]) or [3])


def pages() -> dict[str, str]:
    """One page, grouped by exit status."""
    known, said = codes(), words()
    by_status: dict[int, list[str]] = {}
    for code in known:
        by_status.setdefault(status_of(code), []).append(code)
    lines = [
        "# Every error code", "",
        "A refusal is one line, `error[CODE] where column=… value=… what is wrong; fix: …`,",
        "and an exit status that scripts may rely on. The same codes are on the exceptions in",
        "Python (`EscalationError.code`). Whatever happens, the archive, the registry and earlier",
        "outputs stay as they were. `--debug` before the command shows the traceback.", "",
    ]  # fmt: skip
    for status, group in sorted(by_status.items()):
        lines += [f"## {GROUPS[status]}", ""]
        for code in group:
            cause, cure = said[code]
            lines += [f"### {code}", "", f"{cause}", "", f"**What to do:** {cure}", ""]
            places = ", ".join(f"`{module}`" for module in sorted(known[code]["modules"]))
            lines += [f"Raised in {places}.", ""]
    return {"errors.md": "\n".join(lines)}
