"""``escalation revisions``: its tables, its JSON, and what can't be measured."""

import json

import pytest
from command_line import escalation

DATED = """event_id,event_date,known_date,event_type,admin1,killed,wounded
a,2020-01-08,2020-01-08,missile_strike,Anbar,0,0
a,2020-01-08,2020-02-10,missile_strike,Anbar,0,109
b,2020-01-10,2020-01-12,rocket_attack,Taji,3,
c,2020-01-11,2020-01-11,rocket_attack,Taji,1,2
"""
UNDATED = """event_id,event_date,event_type,admin1
a,2020-01-08,missile_strike,Anbar
b,2020-01-10,rocket_attack,Taji
"""
EXPERIMENT = """
[experiment]
name = "own"
[data]
source = "tidy"
lag = 5
[[targets]]
name = "any"
horizon = 7
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "dated.csv").write_text(DATED, encoding="utf-8")
    (tmp_path / "undated.csv").write_text(UNDATED, encoding="utf-8")
    (tmp_path / "own.toml").write_text(EXPERIMENT, encoding="utf-8")
    return tmp_path


def ran(*arguments, folder):
    result = escalation("revisions", *arguments, folder=folder)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_without_arguments_it_describes_the_bundled_events(tmp_path):
    text = ran(folder=tmp_path)
    assert "known dates: observed" in text
    assert "How late is the first report" in text
    assert "rocket_attack" in text
    assert "Suggested: [data] lag = " in text
    assert "The experiment sets" not in text


def test_tables_show_shares_medians_and_the_largest_change(folder):
    text = ran("--events", "dated.csv", folder=folder)
    rows = [line for line in text.splitlines() if line.startswith("│ all events")]
    cells = [[cell.strip() for cell in row.strip("│").split("│")] for row in rows]
    late = ["all events", "3", "67%", "67%", "100%", "100%", "100%", "100%", "0", "2"]
    tolls = ["all events", "3", "33%", "0%", "-", "-", "33%", "109", "+109", "0%"]
    assert cells == [late, tolls]
    assert "3 events from 2020-01-08 to 2020-01-11; reports up to 2020-02-10" in text


def test_an_experiment_with_a_lag_gets_the_suggested_one_too(folder):
    text = ran("own.toml", "--events", "dated.csv", folder=folder)
    assert "Suggested: [data] lag = 2, the fewest whole days within which at least 90%" in text
    assert text.rstrip().endswith("The experiment sets: [data] lag = 5.")


def test_json_has_the_lags_and_the_groups(folder):
    record = json.loads(ran("own.toml", "--events", "dated.csv", "--json", folder=folder))
    assert (record["suggested_lag"], record["experiment_lag"]) == (2, 5)
    assert record["known_basis"] == "observed"
    assert record["within_days"] == [0, 1, 3, 7, 14, 30]
    assert record["groups"][0]["lateness"]["slowest"] == 2
    assert (
        json.loads(ran("--events", "dated.csv", "--json", folder=folder))["experiment_lag"] is None
    )


def test_events_without_a_day_of_report_have_no_lateness_instead_of_zeros(folder):
    text = ran("own.toml", "--events", "undated.csv", folder=folder)
    assert "lateness can't be measured" in " ".join(text.split())
    assert "No event has a second version" in text
    assert "%" not in text
    record = json.loads(ran("--events", "undated.csv", "--json", folder=folder))
    assert record["suggested_lag"] is None
    assert {group["lateness"] for group in record["groups"]} == {None}


def test_an_archive_with_assumed_days_gets_a_caution_and_no_suggested_lag(folder):
    options = ("--source", "tidy", "--lag", "3", "--archive", "store")
    assert escalation("ingest", "undated.csv", *options, folder=folder).returncode == 0
    text = ran("--events", "store", folder=folder)
    assert "not observed but assumed" in text
    assert "Suggested" not in text


def test_it_draws_a_figure(folder):
    ran("--events", "dated.csv", "--figure", "late.png", "--json", folder=folder)
    assert (folder / "late.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "code", "status"),
    [
        (("--events", "dated.csv", "--figure", "late.jpg"), "E-FORMAT", 2),
        (("--events", "undated.csv", "--figure", "late.png"), "E-PLOT", 2),
        (("--events", "none.csv"), "E-", 3),
    ],
)
def test_invalid_input_is_refused_and_nothing_is_drawn(arguments, code, status, folder):
    result = escalation("revisions", *arguments, folder=folder)
    assert (result.returncode, result.stdout) == (status, "")
    assert f"error[{code}" in result.stderr
    assert not list(folder.glob("late*"))
