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
    made = tmp_path_factory.mktemp("two")
    (made / "two.toml").write_text(TWO, encoding="utf-8")
    with undrawn():
        done = escalation("train", "two.toml", folder=made)
    assert done.returncode == 0, done.stderr
    return made


def test_the_first_label_is_listed_and_the_other_has_a_line_a_unit(folder):
    done = escalation("score", "--model", "small", "--explain", "0", folder=folder)
    assert done.returncode == 0, done.stderr
    text = " ".join(done.stdout.split())
    assert "any_7d" in text and "Other labels" in text and "violent_14d" in text


def test_rows_of_all_labels_are_given_and_issued_as_each_label_alone_gives_them(folder):
    def rows(model):
        asked = ("score", "--model", model, "--explain", "0", "--ledger", f"{model}.jsonl")
        return json.loads(escalation(*asked, "--json", folder=folder).stdout)

    both = rows("small")
    assert both == rows("small.any_7d") + rows("small.violent_14d")
    issued = [entry.forecast["target"] for entry in read_ledger(folder / "small.jsonl")]
    assert issued == [row["target"] for row in both]
    assert set(issued) == {"any_7d", "violent_14d"}


def test_what_is_supposed_moves_each_label(folder):
    line = "rocket_attack militia>us_coalition at taji killed=3"
    asked = ("score", "--model", "small", "--explain", "0", "--if", line, "--json")
    found = json.loads(escalation(*asked, folder=folder).stdout)
    moved = {row["target"] for row in found if row["change"]}
    assert moved == {"any_7d", "violent_14d"}


def test_a_name_that_nothing_has_is_refused(folder):
    done = escalation("score", "--model", "sma", folder=folder)
    assert done.returncode == 5 and "E-MODEL-MISSING" in done.stderr


def test_verify_scores_every_label_and_promote_asks_for_one(folder):
    escalation("score", "--model", "small", "--explain", "0", folder=folder)
    done = escalation("verify", "--model", "small", "--json", folder=folder)
    assert done.returncode == 0, done.stderr
    assert [row["target"] for row in json.loads(done.stdout)] == ["any_7d", "violent_14d"]
    asked = escalation("promote", "--model", "small", folder=folder)
    assert asked.returncode == 5
    assert "small.any_7d" in asked.stderr and "small.violent_14d" in asked.stderr


def test_the_page_holds_every_label_and_what_is_supposed(folder):
    line = "rocket_attack militia>us_coalition at taji killed=3"
    done = escalation("report", "--model", "small", "--out", "a.html", "--if", line, folder=folder)
    assert done.returncode == 0, done.stderr
    text = (folder / "a.html").read_text(encoding="utf-8")
    assert "happens in the next 14 days" in text and "What if" in text and 'id="others"' in text


def test_pages_and_cards_of_a_label_ask_its_own_question(folder):
    first = "At least one attack on an installation"
    for model, own in (("small.any_7d", True), ("small.violent_14d", False)):
        done = escalation("report", "--model", model, "--out", "own.html", folder=folder)
        assert done.returncode == 0, done.stderr
        page = (folder / "own.html").read_text(encoding="utf-8")
        asked = page.split('<p class="question">')[1].split("</p>")[0]
        card = escalation("card", "--model", model, folder=folder).stdout
        assert (first in asked) == (first in card) == own
        assert own or "happens in the next 14 days" in asked
