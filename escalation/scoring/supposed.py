"""What-if scoring: the watch list with hypothetical events, each written as one line.

``rocket_attack militia>us_coalition at taji killed=1`` is an event of the scored day. With a date
such as ``2020-03-10`` in the line, it happened earlier and becomes known on the scored day.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa

from escalation import schema
from escalation.errors import UsageError, did_you_mean
from escalation.events.archive import ISO_DAY, EventArchive, to_day
from escalation.events.severity import between_states, severity_of
from escalation.events.units import normalised
from escalation.scoring.score import score, scored_day
from escalation.scoring.scorer import Scorer
from escalation.scoring.watchlist import Score, compared

SUPPOSED: Final = "supposed"
"""Source of these events, and their key in the provenance of such scores."""
TODAY: Final = "today"
SUPPOSED_NUMBERS: Final = (
    schema.KILLED,
    schema.WOUNDED,
    schema.MUNITIONS,
    schema.HOUR,
    schema.WEIGHT,
)
PLACES: Final = (schema.SITE, schema.ADMIN1, schema.COUNTRY)
"""Columns in which a place is looked up, in order."""
_LOCATED = (*PLACES, schema.LATITUDE, schema.LONGITUDE)


@dataclass(frozen=True)
class SupposedEvent:
    """A hypothetical event.

    Parameters
    ----------
    text : str
        The line that it was read from.
    event_type : str
    actor, target : str, optional
    place : str, optional
        A site, province or country in the archive.
    day : str, optional
        YYYY-MM-DD; the scored day by default.
    numbers : dict of str to int
        For columns of :data:`SUPPOSED_NUMBERS`.
    tags : str, optional
        By default those of the latest event of this type, between these sides, at this place.

    Examples
    --------
    >>> event = SupposedEvent.of("rocket_attack militia>us_coalition at taji killed=1")
    >>> event.actor, event.target, event.place, event.numbers
    ('militia', 'us_coalition', 'taji', {'killed': 1})
    """

    text: str
    event_type: str
    actor: str | None = None
    target: str | None = None
    place: str | None = None
    day: str | None = None
    numbers: dict[str, int] = field(default_factory=dict)
    tags: str | None = None

    @classmethod
    def of(cls, text: str) -> SupposedEvent:
        """Parse a line: an event type, then optional sides, place, day and numbers in any order.

        Raises
        ------
        UsageError
            ``E-SUPPOSED`` for any other word.
        """
        words = text.split()
        if not words or not words[0].replace("_", "").isalnum():
            raise _invalid_line(text, "needs an event type first")
        event, i = cls(text, words[0]), 1
        while i < len(words):
            if words[i] != "at":
                event, i = event._with(words[i]), i + 1
                continue
            end = next((k for k in range(i + 1, len(words)) if _ends(words[k])), len(words))
            if end == i + 1:
                raise _invalid_line(text, "needs a place after `at`")
            event, i = replace(event, place=" ".join(words[i + 1 : end])), end
        return event

    def _with(self, word: str) -> SupposedEvent:
        """The event after parsing one more word."""
        key, equals, value = word.partition("=")
        if equals and key in SUPPOSED_NUMBERS and value.isdecimal():
            return replace(self, numbers={**self.numbers, key: int(value)})
        if equals and key == schema.TAGS:
            return replace(self, tags=value.replace(",", " "))
        if word.count(">") == 1 and not word.startswith(">") and not word.endswith(">"):
            actor, _, target = word.partition(">")
            return replace(self, actor=actor, target=target)
        if word == TODAY or ISO_DAY.fullmatch(word):
            return replace(self, day=None if word == TODAY else str(to_day(word)))
        raise _invalid_line(
            self.text,
            f"{word!r} is not ACTOR>TARGET, at PLACE, today, a day, tags=A,B or a number such as "
            f"killed=1 (of {', '.join(SUPPOSED_NUMBERS)})",
        )

    def version(self, events: pd.DataFrame, scorer: Scorer, day: np.datetime64) -> dict[str, Any]:
        """The event as a row of an archive.

        Parameters
        ----------
        events : DataFrame
            Known on the day: its type, sides and place must be among theirs.
        scorer : Scorer
        day : datetime64[D]
            On which it becomes known.

        Raises
        ------
        UsageError
            ``E-SUPPOSED`` for an unknown type, side or place, or a day after the scored one.
        """
        ladder = scorer.experiment.ladder
        sides = {*events[schema.ACTOR].dropna(), *events[schema.TARGET].dropna()}
        _require("event type", self.event_type, {*ladder, *events[schema.EVENT_TYPE].dropna()})
        for side in filter(None, (self.actor, self.target)):
            _require("side", side, sides)
        event_day = day if self.day is None else to_day(self.day)
        if event_day > day:
            raise _invalid_line(self.text, f"needs a day up to the scored one, {day}")
        place = self._located(events)
        row: dict[str, Any] = {
            schema.EVENT_DATE: pd.Timestamp(event_day),
            schema.KNOWN_DATE: pd.Timestamp(day),
            schema.EVENT_TYPE: self.event_type,
            schema.ACTOR: self.actor,
            schema.TARGET: self.target,
            schema.SOURCE: SUPPOSED,
            schema.OPERATION: "add",
            schema.WEIGHT: 1,
            **place,
            **self.numbers,
        }
        tags = self._tags(events, place) if self.tags is None else self.tags
        return {**row, schema.SEVERITY: self._severity(ladder), schema.TAGS: tags}

    def _located(self, events: pd.DataFrame) -> dict[str, Any]:
        """Location columns, copied from the latest event at the place."""
        if self.place is None:
            return {}
        place, names = _place_name(self.place), set()
        for kind in PLACES:
            event_places = events[kind].fillna("").map(_place_name)
            names |= set(event_places)
            here = events[(event_places == place).to_numpy(dtype=bool)]
            if len(here):
                columns = _LOCATED if kind == schema.SITE else _LOCATED[PLACES.index(kind) : 3]
                return {name: here[name].iloc[-1] for name in columns}
        _require("place", place, names - {""})
        return {}

    def _severity(self, ladder: Any) -> int:
        counts = {
            name: pa.array([self.numbers.get(name)], pa.int64()) for name in schema.COUNT_COLUMNS
        }
        actor, target = (pa.array([side], pa.string()) for side in (self.actor, self.target))
        interstate = between_states(actor, target)
        types = pa.array([self.event_type])
        return int(severity_of(types, ladder=ladder, **counts, interstate=interstate)[0].as_py())

    def _tags(self, events: pd.DataFrame, place: dict[str, Any]) -> str | None:
        """Tags of the latest similar event, at the same place if there is one there."""
        sides = {schema.ACTOR: self.actor, schema.TARGET: self.target}
        similar = _matching(events, {schema.EVENT_TYPE: self.event_type, **sides})
        here = _matching(similar, {name: place.get(name) for name in PLACES})
        latest = here if len(here) else similar
        return latest[schema.TAGS].iloc[-1] if len(latest) else None


def _matching(events: pd.DataFrame, values: dict[str, Any]) -> pd.DataFrame:
    """Events with these values by column; missing ones match everything."""
    for column, value in values.items():
        if pd.notna(value):
            events = events[(events[column] == value).to_numpy(dtype=bool)]
    return events


def _place_name(text: str) -> str:
    return normalised(text).replace(" ", "_")


def _require(what: str, name: str, known: Collection[str]) -> None:
    if name not in known:
        raise UsageError(
            "E-SUPPOSED",
            f"no event known by that day has this {what}",
            column="--if",
            value=name,
            fix=did_you_mean(name, sorted(known), "use one that occurs in the events"),
        )


def _ends(word: str) -> bool:
    """Whether a word ends the name of a place."""
    return "=" in word or ">" in word or word == TODAY or bool(ISO_DAY.fullmatch(word))


def _invalid_line(text: str, message: str) -> UsageError:
    return UsageError(
        "E-SUPPOSED",
        message,
        column="--if",
        value=text,
        fix='write it as --if "rocket_attack militia>us_coalition at taji killed=1"',
    )


def suppose(
    archive: EventArchive, scorer: Scorer, events: Sequence[str], day: object
) -> EventArchive:
    """The archive with hypothetical events, all of which become known on a day.

    Parameters
    ----------
    archive : EventArchive
    scorer : Scorer
        Its experiment's ladder rates their severity.
    events : sequence of str
        Lines for :meth:`SupposedEvent.of`.
    day : date-like
    """
    when = to_day(day)
    known = archive.as_of(when)
    rows = [
        {
            schema.EVENT_ID: f"{SUPPOSED}-{number}",
            **SupposedEvent.of(text).version(known, scorer, when),
        }
        for number, text in enumerate(events, start=1)
    ]
    versions = archive.versions
    added = pd.DataFrame(rows).reindex(columns=versions.columns).astype(versions.dtypes)
    return archive.plus(added)


def score_if(
    scorer: Scorer,
    archive: EventArchive,
    events: Sequence[str],
    *,
    as_of: object = None,
    **options: Any,
) -> list[Score]:
    """The watch list with hypothetical events; nothing is stored.

    Parameters
    ----------
    scorer : Scorer
    archive : EventArchive
    events : sequence of str
        Lines for :meth:`SupposedEvent.of`.
    as_of : date-like, optional
    **options
        Passed to :func:`escalation.scoring.score.score`.

    Returns
    -------
    list of Score
        ``change`` is relative to the same day without these events; the provenance lists them.
    """
    day = scored_day(scorer, archive, as_of)
    actual = score(scorer, archive, as_of=day, **{**options, "explain": 0})
    supposed = score(scorer, suppose(archive, scorer, events, day), as_of=day, **options)
    before = {
        row.unit_key: (str(day), row.probability) for row in actual if row.probability is not None
    }
    rows = [
        replace(
            row,
            change=None,
            changed_since=None,
            provenance={**row.provenance, SUPPOSED: list(events)},
        )
        for row in supposed
    ]
    return compared(rows, before)
