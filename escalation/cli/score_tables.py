"""Watch lists as tables for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from rich.table import Table
from rich.text import Text

from escalation._util.text import percent, toll
from escalation.cli.console import left_table
from escalation.errors import printable
from escalation.scoring.explain import Driver
from escalation.scoring.status import in_words, of_the_unit
from escalation.scoring.usual import (
    LEAST_UP,
    UP,
    against_usual,
    how_many,
    record_in_words,
    span,
    up_first,
)
from escalation.scoring.watchlist import Score

RIGHT = ("probability", "observed", "change", "how many")
"""Columns of numbers in the watch list."""


def _points(change: float) -> str:
    """A change in whole points of percent, with its sign.

    Examples
    --------
    >>> _points(-0.012), _points(-0.001), _points(0.2)
    ('-1', '0', '+20')
    """
    points = round(100.0 * change)
    return f"{points:+d}" if points else "0"


def watch_list_table(scores: Sequence[Score]) -> Table:
    """The watch list: what is up against its own usual level first, each part by probability."""
    first = scores[0]
    provenance = first.provenance
    table = left_table(
        f"Watch list of {first.day}: {first.target}, model "
        f"{provenance['model']} ({provenance['family']})",
        caption=_legend(scores),
    )
    for name in ("unit", "probability", "observed", "against its usual", "change", "how many"):
        justify: Literal["left", "right"] = "right" if name in RIGHT else "left"
        table.add_column(name, justify=justify, no_wrap=True)
    table.add_column("events that carry it")
    for part in up_first(scores):
        for score in part:
            name = printable(score.unit)
            table.add_row(
                Text(f"! {name}", style="bold") if score.alert else name,
                percent(score.probability),
                _observed(score),
                against_usual(score),
                "-" if score.change is None else _points(score.change),
                how_many(score) or "-",
                _reasons(score),
            )
        table.add_section()
    return table


def other_labels_table(lists: Sequence[Sequence[Score]]) -> Table:
    """A line a unit for what else was asked: a column for each label."""
    names = [scores[0].target for scores in lists]
    table = left_table(
        "Other labels",
        caption="In brackets: how often the outcome followed such forecasts (95% interval).",
    )
    for name in ("unit", *names):
        table.add_column(name, justify="left" if name == "unit" else "right", no_wrap=True)
    by_unit = [{score.unit_key: score for score in scores} for scores in lists]
    units = {key: score.unit for scores in by_unit for key, score in scores.items()}
    for key, unit in units.items():
        cells = (_chance(scores[key]) if key in scores else "-" for scores in by_unit)
        table.add_row(printable(unit), *cells)
    return table


def _chance(score: Score) -> str:
    """A probability and its observed interval."""
    if score.probability is None:
        return "-"
    return f"{percent(score.probability)} ({_observed(score)})"


def _observed(score: Score) -> str:
    if score.lower is None or score.upper is None:
        return "-"
    return span(score.lower, score.upper)


def _reasons(score: Score) -> str:
    if score.probability is None:
        return in_words(score.status)
    events = "; ".join(_driver(driver) for driver in score.drivers)
    status = in_words(of_the_unit(score.status))
    return "; ".join(filter(None, [status, events or "none stands out"]))


def _driver(driver: Driver) -> str:
    what = f"{driver.date} {driver.event_type.replace('_', ' ')}"
    words = filter(
        None,
        [
            printable(what),
            driver.place and printable(driver.place),
            toll(driver.killed, driver.wounded),
        ],
    )
    return f"{', '.join(words)} ({driver.contribution:+.2f})"


def _legend(scores: Sequence[Score]) -> str:
    text = (
        f"{record_in_words(scores)} First what is at {LEAST_UP:.0%} or more and {UP:g} times its "
        "usual level, its whole interval above it. Usual: how often it happened there. How many: "
        "expected, and the range of 80%. Events with what each adds in log-odds."
    ).lstrip()
    if any(score.alert for score in scores):
        text = f"! raises an alert. {text}"
    if supposed := scores[0].provenance.get("supposed"):
        events = "; ".join(map(printable, supposed))
        change = "Change: in points of percent against the same day without it."
        return f"Supposed, and nothing of it stored: {events}. {change} {text}"
    days = sorted({score.changed_since for score in scores if score.changed_since})
    return f"{text} Change: in points of percent since {', '.join(days)}." if days else text
