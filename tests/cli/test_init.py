"""`init` describes a file and writes an experiment that trains on it unchanged."""

from __future__ import annotations

import json
import re

import pytest
from command_line import escalation, undrawn
from own_tables import HEADER, own_table

from escalation.experiment import load_experiment

TABLES = {
    "own types": (["bombing explosion", "Protest march"], ["North", "South"], HEADER),
    "votes alone": (["Vote on air strikes", "bill passed"], ["Parliament"], HEADER),
    "own names": (["ambush", "talks"], ["North"], "ID,Date of event,Kind,Nation,Province"),
}


@pytest.mark.parametrize("case", TABLES)
def test_init_then_train_then_score(case, tmp_path):
    types, places, header = TABLES[case]
    own_table(tmp_path / "events.csv", types, places, days=300, header=header)
    result = escalation("init", "events.csv", folder=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "tidy" in result.stdout and "event_date; suggested lag: 0 days" in result.stdout
    # One case with the models as they stand but the slowest, the others with one.
    slow = "boosting" if case == "votes alone" else "boosting|negbin|blend"
    quick = re.sub(rf"({slow}) = {{}}\n", "", (tmp_path / "events.toml").read_text())
    (tmp_path / "events.toml").write_text(quick)
    with undrawn():
        trained = escalation("train", "events.toml", folder=tmp_path)
    assert trained.returncode == 0, trained.stderr
    model = re.search(r"score --model (\S+)", result.stdout)[1]
    scored = escalation("score", "--model", model, "--json", folder=tmp_path)
    assert scored.returncode == 0, scored.stderr
    assert "all" in {row["unit"] for row in json.loads(scored.stdout)}
    for text in (result.stdout, trained.stdout, trained.stderr, scored.stderr):
        assert not re.search(r"'(Vote on air strikes|bill passed)'.*(rung 3|severity is 3)", text)


def test_json_has_the_facts_and_the_labels(tmp_path):
    own_table(tmp_path / "events.csv", ["ambush", "talks"], ["North", "South"], days=300)
    result = escalation("init", "events.csv", "--json", "--out", "sub/mine.toml", folder=tmp_path)
    assert result.returncode == 0, result.stderr
    facts = json.loads(result.stdout)
    assert (facts["format"], facts["separator"], facts["quarantined"]) == ("tidy", ",", 0)
    assert facts["types_without_rung"] == {"ambush": None, "talks": [1, 1, 1]}
    assert facts["units"]["admin1"]["count"] == 2
    assert facts["labels"]["any_7d"]["positives"] > 20
    written = load_experiment(tmp_path / "sub" / "mine.toml")
    assert written.data.events == str(tmp_path / "sub" / "../events.csv")


def test_an_existing_experiment_is_not_overwritten(tmp_path):
    own_table(tmp_path / "events.csv", ["ambush"], ["North"], days=200)
    (tmp_path / "events.toml").write_text("mine")
    result = escalation("init", "events.csv", folder=tmp_path)
    assert result.returncode == 2
    assert "--force" in result.stderr
    assert (tmp_path / "events.toml").read_text() == "mine"
    assert escalation("init", "events.csv", "--force", folder=tmp_path).returncode == 0


REFUSED = {
    "empty": (b"", "E-EMPTY"),
    "header alone": (b"event_id,event_date,event_type,site\n", "E-EMPTY"),
    "no table": (bytes(range(256)) * 20, "error["),
    "a page": (b"<!DOCTYPE html><html><body>not found</body></html>\n", "E-"),
    "columns of no format": (b"day,what\n2020-01-01,x\n", "--columns day=event_date"),
    "times": (
        b"event_id,event_date,event_type,site\n1,2020-01-01 3:30,battle,x\n",
        "--zone",
    ),
    "dates": (b"event_id,event_date,event_type,site\n1,1/2/20,battle,x\n", "--date-format"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_that_is_not_a_table_of_events_is_refused_and_nothing_is_written(case, tmp_path):
    data, message = REFUSED[case]
    (tmp_path / "events.csv").write_bytes(data)
    result = escalation("init", "events.csv", folder=tmp_path)
    assert result.returncode == 3, (result.stdout, result.stderr)
    assert message in result.stderr
    assert not (tmp_path / "events.toml").exists()


def test_a_missing_file_is_refused(tmp_path):
    result = escalation("init", "none.csv", folder=tmp_path)
    assert (result.returncode, "E-FILE" in result.stderr) == (3, True)


def test_a_table_that_is_too_short_still_gets_a_description_and_an_experiment(tmp_path):
    own_table(tmp_path / "events.csv", ["ambush"], ["North"], days=12)
    result = escalation("init", "events.csv", folder=tmp_path)
    assert result.returncode == 0
    assert "no label can be learnt from this file yet" in result.stderr
    assert "nothing can be trained before it spans 2 more days" in result.stderr
    assert "next:" not in result.stdout
    assert load_experiment(tmp_path / "events.toml").targets
