"""What follows a move: literal cases, the bundled crisis, an oracle, and histories with a truth."""

from __future__ import annotations

import json
from itertools import product

import numpy as np
import pytest
from command_line import escalation
from statsmodels.stats.proportion import proportion_confint

from escalation.errors import UsageError
from escalation.models.excitation import moves_table
from escalation.models.excitation.chance import (
    excess_interval,
    exchange_numbers,
    jittered,
    share_interval,
)
from escalation.models.excitation.followed import (
    ANSWER,
    LEAST_EXCHANGES,
    MOVE_COLUMNS,
    TOO_FEW,
    Acts,
    acts_within,
    move_row,
)

PAIR = [("us_coalition", "militia")]
CRISIS = {
    ("killed", 3): (5, 2),
    ("killed", 7): (5, 2),
    ("killed", 14): (5, 3),
    ("wounded", 3): (6, 0),
    ("wounded", 7): (6, 1),
    ("wounded", 14): (6, 1),
    ("nobody hurt", 3): (43, 0),
    ("nobody hurt", 7): (43, 0),
    ("nobody hurt", 14): (43, 0),
    ("any", 3): (54, 2),
    ("any", 7): (54, 3),
    ("any", 14): (54, 4),
}
"""Attacks of militias on the coalition from 2019-10 to 2021-12: how many, and followed."""


def acts(*days, rung=3):
    days = np.array(days, np.int64)
    return Acts(days, np.full(len(days), rung), np.full(len(days), "nobody hurt"))


def test_days_between_decide_what_follows_and_what_came_before():
    row = move_row(acts(10, 20, 30), acts(12, 20, 34, rung=5), length=60, within=3)
    assert (row["moves"], row["exchanges"], row["followed"]) == (3, 3, 1)
    assert (row["before"], row["median_delay"], row["harder"]) == (0.0, 2.0, 1)
    assert row["verdict"] == TOO_FEW


def test_moves_whose_windows_are_cut_are_left_out():
    assert move_row(acts(2, 3, 16, 17), acts(), length=20, within=3)["moves"] == 2


def test_the_windows_of_a_move_by_brute_force():
    rng = np.random.default_rng(2)
    days = rng.integers(0, 50, 6)
    for within in (1, 4, 60):
        by_hand = [any(day < act <= day + within for act in days) for day in range(50)]
        assert acts_within(days, length=50, within=within).tolist() == by_hand


@pytest.mark.parametrize(("hits", "count"), [(0, 9), (3, 10), (9, 9), (17, 40)])
def test_without_overlap_the_interval_is_clopper_and_pearsons(hits, count):
    interval = share_interval(np.arange(count) < hits, np.arange(count))
    expected = proportion_confint(hits, count, alpha=0.05, method="beta")
    assert interval == pytest.approx(expected, abs=1e-12)


def test_moves_that_come_together_count_for_less():
    yes = np.arange(40) % 10 < 5
    apart = share_interval(yes, np.arange(40))
    together = share_interval(yes, np.arange(40) // 5)
    assert together[0] < apart[0] and together[1] > apart[1]


def test_excess_is_symmetric():
    excess, exchange = np.array([1.0, 0.0, 1.0, -1.0, 1.0]), np.array([0, 0, 1, 2, 3])
    low, high = excess_interval(excess, exchange)
    assert excess_interval(-excess, exchange) == pytest.approx((-high, -low), abs=1e-12)


def test_jittered_exchanges_by_enumeration():
    after = np.random.default_rng(5).random(40) < 0.3
    days = np.array([10, 11, 20, 30])
    exchange = exchange_numbers(days, within=3)
    assert exchange.tolist() == [0, 0, 1, 2]
    shifts = range(-4, 5)
    totals = [
        sum(after[day + shift[i]] for day, i in zip(days, exchange, strict=True))
        for shift in product(shifts, repeat=3)
    ]
    mean, chance = jittered(days, exchange, after, jitter=4, within=3)
    assert mean == pytest.approx(np.mean(totals) / 4)
    assert chance == pytest.approx(np.mean(np.array(totals) >= after[days].sum()))


def test_the_bundled_crisis_is_a_table_and_no_law(crisis):
    table = moves_table(crisis, PAIR, first_day="2019-10-01", last_day="2021-12-31")
    assert list(table) == list(MOVE_COLUMNS)
    rows = table[table["mover"] == "militia"].set_index(["group", "within"])
    assert dict(
        zip(rows.index, zip(rows["moves"], rows["followed"], strict=True), strict=True)
    ) == (CRISIS)
    assert (rows.loc["killed", "verdict"] == TOO_FEW).all()
    assert not (table["verdict"] == ANSWER).any()
    assert (rows.loc["any", "exchanges"] >= LEAST_EXCHANGES).all()


def test_what_became_known_later_changes_nothing(crisis):
    day = "2020-03-14"
    earlier = moves_table(crisis.until(day), PAIR, first_day="2019-10-01", last_day=day)
    from_all = moves_table(crisis, PAIR, first_day="2019-10-01", last_day=day)
    assert earlier.equals(from_all)


def history(seed, *, share, days=1500):
    rng = np.random.default_rng(seed)
    moves = np.repeat(np.arange(days), rng.poisson(0.04, days))
    chance = np.repeat(np.arange(days), rng.poisson(0.03, days))
    answers = moves[rng.random(len(moves)) < share]
    answers = answers + rng.geometric(1 / 3, len(answers))
    both = np.sort(np.append(chance, answers[answers < days]))
    return acts(*moves), acts(*both)


@pytest.mark.parametrize(("share", "least", "most"), [(0.0, 0.0, 0.06), (0.6, 0.9, 1.0)])
def test_planted_answers_are_called_and_chance_is_not(share, least, most):
    called = [
        move_row(*history(seed, share=share), length=1500, within=7)["verdict"] == ANSWER
        for seed in range(60)
    ]
    assert least <= np.mean(called) <= most


def test_sides_are_needed(crisis):
    with pytest.raises(UsageError, match="E-CONFIG"):
        moves_table(crisis, [])


def test_the_command_gives_both_views_and_a_figure(root, tmp_path):
    file = root / "experiments" / "iraq_crisis.toml"
    command = ("moves", str(file), "--shuffles", "0", "--within", "7")
    run = escalation(*command, "--json", "--figure", "moves.png", folder=tmp_path)
    assert run.returncode == 0, run.stderr
    output = json.loads(run.stdout)
    rows = {(row["mover"], row["group"]): row["followed"] for row in output["moves"]}
    assert rows["militia", "killed"] == 2 and rows["militia", "any"] == 3
    assert {row["source"] for row in output["answers"]} >= {"militia>us_coalition"}
    assert (tmp_path / "moves.png").stat().st_size > 10_000


def test_the_command_says_that_it_is_no_law(root, tmp_path):
    file = root / "experiments" / "iraq_crisis.toml"
    run = escalation("moves", str(file), "--shuffles", "0", "--by", "rung", folder=tmp_path)
    assert run.returncode == 0, run.stderr
    text = " ".join(run.stdout.split())
    assert "is no law." in text and "too few to say" in text and "rung 5" in text
