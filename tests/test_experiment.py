"""An invalid experiment file is refused before any data is read."""

from __future__ import annotations

import pytest

from escalation.errors import UsageError
from escalation.experiment import load_experiment, target_label
from escalation.models import BASELINES

MINIMAL = """
[experiment]
name = "small"
[[targets]]
name = "any"
horizon = 7
"""


def experiment_file(tmp_path, text):
    path = tmp_path / "e.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_minimal_experiment_runs_every_model(tmp_path):
    experiment = load_experiment(experiment_file(tmp_path, MINIMAL))
    assert set(BASELINES) < set(experiment.model_names)
    assert [target_label(label) for label in experiment.labels] == ["any_7d"]


def test_baselines_run_even_if_an_experiment_leaves_them_out(tmp_path):
    experiment = load_experiment(experiment_file(tmp_path, MINIMAL + "[models]\nlogistic = {}\n"))
    assert experiment.model_names == [*BASELINES, "logistic"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("[backtest]\nrefit_evry = 3\n", "did you mean 'refit_every'"),
        ("[models]\nlogstic = {}\n", "did you mean 'logistic'"),
        ("[features.window_sum]\n", "did you mean 'window_sums'"),
        ("[features.window_sums]\nwindow = [7]\n", "did you mean 'windows'"),
        ("[features.window_sums]\nwindows = 'x'\n", "windows"),
        ("[data]\nlag = -1\n", "lag"),
        ("[panel]\nunits = ['village']\n", "units"),
        ("[panel]\nenters = {colour = 'red'}\n", "colour"),
        ("[models.logistic]\nseed = 1\n", "seed"),
    ],
)
def test_a_mistake_is_reported_with_a_suggestion(tmp_path, lines, message):
    with pytest.raises(UsageError, match="E-CONFIG") as refused:
        load_experiment(experiment_file(tmp_path, MINIMAL + lines)).panel.spec  # noqa: B018
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("horizon = 0", "horizon"),
        ("horizon = 91", "horizon"),
        ("horizn = 7", "horizn"),
        ("name = 'all'", "any"),
    ],
)
def test_a_target_is_checked_against_its_signature(tmp_path, line, message):
    text = MINIMAL.replace("horizon = 7" if "hor" in line else 'name = "any"', line)
    with pytest.raises(UsageError, match="E-CONFIG") as refused:
        load_experiment(experiment_file(tmp_path, text))
    assert message in str(refused.value)


def test_invalid_toml_is_refused_with_its_place(tmp_path):
    with pytest.raises(UsageError, match=r"E-TOML.*e\.toml"):
        load_experiment(experiment_file(tmp_path, "a = = 1"))


def test_different_experiments_have_different_digests(tmp_path):
    week = load_experiment(experiment_file(tmp_path, MINIMAL))
    eight_days = load_experiment(experiment_file(tmp_path, MINIMAL.replace("7", "8")))
    assert week.digest != eight_days.digest
    assert week.digest == load_experiment(experiment_file(tmp_path, MINIMAL)).digest


def test_an_experiment_survives_json(tmp_path):
    experiment = load_experiment(experiment_file(tmp_path, MINIMAL))
    assert type(experiment)(**experiment.model_dump(mode="json")).digest == experiment.digest


def test_two_labels_with_the_same_name_are_refused(tmp_path):
    twice = MINIMAL + '[[targets]]\nname = "any"\nhorizon = 7\nwhere = { rung = 5 }\n'
    with pytest.raises(UsageError) as refused:
        load_experiment(experiment_file(tmp_path, twice))
    assert "two labels have the same name" in str(refused.value)
    assert "any_7d" in str(refused.value)
    named = load_experiment(experiment_file(tmp_path, twice + 'called = "any_deadly"\n'))
    assert [target_label(label) for label in named.labels] == ["any_7d", "any_deadly_7d"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("units = ['site']", "needs units of [panel]: country, all"),
        ("units = ['village']", "units"),
        ("models = ['forest']", "needs models of [models]: climatology"),
    ],
)
def test_the_units_and_models_of_a_label_must_exist(tmp_path, line, message):
    text = f"{MINIMAL}{line}\n[panel]\nunits = ['country', 'all']\n[models]\nlogistic = {{}}\n"
    with pytest.raises(UsageError, match="E-CONFIG") as refused:
        load_experiment(experiment_file(tmp_path, text))
    assert message in str(refused.value)


@pytest.mark.parametrize("called", ["7up", "a b", "../up", "Any", "a" * 41])
def test_a_label_name_that_is_not_a_valid_file_name_is_refused(tmp_path, called):
    with pytest.raises(UsageError, match="a letter, then up to 39 of"):
        load_experiment(experiment_file(tmp_path, MINIMAL + f'called = "{called}"\n'))


def test_where_and_how_events_are_stored_changes_no_digest(tmp_path):
    experiment = load_experiment(experiment_file(tmp_path, MINIMAL))
    odd = {"events": "a.csv", "separator": ";", "encoding": "cp1252", "date_format": "%d/%m/%Y"}
    assert experiment.reading(**odd, zone="Europe/Kyiv").digest == experiment.digest
    assert experiment.reading(source="acled").digest != experiment.digest
    assert experiment.reading(lag=3).digest != experiment.digest


@pytest.mark.parametrize(
    ("change", "fix"),
    [
        ("data.events=mine.csv", "--set 'data.events=\"mine.csv\"'"),
        ("targets.7.horizon=9", "list items count from 0"),
        ("backtest.every=0", "change the value of backtest.every"),
        ('data.last_day="31/12/2020"', "data.last_day to a day such as 2020-03-11"),
    ],
)
def test_a_refused_change_suggests_what_to_write(change, fix):
    with pytest.raises(UsageError, match="E-CONFIG") as refused:
        load_experiment(changes=[change])
    assert fix in refused.value.fix


@pytest.mark.parametrize(
    ("name", "text"), [("no.toml", None), ("events.csv", "a,b\n"), ("e.toml", "")]
)
def test_other_files_are_refused_with_the_way_to_get_an_experiment(tmp_path, name, text):
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(UsageError) as refused:
        load_experiment(tmp_path / name)
    assert "escalation init" in refused.value.fix
