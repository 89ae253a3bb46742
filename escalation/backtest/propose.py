"""Propose an experiment that can be trained on an archive."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from math import ceil
from typing import Any

import numpy as np

from escalation import schema
from escalation._util.toml import TomlTable, toml_comment, toml_key
from escalation.backtest.facts import ENOUGH, LONGEST_LAG, Facts
from escalation.backtest.label_choice import (
    LabelCounts,
    candidate_labels,
    chosen_labels,
    label_counts,
    label_of,
)
from escalation.backtest.shortage import Outcomes, Shortage, days_needed, longest_resolved
from escalation.events.archive import EventArchive
from escalation.events.type_words import nonviolent_reason
from escalation.experiment import Experiment
from escalation.panel.section import is_taken

_ORDER: tuple[tuple[schema.UnitKind, ...], ...] = (("admin1",), ("country", "site"), ("dyad",))
"""Kinds of units by preference; within a group, the one with the most units with enough events."""
_MOST_UNITS, _MOST_CELLS = 400, 2_000_000
_CHANNELS = 6
_DAILY_ROWS = 20_000
"""Up to this many rows of units and days, training uses every day instead of every week."""
_REFITS = 8
_WEEK = 7
_TYPES_WRITTEN = 100
_MODELS = ("prior", "logistic", "negbin", "boosting", "blend")


@dataclass(frozen=True)
class Proposal:
    """A proposed experiment.

    Parameters
    ----------
    text : str
        The experiment file.
    labels : mapping of str to Outcomes
        Labels of the experiment, with their outcomes by class on the last day.
    skipped : mapping of str to str
        Labels that can't be learnt, and why. If none can be, the text has the first one anyway.
    missing_days : int
        Days of history until ``prior`` can forecast a label; 0 if the experiment can be trained.
    """

    text: str
    labels: Mapping[str, Outcomes]
    skipped: Mapping[str, str]
    missing_days: int

    @property
    def experiment(self) -> Experiment:
        """The parsed experiment."""
        return Experiment(**tomllib.loads(self.text))


def propose(archive: EventArchive, facts: Facts, *, name: str, data: Mapping[str, Any]) -> Proposal:
    """Propose an experiment that can be trained unchanged.

    Parameters
    ----------
    archive : EventArchive
        With severities according to the rungs of :attr:`Facts.unrated_types`.
    facts : Facts
        Facts about this archive.
    name : str
        Name of the experiment.
    data : mapping of str to Any
        Settings for ``[data]``; first day and lag are added.

    Examples
    --------
    >>> from escalation.backtest.facts import facts_of
    >>> from escalation.events import load_events
    >>> archive = load_events("iraq_crisis").until("2020-12-31")
    >>> facts = facts_of(archive, ladder=schema.SEVERITY_LADDER)
    >>> proposal = propose(archive, facts, name="mine", data={"source": "iraq_crisis"})
    >>> list(proposal.labels)[0], proposal.experiment.panel.units
    ('any_7d', ['site', 'all'])
    """
    draft = _Draft(archive, facts, name, data)
    candidates = list(candidate_labels(facts))
    trial = draft.text([table for table, _ in candidates])
    counts = label_counts(archive, Experiment(**tomllib.loads(trial)))
    learnable = {label: n for label, n in counts.items() if isinstance(n, LabelCounts)}
    skipped = {label: n.message for label, n in counts.items() if isinstance(n, Shortage)}
    labels = {label: learnable[label].training for label in chosen_labels(learnable)}
    by_label = {label_of(table): (table, question) for table, question in candidates}
    targets = [by_label[label] for label in labels] or [_shortened(candidates[0], facts)]
    text = draft.text([table for table, _ in targets], [why for _, why in targets], labels)
    return Proposal(text, labels, skipped, 0 if labels else _missing_days(targets[0][0], facts))


def _shortened(candidate: tuple[dict[str, Any], str], facts: Facts) -> tuple[dict[str, Any], str]:
    """Shorten the horizon so that a forecast of ``prior`` has resolved; weekly tables keep it."""
    table, question = candidate
    horizon = longest_resolved(facts.days, lag=facts.lag)
    if facts.weekly or not 0 < horizon < table["horizon"]:
        return candidate
    period = f"in {horizon} day" + "s" * (horizon > 1)
    question = question.replace(f"in {table['horizon']} days", period)
    return {**table, "horizon": horizon}, question


def _missing_days(label: Mapping[str, Any], facts: Facts) -> int:
    """Days of history until a forecast of the label, at its shortest horizon, has resolved."""
    shortest = label["horizon"] if facts.weekly else 1
    return max(days_needed(shortest, lag=facts.lag) - facts.days, 0)


def first_model_name(name: str, labels: Sequence[str]) -> str:
    """Registered name of the model of the first label.

    Examples
    --------
    >>> first_model_name("mine", ["any_7d"]), first_model_name("mine", ["any_7d", "up_7d"])
    ('mine', 'mine.any_7d')
    """
    return name if len(labels) == 1 else f"{name}.{labels[0]}"


@dataclass(frozen=True)
class _Draft:
    """Writer of the experiment file for an archive."""

    archive: EventArchive
    facts: Facts
    name: str
    data: Mapping[str, Any]

    def text(
        self,
        targets: list[dict[str, Any]],
        questions: Sequence[str] = (),
        counts: Mapping[str, Outcomes] | None = None,
    ) -> str:
        sections = [
            self._about(targets),
            self._data(),
            self._panel(),
            *self._channel_sections(),
            *self._features(),
            *_target_sections(targets, questions, counts or {}),
            *self._severity(),
            _models(),
            self._backtest(),
        ]
        return "\n\n".join(section.text for section in sections) + "\n"

    def _about(self, targets: list[dict[str, Any]]) -> TomlTable:
        facts, model = self.facts, first_model_name(self.name, [label_of(t) for t in targets])
        above = [
            f"{facts.events} events from {facts.first_day} to {facts.last_day}. "
            "To train and score:",
            f"    escalation train {self.name}.toml",
            f"    escalation score --model {model}",
            "Everything here can be changed; unknown keys are rejected.",
        ]
        return TomlTable("[experiment]", {"name": self.name, "seed": 7}, above)

    def _data(self) -> TomlTable:
        facts, values = self.facts, dict(self.data)
        values["lag"] = facts.lag
        if facts.start > facts.first_day:
            values["first_day"] = facts.start.item()
        inline = {
            "encoding": "the file is not UTF-8: check that accented names are right",
            "columns": "column names in the file, and what they are read as: check them",
            "lag": f"days; {_lag_reason(facts)}",
            "first_day": f"one event in a hundred is older, back to {facts.first_day}",
        }
        return TomlTable("[data]", values, inline=inline)

    @property
    def _kind(self) -> schema.UnitKind | None:
        """The preferred kind of units with enough events, if any."""
        for kinds in _ORDER:
            if suitable := [kind for kind in kinds if self._suits(kind)]:
                return max(suitable, key=lambda kind: self.facts.units[str(kind)].enough)
        return None

    def _suits(self, kind: schema.UnitKind) -> bool:
        units = self.facts.units.get(str(kind))
        if units is None or units.enough < 2 or units.events * 2 < self.facts.events:
            return False
        return units.count <= _MOST_UNITS and units.count * self.facts.days <= _MOST_CELLS

    def _panel(self) -> TomlTable:
        kind = self._kind
        units = [kind, schema.ALL_UNIT] if kind else [schema.ALL_UNIT]
        counts = ", ".join(f"{n.count} by {kind_name}" for kind_name, n in self.facts.units.items())
        above = [f"`all` covers every event. Units in the file: {counts or 'none'}."]
        if kind is None:
            above.append(
                f"No kind has at least two units with {ENOUGH} events, or there are too many."
            )
        return TomlTable("[panel]", {"units": units}, above)

    @property
    def _channels(self) -> dict[str, list[str]]:
        """Event types by channel, for types that are frequent enough."""
        channels: dict[str, list[str]] = {}
        for event_type, count in self.facts.types.items():
            name = _channel_name(event_type)
            if name in channels or (count >= ENOUGH and len(channels) < _CHANNELS):
                channels.setdefault(name, []).append(event_type)
        return channels if len(self.facts.types) > 1 else {}

    def _channel_sections(self) -> Iterator[TomlTable]:
        for name, types in self._channels.items():
            where = {"where": {schema.EVENT_TYPE: types}}
            yield TomlTable(f"[panel.channels.{toml_key(name)}]", where)

    def _features(self) -> Iterator[TomlTable]:
        killed = ["killed"] if self.facts.killed else []
        common = [*self._channels]
        rungs = [rung for rung in (3, 5) if self.facts.at_least(rung)] or [1]
        sums = {"channels": ["events", *killed, *common], "windows": [7, 28, 84]}
        yield TomlTable("[features.window_sums]", sums, ["Model inputs, as known on each day."])
        yield TomlTable(
            "[features.decayed_sums]",
            {"channels": ["events", *killed, *common[:2]], "half_lives": [7, 28, 182]},
        )
        yield TomlTable("[features.recency]", {"channels": ["events", *common[:3]], "rungs": rungs})
        yield TomlTable("[features.trend]", {"channels": ["events"]})
        yield TomlTable("[features.severity]", {"windows": [28]})
        yield TomlTable("[features.tempo]", {"channels": ["events"]})
        if self._kind is not None:
            yield TomlTable("[features.neighbours]", {"channels": ["events"]})
        # Weekly sums have no weekdays.
        cycles = {"cycles": ["month"]} if self.facts.weekly else {}
        yield TomlTable("[features.calendar]", cycles)

    def _severity(self) -> Iterator[TomlTable]:
        unrated = dict(list(self.facts.unrated_types.items())[:_TYPES_WRITTEN])
        if not unrated or self.data.get("events") is None:
            return
        quiet = {name: rungs for name, rungs in unrated.items() if rungs is not None}
        above = [
            "Rungs of your event types if nobody is hurt, somebody is hurt, somebody is killed:",
            "1 words, 2 coercion without violence, 3 violence, 4 wounded, 5 killed, 6 states or "
            "leaders.",
        ]
        inline = {
            name: f"{nonviolent_reason(name)}: {'' if rungs[0] == 1 else 'coercion, '}no violence"
            for name, rungs in quiet.items()
        }
        below = [
            f"# {toml_key(name)} = [3, 4, 5]   "
            + toml_comment(f"assumed ({self.facts.types[name]} events)")
            for name, rungs in unrated.items()
            if rungs is None
        ]
        values = {name: list(rungs) for name, rungs in quiet.items()}
        yield TomlTable("[severity]", values, above, below, inline)

    def _backtest(self) -> TomlTable:
        facts, values = self.facts, {"every": _WEEK}
        origins = max(facts.days // 2 // _WEEK, 1)
        values["refit_every"] = max(4, ceil(origins / _REFITS))
        units = facts.units[str(self._kind)].count + 1 if self._kind else 1
        daily = units * facts.days <= _DAILY_ROWS and not facts.weekly
        values["train_every"] = 1 if daily else _WEEK
        above = [
            "Origins start in the middle of the period: the second half is forecast, week by week.",
        ]
        if facts.weekly:
            above += [
                "Each row is a week, dated on its last day. The days of its events are unknown,",
                "so horizons and steps are whole weeks, and origins fall on the last day of one.",
            ]
            values = {"first_origin": self._middle(), **values}
        inline = {"refit_every": "origins", "train_every": "days between training rows"}
        return TomlTable("[backtest]", values, above, inline=inline)

    def _middle(self) -> Any:
        """The last day of the week in the middle of the axis."""
        days = int((self.archive.covered_to - self.facts.start).astype(int)) // 2
        return (self.facts.start + np.timedelta64(days // _WEEK * _WEEK, "D")).item()


def _lag_reason(facts: Facts) -> str:
    if facts.known_basis == "event_date":
        return "the file does not say when events became known: the event date is used"
    if facts.known_basis == "assumed":
        return "assumed for this source: the file does not say when events became known"
    if facts.known_basis == "overwritten":
        return (
            f"known dates are mostly those of the last change, not the first: {LONGEST_LAG} at most"
        )
    return "nine in ten events were reported by then"


def _target_sections(
    targets: list[dict[str, Any]], questions: Sequence[str], counts: Mapping[str, Outcomes]
) -> Iterator[TomlTable]:
    for table, question in zip_longest(targets, questions):
        above = [f"The question: {question}."] if question else []
        if outcomes := counts.get(label_of(table)):
            above.append(f"Training outcomes: {outcomes.positives} yes, {outcomes.negatives} no.")
        yield TomlTable("[[targets]]", table, above)


def _models() -> TomlTable:
    values: dict[str, Any] = {name: {} for name in _MODELS}
    above = [
        "climatology, last_value and ewma_nb always run. `prior` was learnt on other conflicts and "
        "forecasts from the first day. Others: forest, hazard, hawkes, levels, pool, corrected.",
    ]
    return TomlTable("[models]", values, above)


def _channel_name(event_type: str) -> str:
    name = re.sub(r"[\W_]+", "_", event_type.casefold()).strip("_")[:40] or "type"
    return f"type_{name}" if is_taken(name) else name
