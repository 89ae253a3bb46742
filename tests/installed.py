"""Build the sdist and, from it, the wheel; install that into an empty environment; run it.

    python tests/installed.py [PYTHON ...]

Each PYTHON makes an environment of its own; by default the one that runs this. Building and
installing need the packages of constraints.txt, from a network or a cache: where they can't be had
it is skipped, with exit status 77. The main job then runs in another folder, in a network of its
own without a way out where the machine allows that. Not collected by pytest: it takes minutes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SKIPPED = 77
JOB = (
    ("train", "--set", "backtest.every=28", "--set", "backtest.refit_every=26"),
    ("score",),
    ("report", "--out", "report.html"),
)


def main() -> int:
    """Exit status: 0 where all ran, 77 where something could not be had."""
    with tempfile.TemporaryDirectory() as scratch:
        wheel = _built(Path(scratch))
        for python in sys.argv[1:] or [sys.executable]:
            _runs(python, wheel, Path(tempfile.mkdtemp(dir=scratch)))
    return 0


def _built(folder: Path) -> Path:
    python = _environment(sys.executable, folder / "build", "hatchling>=1.27,<2")
    _run([python, "-m", "hatchling", "build", "-t", "sdist", "-d", folder], cwd=ROOT)
    (sdist,) = folder.glob("*.tar.gz")
    pip = [python, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation"]
    _run([*pip, "-w", folder, sdist], cwd=folder)
    (wheel,) = folder.glob("*.whl")
    print(f"built {sdist.name} ({sdist.stat().st_size:,} bytes), {wheel.name}", flush=True)
    return wheel


def _environment(python: str, folder: Path, *wanted: str) -> str:
    _run([python, "-m", "venv", folder], cwd=ROOT)
    made = str(folder / "bin" / "python")
    pip = [made, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    done = subprocess.run([*pip, *wanted], capture_output=True, text=True)
    if done.returncode:
        print(f"skipped: {done.stderr.strip().splitlines()[-1]}")
        raise SystemExit(SKIPPED)
    return made


def _runs(python: str, wheel: Path, folder: Path) -> None:
    made = _environment(python, folder / "env", "-c", str(ROOT / "constraints.txt"), str(wheel))
    work = folder / "elsewhere"
    work.mkdir()
    alone = ["unshare", "-rn"] if _has_own_network() else []
    command = Path(made).with_name("escalation")
    for arguments in JOB:
        _run([*alone, command, *arguments], cwd=work)
    where = "import escalation; print(escalation.__file__)"
    _run([made, "-c", where], cwd=work)
    words = "without a network" if alone else "with the machine's network"
    print(f"{python}: the main job ran from the wheel, {words}", flush=True)


def _has_own_network() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run(["unshare", "-rn", "true"], capture_output=True).returncode == 0


def _run(command: list[str | Path], *, cwd: Path) -> None:
    foreign = ("PYTHONPATH", "VIRTUAL_ENV", "MLFLOW_TRACKING_URI")
    env = {name: value for name, value in os.environ.items() if name not in foreign}
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True)
    if done.returncode:
        print(done.stdout, done.stderr, sep="\n")
        raise SystemExit(f"failed ({done.returncode}): {' '.join(map(str, command))}")
    print(done.stdout[-600:], flush=True)


if __name__ == "__main__":
    sys.exit(main())
