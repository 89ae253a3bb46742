"""The whole audit of an experiment, label by label and day by day."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from escalation import schema
from escalation._util.progress import Progress, silent
from escalation.audit import past, split
from escalation.audit.cases import Cases
from escalation.audit.findings import AuditReport, CheckResult, merge_results
from escalation.audit.shuffle import label_shuffle
from escalation.backtest.case import Case, run_each
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
    """Look for leaks in an experiment, its own features included.

    At several days everything that became known later is removed or changed: no column, no
    training row and no forecast up to that day may move. Units get other names, and only names may
    change. Outcomes are shuffled, and no model may show skill. A label that can't be learnt is told
    as a warning, and the others go on.

    Parameters
    ----------
    archive : EventArchive
    experiment : Experiment
    cuts : int
        Days to look from: eves of news, above all of late news, and days on which units enter.
    seeds : int
        Shuffles of the outcomes.
    progress : callable
        Called with what is done, how much of it, and the total.

    Raises
    ------
    Shortage
        ``E-INSUFFICIENT`` when no label can be learnt.
    InputError
        ``E-RANGE`` when the experiment has no day with a unit and a day after it.
    """
    require_archive(archive)
    require_experiment(experiment)

    def checked(target: Target) -> list[CheckResult]:
        return list(checks(archive, experiment, target, cuts=cuts, seeds=seeds, progress=progress))

    labels = run_each(checked, experiment.labels)
    done = [result for label in labels for result in label]
    return AuditReport(experiment.experiment.name, merge_results(done))


def checks(
    archive: EventArchive,
    experiment: Experiment,
    target: Target,
    *,
    cuts: int,
    seeds: int,
    progress: Progress = silent,
) -> Iterator[CheckResult]:
    """Every check of one label, the quick ones first, each as soon as it is made.

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
        yield from past.check_columns(cases, cut)
        yield past.check_warm_up(cases, cut)
        yield split.check_training(cases, cut)
        yield split.check_issued(cases, cut)
        yield split.check_label_window(cases, day, seed)
        progress(title, seed + 1, steps)
    yield past.check_relabelling(cases)
    progress(title, steps - 2, steps)
    yield split.check_backtest(cases, cut)
    progress(title, steps - 1, steps)
    yield label_shuffle(cases, seeds=seeds)
    progress(title, steps, steps)


def _cut_days(case: Case, count: int, *, seed: int) -> NDArray[np.datetime64]:
    """Days to look from, ascending; ``E-RANGE`` where there is none.

    A leak of one day shows only when the next day has news. So half of them are eves of news, the
    rarer kinds first: corrections, retractions, late reports. The other half are days on which
    units enter. The last one lies late, so that there is something to learn from before it.
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
            "no day on which a unit is known and that has a day after it",
            fix="widen [data] first_day and last_day, or [panel] enters",
        )
    inside = days[first:-1]
    rng = np.random.default_rng(seed)
    eves = [np.intersect1d(day - np.timedelta64(1, "D"), inside) for day in (known[rare], known)]
    starts = np.intersect1d(days[entry[entry < len(days)]], inside)
    late = inside[-max(len(inside) // 4, 1) :]
    last = next(c for c in (*(np.intersect1d(e, late) for e in eves), late) if len(c))
    entering = (count - 1) // 2
    rarer = (count - entering) // 2
    groups = (starts, entering), (eves[0], rarer), (eves[1], count - 1 - entering - rarer)
    chosen = [rng.choice(last)]
    for group, share in groups:
        chosen += list(rng.choice(group, min(share, len(group)), replace=False))
    return np.unique(np.array(chosen, dtype="datetime64[D]"))
