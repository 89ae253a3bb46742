"""A small training, run once, and a store that contains it."""

import functools
import shutil
import tomllib
from dataclasses import replace
from functools import partial
from unittest import mock

import pytest
from command_line import empty_store
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
    """Its figures and its page, drawn once."""
    from escalation.report import training_pages
    from escalation.tracking.pictures import draw

    return draw(trained, tmp_path_factory.mktemp("drawn"), training_pages([trained])[0])


@pytest.fixture(scope="session")
def log(trained, events, drawn, tmp_path_factory):
    """Log the training, changed or not, into a store; unchanged it is evaluated and drawn once."""
    from escalation import tracking
    from escalation.tracking import runs

    options = {"summary": trained.summary, "others": None}
    evaluation = functools.cache(partial(runs.evaluate, trained.case, trained.forecasts, **options))
    fill = runs._parent_files

    @functools.cache
    def files():
        folder = tmp_path_factory.mktemp("files")
        fill(folder, trained, evaluation())
        return folder

    def copied(folder, *_):
        shutil.copytree(files(), folder, dirs_exist_ok=True)

    def log_into(uri, **changes):
        options = {"uri": uri, "events": events, "pictures": drawn}
        if changes:
            return tracking.log_training(replace(trained, **changes), **options)
        once = mock.patch.multiple(
            runs, evaluate=lambda *_, **__: evaluation(), _parent_files=copied
        )
        with once:
            return tracking.log_training(trained, **options)

    return log_into


@pytest.fixture(scope="session", name="empty_store")
def _empty_store():
    """The store that commands copy too."""
    return empty_store()


@pytest.fixture
def uri(empty_store, tmp_path):
    """A store for one test."""
    (tmp_path / "mlflow.db").write_bytes(empty_store.read_bytes())
    return f"sqlite:///{tmp_path}/mlflow.db"


@pytest.fixture(scope="session")
def stored(empty_store, tmp_path_factory, log):
    """A read-only store with one training: its address, and the training's runs."""
    folder = tmp_path_factory.mktemp("stored")
    (folder / "mlflow.db").write_bytes(empty_store.read_bytes())
    uri = f"sqlite:///{folder}/mlflow.db"
    return uri, log(uri)
