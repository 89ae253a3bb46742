"""From what an archive holds to an experiment that can be trained on it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
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
"""Kinds of units: of the first that suit, the one with the most that can be learnt from."""
_MOST_UNITS, _MOST_CELLS = 400, 2_000_000
_CHANNELS = 6
_DAILY_ROWS = 20_000
"""Rows of units and days up to which every day is learnt from, instead of every week."""
_REFITS = 8
_WEEK = 7
_TYPES_WRITTEN = 100


@dataclass(frozen=True)
class Proposal:
    """An experiment for an archive.

    Parameters
    ----------
    text : str
        The experiment file.
    labels : mapping of str to Outcomes
        Labels that it asks for, with their outcomes by class on the last day.
    left_out : mapping of str to str
        Labels that can't be learnt, and why. If none can be, the text asks for the first all the
        same.
    missing_days : int
        Of history, until ``prior`` at least can answer a label; 0 where it can be trained.
    """

    text: str
    labels: Mapping[str, Outcomes]
    left_out: Mapping[str, str]
    missing_days: int

    @property
    def experiment(self) -> Experiment:
        """As `train` reads it."""
        return Experiment(**tomllib.loads(self.text))


def propose(archive: EventArchive, facts: Facts, *, name: str, data: Mapping[str, Any]) -> Proposal:
    """An experiment that can be trained as it stands.

    Parameters
    ----------
    archive : EventArchive
        With the severity that the rungs of :attr:`Facts.unrated_types` give.
    facts : Facts
        Of this archive.
    name : str
        Of the experiment.
    data : mapping of str to Any
        ``[data]`` as the file is read; days and lag are added.

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
    first = draft.text([table for table, _ in candidates])
    counted = label_counts(archive, Experiment(**tomllib.loads(first)))
    learnable = {label: one for label, one in counted.items() if isinstance(one, LabelCounts)}
    chosen = chosen_labels(learnable)
    tables = {label_of(table): (table, why) for table, why in candidates}
    kept = [tables[label] for label in chosen] or [_soon_resolved(candidates[0], facts)]
    labels = {label: learnable[label].all for label in chosen}
    text = draft.text([table for table, _ in kept], [why for _, why in kept], labels)
    short = {label: str(one.message) for label, one in counted.items() if isinstance(one, Shortage)}
    return Proposal(text, labels, short, 0 if labels else _missing_days(kept[0][0], facts))


def _soon_resolved(candidate: tuple[dict[str, Any], str], facts: Facts) -> tuple[Any, str]:
    """The label, its horizon so short that a forecast of ``prior`` has resolved by now.

    A table of weeks tells of no shorter time than a week.
    """
    table, why = candidate
    horizon = longest_resolved(_days(facts), lag=facts.lag)
    if facts.weekly or not 0 < horizon < table["horizon"]:
        return candidate
    told = f"in {horizon} day" + "s" * (horizon > 1)
    return {**table, "horizon": horizon}, why.replace(f"in {table['horizon']} days", told)


def _missing_days(label: Mapping[str, Any], facts: Facts) -> int:
    """Days of history until a forecast of the label, or of the next day alone, has resolved."""
    shortest = label["horizon"] if facts.weekly else 1
    return max(days_needed(shortest, lag=facts.lag) - _days(facts), 0)


def _days(facts: Facts) -> int:
    return int((facts.last_day - facts.start).astype(int)) + 1


def first_model_name(name: str, labels: Sequence[str]) -> str:
    """What the model of the first label is registered as.

    Examples
    --------
    >>> first_model_name("mine", ["any_7d"]), first_model_name("mine", ["any_7d", "up_7d"])
    ('mine', 'mine.any_7d')
    """
    return name if len(labels) == 1 else f"{name}.{labels[0]}"


@dataclass(frozen=True)
class _Draft:
    """The experiment file, up to its labels."""

    archive: EventArchive
    facts: Facts
    name: str
    data: Mapping[str, Any]

    def text(
        self,
        targets: list[dict[str, Any]],
        why: list[str] | None = None,
        counts: Mapping[str, Outcomes] | None = None,
    ) -> str:
        sections = [
            self._about(targets),
            self._data(),
            self._panel(),
            *self._channel_sections(),
            *self._features(),
            *_target_sections(targets, why or [], counts or {}),
            *self._severity(),
            _models(),
            self._backtest(),
        ]
        return "\n\n".join(section.text for section in sections) + "\n"

    def _about(self, targets: list[dict[str, Any]]) -> TomlTable:
        facts, model = self.facts, first_model_name(self.name, [label_of(t) for t in targets])
        above = [
            f"{facts.events} events from {facts.first_day} to {facts.last_day}. To train and to "
            "score:",
            f"    escalation train {self.name}.toml",
            f"    escalation score --model {model}",
            "Everything here may be changed; unknown keys are refused.",
        ]
        return TomlTable("[experiment]", {"name": self.name, "seed": 7}, above)

    def _data(self) -> TomlTable:
        facts, values = self.facts, dict(self.data)
        values["lag"] = facts.lag
        if facts.start > facts.first_day:
            values["first_day"] = facts.start.item()
        inline = {
            "encoding": "the file is not UTF-8: check that names with accents are right",
            "columns": "the file's own names, and what is read from them: check them",
            "lag": f"days; {_lag_reason(facts)}",
            "first_day": f"one event in a hundred is older, back to {facts.first_day}",
        }
        return TomlTable("[data]", values, inline=inline)

    @property
    def _kind(self) -> schema.UnitKind | None:
        """The kind of units with enough of them that have enough events."""
        for kinds in _ORDER:
            suiting = [kind for kind in kinds if self._suits(kind)]
            if suiting:
                return max(suiting, key=lambda kind: self.facts.units[str(kind)].enough)
        return None

    def _suits(self, kind: schema.UnitKind) -> bool:
        units = self.facts.units.get(str(kind))
        if units is None or units.enough < 2 or units.events * 2 < self.facts.events:
            return False
        return units.count <= _MOST_UNITS and units.count * self.facts.days <= _MOST_CELLS

    def _panel(self) -> TomlTable:
        kind = self._kind
        units = [kind, schema.ALL_UNIT] if kind else [schema.ALL_UNIT]
        counts = ", ".join(f"{one.count} by {name}" for name, one in self.facts.units.items())
        above = [f"`all` holds every event. Units in the file: {counts or 'none'}."]
        if kind is None:
            above.append(f"No kind has two units with {ENOUGH} events each, or there are too many.")
        return TomlTable("[panel]", {"units": units}, above)

    @property
    def _channels(self) -> dict[str, list[str]]:
        """Event types by channel: those that are common enough to be a signal of their own."""
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
        yield TomlTable("[features.window_sums]", sums, ["What models see, as known on each day."])
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
        own = dict(list(self.facts.unrated_types.items())[:_TYPES_WRITTEN])
        if not own or self.data.get("events") is None:
            return
        quiet = {name: rungs for name, rungs in own.items() if rungs is not None}
        above = [
            "Rungs of your own event types: nobody hurt, somebody hurt, somebody killed.",
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
            for name, rungs in own.items()
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
            "Origins start in the middle of the period: its second half is forecast, week by week.",
        ]
        if facts.weekly:
            above += [
                "A row stands for a week and is dated on its last day: the days of its events are "
                "not known,",
                "so horizons and steps are whole weeks, and origins fall on the day that ends one.",
            ]
            values = {"first_origin": self._middle(), **values}
        inline = {"refit_every": "origins", "train_every": "days between the rows to learn from"}
        return TomlTable("[backtest]", values, above, inline=inline)

    def _middle(self) -> Any:
        """The day in the middle of the axis on which weeks end."""
        days = int((self.archive.covered_to - self.facts.start).astype(int)) // 2
        return (self.facts.start + np.timedelta64(days // _WEEK * _WEEK, "D")).item()


def _lag_reason(facts: Facts) -> str:
    if facts.known_basis == "event_date":
        return "the file does not tell when events became known: the day itself is taken"
    if facts.known_basis == "assumed":
        return "assumed for this source: the file does not tell when events became known"
    reason = "nine in ten events were reported by then"
    if facts.known_basis == "overwritten":
        reason = (
            f"most known dates tell of the last change, not of the first: {LONGEST_LAG} at most"
        )
    return reason


def _target_sections(
    targets: list[dict[str, Any]], why: list[str], counts: Mapping[str, Outcomes]
) -> Iterator[TomlTable]:
    for place, table in enumerate(targets):
        above = [f"The question: {why[place]}."] if place < len(why) else []
        if outcomes := counts.get(label_of(table)):
            above.append(f"{outcomes.positives} yes and {outcomes.negatives} no to learn from.")
        yield TomlTable("[[targets]]", table, above)


_LEARNING = ("logistic", "negbin", "boosting", "blend")


def _models() -> TomlTable:
    values: dict[str, Any] = {name: {} for name in ("prior", *_LEARNING)}
    above = [
        "climatology, last_value and ewma_nb always run. `prior` was learnt on other conflicts and "
        "answers from the first day. Others: forest, hazard, hawkes, levels, pool, corrected.",
    ]
    return TomlTable("[models]", values, above)


def _channel_name(event_type: str) -> str:
    name = re.sub(r"[\W_]+", "_", event_type.casefold()).strip("_")[:40] or "type"
    return f"type_{name}" if is_taken(name) else name
