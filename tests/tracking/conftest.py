"""A small training, done once, and a store that holds it."""

import tomllib

import pytest
from tracking_small import SMALL


@pytest.fixture(scope="session")
def trained(crisis):
    from escalation.backtest.train import train_target
    from escalation.experiment import Experiment

    experiment = Experiment(**tomllib.loads(SMALL))
    return train_target(crisis, experiment, experiment.labels[0])


@pytest.fixture(scope="session")
def events(crisis, trained):
    return crisis.as_of(trained.trained_to)


@pytest.fixture(scope="session")
def drawn(trained, tmp_path_factory):
    """Its pictures and its page, made once."""
    from escalation.tracking.pictures import draw

    return draw(trained, tmp_path_factory.mktemp("drawn"))


@pytest.fixture(scope="session")
def log(trained, events, drawn):
    """Log the training, changed or not, into a store."""
    from dataclasses import replace

    from escalation import tracking

    def into(uri, **changes):
        return tracking.log_training(
            replace(trained, **changes), uri=uri, events=events, pictures=drawn
        )

    return into


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory):
    """An sqlite store without a run, to be copied: making one takes seconds."""
    from escalation import tracking

    path = tmp_path_factory.mktemp("empty") / "mlflow.db"
    tracking.open_store(f"sqlite:///{path}")
    return path


@pytest.fixture
def uri(empty_store, tmp_path):
    """A store of the test's own."""
    (tmp_path / "mlflow.db").write_bytes(empty_store.read_bytes())
    return f"sqlite:///{tmp_path}/mlflow.db"


@pytest.fixture(scope="module")
def stored(empty_store, tmp_path_factory, log):
    """A store that holds one training: its address, and where the training went."""
    folder = tmp_path_factory.mktemp("stored")
    (folder / "mlflow.db").write_bytes(empty_store.read_bytes())
    uri = f"sqlite:///{folder}/mlflow.db"
    return uri, log(uri)
