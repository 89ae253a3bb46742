"""``[data]`` sets how events are read, the command line overrides it, a model stores it."""

import inspect
import json

import pandas as pd
import pytest
from command_line import escalation, undrawn

from escalation import cli
from escalation.cli.common import read_archive, read_experiment
from escalation.cli.reading import Reading
from escalation.errors import InputError

PLAIN = """event_id,event_date,event_type,admin1,severity
a,2023-01-05,shelling,Ségou,4
b,2023-02-11,shelling,Mopti,4
"""
WRITTEN = PLAIN.replace(",", ";").replace("2023-01-05", "05/01/2023")
WRITTEN = WRITTEN.replace("2023-02-11", "11/02/2023")
SETTINGS = {"separator": ";", "date_format": "%d/%m/%Y", "encoding": "cp1252"}
LABEL = """
[panel]
units = ["admin1"]
[[targets]]
name = "any"
horizon = 7
"""


def written(folder, **settings):
    """An experiment with its events in the same folder."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
    text = "\n".join(['[experiment]\nname = "own"\n[data]', *lines, LABEL])
    folder.mkdir(exist_ok=True)
    (folder / "own.toml").write_text(text, encoding="utf-8")
    return folder / "own.toml"


@pytest.fixture
def digest(tmp_path):
    """The digest of the plain file's archive."""
    path = written(tmp_path / "plain", events="plain.csv")
    (path.parent / "plain.csv").write_text(PLAIN, encoding="utf-8")
    return read_archive(read_experiment(path), Reading()).digest


def test_an_experiment_states_how_its_events_are_read_and_their_relative_path(tmp_path, digest):
    path = written(tmp_path / "own", events="odd.csv", **SETTINGS)
    (path.parent / "odd.csv").write_text(WRITTEN, encoding="cp1252")
    assert read_archive(read_experiment(path), Reading()).digest == digest


def test_the_command_line_overrides_the_experiment(tmp_path, digest):
    path = written(tmp_path / "own", events="nowhere.csv", separator="|", encoding="utf-16")
    (tmp_path / "odd.csv").write_text(WRITTEN, encoding="cp1252")
    reading = Reading(events=tmp_path / "odd.csv", **SETTINGS)
    assert read_archive(read_experiment(path, reading=reading), reading).digest == digest


@pytest.mark.parametrize("where", ["experiment", "command"])
def test_a_lag_dates_what_the_file_cannot(tmp_path, where):
    lag = {"lag": 3}
    path = written(tmp_path, events="plain.csv", **(lag if where == "experiment" else {}))
    (tmp_path / "plain.csv").write_text(PLAIN, encoding="utf-8")
    reading = Reading(**({} if where == "experiment" else lag))
    experiment = read_experiment(path, reading=reading)
    archive = read_archive(experiment, reading)
    assert (str(archive.covered_to), archive.known_basis) == ("2023-02-14", "assumed")
    assert experiment.data.lag == 3


def test_times_need_a_zone_and_a_zone_is_used(tmp_path):
    text = PLAIN.replace("2023-01-05", "2023-01-05 23:30").replace("02-11", "02-11 3:30")
    (tmp_path / "times.csv").write_text(text, encoding="utf-8")
    path = written(tmp_path, events="times.csv")
    with pytest.raises(InputError, match="add --zone"):
        read_archive(read_experiment(path), Reading())
    path = written(tmp_path, events="times.csv", zone="Europe/Kyiv")
    assert len(read_archive(read_experiment(path), Reading()).versions) == 2


def test_the_error_for_missing_events_names_the_option(tmp_path):
    path = written(tmp_path, events="gone.csv")
    with pytest.raises(InputError, match=r"E-FILE.*gone\.csv.*--events"):
        read_archive(read_experiment(path), Reading())


def test_events_below_the_store_get_a_relative_path_and_others_an_absolute_one(tmp_path):
    from escalation.cli.work import _with_portable_events

    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "plain.csv").write_text(PLAIN, encoding="utf-8")
    experiment = read_experiment(written(tmp_path, events="data/plain.csv"))
    near, far = f"sqlite:///{tmp_path}/mlflow.db", f"sqlite:///{tmp_path}/elsewhere/mlflow.db"
    assert _with_portable_events(experiment, near).data.events == "data/plain.csv"
    for store in (far, "http://host:5000"):
        assert _with_portable_events(experiment, store).data.events == str(
            tmp_path / "data" / "plain.csv"
        )
    for store in (near, far):
        portable = _with_portable_events(experiment, store)
        assert len(read_archive(portable, Reading(), store=store).versions) == 2


def test_every_command_that_reads_events_has_all_reading_options(tmp_path):
    reading = [name for name, command in cli.COMMANDS.items()
               if "source" in inspect.signature(command).parameters
               and "files" not in inspect.signature(command).parameters]  # fmt: skip
    assert {"train", "score", "backtest", "features", "replay", "verify", "report"} < set(reading)
    for name in reading:
        text = escalation(name, "--help", folder=tmp_path).stdout
        for option in ("events", "source", "encoding", "separator", "date-format", "zone", "lag",
                       "max-bad"):  # fmt: skip
            is_argument = (name, option) == ("init", "events")  # the argument itself
            assert is_argument or f"--{option} " in text, (name, option)


def shelling():
    """Two places that are shelled every few days for a year and a half."""
    days = {gap: pd.date_range("2022-01-01", "2023-06-30", freq=f"{gap}D") for gap in (9, 13)}
    rows = [(f"{day:%d.%m.%Y}", place) for gap, place in ((9, "Ségou"), (13, "Mopti"))
            for day in days[gap]]  # fmt: skip
    lines = [f"e{n};{day};shelling;{place};4" for n, (day, place) in enumerate(rows)]
    return "\n".join(["event_id;event_date;event_type;admin1;severity", *lines, ""])


MORE = """[[targets]]
name = "any"
horizon = 60
[models.logistic]
[backtest]
every = 14
"""


def test_a_model_stores_how_its_events_are_read_and_train_reports_left_out_labels(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("escalation.models.prior.packaged_numbers", dict)
    settings = {"separator": ";", "date_format": "%d.%m.%Y", "encoding": "cp1252"}
    path = written(tmp_path, events="odd.csv", **settings)
    (tmp_path / "odd.csv").write_text(shelling(), encoding="cp1252")
    path.write_text(path.read_text(encoding="utf-8") + MORE, encoding="utf-8")
    with undrawn():
        result = escalation("train", "own.toml", "--json", folder=tmp_path)
    assert result.returncode == 0, result.stderr
    trained, left_out = json.loads(result.stdout)
    assert (trained["model"], trained["target"]) == ("own.any_7d", "any_7d")
    assert (left_out["target"], left_out["model"]) == ("any_60d", None)
    assert left_out["short"] == ["negative"] and left_out["error"]["code"] == "E-INSUFFICIENT"
    assert "no quiet stretch of 60 days" in result.stderr
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    store = ("--tracking-uri", f"sqlite:///{tmp_path}/mlflow.db")
    result = escalation("score", "--model", "own.any_7d", *store, "--explain", "0", "--json",
                      folder=elsewhere)  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert len(json.loads(result.stdout)) == 2
    alone = path.read_text(encoding="utf-8").replace("horizon = 7", "horizon = 59")
    path.write_text(alone, encoding="utf-8")
    result = escalation("train", "own.toml", "--json", folder=tmp_path)
    assert result.returncode == 4 and "E-INSUFFICIENT" in result.stderr
    assert [row["target"] for row in json.loads(result.stdout)] == ["any_59d", "any_60d"]


COMMANDS = {
    "validate": ("validate", "own.csv", "--source", "tidy"),
    "ingest": ("ingest", "own.csv", "--source", "tidy", "--archive", "store"),
    "init": ("init", "own.csv", "--force"),
    "revisions": ("revisions", "own.toml", "--events", "own.csv", "--source", "tidy"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_columns_are_named_on_the_command_line(command, tmp_path):
    text = PLAIN.replace("event_date", "When did it").replace("event_type", "what")
    (tmp_path / "own.csv").write_text(text.replace("admin1", "Ort"), encoding="utf-8")
    (tmp_path / "own.toml").write_text('[experiment]\nname = "own"\n' + LABEL)
    names = ("When did it=event_date", "what=event_type", "Ort=admin1")
    options = [part for name in names for part in ("--columns", name)]
    result = escalation(*COMMANDS[command], *options, folder=tmp_path)
    assert result.returncode == 0, result.stderr


def test_a_column_without_its_meaning_is_refused(tmp_path):
    (tmp_path / "own.csv").write_text(PLAIN, encoding="utf-8")
    result = escalation(
        "validate", "own.csv", "--source", "tidy", "--columns", "a", folder=tmp_path
    )
    assert result.returncode == 2 and "--columns When=event_date" in result.stderr
