"""Names and events in plain words, and the caveats of a page."""

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
_IDENTIFIER = re.compile("[a-z0-9_ -]+")
_SMALL_WORDS = frozenset({"al", "el", "de", "and", "of", "the", "on"})
SHORT_NAMES = frozenset({"us", "un", "uk", "eu", "ii", "iii", "iv"})
"""Parts of names that are written in capitals."""


def plain(name: object) -> str:
    """A name without underscores; abbreviations in capitals, countries capitalised.

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
    """Upper case for known abbreviations, short codes with a digit, and words without a vowel."""
    vowelless = part.isalpha() and part.islower() and not set(part) & set("aeiouy")
    code = part.isalnum() and not part.isalpha() and not part.isdecimal() and len(part) < 4
    if part in SHORT_NAMES or code or (vowelless and 1 < len(part) < 6):
        return part.upper()
    country = part.isalpha() and to_iso3(pa.array([part]), code="name")[0].is_valid
    return part[:1].upper() + part[1:] if country else part


def titled(name: object) -> str:
    """The name of a place, in title case if it is written as an identifier.

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
    """A day as written in a sentence.

    Examples
    --------
    >>> long_day("2020-03-11")
    '11 March 2020'
    """
    return f"{pd.Timestamp(day):%-d %B %Y}"


def what_happened(event: pd.Series) -> str:
    """An event in a line: type, place, actor and target, killed and wounded."""
    kind = plain(event[schema.EVENT_TYPE])
    kind = kind[:1].upper() + kind[1:]
    place = (
        titled(event[schema.SITE]) or titled(event[schema.ADMIN1]) or plain(event[schema.COUNTRY])
    )
    sides = " on ".join(filter(None, [plain(event[schema.ACTOR]), plain(event[schema.TARGET])]))
    people = toll(event[schema.KILLED], event[schema.WOUNDED])
    return ", ".join(filter(None, [kind, place, sides, people]))


def caveats(data: ReportData) -> list[str]:
    """What a reader has to know before acting on a number."""
    stamp, sentences = data.scores[0].provenance, []
    if data.in_sample:
        sentences.append(
            f"In-sample: the model was trained on days up to {long_day(stamp['trained_to'])}, "
            "after the day of this page. Its numbers look better than they are."
        )
    sentences += _on_the_record(data) + _on_the_data(data)
    if stamp["caveat"]:
        sentences.append(f"{stamp['caveat'][:1].upper()}{stamp['caveat'][1:]}.")
    return sentences


def _on_the_record(data: ReportData) -> list[str]:
    forecasts = data.model_forecasts
    known = forecasts[
        forecasts[schema.OUTCOME].notna() & forecasts[schema.AT_RISK].fillna(False).astype(bool)
    ]
    if known.empty:
        return [
            "No track record is stored with this model: nothing shows how far it can be trusted."
        ]
    positives = int(known[schema.OUTCOME].sum())
    sentences = [
        "The 95% interval is how often the outcome followed forecasts at this level, by the "
        f"model's own record: {len(known):,} forecasts, {positives:,} of them followed by the "
        "outcome. It describes all such forecasts, not this place today, and does not allow for a "
        "change in how the sides behave.",
        "Forecasts of neighbouring days share events, and so do those of a place and of all places "
        "together: the record holds less evidence than its number of forecasts suggests.",
    ]
    if positives < FEWEST_POSITIVES:
        sentences.append(
            f"With only {positives} positives, the models can't be ranked; none is claimed to be "
            "the best."
        )
    elif data.family != "ewma_nb" and not data.summary.empty:
        verdicts = data.summary.loc[data.summary["model"] == data.family, "verdict"]
        sentences += [f"Compared with the baseline, ewma_nb: {verdict}." for verdict in verdicts]
    sentences.append(
        f"{data.family} was selected on the same forecasts that its record shows, which flatters "
        "it slightly."
    )
    return sentences


def _on_the_data(data: ReportData) -> list[str]:
    """How complete and reliable the events are."""
    events = data.events
    violent = events[events[schema.SEVERITY] >= 3]
    delay = (events[schema.KNOWN_DATE] - events[schema.EVENT_DATE]).dt.days
    sentences = [
        f"{len(events):,} events were known, {len(violent):,} of them violent. Of the violent "
        f"ones, {int(violent[schema.KILLED].isna().sum()):,} lack the number of people killed, and "
        f"{int(violent[schema.ACTOR].isna().sum() + (violent[schema.ACTOR] == 'unknown').sum()):,} "
        "the actor."
    ]
    sentences += _on_assumed_severity(data)
    if data.scores[0].provenance["known_dates"] == "observed" and len(delay):
        sentences.append(
            f"Half of the events were reported within {delay.median():.0f} days, the last one "
            f"after {delay.max():.0f}: the latest days may be incomplete."
        )
    n_unsure = int((events[schema.CONFIDENCE] == "low").sum())
    if n_unsure:
        sentences.append(f"{n_unsure:,} events have low confidence.")
    n_without = sum(score.probability is None for score in data.scores)
    if n_without:
        sentences.append(f"{n_without:,} units have no probability; their status says why.")
    return sentences


def _on_assumed_severity(data: ReportData) -> list[str]:
    """Events whose type is not on the severity ladder."""
    events = data.events
    unknown = unrated(pa.array(events[schema.EVENT_TYPE]), ladder=data.experiment.ladder)
    names = events[schema.EVENT_TYPE][unknown].value_counts()
    if names.empty:
        return []
    types = listed([repr(plain(name)) for name in names.index], _TYPES_SHOWN)
    return [
        f"{names.sum():,} events are of types without a rung ({types}). Unless the data state "
        "their severity, it is assumed: 3 if nobody is known to be hurt, 4 with people wounded, "
        "5 with people killed."
    ]
