"""Units above their usual level come first, and the legend explains the interval."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from escalation.cli.score_tables import watch_list_table
from escalation.scoring.status import IN_SAMPLE, NOT_VERIFIED, STALE
from escalation.scoring.usual import against_usual, record_in_words, up_first
from escalation.scoring.watchlist import Score, ranked

STAMP = {"model": "crisis", "family": "blend"}


def row(unit, probability, usual, status=("ok",), **more):
    lower, upper = (None, None) if probability is None else (probability / 2, probability * 1.5)
    return Score(unit, "2020-03-12", 7, "any_7d", probability, lower, upper, usual, status, (),
                 STAMP, unit_key=unit, **more)  # fmt: skip


ROWS = ranked([row("often", 0.6, 0.55), row("taji", 0.28, 0.09), row("quiet", 0.01, 0.04),
               row("new", 0.2, 0.02), row("none", None, 0.1, ("no history: x",))])  # fmt: skip


def test_units_above_their_usual_level_come_first_each_part_by_probability():
    up, others = up_first(ROWS)
    assert [score.unit for score in up] == ["taji", "new"]
    assert [score.unit for score in others] == ["often", "quiet", "none"]
    assert [score.rank for score in (*up, *others)] == [2, 3, 1, 4, None]


def test_a_unit_whose_interval_includes_its_usual_level_is_not_up():
    tiny = row("tiny", 0.02, 0.012)
    assert against_usual(tiny) == "1.7 times its usual 1%"
    assert up_first([tiny, *ROWS])[0] == up_first(ROWS)[0]


def test_an_unlikely_outcome_is_not_up_however_rare_it_usually_is():
    rare = row("rare", 0.03, 0.002)
    assert against_usual(rare) == "15 times its usual <1%"
    assert up_first([rare, *ROWS])[0] == up_first(ROWS)[0]
    assert up_first([replace(rare, probability=0.06)])[0]


@pytest.mark.parametrize(
    ("unit", "words"),
    [("often", "about its usual 55%"), ("taji", "3.1 times its usual 9%"),
     ("quiet", "0.2 times its usual 4%"), ("new", "10 times its usual 2%"),
     ("none", "usually 10%")],
)  # fmt: skip
def test_a_probability_is_compared_with_its_base_rate_as_a_ratio(unit, words):
    (score,) = [score for score in ROWS if score.unit == unit]
    assert against_usual(score) == words


def test_statuses_of_the_model_are_stated_once_per_list():
    unsure = NOT_VERIFIED.format(3, 40)
    rows = [replace(score, status=(unsure,), no_information=True) for score in ROWS]
    words = record_in_words(rows)
    assert "for 60%, 30 to 90%." in words
    assert words.count("Not verified here: 3 positives among 40") == 1
    assert words.count("No information: the model's record shows no skill") == 1
    assert record_in_words([ROWS[-1]]) == ""


def test_the_printed_list_begins_with_what_is_up_and_repeats_no_status_of_every_row():
    out = io.StringIO()
    every = (IN_SAMPLE, STALE.format(40), NOT_VERIFIED.format(3, 40))
    rows = [replace(score, status=every) for score in ROWS[:4]]
    Console(file=out, width=160).print(watch_list_table(rows))
    text = out.getvalue()
    places = [text.index(f" {unit} ") for unit in ("taji", "new", "often", "quiet")]
    assert places == sorted(places)
    for words in ("not verified here", "stale data: the newest report is 40 days old", "in sample"):
        assert " ".join(text.lower().split()).count(words) == 1
    assert "14 to 42%" in text
