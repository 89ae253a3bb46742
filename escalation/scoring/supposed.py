"""The watch list as it would read had further events happened: written in a line each.

``rocket_attack militia>us_coalition at taji killed=1`` is an event of the day that is scored; a
``2020-03-10`` in the line is an earlier one, which becomes known on the day that is scored.
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
"""Source of the events, and what the provenance of such a score names them under."""
TODAY: Final = "today"
SUPPOSED_NUMBERS: Final = (
    schema.KILLED,
    schema.WOUNDED,
    schema.MUNITIONS,
    schema.HOUR,
    schema.WEIGHT,
)
PLACES: Final = (schema.SITE, schema.ADMIN1, schema.COUNTRY)
"""What a place may be the name of, in the order in which it is looked up."""
_LOCATED = (*PLACES, schema.LATITUDE, schema.LONGITUDE)


@dataclass(frozen=True)
class SupposedEvent:
    """An event that did not happen.

    Parameters
    ----------
    text : str
        As it was written.
    event_type : str
    actor, target : str, optional
    place : str, optional
        A site, province or country that the archive knows.
    day : str, optional
        As YYYY-MM-DD; the day that is scored by default.
    numbers : mapping of str to int
        Of :data:`SUPPOSED_NUMBERS`.
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
        """Read a line: a type, then sides, a place, a day and numbers, each where it is known.

        Raises
        ------
        UsageError
            ``E-SUPPOSED`` for a word that is none of these.
        """
        words = text.split()
        if not words or not words[0].replace("_", "").isalnum():
            raise _wrong(text, "needs an event type first")
        event, i = cls(text, words[0]), 1
        while i < len(words):
            if words[i] != "at":
                event, i = event._with(words[i]), i + 1
                continue
            end = next((k for k in range(i + 1, len(words)) if _ends(words[k])), len(words))
            if end == i + 1:
                raise _wrong(text, "needs a place after `at`")
            event, i = replace(event, place=" ".join(words[i + 1 : end])), end
        return event

    def _with(self, word: str) -> SupposedEvent:
        """The event with one more word of the line."""
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
        raise _wrong(
            self.text,
            f"expected ACTOR>TARGET, at PLACE, today, a day, tags=A,B or a number such as killed=1 "
            f"({', '.join(SUPPOSED_NUMBERS)}), got {word!r}",
        )

    def version(self, events: pd.DataFrame, scorer: Scorer, day: np.datetime64) -> dict[str, Any]:
        """Its row of an archive.

        Parameters
        ----------
        events : DataFrame
            Known on the day: what it names must be known there.
        scorer : Scorer
        day : datetime64[D]
            On which it becomes known.

        Raises
        ------
        UsageError
            ``E-SUPPOSED`` for a type, side or place that nobody knows, or a day after the one
            that is scored.
        """
        ladder = scorer.experiment.ladder
        types = {*ladder, *events[schema.EVENT_TYPE].dropna()}
        sides = {*events[schema.ACTOR].dropna(), *events[schema.TARGET].dropna()}
        self._require("event type", self.event_type, types)
        for side in filter(None, (self.actor, self.target)):
            self._require("side", side, sides)
        happened = day if self.day is None else to_day(self.day)
        if happened > day:
            raise _wrong(self.text, f"the day that is scored is {day}; needs a day up to it")
        place = self._located(events)
        row: dict[str, Any] = {
            schema.EVENT_DATE: pd.Timestamp(happened),
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

    def _require(self, what: str, name: str, known: Collection[str]) -> None:
        if name in known:
            return
        raise UsageError(
            "E-SUPPOSED",
            f"no event known by that day has this {what}",
            column="--if",
            value=name,
            fix=did_you_mean(name, sorted(known), "name one that the events have"),
        )

    def _located(self, events: pd.DataFrame) -> dict[str, Any]:
        """Where it lies: as the latest event at that place does."""
        if self.place is None:
            return {}
        wanted, names = normalised(self.place).replace(" ", "_"), set()
        for kind in PLACES:
            texts = events[kind].fillna("").map(lambda text: normalised(text).replace(" ", "_"))
            names |= set(texts)
            here = events[(texts == wanted).to_numpy(dtype=bool)]
            if len(here):
                columns = _LOCATED if kind == schema.SITE else _LOCATED[PLACES.index(kind) : 3]
                return {name: here[name].iloc[-1] for name in columns}
        self._require("place", wanted, names - {""})
        return {}

    def _severity(self, ladder: Any) -> int:
        killed, wounded = (
            pa.array([self.numbers.get(name)], pa.int64()) for name in schema.COUNT_COLUMNS
        )
        actor, target = (pa.array([side], pa.string()) for side in (self.actor, self.target))
        rung = severity_of(
            pa.array([self.event_type]),
            ladder=ladder,
            killed=killed,
            wounded=wounded,
            interstate=between_states(actor, target),
        )
        return int(rung[0].as_py())

    def _tags(self, events: pd.DataFrame, place: dict[str, Any]) -> str | None:
        """Tags of the latest event like it: at its place, or else anywhere."""
        like = np.ones(len(events), dtype=bool)
        pairs = {
            schema.EVENT_TYPE: self.event_type,
            schema.ACTOR: self.actor,
            schema.TARGET: self.target,
        }
        for column, value in pairs.items():
            if value is not None:
                like &= (events[column] == value).to_numpy(dtype=bool)
        here = like.copy()
        for column in PLACES:
            if column in place and pd.notna(place[column]):
                here &= (events[column] == place[column]).to_numpy(dtype=bool)
        some = events[here] if here.any() else events[like]
        return some[schema.TAGS].iloc[-1] if len(some) else None


def _ends(word: str) -> bool:
    """Whether a word no longer belongs to the name of a place."""
    return "=" in word or ">" in word or word == TODAY or bool(ISO_DAY.fullmatch(word))


def _wrong(text: str, message: str) -> UsageError:
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
    """The archive with supposed events, all of which become known on a day.

    Parameters
    ----------
    archive : EventArchive
    scorer : Scorer
        Its experiment rates them.
    events : sequence of str
        As :class:`SupposedEvent` reads them.
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
    """The watch list as it would read had further events happened; nothing is stored.

    Parameters
    ----------
    scorer : Scorer
    archive : EventArchive
    events : sequence of str
        As :class:`SupposedEvent` reads them.
    as_of : date-like, optional
    **options
        Of :func:`escalation.scoring.score.score`.

    Returns
    -------
    list of Score
        ``change`` is against the same day without these events, and the provenance names them.
    """
    day = scored_day(scorer, archive, as_of)
    without = score(scorer, archive, as_of=day, **{**options, "explain": 0})
    supposed = score(scorer, suppose(archive, scorer, events, day), as_of=day, **options)
    before = {
        row.unit_key: (str(day), row.probability) for row in without if row.probability is not None
    }
    cleared = [replace(row, change=None, changed_since=None) for row in supposed]
    return [
        replace(row, provenance={**row.provenance, SUPPOSED: list(events)})
        for row in compared(cleared, before)
    ]
