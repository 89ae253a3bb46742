"""Labels that can be asked of an archive, and those of them that can be learnt from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from escalation.backtest.case import Case, case_of_labels, origins, require_backtest
from escalation.backtest.facts import ENOUGH, Facts
from escalation.backtest.shortage import Outcomes, Shortage
from escalation.events.archive import EventArchive
from escalation.experiment import Experiment, target_label

_LABELS = 3
_LEAST_SHARE, _LEAST_SCORED = 0.01, 2
"""Of the rarer class, in a label that is better than none: of all outcomes, and among the last."""
_MOSTLY = 0.8
"""Share of the events from which on another label that counts so many says nothing of its own."""


def label_of(table: Mapping[str, Any]) -> str:
    """Name of a label from its table."""
    return f"{table.get('called', table['name'])}_{table['horizon']}d"


class LabelCounts(NamedTuple):
    """Outcomes of a label: all that can be learnt from, and those that forecasts are scored on."""

    all: Outcomes
    positives: int
    negatives: int

    @property
    def rich(self) -> bool:
        """Whether there are enough of either class, both to learn from and to score on."""
        fewer = min(self.all.positives, self.all.negatives)
        share = fewer / (self.all.positives + self.all.negatives)
        return share >= _LEAST_SHARE and min(self.positives, self.negatives) >= _LEAST_SCORED


def label_counts(
    archive: EventArchive, experiment: Experiment
) -> dict[str, LabelCounts | Shortage]:
    """Outcomes of each label, or what it lacks: what `train` asks first."""
    counted: dict[str, LabelCounts | Shortage] = {}
    for target in experiment.labels:
        label = target_label(target)
        try:
            case = case_of_labels(archive, experiment, target)
            require_backtest(case)
            counts = _outcomes(case)
        except Shortage as shortage:
            counted[label] = shortage
            continue
        none = Shortage(label, "never at risk in the second half of the period, which is forecast")
        counted[label] = counts if counts.positives + counts.negatives else none
    return counted


def _outcomes(case: Case) -> LabelCounts:
    """The first origins may be left out for lack of history, so the later half has to do."""
    starts = origins(case)
    later = starts[len(starts) // 2 :]
    outcome, at_risk = case.final.outcome[:, later], case.final.at_risk[:, later]
    asked = case.prepared.past.present[:, later] & at_risk & ~np.isnan(outcome)
    positives = int(outcome[asked].sum())
    known = case.outcomes_on(case.prepared.days[-1])
    return LabelCounts(known, positives, int(asked.sum()) - positives)


def chosen_labels(learnable: Mapping[str, LabelCounts]) -> list[str]:
    """The labels with enough of either class first, in the order of the candidates."""
    rich = [label for label, one in learnable.items() if one.rich]
    return (rich or list(learnable))[:_LABELS]


def candidate_labels(facts: Facts) -> Iterator[tuple[dict[str, Any], str]]:
    """Labels to try, the most natural first, each with the question that it asks."""
    rung = _base_rung(facts)
    what = f"event of rung {rung} or higher"
    where = {"rung": rung}
    month = 28 if facts.weekly else 30
    yield {"name": "any", "horizon": 7, "where": where}, f"at least one {what} in 7 days"
    yield (
        {"name": "exceed", "horizon": 7, "where": where},
        "more such events in 7 days than in nine in ten weeks of the unit's past year",
    )
    counted, deadly = facts.at_least(rung), facts.at_least(5)
    if rung < 5 and ENOUGH <= deadly <= _MOSTLY * counted:
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
    if counted < facts.at_least(1):
        table = {"name": "any", "called": "any_event", "horizon": 7, "where": {"rung": 1}}
        yield table, "at least one event of any kind, words included, in 7 days"


def _base_rung(facts: Facts) -> int:
    """The rung from which events count: violence, or where there is none, words."""
    return 3 if facts.at_least(3) >= ENOUGH else 1
