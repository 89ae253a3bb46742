"""One label of one experiment, prepared for backtests, fits and scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from escalation.backtest.fitting import names_of
from escalation.backtest.shortage import (
    LEAST,
    Outcomes,
    Shortage,
    days_needed,
    longest_resolved,
    shortage_of,
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
from escalation.targets import Labels, LookBack, Target


@dataclass(frozen=True, repr=False)
class Case:
    """One label of one experiment, prepared for backtests, fits and scores.

    Parameters
    ----------
    experiment : Experiment
    target : Target
    prepared : Prepared
        Features for every day, as known on that day.
    back : LookBack
        The label's threshold, risk set and history.
    custom_models : mapping of str to estimator, optional
        Unfitted models in place of the experiment's, in addition to the baselines.
    """

    experiment: Experiment
    target: Target
    prepared: Prepared
    back: LookBack
    custom_models: Mapping[str, Any] | None = field(default=None, kw_only=True)

    @property
    def model_names(self) -> list[str]:
        """Names of the models that run."""
        return names_of(self.experiment, self.target, self.custom_models)

    @property
    def learns(self) -> bool:
        """Whether any model needs outcomes of both classes; the baselines and `prior` do not."""
        return not self.custom_models or not set(self.custom_models) <= set(FROM_FIRST_DAY)

    def __repr__(self) -> str:
        units, days = len(self.prepared.units), len(self.prepared.days)
        return f"Case: {target_label(self.target)}, {units} units, {days} days"

    def labels_on(self, day: object) -> Labels:
        """Labels that had resolved by a day, as known on that day."""
        return self.prepared.labels_at(self.target, self.back, day)

    @cached_property
    def final(self) -> Labels:
        """Labels as known on the last day, used to score forecasts."""
        return self.labels_on(self.prepared.days[-1])

    def training_table(self, day: object, labels: Labels | None = None) -> Table:
        """Training rows on a day: resolved by then and as known by then.

        Parameters
        ----------
        day : date-like
        labels : Labels, optional
            From :meth:`labels_on`, if already computed.
        """
        labels = self.labels_on(day) if labels is None else labels
        return self.prepared.table(self.back, labels, self._training_rows(day, labels))

    def _training_rows(self, day: object, labels: Labels) -> Rows:
        schedule = self.experiment.backtest
        return training_rows(
            self.prepared,
            labels,
            every=schedule.train_every,
            window=schedule.window,
            last=self.prepared.index_of(day),
        )

    def outcomes_on(self, day: object, labels: Labels | None = None) -> Outcomes:
        """Count the training outcomes of a day by class; needs no features.

        Parameters
        ----------
        day : date-like
        labels : Labels, optional
            From :meth:`labels_on`, if already computed.
        """
        labels = self.labels_on(day) if labels is None else labels
        units, days = self._training_rows(day, labels)
        positives = int(labels.outcome[units, days].sum())
        dates = self.prepared.days[days] if len(days) else self.prepared.days
        return Outcomes(
            target_label(self.target),
            self.target.horizon,
            positives=positives,
            negatives=len(days) - positives,
            first=str(dates.min()),
            last=str(dates.max()),
            on=str(day),
            plain=self.target.name in {"any", "onset"},
            least=LEAST if self.learns else 0,
        )

    def rows_at(self, days: NDArray[np.int64]) -> Rows:
        """Unit and day indices of every unit known on each of some days, given by index."""
        mask = np.zeros(len(self.prepared.days), dtype=bool)
        mask[days] = True
        units, places = np.nonzero(self.prepared.past.present & mask)
        return units, places

    def rows_on(self, days: NDArray[np.int64], labels: Labels) -> Table:
        """Table of every unit known on each of some days.

        Parameters
        ----------
        days : ndarray of int64
            Day indices.
        labels : Labels
        """
        return self.prepared.table(self.back, labels, self.rows_at(days))


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
        ``E-COVERAGE`` if the experiment's last day is after the archive's.
    """
    return replace(
        add_features(case_of_labels(archive, experiment, target)), custom_models=custom_models
    )


def case_of_labels(archive: EventArchive, experiment: Experiment, target: Target) -> Case:
    """Prepare one label without features, which is enough to count its outcomes."""
    prepared = prepare_labels(archive, experiment, target)
    return Case(experiment, target, prepared, prepared.back(target))


def add_features(case: Case) -> Case:
    """Return the case with the experiment's features."""
    return replace(case, prepared=with_features(case.prepared, case.experiment))


def require_learnable(case: Case, day: object, labels: Labels | None = None) -> None:
    """Raise if there are too few outcomes to learn from on a day.

    Raises
    ------
    Shortage
        ``E-INSUFFICIENT`` with counts, dates and the classes with too few outcomes.
    """
    if (shortage := shortage_of(case.outcomes_on(day, labels))) is not None:
        raise shortage


def origins(case: Case) -> NDArray[np.int64]:
    """Day indices of the forecasts.

    They begin in the middle of the axis, unless the experiment names a first origin.

    Raises
    ------
    GateError
        ``E-INSUFFICIENT`` if they don't fit between the first resolved label and the last day.
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
    """Raise if the history is so short that no forecast of ``prior`` has resolved."""
    days, horizon, lag = len(case.prepared.days), case.target.horizon, case.prepared.lag
    longest = longest_resolved(days, lag=lag)
    if horizon > longest:
        shorter = (
            f", or use a horizon of at most {longest} day{'s' * (longest > 1)}" if longest else ""
        )
        raise Shortage(
            target_label(case.target),
            f"no forecast has resolved yet: {days} days of history, but a horizon of {horizon} "
            f"with a lag of {lag} needs {days_needed(horizon, lag=lag)} days",
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
    """Labels and training table as known on a day, given by index."""
    today = case.prepared.days[at]
    labels = case.labels_on(today)
    require_learnable(case, today, labels)
    return labels, case.training_table(today, labels)
