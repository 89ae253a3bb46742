"""Numbers and names as an analyst says them, and what a reader has to know in plain words."""

from __future__ import annotations

import re
from functools import cache

import pandas as pd
import pyarrow as pa

from escalation import schema
from escalation._util.text import listed, toll
from escalation.events.countries import to_iso3
from escalation.events.severity import unrated
from escalation.metrics.summary import FEWEST_POSITIVES
from escalation.report.page_data import ReportData

_TYPES_SHOWN = 5
BASES = {
    "observed": "observed: the day on which a source reported it",
    "overwritten": "overwritten: the source keeps only its latest time stamp",
    "assumed": "assumed from a stated lag",
    "event_date": "taken to be the event's own day, which is optimistic",
}


_IDENTIFIER = re.compile("[a-z0-9_ -]+")
_SMALL_WORDS = frozenset({"al", "el", "de", "and", "of", "the", "on"})
SHORT_NAMES = frozenset({"us", "un", "uk", "eu", "ii", "iii", "iv"})
"""Written in capitals within a name."""


def plain(name: object) -> str:
    """A name without underscores; what is short for something, and countries, in capitals.

    Examples
    --------
    >>> plain("us_coalition"), plain("k1"), plain("union_iii"), plain("iran"), plain(None)
    ('US coalition', 'K1', 'union III', 'Iran', '')
    """
    if pd.isna(name):
        return ""
    parts = str(name).replace("_", " ").split(" ")
    return " ".join(_capitals(part) for part in parts)


@cache
def _capitals(part: str) -> str:
    """Short names, those with a digit and those without a vowel in capitals; countries with one."""
    spelt = part.isalpha() and part.islower() and not set(part) & set("aeiouy")
    coded = part.isalnum() and not part.isalpha() and not part.isdecimal() and len(part) < 4
    short = part in SHORT_NAMES or coded or (spelt and 1 < len(part) < 6)
    if short:
        return part.upper()
    country = part.isalpha() and to_iso3(pa.array([part]), code="name")[0].is_valid
    return part[:1].upper() + part[1:] if country else part


def titled(name: object) -> str:
    """The name of a place, with capitals where it is written as an identifier.

    Examples
    --------
    >>> titled("green_zone"), titled("ain_al_asad"), titled("bdsc"), titled("Diyala")
    ('Green Zone', 'Ain al Asad', 'BDSC', 'Diyala')
    """
    text = plain(name)
    if pd.isna(name) or not _IDENTIFIER.fullmatch(str(name)):
        return text
    parts = text.split(" ")
    return " ".join(
        p if p in _SMALL_WORDS and i else p[:1].upper() + p[1:] for i, p in enumerate(parts)
    )


def long_day(day: object) -> str:
    """A day as it is written in a sentence.

    Examples
    --------
    >>> long_day("2020-03-11")
    '11 March 2020'
    """
    return f"{pd.Timestamp(day):%-d %B %Y}"


def what_happened(event: pd.Series) -> str:
    """An event in a line: what, where, who against whom, the killed and the wounded."""
    kind = plain(event[schema.EVENT_TYPE])
    what = kind[:1].upper() + kind[1:]
    where = (
        titled(event[schema.SITE]) or titled(event[schema.ADMIN1]) or plain(event[schema.COUNTRY])
    )
    sides = " on ".join(filter(None, [plain(event[schema.ACTOR]), plain(event[schema.TARGET])]))
    people = toll(event[schema.KILLED], event[schema.WOUNDED])
    return ", ".join(filter(None, [what, where, sides, people]))


def caveats(data: ReportData) -> list[str]:
    """What a reader has to know before acting on a number."""
    stamp, sentences = data.scores[0].provenance, []
    if data.in_sample:
        sentences.append(
            f"In-sample: the model was trained on days up to {long_day(stamp['trained_to'])}, "
            "after the day of this page. Its numbers here look better than they are."
        )
    sentences += _on_the_record(data) + _on_the_data(data)
    if stamp["known_dates"] != "observed":
        sentences.append(f"When events became known is {BASES[stamp['known_dates']]}.")
    return sentences


def _on_the_record(data: ReportData) -> list[str]:
    forecasts = data.own
    known = forecasts[
        forecasts[schema.OUTCOME].notna() & forecasts[schema.AT_RISK].fillna(False).astype(bool)
    ]
    if known.empty:
        return [
            "No track record is stored with this model: nothing shows how far it can be trusted."
        ]
    positives = int(known[schema.OUTCOME].sum())
    sentences = [
        "The interval (95%) says how often it happened when the model said so, by its own record: "
        f"{len(known):,} forecasts, {positives:,} of them followed by the outcome. It is about "
        "all such forecasts, not about this place today, and does not cover a change in how the "
        "sides behave.",
        "Forecasts of neighbouring days, and of a place and the whole, share the same events: the "
        "record is shorter than its count of forecasts.",
    ]
    if positives < FEWEST_POSITIVES:
        sentences.append(
            f"With {positives} positives no model can be told from another; none is claimed best."
        )
    elif "model" in data.summary and (data.summary["model"] == data.family).any():
        verdict = data.summary.set_index("model").loc[data.family, "verdict"]
        if data.family != "ewma_nb":
            sentences.append(f"Against the baseline to beat, ewma_nb: {verdict}.")
    sentences.append(
        f"{data.family} was chosen on the same forecasts that its record shows, which flatters it "
        "a little."
    )
    return sentences


def _on_the_data(data: ReportData) -> list[str]:
    """How thin the events are, counted."""
    events = data.events
    violent = events[events[schema.SEVERITY] >= 3]
    delay = (events[schema.KNOWN_DATE] - events[schema.EVENT_DATE]).dt.days
    sentences = [
        f"{len(events):,} events were known; {len(violent):,} of them violent, of which "
        f"{int(violent[schema.KILLED].isna().sum()):,} do not say how many were killed and "
        f"{int(violent[schema.ACTOR].isna().sum() + (violent[schema.ACTOR] == 'unknown').sum()):,} "
        "not who acted.",
    ]
    sentences += _on_assumed_severity(data)
    if _stamp_is_observed(data) and len(delay):
        sentences.append(
            f"Half of the news came within {delay.median():.0f} days and the last after "
            f"{delay.max():.0f}: the latest days may still fill up."
        )
    unsure = int((events[schema.CONFIDENCE] == "low").sum())
    if unsure:
        sentences.append(f"{unsure:,} events are of low confidence.")
    quiet = [score.unit for score in data.scores if score.probability is None]
    if quiet:
        sentences.append(f"{len(quiet):,} units have no probability; their status says why.")
    return sentences


def _on_assumed_severity(data: ReportData) -> list[str]:
    """Which events are of types without a rung; what a file says of its severity is not assumed."""
    events = data.events
    unknown = unrated(pa.array(events[schema.EVENT_TYPE]), ladder=data.experiment.ladder)
    names = events[schema.EVENT_TYPE][unknown].value_counts()
    if names.empty:
        return []
    shown = listed([repr(plain(name)) for name in names.index], _TYPES_SHOWN)
    return [
        f"{names.sum():,} events are of types without a rung ({shown}). Where the data do "
        "not say it, their severity is assumed: 3 where nobody is known to be hurt, 4 with "
        "wounded, 5 with killed."
    ]


def _stamp_is_observed(data: ReportData) -> bool:
    """Whether known dates are real news dates."""
    return data.scores[0].provenance["known_dates"] == "observed"
