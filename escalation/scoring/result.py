"""A backtest in a notebook: its forecasts, its tables and figures, and the model to go on with."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from escalation import metrics, plots, schema
from escalation._util.number_cache import users_cache
from escalation.backtest.case import Case, make_case, require_answerable
from escalation.backtest.settings import experiment_of
from escalation.backtest.train import Trained, train_case
from escalation.errors import UsageError
from escalation.events.archive import EventArchive, require_archive
from escalation.experiment import Experiment
from escalation.features.build import Families
from escalation.models.wrapped import Adapted, as_event_model
from escalation.scoring.described import manifest_of
from escalation.scoring.score import score
from escalation.scoring.scorer import Scorer
from escalation.scoring.supposed import score_if
from escalation.targets.base import Target

_SHOWN = ("model", "rows", "positives", "brier", "skill_vs_climatology", "skill_vs_ewma_nb")


@dataclass(frozen=True)
class BacktestPlots:
    """Figures of a backtest.

    Parameters
    ----------
    forecasts, table : DataFrame
        Forecasts, and their comparison.
    """

    forecasts: pd.DataFrame
    table: pd.DataFrame

    def reliability(self, *models: str) -> Figure:
        """How often it happened, against the forecast; all models by default."""
        return plots.reliability_figure(self.forecasts, models=models or None)

    def skill(self) -> Figure:
        """Skill of every model against each baseline, with intervals."""
        return plots.skill_figure(self.table)


@dataclass(frozen=True, repr=False)
class FittedModel:
    """A model that learned from everything that had resolved.

    Parameters
    ----------
    scorer : Scorer
    """

    scorer: Scorer

    @property
    def estimator(self) -> Any:
        """The fitted estimator: the one that was given, or a model of the project's own.

        It is what ``mlflow.sklearn.log_model`` takes. The registry of ``escalation train`` holds
        the project's own models only, because whatever else a file says could run as code.
        None where an estimator was given and training saw one outcome only.
        """
        model = self.scorer.model
        return model.inner_ if isinstance(model, Adapted) else model

    def score(
        self,
        archive: EventArchive,
        *,
        as_of: object = None,
        suppose: Sequence[str] = (),
        **options: Any,
    ) -> pd.DataFrame:
        """Every unit on a day, most at risk first.

        Parameters
        ----------
        archive : EventArchive
        as_of : date-like, optional
            From the last day of training on; the last that the archive covers by default.
        suppose : sequence of str, optional
            Events that did not happen, such as
            ``"rocket_attack militia>us_coalition at taji killed=1"``: the list as it would read
            with them, and in ``change`` what they add.
        **options
            As for :func:`escalation.scoring.score.score`.

        Returns
        -------
        DataFrame
        """
        if suppose:
            rows = score_if(self.scorer, archive, suppose, as_of=as_of, **options)
        else:
            rows = score(self.scorer, archive, as_of=as_of, **options)
        return pd.DataFrame([row.as_dict() for row in rows])

    def __repr__(self) -> str:
        """Its name and what it knows, in one line."""
        return f"FittedModel: {self.scorer.reference}, trained to {self.scorer.manifest.trained_to}"


@dataclass(frozen=True, repr=False)
class BacktestResult:
    """What models would have forecast, and what came.

    Parameters
    ----------
    trained : Trained
        Forecasts of every model on every origin, and every model fitted on what had resolved.
    """

    trained: Trained

    @property
    def forecasts(self) -> pd.DataFrame:
        """A row per model, unit and day, in the columns of a forecast file."""
        return self.trained.forecasts

    @property
    def experiment(self) -> Experiment:
        """All settings, as an experiment file has them."""
        return self.trained.case.experiment

    @property
    def best(self) -> str:
        """The model with the lowest Brier score; ``ewma_nb`` where there are few positives."""
        return self.trained.best

    @cached_property
    def plot(self) -> BacktestPlots:
        """Figures: ``plot.reliability(name)``, ``plot.skill()``."""
        return BacktestPlots(self.forecasts, self.trained.summary)

    def summary(self) -> pd.DataFrame:
        """A row per model: scores, skill with 95% intervals, a verdict; the best first."""
        return self.trained.summary.sort_values("brier", ignore_index=True)

    def compare(self, model: str, reference: str) -> pd.DataFrame:
        """One model held against another on the same forecasts, with 95% intervals.

        Parameters
        ----------
        model, reference : str

        Raises
        ------
        UsageError
            ``E-MODEL`` for a name that did not forecast.
        """
        self._check(model, reference)
        two = self.forecasts[self.forecasts["model"].isin([model, reference])]
        return metrics.compare(two, reference=reference)

    def refit(self, name: str | None = None) -> FittedModel:
        """A model, fitted on everything that had resolved by the last day; the best by default."""
        name = self.best if name is None else name
        self._check(name)
        manifest = manifest_of(self.trained, name)
        return FittedModel(Scorer(self.trained.models[name], manifest, name, ""))

    def _check(self, *names: str) -> None:
        known = list(self.trained.models)
        for name in names:
            if name not in known:
                raise UsageError("E-MODEL", f"invalid value: one of {', '.join(known)}", value=name)

    def __repr__(self) -> str:
        """Its label, size and best model, in two lines."""
        days, count = self.forecasts[schema.DAY], len(self.trained.models)
        return (
            f"BacktestResult: {self.trained.label}, {days.nunique()} origins "
            f"{days.min():%Y-%m-%d} to {days.max():%Y-%m-%d},\n  {count} models; "
            f"best: {self.best}"
        )

    def _repr_html_(self) -> str:
        table = self.summary()
        shown = table[[*_SHOWN, "verdict"]].copy()
        for name in _SHOWN[4:]:
            shown[name] = [
                "" if pd.isna(low) else f"{value:+.0%} ({low:+.0%} to {high:+.0%})"
                for value, low, high in zip(
                    table[name], table[f"{name}_lower"], table[f"{name}_upper"], strict=True
                )
            ]
        title = repr(self).replace("\n", " ")
        return f"<p>{title}</p>{shown.to_html(index=False, float_format='{:.4f}'.format)}"


def backtest(
    archive: EventArchive,
    target: Target | Experiment,
    *,
    models: Mapping[str, Any] | None = None,
    units: schema.UnitKind | Sequence[schema.UnitKind] = "all",
    features: Families | None = None,
    start: object = None,
    stop: object = None,
    step: int = 7,
    refit_every: int = 4,
    lag: int = 0,
    cache: bool = True,
) -> BacktestResult:
    """Fit on what was known, forecast, wait, and compare with what came, origin by origin.

    Parameters
    ----------
    archive : EventArchive
    target : Target or Experiment
        A label such as ``targets.AnyEvent(horizon=7)``; of an experiment, its first label. An
        experiment brings its own settings, and none of those below may be given beside it.
    models : mapping of str to estimator, optional
        Unfitted estimators with ``fit`` and ``predict_proba`` by name: one of :mod:`models`, any of
        scikit-learn, a pipeline. The baselines always run. By default all registered ones.
    units : str or sequence of str, optional
        Kinds of units, such as ``site``.
    features : mapping, optional
        Parameters by family, as in an experiment file; by default all that need none.
    start, stop : date-like, optional
        First and last day on which forecasts are issued.
    step : int, optional
        Days between them.
    refit_every : int, optional
        Origins between refits.
    lag : int, optional
        Reporting lag, in days.
    cache : bool, optional
        Take forecasts of the project's own models that ran before, on the same of everything, from
        the user's cache folder. Estimators that you give always run.

    Returns
    -------
    BacktestResult

    Raises
    ------
    UsageError
        ``E-CONFIG``, ``E-MODEL`` for settings or models that can't be used.
    GateError
        ``E-INSUFFICIENT`` where there is too little to learn from.
    """
    require_archive(archive)
    if isinstance(target, Experiment):
        _refuse_settings(
            units=units,
            features=features,
            start=start,
            stop=stop,
            step=step,
            refit_every=refit_every,
            lag=lag,
        )
        experiment = target
    else:
        experiment = experiment_of(
            target,
            units=units,
            features=features,
            lag=lag,
            first_origin=start,
            last_origin=stop,
            every=step,
            refit_every=refit_every,
        )
    label = experiment.labels[0]
    for name, estimator in (models or {}).items():
        as_event_model(name, estimator, horizon=label.horizon)
    case: Case = require_answerable(make_case(archive, experiment, label, models))
    return BacktestResult(train_case(case, cache=users_cache() if cache else None))


def _refuse_settings(**settings: object) -> None:
    """Settings that were given beside an experiment, which has its own; ``E-USAGE``."""
    known = inspect.signature(backtest).parameters
    for name, value in settings.items():
        if value != known[name].default:
            raise UsageError(
                "E-USAGE",
                "an experiment brings its own settings",
                column=name,
                value=value,
                fix="give a label instead of the experiment, or change the experiment",
            )
