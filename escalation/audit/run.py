"""The audit of an experiment, label by label and day by day."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from escalation import schema
from escalation._util.progress import Progress, silent
from escalation.audit import time_checks
from escalation.audit.cases import Cases
from escalation.audit.findings import AuditReport, CheckResult, merge_results
from escalation.audit.shuffle import label_shuffle
from escalation.backtest.case import Case
from escalation.backtest.learnability import run_each
from escalation.errors import InputError
from escalation.events.archive import EventArchive, require_archive
from escalation.experiment import Experiment, require_experiment, target_label
from escalation.targets import Target


def audit(
    archive: EventArchive,
    experiment: Experiment,
    *,
    cuts: int = 6,
    seeds: int = 3,
    progress: Progress = silent,
) -> AuditReport:
    """Look for leaks in an experiment, custom features included.

    On several days, everything that became known later is removed or changed: no column, training
    row or forecast up to that day may change. Units are renamed, and only names may change.
    Outcomes are shuffled, and no model may show skill. A label that can't be learned is reported
    as a warning, and the audit continues with the others.

    Parameters
    ----------
    archive : EventArchive
    experiment : Experiment
    cuts : int
        Number of days to look from: days before news, above all late news, and days on which
        units enter.
    seeds : int
        Number of shuffles of the outcomes.
    progress : callable
        Called with a title, the steps completed, and the total.

    Raises
    ------
    Shortage
        ``E-INSUFFICIENT`` if no label can be learned.
    InputError
        ``E-RANGE`` if no day has a unit and a day after it.
    """
    require_archive(archive)
    require_experiment(experiment)

    def checked(target: Target) -> list[CheckResult]:
        return list(checks(archive, experiment, target, cuts=cuts, seeds=seeds, progress=progress))

    results = [result for label in run_each(checked, experiment.labels) for result in label]
    return AuditReport(experiment.experiment.name, merge_results(results))


def checks(
    archive: EventArchive,
    experiment: Experiment,
    target: Target,
    *,
    cuts: int,
    seeds: int,
    progress: Progress = silent,
) -> Iterator[CheckResult]:
    """Yield the result of every check of one label, the quick ones first.

    Parameters
    ----------
    archive : EventArchive
    experiment : Experiment
    target : Target
    cuts, seeds : int
        As for :func:`audit`.
    progress : callable, optional
    """
    cases = Cases(archive, experiment, target)
    days = _cut_days(cases.case, cuts, seed=experiment.experiment.seed)
    steps, title = len(days) + 3, target_label(target)
    for seed, day in enumerate(days):
        cut = cases.cut(day, seed=seed)
        yield from time_checks.check_columns(cut)
        yield time_checks.check_warm_up(cut)
        yield time_checks.check_training(cut)
        yield time_checks.check_issued(cut)
        yield time_checks.check_label_window(cut)
        progress(title, seed + 1, steps)
    yield time_checks.check_relabelling(cases)
    progress(title, steps - 2, steps)
    yield time_checks.check_backtest(cut)
    progress(title, steps - 1, steps)
    yield label_shuffle(cases, seeds=seeds)
    progress(title, steps, steps)


def _cut_days(case: Case, count: int, *, seed: int) -> NDArray[np.datetime64]:
    """Days to look from, in ascending order; raises ``E-RANGE`` if there is none.

    A leak of one day shows only if the next day has news. So half of the days precede news, the
    rarer kinds first: corrections, retractions, late reports. On the other half, units enter. One
    day lies late, so that models can learn from the days before it.
    """
    prepared = case.prepared
    days, entry = prepared.days, prepared.past.entry
    versions = prepared.archive.versions
    known = versions[schema.KNOWN_DATE].to_numpy("datetime64[D]")
    happened = versions[schema.EVENT_DATE].to_numpy("datetime64[D]")
    rare = (known > happened + np.timedelta64(prepared.lag, "D")) | versions.duplicated(
        [schema.SOURCE, schema.EVENT_ID]
    ).to_numpy(dtype=bool)
    first = entry.min(initial=len(days))
    if first >= len(days) - 1:
        raise InputError(
            "E-RANGE",
            "no day on which a unit is known has a day after it",
            fix="widen [data] first_day and last_day, or [panel] enters",
        )
    inside = days[first:-1]
    rng = np.random.default_rng(seed)
    before_rare, before_any = (
        np.intersect1d(day - np.timedelta64(1, "D"), inside) for day in (known[rare], known)
    )
    starts = np.intersect1d(days[entry[entry < len(days)]], inside)
    late = inside[-max(len(inside) // 4, 1) :]
    candidates = np.intersect1d(before_rare, late), np.intersect1d(before_any, late), late
    last = next(group for group in candidates if len(group))
    n_starts = (count - 1) // 2
    n_rare = (count - n_starts) // 2
    n_any = count - 1 - n_starts - n_rare
    groups = (starts, n_starts), (before_rare, n_rare), (before_any, n_any)
    cuts = [rng.choice(last)]
    for group, size in groups:
        cuts += list(rng.choice(group, min(size, len(group)), replace=False))
    return np.unique(np.array(cuts, dtype="datetime64[D]"))
