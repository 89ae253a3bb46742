"""Shared fixtures: a fixed environment, and the bundled chronology, read once."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest

FOREIGN = (
    "FORCE_COLOR", "NO_COLOR", "PY_COLORS", "CLICOLOR", "CLICOLOR_FORCE", "GITHUB_ACTIONS",
    "TERMINAL_WIDTH", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "PYTHONWARNINGS",
)  # fmt: skip
"""Variables with which a shell or a CI server changes what programs print."""
KNOWN = {
    "COLUMNS": "80",
    "ESCALATION_CACHE": "off",
    "MPLBACKEND": "Agg",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "NO_PROXY": "*",
    "no_proxy": "*",
}


def _settle_environment() -> None:
    """Set the same variables on every machine, for this process and its children."""
    for name in list(os.environ):
        if name in FOREIGN or name.startswith(("MLFLOW_", "ACLED_", "GIT_", "JUPYTER_", "IPYTHON")):
            del os.environ[name]
    os.environ |= KNOWN
    # The first import may build a font cache and warn: here, not in a process under test.
    import matplotlib.font_manager  # noqa: F401


_settle_environment()

ROOT = Path(__file__).resolve().parents[1]


def pytest_ignore_collect(collection_path):
    """Ignore helper modules, which contain neither tests nor doctests."""
    aside = collection_path.suffix == ".py" and not collection_path.name.startswith("test_")
    return True if aside and collection_path.is_relative_to(ROOT / "tests") else None


def pytest_collection_finish():
    """Exclude the imported libraries from garbage collection, which speeds up the tests."""
    gc.freeze()


@pytest.fixture(scope="session")
def root() -> Path:
    """The root folder of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def crisis_csv() -> Path:
    """The bundled chronology as a file."""
    from escalation._util.resources import bundled

    return bundled("iraq_crisis_events.csv")


@pytest.fixture(scope="session")
def crisis(crisis_csv):
    """The bundled chronology as an archive, shared because it is frozen."""
    from escalation.events import load_events

    return load_events("iraq_crisis", crisis_csv)


@pytest.fixture(scope="session")
def trained(crisis):
    """The bundled experiment, trained with two models and a coarse backtest."""
    from iraq_2020 import experiment_of_2020

    from escalation.backtest.train import train_target

    chosen = {"logistic": {}, "boosting": {}}
    experiment = experiment_of_2020(models=chosen, every=7, refit_every=26)
    return train_target(crisis, experiment, experiment.labels[0])


@pytest.fixture(scope="session")
def scorer(trained):
    """The scorer of its logistic regression, which reads every feature family."""
    from escalation.scoring.described import manifest_of
    from escalation.scoring.scorer import Scorer

    return Scorer(trained.models["logistic"], manifest_of(trained, "logistic"), "test", "hash")


@pytest.fixture(scope="session")
def random_archive():
    """A factory of archives with late reports, updates that move events, and retractions."""
    return make_random_archive


def make_random_archive(seed: int, *, days: int = 50, events: int = 45):
    """Make an archive of seeded random versions whose first day is 2020-01-01."""
    import numpy as np
    import pandas as pd

    from escalation import schema
    from escalation.events.archive import EventArchive

    rng = np.random.default_rng(seed)
    start = pd.Timestamp("2020-01-01")
    places = {"base": ("IRQ", 33.4, 43.2), "camp": ("IRQ", 33.6, 44.2), "port": ("SYR", 35.5, 36)}

    def version(event, happened, known, operation):
        site = rng.choice(["base", "base", "camp", "port", ""])
        country, latitude, longitude = places.get(site, (None, None, None))
        return {
            schema.EVENT_ID: f"e{event}",
            schema.EVENT_DATE: start + pd.Timedelta(days=int(happened)),
            schema.KNOWN_DATE: start + pd.Timedelta(days=int(known)),
            schema.COUNTRY: country,
            schema.SITE: site or None,
            schema.LATITUDE: latitude,
            schema.LONGITUDE: longitude,
            schema.EVENT_TYPE: rng.choice(["rocket_attack", "air_strike"]),
            schema.ACTOR: rng.choice(["militia", "coalition", None]),
            schema.TARGET: rng.choice(["militia", "coalition", "civilians"]),
            schema.SEVERITY: int(rng.choice([0, 1, 2, 3, 3, 4, 5, 6])),
            schema.KILLED: rng.choice([None, 0, 1, 4]),
            schema.SOURCE: "test",
            schema.TAGS: rng.choice(["", "night", "night rain"]),
            schema.OPERATION: operation,
        }

    rows = []
    for event in range(events):
        happened = rng.integers(days)
        known = happened + rng.choice([0, 0, 0, 1, 2, 6, 20])
        rows.append(version(event, happened, known, "add"))
        while rng.random() < 0.4:
            known += rng.integers(1, 9)
            happened = min(max(happened + rng.choice([0, 0, -3, 3]), 0), known)
            rows.append(version(event, happened, known, rng.choice(["update", "retract"])))
    table = pd.DataFrame(rows).reindex(columns=[*schema.EVENT_COLUMNS, schema.OPERATION])
    table[[schema.KILLED, schema.WOUNDED]] = table[[schema.KILLED, schema.WOUNDED]].astype("Int64")
    end = start + pd.Timedelta(days=days - 1)
    kept = table[table[schema.KNOWN_DATE] <= end]
    return EventArchive.of(kept, covered_to=end, known_basis="observed")
