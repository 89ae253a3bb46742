"""A small training, done once, and a store that holds it."""

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
    """Its pictures and its page, made once."""
    from escalation.report import training_pages
    from escalation.tracking.pictures import draw

    return draw(trained, tmp_path_factory.mktemp("drawn"), training_pages([trained])[0])


@pytest.fixture(scope="session")
def log(trained, events, drawn, tmp_path_factory):
    """Log the training, changed or not, into a store; unchanged it is evaluated and drawn once."""
    from escalation import tracking
    from escalation.tracking import runs

    known = {"summary": trained.summary, "others": None}
    evaluation = functools.cache(partial(runs.evaluate, trained.case, trained.forecasts, **known))
    fill = runs._parent_files

    @functools.cache
    def files():
        folder = tmp_path_factory.mktemp("files")
        fill(folder, trained, evaluation())
        return folder

    def copied(folder, *_):
        shutil.copytree(files(), folder, dirs_exist_ok=True)

    def into(uri, **changes):
        given = {"uri": uri, "events": events, "pictures": drawn}
        if changes:
            return tracking.log_training(replace(trained, **changes), **given)
        once = mock.patch.multiple(
            runs, evaluate=lambda *_, **__: evaluation(), _parent_files=copied
        )
        with once:
            return tracking.log_training(trained, **given)

    return into


@pytest.fixture(scope="session", name="empty_store")
def _empty_store():
    """The one that commands copy too."""
    return empty_store()


@pytest.fixture
def uri(empty_store, tmp_path):
    """A store of the test's own."""
    (tmp_path / "mlflow.db").write_bytes(empty_store.read_bytes())
    return f"sqlite:///{tmp_path}/mlflow.db"


@pytest.fixture(scope="session")
def stored(empty_store, tmp_path_factory, log):
    """A store that holds one training, to be read: its address, and where the training went."""
    folder = tmp_path_factory.mktemp("stored")
    (folder / "mlflow.db").write_bytes(empty_store.read_bytes())
    uri = f"sqlite:///{folder}/mlflow.db"
    return uri, log(uri)
