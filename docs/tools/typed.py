"""Extract or run the shell commands of README and the docs, in the order of the page.

    python docs/tools/typed.py PAGE ...   # runs them in this folder, as a newcomer would

The first command that fails ends the run, with its status. Crontab lines run without their times.
Placeholders (an address, a run) are not replaced.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PROGRAMS = ("escalation", "mlflow", "pip", "dask", "python3", "make", "export")
INLINE = re.compile(r"`(escalation [a-z][^`]+)`")
LINE = re.compile(rf"^(?:\$ |    )((?:\S+ +){{5}}cd \S+ && |)((?:{'|'.join(PROGRAMS)}) .*)$")


def lines(text: str) -> list[str]:
    """Return the shell commands of a page, with continued lines joined and comments removed."""
    joined = text.replace("\\\n", " ")
    matches = map(LINE.match, joined.splitlines())
    return [re.sub(r"\s+# .*", "", match[2]).strip() for match in matches if match]


def inline(text: str) -> list[str]:
    """Return the commands quoted in the sentences of a page."""
    return INLINE.findall(text)


def main() -> int:
    """Run the commands of each named page; return the status of the first that fails, or 0."""
    for page in sys.argv[1:]:
        for line in lines(Path(page).read_text(encoding="utf-8")):
            print(f"$ {line}", flush=True)
            if status := subprocess.run(line, shell=True).returncode:
                print(f"{page}: exit status {status}")
                return status
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
