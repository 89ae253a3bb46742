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
from escalation.panel.dense import unit_of

NEW_DAYS = np.timedelta64(6, "D")
"""A unit is new for its first week."""


def check_columns(cases: Cases, cut: Cut) -> list[CheckResult]:
    """The columns up to a day, whatever became known later."""
    then = cases.sheet(cut.until)
    checks = []
    for because, archive in cut.futures.items():
        check = "truncation" if because == GONE else "poison"
        moves = laws.moved(cases.sheet(archive), then, upto=cut.day)
        checks.append(CheckResult(check, 1, tuple(findings_of(check, moves, because))))
    return checks


def check_warm_up(cases: Cases, cut: Cut) -> CheckResult:
    """The first week of the units that are new on a day: from their past alone."""
    prepared, day = cases.case.prepared, cut.day
    start = prepared.days[np.minimum(prepared.vintages.entry, len(prepared.days) - 1)]
    fresh = (start <= day) & (start >= day - NEW_DAYS) & prepared.vintages.present[:, -1]
    new = [unit for unit, is_new in zip(prepared.vintages.units, fresh, strict=True) if is_new]
    found = too_early(cases, new)
    if new:
        sheets = [_of_units(cases.sheet(archive), new) for archive in (cases.whole, cut.until)]
        found += findings_of("warm-up", laws.moved(*sheets, upto=day), GONE)
    return CheckResult("warm-up", len(new), tuple(found))


def too_early(cases: Cases, units: Sequence[str]) -> list[Finding]:
    """Units that exist on a day on which nothing that lets them enter had been seen."""
    prepared = cases.case.prepared
    stack, spec = prepared.vintages, prepared.spec
    found = []
    for unit in units:
        entry = prepared.days[int(stack.entry[stack.units.index(unit)])]
        seen = prepared.archive.as_of(entry)
        seen = seen[spec.enters.mask(seen)]
        seen = seen[seen[schema.EVENT_DATE] <= entry - np.timedelta64(prepared.lag, "D")]
        if not any((unit_of(seen, kind) == unit).any() for kind in spec.kinds):
            says = f"{unit} has a row on {entry}, before anything was known there"
            found.append(Finding("warm-up", f"entry of {unit}", unit, str(entry), says))
    return found


def check_relabelling(cases: Cases) -> CheckResult:
    """The columns under other names of the units, which must change names only."""
    rename = other_names(cases.whole, cases.experiment)
    if not rename:
        return CheckResult("relabelling", 0, note="no unit has a name that could be another")
    moves = laws.renaming(cases.sheet, cases.whole, rename=rename)
    return CheckResult(
        "relabelling", 1, tuple(findings_of("relabelling", moves, "when only names changed"))
    )


def _of_units(table: pd.DataFrame, units: Sequence[str]) -> pd.DataFrame:
    return table[table.index.get_level_values(schema.UNIT).isin(units)]
