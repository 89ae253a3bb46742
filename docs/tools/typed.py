"""What a page says to type: the shell lines of README and docs, in the order of the page.

    python docs/tools/typed.py PAGE ...   # types them in this folder, as a newcomer would

A line that fails ends it, with its status. Lines of a crontab are typed without their times. Words
that stand for something (an address, a run) are for whoever types them by hand.
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
    """Shell lines of a page, those that end in a backslash joined, without comments."""
    joined = text.replace("\\\n", " ")
    found = (LINE.match(line) for line in joined.splitlines())
    return [re.sub(r"\s+# .*", "", match[2]).strip() for match in found if match]


def inline(text: str) -> list[str]:
    """Commands within the sentences of a page."""
    return INLINE.findall(text)


def main() -> int:
    """Type the lines of each page that is named; the status of the first that fails."""
    for page in sys.argv[1:]:
        for line in lines(Path(page).read_text(encoding="utf-8")):
            print(f"$ {line}", flush=True)
            if status := subprocess.run(line, shell=True).returncode:
                print(f"{page}: exit status {status}")
                return status
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
