"""Build the sdist and, from it, the wheel; install that into an empty environment; run it.

    python tests/installed.py [PYTHON ...]

Each PYTHON gets a new environment; the default is the Python that runs this. Building and
installing need the packages of constraints.txt, from the network or a cache. If they are not
available, the script is skipped with exit status 77. The main commands then run in another folder,
without network access if the machine allows that. It takes minutes, so pytest does not collect it.
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
    """Return 0 if everything ran, or exit with 77 if a package is not available."""
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
