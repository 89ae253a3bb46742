"""One label of one experiment, prepared: what a backtest, a fit and a score start from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from escalation._util.engine import Item, Result
from escalation.backtest.fitting import build_model, names_of
from escalation.backtest.shortage import (
    LEAST,
    OnShortage,
    Outcomes,
    Shortage,
    all_of,
    days_needed,
    longest_resolved,
    shortage_of,
    warn,
    warn_answered_by_prior,
)
from escalation.backtest.table import (
    Prepared,
    Rows,
    Table,
    prepare_labels,
    training_rows,
    with_features,
)
from escalation.events.archive import EventArchive
from escalation.experiment import Experiment, target_label
from escalation.models import FROM_FIRST_DAY
from escalation.models.prior import Prior
from escalation.targets import Labels, LookBack, Target


@dataclass(frozen=True, repr=False)
class Case:
    """One label of one experiment, prepared: what a backtest, a fit and a score start from.

    Parameters
    ----------
    experiment : Experiment
    target : Target
    prepared : Prepared
        Features for every day, as known on that day.
    back : LookBack
        The label's threshold, risk set and history.
    custom_models : mapping of str to estimator, optional
        Unfitted models that stand in for those of the experiment, beside the baselines.
    """

    experiment: Experiment
    target: Target
    prepared: Prepared
    back: LookBack
    custom_models: Mapping[str, Any] | None = field(default=None, kw_only=True)

    @property
    def model_names(self) -> list[str]:
        """The models that run, each once."""
        return names_of(self.experiment, self.target, self.custom_models)

    @property
    def learns(self) -> bool:
        """Whether models need outcomes of either class: `prior` beside the baselines does not."""
        return not self.custom_models or not set(self.custom_models) <= set(FROM_FIRST_DAY)

    def __repr__(self) -> str:
        """Its label and its size, in one line."""
        units, days = len(self.prepared.units), len(self.prepared.days)
        return f"Case: {target_label(self.target)}, {units} units, {days} days"

    def labels_on(self, day: object) -> Labels:
        """Labels that had resolved by a day, from what was known by then."""
        return self.prepared.labels_at(self.target, self.back, day)

    @cached_property
    def final(self) -> Labels:
        """Labels from all that the archive says, for forecasts to be scored on."""
        return self.labels_on(self.prepared.days[-1])

    def training_table(self, day: object, known: Labels | None = None) -> Table:
        """Rows to learn from on a day: resolved by then, as known by then.

        Parameters
        ----------
        day : date-like
        known : Labels, optional
            Of :meth:`labels_on`, if at hand.
        """
        known = self.labels_on(day) if known is None else known
        return self.prepared.table(self.back, known, self._training_rows(day, known))

    def _training_rows(self, day: object, known: Labels) -> Rows:
        schedule = self.experiment.backtest
        return training_rows(
            self.prepared,
            known,
            every=schedule.train_every,
            window=schedule.window,
            last=self.prepared.index_of(day),
        )

    def outcomes_on(self, day: object, known: Labels | None = None) -> Outcomes:
        """Outcomes to learn from on a day, counted by class; needs no features.

        Parameters
        ----------
        day : date-like
        known : Labels, optional
            Of :meth:`labels_on`, if at hand.
        """
        known = self.labels_on(day) if known is None else known
        units, days = self._training_rows(day, known)
        positives = int(known.outcome[units, days].sum())
        asked = self.prepared.days[days] if len(days) else self.prepared.days
        return Outcomes(
            target_label(self.target),
            self.target.horizon,
            positives=positives,
            negatives=len(days) - positives,
            first=str(asked.min()),
            last=str(asked.max()),
            on=str(day),
            plain=self.target.name in {"any", "onset"},
            least=LEAST if self.learns else 0,
        )

    def rows_at(self, days: NDArray[np.int64]) -> Rows:
        """Every unit that was known, on the given days."""
        mask = np.zeros(len(self.prepared.days), dtype=bool)
        mask[days] = True
        units, at = np.nonzero(self.prepared.past.present & mask)
        return units, at

    def rows_on(self, days: NDArray[np.int64], known: Labels) -> Table:
        """Table of every unit that was known, on the given days.

        Parameters
        ----------
        days : ndarray of int64
            Day indices.
        known : Labels
        """
        return self.prepared.table(self.back, known, self.rows_at(days))


def make_case(
    archive: EventArchive,
    experiment: Experiment,
    target: Target,
    custom_models: Mapping[str, Any] | None = None,
) -> Case:
    """Prepare one label of an experiment.

    Parameters
    ----------
    archive : EventArchive
    experiment : Experiment
    target : Target
    custom_models : mapping of str to estimator, optional
        Unfitted models in place of the experiment's.

    Raises
    ------
    InputError
        ``E-COVERAGE`` when the experiment's last day lies beyond what the archive covers.
    """
    return replace(
        add_features(case_of_labels(archive, experiment, target)), custom_models=custom_models
    )


def case_of_labels(archive: EventArchive, experiment: Experiment, target: Target) -> Case:
    """One label without the experiment's features: enough to count its outcomes."""
    prepared = prepare_labels(archive, experiment, target)
    return Case(experiment, target, prepared, prepared.back(target))


def add_features(case: Case) -> Case:
    """The same case with the experiment's features."""
    return replace(case, prepared=with_features(case.prepared, case.experiment))


def require_learnable(case: Case, day: object, known: Labels | None = None) -> None:
    """Refuse to learn from too little.

    Raises
    ------
    Shortage
        ``E-INSUFFICIENT`` with counts, dates and the class that is short.
    """
    if (shortage := shortage_of(case.outcomes_on(day, known))) is not None:
        raise shortage


def require_backtest(case: Case) -> None:
    """Refuse a label that can't be learnt, before anything is computed for it.

    Raises
    ------
    Shortage
        ``E-INSUFFICIENT`` where outcomes are too few, on the last day or on the first origin that
        the experiment names, or where no origin fits.
    """
    days, first = case.prepared.days, case.experiment.backtest.first_origin
    if len(days) <= case.target.horizon + case.prepared.lag:
        origins(case)
    require_learnable(case, days[-1])
    start = origins(case)[0]
    if first is not None:
        require_learnable(case, days[start])


def require_answerable(case: Case) -> Case:
    """The case, or what the model ``prior`` alone can say where nothing can be learnt.

    Raises
    ------
    Shortage
        Of :func:`require_backtest`, for a label that ``prior`` has not learnt either.
    """
    try:
        require_backtest(case)
    except Shortage as shortage:
        return prior_only(case, shortage)
    return case


def prior_only(case: Case, shortage: Shortage) -> Case:
    """The case with the baselines and the model ``prior`` alone, and a warning that says so.

    Parameters
    ----------
    case : Case
    shortage : Shortage
        Why nothing can be learnt, or shown.

    Raises
    ------
    Shortage
        That one, where ``prior`` has not learnt the label either.
    """
    prior = build_model("prior", case.experiment, case.target)
    if case.custom_models or not isinstance(prior, Prior) or not prior.covers_label:
        raise shortage
    young = replace(case, custom_models={"prior": prior})
    require_backtest(young)
    warn_answered_by_prior(shortage)
    return young


def learnable_cases(
    archive: EventArchive, experiment: Experiment, *, missing: OnShortage = warn
) -> list[Case]:
    """Every label that can be learnt, counted right after reading and without its features.

    One that can't is left to the model ``prior``, where that has learnt it from other conflicts.

    Parameters
    ----------
    archive : EventArchive
    experiment : Experiment
    missing : callable, optional
        Told of each label that can't be; a warning by default.

    Raises
    ------
    Shortage
        ``E-INSUFFICIENT`` when none can be.
    """

    def counted(target: Target) -> Case:
        return require_answerable(case_of_labels(archive, experiment, target))

    return run_each(counted, experiment.labels, missing=missing)


def run_each(
    work: Callable[[Item], Result], items: Sequence[Item], *, missing: OnShortage = warn
) -> list[Result]:
    """Results of the items that have one; those that lack something don't stop the others.

    Raises
    ------
    Shortage
        ``E-INSUFFICIENT`` when all lack something: the one, or all in one message.
    """
    results, shortages = [], []
    for item in items:
        try:
            results.append(work(item))
        except Shortage as shortage:
            shortages.append(shortage)
    if not results and shortages:
        raise all_of(shortages)
    for lacking in shortages:
        missing(lacking)
    return results


def origins(case: Case) -> NDArray[np.int64]:
    """Day indices on which forecasts are issued.

    From the middle of the axis unless the experiment names a first origin, to the last day.

    Raises
    ------
    GateError
        ``E-INSUFFICIENT`` where they don't fit between the first label and the last day.
    """
    schedule, axis = case.experiment.backtest, case.prepared
    count = len(axis.days)
    last = axis.index_of(schedule.last_origin) if schedule.last_origin else count - 1
    least = case.target.horizon + axis.lag
    first = axis.index_of(schedule.first_origin) if schedule.first_origin else count // 2
    if not (schedule.first_origin or case.learns):
        first = least
        _require_one_resolved(case)
    if not least <= first <= last < count:
        raise Shortage(
            target_label(case.target),
            f"needs origins between {axis.days[min(least, count - 1)]} and {axis.days[-1]}: "
            f"{count} days of history, horizon {case.target.horizon}, lag {axis.lag}",
            fix="add history or move [backtest] first_origin and last_origin",
        )
    return np.arange(first, last + 1, schedule.every)


def _require_one_resolved(case: Case) -> None:
    """Refuse a history so short that nothing which ``prior`` says in it has resolved."""
    days, horizon, lag = len(case.prepared.days), case.target.horizon, case.prepared.lag
    longest = longest_resolved(days, lag=lag)
    if horizon > longest:
        shorter = f", or take a horizon of at most {longest}" if longest else ""
        raise Shortage(
            target_label(case.target),
            f"no forecast has resolved yet: {days} days of history, and a horizon of {horizon} "
            f"with a lag of {lag} needs {days_needed(horizon, lag=lag)}",
            fix=f"add history{shorter}",
        )


def can_learn(case: Case, at: int) -> bool:
    """Whether there was enough to learn from on a day.

    Parameters
    ----------
    case : Case
    at : int
        Index of the day.
    """
    if at < case.target.horizon + case.prepared.lag:
        return False
    return not case.outcomes_on(case.prepared.days[at]).short


def learnable(case: Case, at: int) -> tuple[Labels, Table]:
    """What was known on a day, and what there was to learn from."""
    today = case.prepared.days[at]
    known = case.labels_on(today)
    require_learnable(case, today, known)
    return known, case.training_table(today, known)
