"""Watch lists as tables for people."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Column, Table
from rich.text import Text

from escalation._util.text import percent, toll
from escalation.cli.console import left_table, right
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


def _points(change: float) -> str:
    """A change in whole percentage points, with its sign.

    Examples
    --------
    >>> _points(-0.012), _points(-0.001), _points(0.2)
    ('-1', '0', '+20')
    """
    points = round(100.0 * change)
    return f"{points:+d}" if points else "0"


def watch_list_table(scores: Sequence[Score]) -> Table:
    """The watch list: first units above their usual level, then the others; each by probability."""
    first = scores[0]
    provenance = first.provenance
    table = left_table(
        f"Watch list of {first.day}: {first.target}, model "
        f"{provenance['model']} ({provenance['family']})",
        Column("unit", no_wrap=True),
        right("probability", no_wrap=True),
        right("observed", no_wrap=True),
        Column("against its usual", no_wrap=True),
        right("change", no_wrap=True),
        right("how many", no_wrap=True),
        "driving events",
        caption=_legend(scores),
    )
    for section in up_first(scores):
        for score in section:
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
    """The other labels: a row per unit, a column per label."""
    table = left_table(
        "Other labels",
        Column("unit", no_wrap=True),
        *(right(scores[0].target, no_wrap=True) for scores in lists),
        caption="In brackets: how often the outcome followed such forecasts (95% interval).",
    )
    by_unit = [{score.unit_key: score for score in scores} for scores in lists]
    units = {key: score.unit for scores in by_unit for key, score in scores.items()}
    for key, unit in units.items():
        table.add_row(printable(unit), *(_forecast(scores.get(key)) for scores in by_unit))
    return table


def _forecast(score: Score | None) -> str:
    if score is None or score.probability is None:
        return "-"
    return f"{percent(score.probability)} ({_observed(score)})"


def _observed(score: Score) -> str:
    """How often the outcome followed such forecasts (95% interval)."""
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
    details = (
        printable(f"{driver.date} {driver.event_type.replace('_', ' ')}"),
        driver.place and printable(driver.place),
        toll(driver.killed, driver.wounded),
    )
    return f"{', '.join(filter(None, details))} ({driver.contribution:+.2f})"


def _legend(scores: Sequence[Score]) -> str:
    text = (
        f"{record_in_words(scores)} First come units at {LEAST_UP:.0%} or more and at least {UP:g} "
        "times their usual level, with the whole interval above it. Usual: how often it happened "
        "there. How many: expected number and 80% range. Events: what each adds in log-odds."
    ).lstrip()
    if any(score.alert for score in scores):
        text = f"! raises an alert. {text}"
    if supposed := scores[0].provenance.get("supposed"):
        events = "; ".join(map(printable, supposed))
        change = "Change: in percentage points against the same day without it."
        return f"Supposed, and nothing of it stored: {events}. {change} {text}"
    days = sorted({score.changed_since for score in scores if score.changed_since})
    return f"{text} Change: in percentage points since {', '.join(days)}." if days else text
