"""What several test files need: the bundled chronology, read once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def crisis_csv() -> Path:
    """The bundled chronology as a file."""
    from escalation.resources import bundled

    return bundled("iraq_crisis_events.csv")


@pytest.fixture(scope="session")
def crisis(crisis_csv):
    """The bundled chronology as an archive; frozen, so shared."""
    from escalation.events.iraq_crisis import read_iraq_crisis

    return read_iraq_crisis(crisis_csv)
