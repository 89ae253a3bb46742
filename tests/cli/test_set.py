"""`train --set`: keys of the experiment, checked like those of the file."""

import pytest
from command_line import QUICK

from escalation.errors import UsageError
from escalation.experiment import load_experiment


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "quick.toml"
    path.write_text(QUICK)
    return path


def test_every_kind_of_value_overrides_that_of_the_file(file):
    plain = load_experiment(file)
    changed = load_experiment(
        file,
        changes=[
            "features.window_sums.windows=[3,14]",
            "experiment.seed = 11",
            "experiment.name=other",
            "targets.0.horizon=14",
        ],
    )
    assert list(changed.features["window_sums"]["windows"]) == [3, 14]
    assert (changed.experiment.seed, changed.experiment.name) == (11, "other")
    assert changed.labels[0].horizon == 14
    assert changed.digest != plain.digest


@pytest.mark.parametrize(
    "change",
    [
        "features.window_sums.windws=[3]",
        "features.window_sums.windows=[3,",
        "features.window_sums.windows=many",
        "experiment.seed.more=1",
        "targets.7.horizon=1",
        "backtest.evry=3",
        "nothing",
        "=1",
    ],
)
def test_an_invalid_change_is_refused_with_its_key_and_value(file, change):
    with pytest.raises(UsageError) as refused:
        load_experiment(file, changes=[change])
    assert refused.value.code == "E-CONFIG"
    key, _, value = change.partition("=")
    message = str(refused.value)
    assert key.split(".")[-1] in message or value in message
