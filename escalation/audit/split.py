"""Checks that fits and forecasts use nothing that had not resolved."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from escalation import schema
from escalation.audit import laws
from escalation.audit.cases import (
    GONE,
    REVISED,
    Cases,
    Cut,
    forecast_sheet,
    issue_sheet,
    training_sheet,
    trial_schedule,
)
from escalation.audit.findings import CheckResult, Finding, findings_of
from escalation.audit.news import events_on
from escalation.errors import GateError


def check_training(cases: Cases, cut: Cut) -> CheckResult:
    """Rows, inputs and outcomes of a fit: those that had resolved, as they were known.

    Parameters
    ----------
    cases : Cases
    cut : Cut
    """
    day, then = cut.day, training_sheet(cases.of(cut.until), cut.day)
    findings = _immature(cases, then, day)
    for because, archive in cut.futures.items():
        now = training_sheet(cases.of(archive), day)
        findings += _immature(cases, now, day)
        if len(then) or len(now):
            last = max(t.index.get_level_values(schema.DAY).max() for t in (then, now) if len(t))
            moves = laws.moved(now, then, upto=last)
            findings += findings_of(
                "training rows", moves, f"for a fit on {day} {because}", of="learned: "
            )
    return CheckResult("training rows", 1, tuple(findings))


def _immature(cases: Cases, table: pd.DataFrame, day: np.datetime64) -> list[Finding]:
    """The latest training row, if any, whose days ahead and lag end after the day of the fit."""
    if table.empty:
        return []
    wait = cases.target.horizon + cases.case.prepared.lag
    rows = table.index[table.index.get_level_values(schema.DAY) > day - np.timedelta64(wait, "D")]
    if rows.empty:
        return []
    unit, last = max(rows, key=lambda row: row[1])
    says = (
        f"the training row of {unit} on {last:%Y-%m-%d} is used by a fit on {day}, "
        f"less than horizon and lag, {wait} days, before it"
    )
    return [Finding("training rows", "immature row", str(unit), f"{last:%Y-%m-%d}", says)]


def check_label_window(cases: Cases, day: np.datetime64, seed: int) -> CheckResult:
    """Labels with one more event of every kind on a day: only those that look at it may move.

    Parameters
    ----------
    cases : Cases
    day : datetime64[D]
        When the added events happen.
    seed : int
    """
    case, horizon = cases.case, cases.target.horizon
    end = case.prepared.days[-1]
    more = events_on(case.prepared.archive.until(end), day, known=end, seed=seed)
    prepared = case.prepared.with_archive(more)
    other = replace(case, prepared=prepared, back=prepared.back(cases.target))
    # An added event may let a unit enter; both lists are sorted.
    known = np.isin(prepared.unit_keys, case.prepared.unit_keys)
    counts = [case.labels_on(end).count, other.labels_on(end).count[known]]
    same = (counts[0] == counts[1]) | np.isnan(counts[0]) & np.isnan(counts[1])
    at = case.prepared.index_of(day)
    allowed = np.zeros(len(case.prepared.days), dtype=bool)
    allowed[max(at - horizon, 0) : at] = True
    units, days = np.nonzero(~same & ~allowed & case.prepared.past.present)
    if not len(days):
        return CheckResult("label window", 1)
    unit, when = case.prepared.units[units[0]], case.prepared.days[days[0]]
    says = (
        f"the label of {unit} on {when} counts what happened on {day}; "
        f"it is about the {horizon} days after {when}"
    )
    return CheckResult(
        "label window", 1, (Finding("label window", cases.target.name, unit, str(when), says),)
    )


def check_issued(cases: Cases, cut: Cut) -> CheckResult:
    """What models are shown on a day, whatever came after.

    Parameters
    ----------
    cases : Cases
    cut : Cut
    """
    day, then = cut.day, issue_sheet(cases.of(cut.until), cut.day)
    findings = []
    for because, archive in cut.futures.items():
        moves = laws.moved(issue_sheet(cases.of(archive), day), then, upto=day)
        findings += findings_of("issued rows", moves, because, of="input: ")
    return CheckResult("issued rows", 1, tuple(findings))


def check_backtest(cases: Cases, cut: Cut) -> CheckResult:
    """Forecasts up to a day, models and track records included, whatever came after.

    Parameters
    ----------
    cases : Cases
    cut : Cut
    """
    schedule = trial_schedule(cases.case, cut.day)
    try:
        then = forecast_sheet(cases.of(cut.until), schedule)
        findings = []
        for because in (GONE, REVISED):
            now = forecast_sheet(cases.of(cut.futures[because]), schedule)
            findings += findings_of("backtest", laws.moved(now, then, upto=cut.day), because)
    except GateError as error:
        return CheckResult("backtest", 0, note=f"not made: {error.message}")
    return CheckResult("backtest", 1, tuple(findings))
