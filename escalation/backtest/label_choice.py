"""Candidate labels for an archive, and those that can be learnt from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from escalation.backtest.case import Case, case_of_labels, origins
from escalation.backtest.facts import ENOUGH, Facts
from escalation.backtest.learnability import require_backtest
from escalation.backtest.shortage import Outcomes, Shortage
from escalation.events.archive import EventArchive
from escalation.experiment import Experiment, target_label

_LABELS = 3
_LEAST_SHARE, _LEAST_SCORED = 0.01, 2
"""Minimum share of the rarer class, and its minimum number among the scored outcomes."""
_LARGEST_SUBSET = 0.8
"""A label that counts a larger share of the events of another one is redundant."""


def label_of(table: Mapping[str, Any]) -> str:
    """Name of a label from its table."""
    return f"{table.get('called', table['name'])}_{table['horizon']}d"


class LabelCounts(NamedTuple):
    """Training outcomes of a label, and the number of scored outcomes by class."""

    training: Outcomes
    positives: int
    negatives: int

    @property
    def rich(self) -> bool:
        """Whether both classes are frequent enough to learn from and to score."""
        rarer = min(self.training.positives, self.training.negatives)
        share = rarer / (self.training.positives + self.training.negatives)
        return share >= _LEAST_SHARE and min(self.positives, self.negatives) >= _LEAST_SCORED


def label_counts(
    archive: EventArchive, experiment: Experiment
) -> dict[str, LabelCounts | Shortage]:
    """Outcomes of each label, or its shortage, as `train` checks first."""
    counts: dict[str, LabelCounts | Shortage] = {}
    for target in experiment.labels:
        label = target_label(target)
        try:
            case = case_of_labels(archive, experiment, target)
            require_backtest(case)
            outcomes = _outcomes(case)
            if not outcomes.positives + outcomes.negatives:
                raise Shortage(label, "never at risk in the second half, which is forecast")
            counts[label] = outcomes
        except Shortage as shortage:
            counts[label] = shortage
    return counts


def _outcomes(case: Case) -> LabelCounts:
    """Count outcomes; those of the later half of the origins, which are scored for certain."""
    days = origins(case)
    later = days[len(days) // 2 :]
    outcome, at_risk = case.final.outcome[:, later], case.final.at_risk[:, later]
    scored = case.prepared.past.present[:, later] & at_risk & ~np.isnan(outcome)
    positives = int(outcome[scored].sum())
    training = case.outcomes_on(case.prepared.days[-1])
    return LabelCounts(training, positives, int(scored.sum()) - positives)


def chosen_labels(learnable: Mapping[str, LabelCounts]) -> list[str]:
    """Choose up to three labels, those with enough of both classes if there are any."""
    rich = [label for label, counts in learnable.items() if counts.rich]
    return (rich or list(learnable))[:_LABELS]


def candidate_labels(facts: Facts) -> Iterator[tuple[dict[str, Any], str]]:
    """Tables of candidate labels, the most natural first, each with its question."""
    rung = 3 if facts.at_least(3) >= ENOUGH else 1  # violence, or words without enough of it
    what = f"event of rung {rung} or higher"
    where = {"rung": rung}
    month = 28 if facts.weekly else 30
    yield {"name": "any", "horizon": 7, "where": where}, f"at least one {what} in 7 days"
    yield (
        {"name": "exceed", "horizon": 7, "where": where},
        "more such events in 7 days than in nine in ten weeks of the unit's past year",
    )
    n_events, deadly = facts.at_least(rung), facts.at_least(5)
    if rung < 5 and ENOUGH <= deadly <= _LARGEST_SUBSET * n_events:
        table = {"name": "any", "called": "any_deadly", "horizon": 7, "where": {"rung": 5}}
        yield table, "at least one event that kills somebody in 7 days"
    yield (
        {"name": "onset", "horizon": 7, "where": where},
        f"at least one {what} in 7 days, after 28 days without any",
    )
    yield (
        {"name": "any", "horizon": month, "where": where},
        f"at least one {what} in {month} days",
    )
    if n_events < facts.at_least(1):
        table = {"name": "any", "called": "any_event", "horizon": 7, "where": {"rung": 1}}
        yield table, "at least one event of any kind, words included, in 7 days"
