"""Checks that columns, training rows, labels and forecasts use only what was known in time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from escalation import schema
from escalation.audit import laws
from escalation.audit.cases import REVISED, TRUNCATED, Cases, Cut, forecast_columns
from escalation.audit.findings import CheckResult, Finding, findings_of
from escalation.audit.news import events_on, other_names
from escalation.backtest.case import Case
from escalation.errors import GateError
from escalation.experiment import BacktestSection
from escalation.panel.membership import unit_keys_of

NEW_DAYS = np.timedelta64(6, "D")
"""A unit is new for its first week."""
_TRIAL_ORIGINS = 6
"""Origins of a trial backtest: enough for models to build up a track record."""


def check_columns(cut: Cut) -> list[CheckResult]:
    """Compare the columns up to a day with those of each future: ``truncation`` and ``poison``."""
    cases, expected = cut.cases, cut.cases.columns(cut.until)
    results = []
    for because, archive in cut.futures.items():
        check = "truncation" if because == TRUNCATED else "poison"
        differences = laws.differences(cases.columns(archive), expected, upto=cut.day)
        results.append(CheckResult(check, 1, tuple(findings_of(check, differences, because))))
    return results


def check_warm_up(cut: Cut) -> CheckResult:
    """Check that the first week of units that are new on a day uses only their past."""
    cases, day = cut.cases, cut.day
    prepared = cases.case.prepared
    start = prepared.days[np.minimum(prepared.past.entry, len(prepared.days) - 1)]
    is_new = (start <= day) & (start >= day - NEW_DAYS) & prepared.past.present[:, -1]
    new_keys = [prepared.unit_keys[i] for i in np.flatnonzero(is_new)]
    findings = _early_entries(cases, new_keys)
    if new_keys:
        tables = (cases.columns(archive) for archive in (cases.whole, cut.until))
        rows = [t[t.index.get_level_values(schema.UNIT).isin(new_keys)] for t in tables]
        findings += findings_of("warm-up", laws.differences(*rows, upto=day), TRUNCATED)
    return CheckResult("warm-up", len(new_keys), tuple(findings))


def _early_entries(cases: Cases, unit_keys: Sequence[str]) -> list[Finding]:
    """A finding for each unit that exists before an event that lets it enter was known."""
    prepared = cases.case.prepared
    past, spec = prepared.past, prepared.spec
    findings = []
    for key in unit_keys:
        number = past.unit_keys.index(key)
        unit, entry = past.units[number], prepared.days[int(past.entry[number])]
        known = prepared.archive.as_of(entry)
        known = known[spec.enters.mask(known)]
        known = known[known[schema.EVENT_DATE] <= entry - np.timedelta64(prepared.lag, "D")]
        if not any((unit_keys_of(known, kind) == key).any() for kind in spec.kinds):
            says = f"{unit} has a row on {entry}, before anything was known there"
            findings.append(Finding("warm-up", f"entry of {unit}", unit, str(entry), says))
    return findings


def check_relabelling(cases: Cases) -> CheckResult:
    """Check that renaming units changes only their names."""
    rename = other_names(cases.whole, cases.experiment)
    if not rename:
        return CheckResult("relabelling", 0, note="no unit has a name that can be changed")
    differences = laws.renaming(cases.columns, cases.whole, rename=rename)
    findings = findings_of("relabelling", differences, "when only names changed")
    return CheckResult("relabelling", 1, tuple(findings))


def check_training(cut: Cut) -> CheckResult:
    """Check that a fit uses only rows that had resolved, with the outcomes then known."""
    cases, day = cut.cases, cut.day
    expected = _training_columns(cases.of(cut.until), day)
    findings = _unresolved(cases, expected, day)
    for because, archive in cut.futures.items():
        table = _training_columns(cases.of(archive), day)
        findings += _unresolved(cases, table, day)
        days = table.index.append(expected.index).get_level_values(schema.DAY)
        if len(days):
            differences = laws.differences(table, expected, upto=days.max())
            reason = f"for a fit on {day} {because}"
            findings += findings_of("training rows", differences, reason, of="learned: ")
    return CheckResult("training rows", 1, tuple(findings))


def _training_columns(case: Case, day: np.datetime64) -> pd.DataFrame:
    """Inputs, ``outcome`` and ``count`` of the training rows of a fit, by unit and day."""
    table = case.training_table(day)
    return table.X.assign(**{schema.OUTCOME: table.outcome, schema.COUNT: table.count})


def _unresolved(cases: Cases, table: pd.DataFrame, day: np.datetime64) -> list[Finding]:
    """The latest training row, if any, whose horizon and lag end after the day of the fit."""
    if table.empty:
        return []
    wait = cases.target.horizon + cases.case.prepared.lag
    rows = table.index[table.index.get_level_values(schema.DAY) > day - np.timedelta64(wait, "D")]
    if rows.empty:
        return []
    unit, last = max(rows, key=lambda row: row[1])
    says = (
        f"the training row of {unit} on {last:%Y-%m-%d} is used by a fit on {day}, "
        f"less than horizon plus lag ({wait} days) later"
    )
    return [Finding("training rows", "unresolved row", str(unit), f"{last:%Y-%m-%d}", says)]


def check_label_window(cut: Cut) -> CheckResult:
    """Add events on a day and check that only labels change whose horizon contains the day."""
    case, day = cut.cases.case, cut.day
    horizon = case.target.horizon
    end = case.prepared.days[-1]
    archive = events_on(case.prepared.archive.until(end), day, known=end, seed=cut.seed)
    prepared = case.prepared.with_archive(archive)
    other = replace(case, prepared=prepared, back=prepared.back(case.target))
    # An added event may let a unit enter; both lists are sorted.
    shared = np.isin(prepared.unit_keys, case.prepared.unit_keys)
    before, after = case.labels_on(end).count, other.labels_on(end).count[shared]
    same = (before == after) | np.isnan(before) & np.isnan(after)
    at = case.prepared.index_of(day)
    same[:, max(at - horizon, 0) : at] = True
    units, days = np.nonzero(~same & case.prepared.past.present)
    if not len(days):
        return CheckResult("label window", 1)
    unit, label_day = case.prepared.units[units[0]], case.prepared.days[days[0]]
    says = (
        f"the label of {unit} on {label_day} counts what happened on {day}; "
        f"it is about the {horizon} days after {label_day}"
    )
    finding = Finding("label window", case.target.name, unit, str(label_day), says)
    return CheckResult("label window", 1, (finding,))


def check_issued(cut: Cut) -> CheckResult:
    """Compare the inputs of models on a day with those of each future."""
    cases, day = cut.cases, cut.day
    expected = _issue_columns(cases.of(cut.until), day)
    findings = []
    for because, archive in cut.futures.items():
        differences = laws.differences(_issue_columns(cases.of(archive), day), expected, upto=day)
        findings += findings_of("issued rows", differences, because, of="input: ")
    return CheckResult("issued rows", 1, tuple(findings))


def _issue_columns(case: Case, day: np.datetime64) -> pd.DataFrame:
    """Inputs and ``at_risk`` that models get on a day, one row per unit, from all that is known."""
    known = case.labels_on(case.prepared.days[-1])
    table = case.rows_on(np.array([case.prepared.index_of(day)]), known)
    return table.X.assign(**{schema.AT_RISK: table.at_risk})


def check_backtest(cut: Cut) -> CheckResult:
    """Compare the forecasts up to a day, track records included, with those of two futures."""
    cases, schedule = cut.cases, _trial_schedule(cut.cases.case, cut.day)
    findings = []
    try:
        expected = forecast_columns(cases.of(cut.until), schedule)
        for because in (TRUNCATED, REVISED):
            forecasts = forecast_columns(cases.of(cut.futures[because]), schedule)
            differences = laws.differences(forecasts, expected, upto=cut.day)
            findings += findings_of("backtest", differences, because)
    except GateError as error:
        return CheckResult("backtest", 0, note=f"skipped: {error.message}")
    return CheckResult("backtest", 1, tuple(findings))


def _trial_schedule(case: Case, last: np.datetime64) -> BacktestSection:
    """A few origins that end on a day, two horizons apart if there is room."""
    prepared, horizon = case.prepared, case.target.horizon
    end = prepared.index_of(last)
    start = max(end // 2, horizon + prepared.lag)
    step = int(np.clip((end - start) // (_TRIAL_ORIGINS - 1), 1, 2 * horizon))
    first = prepared.days[max(end - step * (_TRIAL_ORIGINS - 1), start)]
    changes = {
        "first_origin": first.astype(dt.date),
        "last_origin": last.astype(dt.date),
        "every": step,
        "refit_every": 2,
    }
    return case.experiment.backtest.model_copy(update=changes)
