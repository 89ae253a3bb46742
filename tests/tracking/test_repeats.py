"""An earlier training is found by its events, experiment and code."""

import pytest

from escalation import tracking
from escalation.tracking import repeats


@pytest.fixture
def archive(trained):
    return trained.case.prepared.archive


def test_a_finished_training_is_found_while_its_version_exists(stored, archive, trained):
    uri, logged = stored
    (label,) = tracking.find_repeat(archive, trained.case.experiment, uri=uri)
    assert (label.run_id, label.model, label.version) == (logged.run_id, "small", logged.version)
    assert (label.target, label.best) == ("any_7d", trained.best)


def test_another_experiment_other_events_or_other_code_is_no_repeat(
    stored, archive, trained, monkeypatch
):
    experiment = trained.case.experiment
    seed = experiment.experiment.model_copy(update={"seed": 9})
    other = experiment.model_copy(update={"experiment": seed})
    assert not tracking.find_repeat(archive, other, uri=stored[0])
    assert not tracking.find_repeat(archive.until("2020-06-30"), experiment, uri=stored[0])
    monkeypatch.setattr(repeats, "package_digest", lambda: "another")
    assert not tracking.find_repeat(archive, experiment, uri=stored[0])


def test_one_of_two_labels_or_a_deleted_version_is_no_repeat(uri, log, archive, trained):
    logged = log(uri)
    client = tracking.open_store(uri)
    experiment = trained.case.experiment
    client.set_tag(logged.run_id, repeats.LABELS_TAG, "2")
    assert not tracking.find_repeat(archive, experiment, uri=uri)
    client.set_tag(logged.run_id, repeats.LABELS_TAG, "1")
    assert tracking.find_repeat(archive, experiment, uri=uri)
    client.delete_model_version(logged.name, logged.version)
    assert not tracking.find_repeat(archive, experiment, uri=uri)


def test_a_missing_store_has_no_training(archive, trained, tmp_path):
    uri = f"sqlite:///{tmp_path}/none.db"
    assert tracking.find_repeat(archive, trained.case.experiment, uri=uri) == []
    assert not (tmp_path / "none.db").exists()
