"""Backtests in a notebook: forecasts, tables, figures, and the fitted models."""

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
from escalation.backtest.case import Case, make_case
from escalation.backtest.learnability import require_answerable
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
    """Figures of a backtest's forecasts and of their summary."""

    forecasts: pd.DataFrame
    table: pd.DataFrame

    def reliability(self, *models: str) -> Figure:
        """Observed frequency against the forecast; all models by default."""
        return plots.reliability_figure(self.forecasts, models=models or None)

    def skill(self) -> Figure:
        """Skill of every model against each baseline, with intervals."""
        return plots.skill_figure(self.table)


@dataclass(frozen=True, repr=False)
class FittedModel:
    """A model fitted on everything that had resolved."""

    scorer: Scorer

    @property
    def estimator(self) -> Any:
        """The fitted estimator: your own, or a model of this package.

        Pass it to ``mlflow.sklearn.log_model``. The registry of ``escalation train`` only takes
        models of this package, because loading any other could run code. None for your own
        estimator if all training outcomes were the same.
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
        """The watch list of a day: every unit, highest probability first.

        Parameters
        ----------
        archive : EventArchive
        as_of : date-like, optional
            Not before the last day of training; the archive's last day by default.
        suppose : sequence of str, optional
            Hypothetical events, such as ``"rocket_attack militia>us_coalition at taji killed=1"``.
            The list includes them, and ``change`` is what they add.
        **options
            As for :func:`escalation.scoring.score.score`.

        Returns
        -------
        DataFrame
            Columns of :data:`escalation.schema.SCORE_COLUMNS`.
        """
        if suppose:
            rows = score_if(self.scorer, archive, suppose, as_of=as_of, **options)
        else:
            rows = score(self.scorer, archive, as_of=as_of, **options)
        return pd.DataFrame([row.as_dict() for row in rows])

    def __repr__(self) -> str:
        """Name and last day of training."""
        return f"FittedModel: {self.scorer.reference}, trained to {self.scorer.manifest.trained_to}"


@dataclass(frozen=True, repr=False)
class BacktestResult:
    """The forecasts that models would have issued, and how they did.

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
        """All settings, as in an experiment file."""
        return self.trained.case.experiment

    @property
    def best(self) -> str:
        """The model with the lowest Brier score; ``ewma_nb`` if there are few positives."""
        return self.trained.best

    @cached_property
    def plot(self) -> BacktestPlots:
        """Figures: ``plot.reliability(name)``, ``plot.skill()``."""
        return BacktestPlots(self.forecasts, self.trained.summary)

    def summary(self) -> pd.DataFrame:
        """A row per model: scores, skill with 95% intervals, a verdict; the best first."""
        return self.trained.summary.sort_values("brier", ignore_index=True)

    def compare(self, model: str, reference: str) -> pd.DataFrame:
        """One model compared with another on the same forecasts, with 95% intervals.

        Parameters
        ----------
        model, reference : str

        Raises
        ------
        UsageError
            ``E-MODEL`` for a model that is not in the backtest.
        """
        self._check(model, reference)
        two = self.forecasts[self.forecasts["model"].isin([model, reference])]
        return metrics.compare(two, reference=reference)

    def refit(self, name: str | None = None) -> FittedModel:
        """A model fitted on everything resolved by the last day; the best one by default."""
        name = self.best if name is None else name
        self._check(name)
        manifest = manifest_of(self.trained, name)
        return FittedModel(Scorer(self.trained.models[name], manifest, name, ""))

    def _check(self, *names: str) -> None:
        models = list(self.trained.models)
        for name in names:
            if name not in models:
                message = f"not a model of this backtest; choose one of {', '.join(models)}"
                raise UsageError("E-MODEL", message, value=name)

    def __repr__(self) -> str:
        """Label, origins, and best model."""
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
    """Backtest with rolling origins: fit on what was known, forecast, compare with the outcomes.

    Parameters
    ----------
    archive : EventArchive
    target : Target or Experiment
        A label such as ``targets.AnyEvent(horizon=7)``, or an experiment, whose first label is
        used. An experiment has its own settings; only ``models`` and ``cache`` combine with it.
    models : mapping of str to estimator, optional
        Unfitted estimators with ``fit`` and ``predict_proba`` by name: from :mod:`models`, from
        scikit-learn, or pipelines. All registered models by default; the baselines always run.
    units : str or sequence of str, optional
        Kinds of units, such as ``site``.
    features : mapping, optional
        Parameters by family, as in an experiment file; by default, all families that need none.
    start, stop : date-like, optional
        First and last day on which forecasts are issued.
    step : int, optional
        Days between origins.
    refit_every : int, optional
        Origins between refits.
    lag : int, optional
        Reporting lag, in days.
    cache : bool, optional
        Reuse forecasts of the package's own models from the user's cache folder if data, settings
        and code are the same. Your own estimators always run.

    Returns
    -------
    BacktestResult

    Raises
    ------
    UsageError
        ``E-CONFIG``, ``E-MODEL`` for invalid settings or models.
    GateError
        ``E-INSUFFICIENT`` if there is too little data.
    """
    require_archive(archive)
    settings: dict[str, Any] = {
        "units": units,
        "features": features,
        "lag": lag,
        "refit_every": refit_every,
    }
    if isinstance(target, Experiment):
        _refuse_settings(**settings, start=start, stop=stop, step=step)
        experiment = target
    else:
        experiment = experiment_of(
            target, **settings, first_origin=start, last_origin=stop, every=step
        )
    label = experiment.labels[0]
    for name, estimator in (models or {}).items():
        as_event_model(name, estimator, horizon=label.horizon)
    case: Case = require_answerable(make_case(archive, experiment, label, models))
    return BacktestResult(train_case(case, cache=users_cache() if cache else None))


def _refuse_settings(**settings: object) -> None:
    """Raise ``E-USAGE`` for a setting that differs from its default."""
    parameters = inspect.signature(backtest).parameters
    for name, value in settings.items():
        if value != parameters[name].default:
            raise UsageError(
                "E-USAGE",
                "an experiment has its own settings",
                column=name,
                value=value,
                fix="pass a label instead of the experiment, or change the experiment",
            )
