"""Write the page of error codes: exit status, cause, fix, and where each is raised."""

from __future__ import annotations

import tomllib
from pathlib import Path

from tools.codes import codes, statuses

WORDS = Path(__file__).parents[1] / "errors.toml"
GROUPS = {
    1: "Defects, and errors of any kind (exit status 1)",
    2: "Usage: the command line or an experiment file (exit status 2)",
    3: "Input refused (exit status 3)",
    4: "A quality gate failed (exit status 4)",
    5: "A stored model was refused (exit status 5)",
    6: "Reading or writing failed (exit status 6)",
    7: "Busy: try again later (exit status 7)",
}


def words() -> dict[str, list[str]]:
    """Return cause and fix by code."""
    return tomllib.loads(WORDS.read_text(encoding="utf-8"))


def status_of(code: str) -> int:
    """Return the lowest exit status of a code; 3 for a code that only quarantines rows."""
    return min(statuses(codes()[code]["kinds"]) or [3])


def pages() -> dict[str, str]:
    """Return the page, grouped by exit status."""
    places_of, texts = codes(), words()
    by_status: dict[int, list[str]] = {}
    for code in places_of:
        by_status.setdefault(status_of(code), []).append(code)
    lines = [
        "# Every error code", "",
        "An error is one line, `error[CODE] where column=… value=… what is wrong; fix: …`, and an",
        "exit status that scripts can rely on. In Python, the exceptions carry the same codes",
        "(`EscalationError.code`). Whatever happens, the archive, the registry and earlier",
        "outputs stay as they were. For the traceback, put `--debug` before the command.", "",
    ]  # fmt: skip
    for status, group in sorted(by_status.items()):
        lines += [f"## {GROUPS[status]}", ""]
        for code in group:
            cause, fix = texts[code]
            lines += [f"### {code}", "", f"{cause}", "", f"**What to do:** {fix}", ""]
            places = ", ".join(f"`{module}`" for module in sorted(places_of[code]["modules"]))
            lines += [f"Raised in {places}.", ""]
    return {"errors.md": "\n".join(lines)}
