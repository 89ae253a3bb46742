"""``--model NAME`` of an experiment with several labels means all of them."""

from __future__ import annotations

import json

import pytest
from command_line import escalation, undrawn
from tracking_small import SMALL

from escalation.scoring.ledger import read_ledger

TWO = SMALL.replace(
    "[models.ewma_nb]",
    """[[targets]]
name = "any"
called = "violent"
horizon = 14
where = { rung = 4 }
[models.ewma_nb]""",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("two")
    (path / "two.toml").write_text(TWO, encoding="utf-8")
    with undrawn():
        result = escalation("train", "two.toml", folder=path)
    assert result.returncode == 0, result.stderr
    return path


def test_the_first_label_has_a_watch_list_and_the_other_a_column(folder):
    result = escalation("score", "--model", "small", "--explain", "0", folder=folder)
    assert result.returncode == 0, result.stderr
    text = " ".join(result.stdout.split())
    assert "any_7d" in text and "Other labels" in text and "violent_14d" in text


def test_rows_of_all_labels_equal_those_of_each_label_alone(folder):
    def rows(model):
        arguments = ("score", "--model", model, "--explain", "0", "--ledger", f"{model}.jsonl")
        return json.loads(escalation(*arguments, "--json", folder=folder).stdout)

    both = rows("small")
    assert both == rows("small.any_7d") + rows("small.violent_14d")
    issued = [entry.forecast["target"] for entry in read_ledger(folder / "small.jsonl")]
    assert issued == [row["target"] for row in both]
    assert set(issued) == {"any_7d", "violent_14d"}


def test_a_supposed_event_changes_each_label(folder):
    line = "rocket_attack militia>us_coalition at taji killed=3"
    arguments = ("score", "--model", "small", "--explain", "0", "--if", line, "--json")
    rows = json.loads(escalation(*arguments, folder=folder).stdout)
    changed = {row["target"] for row in rows if row["change"]}
    assert changed == {"any_7d", "violent_14d"}


def test_an_unknown_name_is_refused(folder):
    result = escalation("score", "--model", "sma", folder=folder)
    assert result.returncode == 5 and "E-MODEL-MISSING" in result.stderr


def test_verify_scores_every_label_and_promote_asks_for_one(folder):
    escalation("score", "--model", "small", "--explain", "0", folder=folder)
    result = escalation("verify", "--model", "small", "--json", folder=folder)
    assert result.returncode == 0, result.stderr
    assert [row["target"] for row in json.loads(result.stdout)] == ["any_7d", "violent_14d"]
    promoted = escalation("promote", "--model", "small", folder=folder)
    assert promoted.returncode == 5
    assert "small.any_7d" in promoted.stderr and "small.violent_14d" in promoted.stderr


def test_the_page_shows_every_label_and_the_supposed_event(folder):
    line = "rocket_attack militia>us_coalition at taji killed=3"
    result = escalation(
        "report", "--model", "small", "--out", "a.html", "--if", line, folder=folder
    )
    assert result.returncode == 0, result.stderr
    text = (folder / "a.html").read_text(encoding="utf-8")
    assert "happens in the next 14 days" in text and "What if" in text and 'id="others"' in text


def test_pages_and_cards_of_a_label_show_its_own_definition(folder):
    first = "At least one attack on an installation"
    for model, is_first in (("small.any_7d", True), ("small.violent_14d", False)):
        result = escalation("report", "--model", model, "--out", "own.html", folder=folder)
        assert result.returncode == 0, result.stderr
        page = (folder / "own.html").read_text(encoding="utf-8")
        question = page.split('<p class="question">')[1].split("</p>")[0]
        card = escalation("card", "--model", model, folder=folder).stdout
        assert (first in question) == (first in card) == is_first
        assert is_first or "happens in the next 14 days" in question
