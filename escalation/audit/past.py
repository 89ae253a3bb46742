"""Checks that what is said about a day depends on nothing but what was known on it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from escalation import schema
from escalation.audit import laws
from escalation.audit.cases import GONE, Cases, Cut
from escalation.audit.findings import CheckResult, Finding, findings_of
from escalation.audit.news import other_names
from escalation.panel.membership import unit_keys_of

NEW_DAYS = np.timedelta64(6, "D")
"""A unit is new for its first week."""


def check_columns(cases: Cases, cut: Cut) -> list[CheckResult]:
    """The columns up to a day, whatever became known later.

    Parameters
    ----------
    cases : Cases
    cut : Cut

    Returns
    -------
    list of CheckResult
        ``truncation`` and ``poison``.
    """
    then = cases.sheet(cut.until)
    checks = []
    for because, archive in cut.futures.items():
        check = "truncation" if because == GONE else "poison"
        moves = laws.moved(cases.sheet(archive), then, upto=cut.day)
        checks.append(CheckResult(check, 1, tuple(findings_of(check, moves, because))))
    return checks


def check_warm_up(cases: Cases, cut: Cut) -> CheckResult:
    """The first week of the units that are new on a day: from their past alone.

    Parameters
    ----------
    cases : Cases
    cut : Cut
    """
    prepared, day = cases.case.prepared, cut.day
    start = prepared.days[np.minimum(prepared.past.entry, len(prepared.days) - 1)]
    fresh = (start <= day) & (start >= day - NEW_DAYS) & prepared.past.present[:, -1]
    new = [key for key, is_new in zip(prepared.unit_keys, fresh, strict=True) if is_new]
    findings = _too_early(cases, new)
    if new:
        sheets = [_of_units(cases.sheet(archive), new) for archive in (cases.whole, cut.until)]
        findings += findings_of("warm-up", laws.moved(*sheets, upto=day), GONE)
    return CheckResult("warm-up", len(new), tuple(findings))


def _too_early(cases: Cases, unit_keys: Sequence[str]) -> list[Finding]:
    """A finding for each unit that exists before anything that lets it enter had been seen."""
    prepared = cases.case.prepared
    past, spec = prepared.past, prepared.spec
    findings = []
    for key in unit_keys:
        unit = past.units[past.unit_keys.index(key)]
        entry = prepared.days[int(past.entry[past.unit_keys.index(key)])]
        known = prepared.archive.as_of(entry)
        known = known[spec.enters.mask(known)]
        known = known[known[schema.EVENT_DATE] <= entry - np.timedelta64(prepared.lag, "D")]
        if not any((unit_keys_of(known, kind) == key).any() for kind in spec.kinds):
            says = f"{unit} has a row on {entry}, before anything was known there"
            findings.append(Finding("warm-up", f"entry of {unit}", unit, str(entry), says))
    return findings


def check_relabelling(cases: Cases) -> CheckResult:
    """The columns under other names of the units, which must change names only."""
    rename = other_names(cases.whole, cases.experiment)
    if not rename:
        return CheckResult("relabelling", 0, note="no unit has a name that could be another")
    moves = laws.renaming(cases.sheet, cases.whole, rename=rename)
    return CheckResult(
        "relabelling", 1, tuple(findings_of("relabelling", moves, "when only names changed"))
    )


def _of_units(table: pd.DataFrame, unit_keys: Sequence[str]) -> pd.DataFrame:
    return table[table.index.get_level_values(schema.UNIT).isin(unit_keys)]
