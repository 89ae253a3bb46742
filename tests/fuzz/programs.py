"""Checks that the fuzzer runs in a separate process, in addition to the command line."""

from __future__ import annotations

import io
import os
import sys
from contextlib import redirect_stderr
from pathlib import Path

import skops.io  # noqa: F401 - paid once

import escalation.tracking  # noqa: F401

sys.path.insert(0, str(Path(__file__).resolve().parent))
from readers import try_one

sys.path.pop(0)

from escalation.errors import EscalationError
from escalation.scoring.artifact import artifact_hash, load_logged
from escalation.scoring.ledger import read_ledger
from escalation.scoring.untrusted import read_regular


def _or_status(ask):
    try:
        print(ask())
    except EscalationError as error:
        print(error, file=sys.stderr)
        raise SystemExit(error.status) from None


def ledger(path):
    """Print how many entries are valid."""
    _or_status(lambda: len(read_ledger(Path(path))))


def model(folder, expected):
    """Check whether a logged model is read, with the registered hash or with its own."""

    def ask():
        root = Path(folder)
        data = root / "data" / "artifact"
        own = expected or artifact_hash(
            {name: read_regular(data / name) for name in ("model.skops", "manifest.json")}
        )
        before = set(sys.path)
        load_logged(root, expected_hash=own)
        assert set(sys.path) == before
        return "read"

    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    _or_status(ask)


def reader(name, seed):
    """Read a random file of a source and compare it with pandas; a failure is a traceback."""
    with redirect_stderr(io.StringIO()):
        print(try_one(name, int(seed), Path()))


PROGRAMS = {"@reader": reader, "@ledger": ledger, "@model": model}
