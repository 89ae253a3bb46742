"""Check `escalation moves` on simulated histories whose answers are known.

    python tests/benchmarks/moves.py [--histories 300] [--days 1500]

Prints, by planted share of answers and by window, how often the 95% intervals contain the true
share and the true excess; and how often an answer is reported in histories without any, in calm
times and with bursts that both sides share.
"""

from __future__ import annotations

import argparse

import numpy as np

from escalation.models.excitation.exchanges import ANSWER_WITHIN, rounds_of
from escalation.models.excitation.followed import ANSWER, WITHIN, Acts, move_row

DELAY = 3.0
"""Mean days to an answer; geometric distribution, starting at day 1."""
MOVES, ACTS = 0.04, 0.03
"""Expected number per day, without answers."""


def acts_on(days: np.ndarray) -> Acts:
    """Make acts of one rung that hurt nobody."""
    days = np.sort(days).astype(np.int64)
    return Acts(days, np.full(len(days), 3), np.full(len(days), "nobody hurt"))


def history(
    rng: np.random.Generator, *, days: int, share: float, burst: int | None = None
) -> tuple[Acts, Acts]:
    """Simulate moves of one side and acts of the other, with a given share of answers."""
    level = np.ones(days)
    if burst is not None:
        level[:] = 0.3
        for start in np.flatnonzero(rng.random(days) < 0.15 / burst):
            level[start : start + burst] = 5.0
    moves = np.repeat(np.arange(days), rng.poisson(MOVES * level))
    acts = np.repeat(np.arange(days), rng.poisson(ACTS * level))
    answered = moves[rng.random(len(moves)) < share]
    answers = answered + rng.geometric(1.0 / DELAY, len(answered))
    return acts_on(moves), acts_on(np.append(acts, answers[answers < days]))


def truth(share: float, within: int) -> tuple[float, float]:
    """Return the share followed and the excess in an infinite history."""
    rng = np.random.default_rng(1)
    long = 400_000
    moves, acts = history(rng, days=long, share=share)
    known = np.zeros(long + 2 * within + 2, bool)
    known[acts.day] = True
    sums = np.append(0, np.cumsum(known))
    some = moves.day[(moves.day > within) & (moves.day < long - within)]
    after = sums[some + within + 1] > sums[some + 1]
    before = sums[some] > sums[some - within]
    return float(after.mean()), float(after.mean() - before.mean())


def links(share: float, *, histories: int, days: int) -> str:
    """Return precision and recall of answers linked to moves, by rounds and by nearness."""
    right, made, real = np.zeros(2), np.zeros(2), 0
    for seed in range(histories):
        rng = np.random.default_rng([seed, 9])
        moves = np.repeat(np.arange(days), rng.poisson(MOVES, days))
        acts = np.repeat(np.arange(days), rng.poisson(ACTS, days))
        answered = moves[rng.random(len(moves)) < share]
        answers = answered + rng.geometric(1.0 / DELAY, len(answered))
        day = np.concatenate([moves, acts, answers])
        by_other = np.arange(len(day)) >= len(moves)
        parent = np.concatenate([np.full(len(moves) + len(acts), -1), answered])
        order = np.lexsort((~by_other, day))
        day, by_other, parent = day[order], by_other[order], parent[order]
        exchange, number = rounds_of(day, by_other)
        opens = np.append(False, (np.diff(number) > 0) & (np.diff(exchange) == 0)) & by_other
        place = np.searchsorted(moves, day, side="left") - 1
        nearest = np.where(place >= 0, moves[place], -99)
        near = by_other & (day - nearest <= ANSWER_WITHIN)
        for i, linked in enumerate((near & opens, near)):
            made[i] += linked.sum()
            right[i] += (linked & (parent == nearest)).sum()
        real += int((parent >= 0).sum())
    precision, recall = right / made, right / max(real, 1)
    return (
        f"planted {share:.1f}: links by rounds precision {precision[0]:.1%}, recall "
        f"{recall[0]:.1%}; nearest opposite act {precision[1]:.1%}, {recall[1]:.1%}"
    )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--histories", type=int, default=300)
    parser.add_argument("--days", type=int, default=1500)
    given = parser.parse_args()
    for share in (0.2, 0.6):
        print(links(share, histories=given.histories, days=given.days))
    for share in (0.0, 0.2, 0.6):
        for within in WITHIN:
            true = truth(share, within)
            rows = [
                move_row(*history(np.random.default_rng([seed, 7]), days=given.days, share=share),
                         length=given.days, within=within)
                for seed in range(given.histories)
            ]  # fmt: skip
            held = np.mean([row["lower"] <= true[0] <= row["upper"] for row in rows])
            over = np.mean([row["excess_lower"] <= true[1] <= row["excess_upper"] for row in rows])
            called = np.mean([row["verdict"] == ANSWER for row in rows])
            print(
                f"planted {share:.1f}, {within:2} days: true share {true[0]:.3f} held {held:.1%}, "
                f"true excess {true[1]:+.3f} held {over:.1%}, called an answer {called:.1%}"
            )
    for burst in (None, 5, 20, 60):
        for within in WITHIN:
            called = np.mean([
                move_row(*history(np.random.default_rng([seed, 8]), days=given.days, share=0.0,
                                  burst=burst), length=given.days, within=within)["verdict"]
                == ANSWER
                for seed in range(given.histories)
            ])  # fmt: skip
            name = "calm" if burst is None else f"bursts of {burst} days"
            print(f"no answers, {name}, {within:2} days: called an answer {called:.1%}")


if __name__ == "__main__":
    main()
