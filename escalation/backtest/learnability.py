"""Which labels of an experiment can be learnt, or forecast by ``prior`` alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from escalation._util.engine import Item, Result
from escalation.backtest.case import Case, case_of_labels, origins, require_learnable
from escalation.backtest.fitting import build_model
from escalation.backtest.shortage import OnShortage, Shortage, all_of, warn, warn_prior_only
from escalation.events.archive import EventArchive
from escalation.experiment import Experiment
from escalation.models.prior import Prior
from escalation.targets import Target


def require_backtest(case: Case) -> None:
    """Raise if a label can't be learnt, before anything is computed for it.

    Raises
    ------
    Shortage
        ``E-INSUFFICIENT`` for too few outcomes on the last day or on the experiment's first origin,
        or if no origin fits.
    """
    days, first = case.prepared.days, case.experiment.backtest.first_origin
    if len(days) <= case.target.horizon + case.prepared.lag:
        origins(case)
    require_learnable(case, days[-1])
    start = origins(case)[0]
    if first is not None:
        require_learnable(case, days[start])


def require_answerable(case: Case) -> Case:
    """Return the case, reduced to ``prior`` with a warning if its label can't be learnt.

    Raises
    ------
    Shortage
        From :func:`require_backtest`, if ``prior`` does not cover the label either.
    """
    try:
        require_backtest(case)
    except Shortage as shortage:
        return prior_only(case, shortage)
    return case


def prior_only(case: Case, shortage: Shortage) -> Case:
    """Reduce a case to the baselines and ``prior``, with a warning.

    Parameters
    ----------
    case : Case
    shortage : Shortage
        Why the label can't be learnt or scored.

    Raises
    ------
    Shortage
        The same, if ``prior`` does not cover the label.
    """
    prior = build_model("prior", case.experiment, case.target)
    if case.custom_models or not isinstance(prior, Prior) or not prior.covers_label:
        raise shortage
    reduced = replace(case, custom_models={"prior": prior})
    require_backtest(reduced)
    warn_prior_only(shortage)
    return reduced


def learnable_cases(
    archive: EventArchive, experiment: Experiment, *, missing: OnShortage = warn
) -> list[Case]:
    """Cases of all labels that can be learnt, without features.

    Labels that can't are left to ``prior`` if it has learnt them from other conflicts.

    Parameters
    ----------
    archive : EventArchive
    experiment : Experiment
    missing : callable, optional
        Called with the shortage of each other label; warns by default.

    Raises
    ------
    Shortage
        ``E-INSUFFICIENT`` if there is no such label.
    """

    def prepare(target: Target) -> Case:
        return require_answerable(case_of_labels(archive, experiment, target))

    return run_each(prepare, experiment.labels, missing=missing)


def run_each(
    work: Callable[[Item], Result], items: Sequence[Item], *, missing: OnShortage = warn
) -> list[Result]:
    """Results of the items without a shortage; ``missing`` is called with each shortage.

    Raises
    ------
    Shortage
        ``E-INSUFFICIENT`` if all items have one: all shortages in one message.
    """
    results, shortages = [], []
    for item in items:
        try:
            results.append(work(item))
        except Shortage as shortage:
            shortages.append(shortage)
    if not results and shortages:
        raise all_of(shortages)
    for skipped in shortages:
        missing(skipped)
    return results
