"""Column names, vocabularies and the severity ladder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple, get_args

EVENT_ID: Final = "event_id"
EVENT_DATE: Final = "event_date"
KNOWN_DATE: Final = "known_date"
COUNTRY: Final = "country"
ADMIN1: Final = "admin1"
SITE: Final = "site"
LATITUDE: Final = "latitude"
LONGITUDE: Final = "longitude"
EVENT_TYPE: Final = "event_type"
ACTOR: Final = "actor"
TARGET: Final = "target"
ATTRIBUTION: Final = "attribution"
SEVERITY: Final = "severity"
KILLED: Final = "killed"
WOUNDED: Final = "wounded"
WEIGHT: Final = "weight"
"""Number of events that a row stands for; 1 unless the source aggregates."""
HOUR: Final = "hour"
"""Local hour of the day, 0 to 23."""
MUNITIONS: Final = "munitions"
"""Number of rockets, shells, bombs or drones."""
CONDITION: Final = "condition"
"""What a warning or a truce depends on."""
SOURCE: Final = "source"
CONFIDENCE: Final = "confidence"
TAGS: Final = "tags"
NOTE: Final = "note"
OPERATION: Final = "operation"
"""Effect of a version on its event: ``add``, ``update`` or ``retract`` (archive only)."""

EVENT_COLUMNS: Final = (
    EVENT_ID,
    EVENT_DATE,
    KNOWN_DATE,
    COUNTRY,
    ADMIN1,
    SITE,
    LATITUDE,
    LONGITUDE,
    EVENT_TYPE,
    ACTOR,
    TARGET,
    ATTRIBUTION,
    SEVERITY,
    KILLED,
    WOUNDED,
    WEIGHT,
    HOUR,
    MUNITIONS,
    CONDITION,
    SOURCE,
    CONFIDENCE,
    TAGS,
    NOTE,
)
"""Columns of the canonical event table, in order; ``tags`` are separated by spaces."""

DATE_COLUMNS: Final = (EVENT_DATE, KNOWN_DATE)
COUNT_COLUMNS: Final = (KILLED, WOUNDED)
WHOLE_COLUMNS: Final = (*COUNT_COLUMNS, HOUR, MUNITIONS)
"""Non-negative whole numbers; null is unknown."""
_OTHER_NUMBERS = (LATITUDE, LONGITUDE, SEVERITY, WEIGHT)
TEXT_COLUMNS: Final = tuple(
    name for name in EVENT_COLUMNS if name not in (*DATE_COLUMNS, *WHOLE_COLUMNS, *_OTHER_NUMBERS)
)
OPTIONAL_COLUMNS: Final = (ATTRIBUTION, WEIGHT, HOUR, MUNITIONS, CONDITION)
"""Optional in a table of versions; unknown by default, with a weight of 1."""
ATTRIBUTIONS: Final = ("claimed", "blamed", "unknown")
"""Who names the attacker: the side itself, others, or nobody."""

UNIT: Final = "unit"
UNIT_KEY: Final = "unit_key"
"""Identifies a unit (:mod:`escalation.events.units`); ``unit`` is its display name."""
DAY: Final = "day"
ROW_KEY: Final = (UNIT, DAY)
"""Key of a row of features or forecasts."""
UnitKind = Literal["country", "admin1", "site", "dyad", "priogrid", "all"]
UNIT_KINDS: Final[tuple[UnitKind, ...]] = get_args(UnitKind)
"""The kinds of units."""
ALL_UNIT: Final = "all"
"""The unit that holds every event."""

OUTCOME: Final = "outcome"
COUNT: Final = "count"
THRESHOLD: Final = "threshold"
AT_RISK: Final = "at_risk"
HISTORY: Final = "history_"
"""Prefix of the columns that a target adds about its past (float64, events per window)."""
ACTIVE: Final = f"{HISTORY}active_"
"""Prefix of columns with the number of recent days that had a counted event."""
DAYS_OBSERVED: Final = f"{HISTORY}days_observed"
"""Number of days of the axis that features can see."""


def is_occurrence(column: object) -> bool:
    """Whether a column counts days, or days with an event; only the model ``prior`` reads those.

    Examples
    --------
    >>> is_occurrence("history_active_28d"), is_occurrence("history_sum_28d")
    (True, False)
    """
    return str(column).startswith((ACTIVE, DAYS_OBSERVED))


FORECAST_COLUMNS: Final = (
    "model",
    "target",
    UNIT,
    DAY,
    "horizon",
    "probability",
    "lower",
    "upper",
    THRESHOLD,
    COUNT,
    OUTCOME,
    AT_RISK,
    "as_of",
    UNIT_KEY,
)
"""Columns of a forecast file, in order."""

SCORE_COLUMNS: Final[Mapping[str, str]] = {
    UNIT: "text: a place, a pair of sides, or `all`",
    DAY: "ISO day: the forecast uses what was known at its end",
    "horizon": "whole days ahead, from the next day on",
    "target": "text: the label, such as `any_7d`",
    "probability": "0 to 1; null without a forecast",
    "lower": "0 to 1: how often the outcome follows such forecasts, at least (95% interval)",
    "upper": "0 to 1: the same, at most; the probability may lie outside, see the status",
    "base_rate": "0 to 1: share of positives of the unit in training, shrunk to all units",
    "status": "list: `ok` alone, or all caveats, each a word, a colon and a reason",
    "drivers": "list: the main events behind it, each with its contribution in log-odds",
    "provenance": "mapping: model, hashes of model, data and experiment, days, version",
    "rank": "1 for the highest probability; null without a forecast",
    "alert": "true for the top k units under a budget of k",
    "no_information": "true where the model's record shows no skill over climatology",
    "change": "probability minus the previous one; null if there is none",
    "changed_since": "ISO day of the previous forecast",
    "families": "mapping: what each feature family adds in log-odds, relative to its medians",
    "alert_line": "lowest probability that raises an alert; 0.5 without a budget",
    "events_to_alert": "further counted events today that would reach the line; null if 10 do not",
    "expected": "expected number of events in the horizon; null if the label has no count",
    "count_low": "low end of its 80% range, a whole number",
    "count_high": "high end of that range",
    UNIT_KEY: "text: identifies the unit, whatever its display name",
}
"""Columns of the watch list, in order; lists and mappings are JSON text in a table."""
ISSUED_COLUMNS: Final = (
    UNIT,
    DAY,
    "horizon",
    "target",
    "probability",
    "lower",
    "upper",
    "base_rate",
    "status",
    "provenance",
    UNIT_KEY,
)
"""Columns of the watch list that the ledger stores."""

KnownBasis = Literal["observed", "overwritten", "assumed", "event_date"]
"""How ``known_date`` was obtained, from best to worst."""
KNOWN_BASES: Final[tuple[KnownBasis, ...]] = get_args(KnownBasis)


class Rungs(NamedTuple):
    """Severity of an event type by its casualties."""

    nobody_hurt: int
    somebody_hurt: int
    somebody_killed: int


WORDS_ONLY: Final = Rungs(1, 1, 1)
COERCION: Final = Rungs(2, 2, 2)
VIOLENCE: Final = Rungs(3, 4, 5)
LEADER: Final = Rungs(6, 6, 6)
INTERVENTION: Final = Rungs(2, 4, 5)
"""Crowd control: coercion, unless somebody is hurt."""
ALWAYS_HURTS: Final = Rungs(4, 4, 5)
ALWAYS_KILLS: Final = Rungs(5, 5, 5)
"""Types that imply casualties, for sources that do not count them."""

SEVERITY_LADDER: Final[Mapping[str, Rungs]] = {
    "none": Rungs(0, 0, 0),
    "agreement": WORDS_ONLY,
    "cooperation": WORDS_ONLY,
    "diplomatic_warning": WORDS_ONLY,
    "parliamentary_vote": WORDS_ONLY,
    "political_decision": WORDS_ONLY,
    "statement": WORDS_ONLY,
    "truce": WORDS_ONLY,
    "arrest": COERCION,
    "coercion": COERCION,
    "sanction": COERCION,
    "troop_movement": COERCION,
    "protest": COERCION,
    "strategic_development": COERCION,
    "protest_intervention": INTERVENTION,
    "abduction": VIOLENCE,
    "air_strike": VIOLENCE,
    "armed_clash": VIOLENCE,
    "assassination": VIOLENCE,
    "attack": VIOLENCE,
    "battle": VIOLENCE,
    "chemical_attack": VIOLENCE,
    "drone_attack": VIOLENCE,
    "drone_strike": VIOLENCE,
    "embassy_assault": VIOLENCE,
    "explosion": VIOLENCE,
    "ied_attack": VIOLENCE,
    "missile_strike": VIOLENCE,
    "mortar_attack": VIOLENCE,
    "one_sided_violence": VIOLENCE,
    "non_state_conflict": VIOLENCE,
    "state_based_conflict": VIOLENCE,
    "protest_violence": VIOLENCE,
    "riot": VIOLENCE,
    "rocket_attack": VIOLENCE,
    "sabotage": VIOLENCE,
    "shelling": VIOLENCE,
    "suicide_bombing": VIOLENCE,
    "violence_against_civilians": VIOLENCE,
    "sexual_violence": ALWAYS_HURTS,
    "killing": ALWAYS_KILLS,
    "mass_violence": ALWAYS_KILLS,
    "interstate_attack": LEADER,
    "leader_killed": LEADER,
}
"""Rung by event type: 0 nothing, 1 words, 2 coercion, 3 to 5 violence, 6 states or leaders."""

STATE_FORCES: Final = frozenset({"us_coalition", "iran", "iraq_government"})
"""Sides whose forces belong to a state: violence between two of them is rung 6."""

HIGHEST_RUNG: Final = 6
RUNG_WORDS: Final = (
    "nothing",
    "words",
    "coercion",
    "nobody hurt",
    "wounded",
    "killed",
    "states, leaders",
)
"""Short name of each rung of the ladder."""

BASELINE: Final = "ewma_nb"
"""The reference model."""
