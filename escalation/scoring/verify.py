"""Verification of issued forecasts once they resolve, and drift of the inputs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import ks_2samp

from escalation import metrics, schema
from escalation.backtest.case import Case, make_case
from escalation.backtest.fitting import build_model
from escalation.backtest.table import positions
from escalation.events.archive import EventArchive, to_day
from escalation.experiment import Experiment, target_label
from escalation.metrics.summary import FEWEST_POSITIVES
from escalation.scoring.ledger import Entry, ForecastSeries
from escalation.scoring.score import scored_day
from escalation.scoring.scorer import Scorer

ISSUED, BASE_RATE_MODEL = "issued", "climatology"
ROLLING_DAYS = 90
SHIFTED = 0.25
"""Population stability index from which an input counts as drifted."""
PSI_BINS = 10
FEWEST_RECENT = 50
"""Recent rows below which drift is not computed."""


@dataclass(frozen=True)
class Verified:
    """Verification of a model's issued forecasts.

    Parameters
    ----------
    issued, in_sample, matured, open : int
        Number of rows in the ledger; of those, left out because the model was trained on their
        day; resolved; and not resolved yet.
    forecasts : DataFrame
        Resolved rows under the models ``issued``, ``ewma_nb`` (refitted on what was known on each
        day) and ``climatology`` (the base rate issued with them).
    summary : DataFrame
        Their comparison; empty before any forecast has resolved.
    rolling : DataFrame
        Brier score and skill over 90 days, by issue date; empty before any forecast has resolved.
    drift : DataFrame
        From :func:`drift`.
    verdict : str
        Whether the champion still beats ``ewma_nb``.
    """

    issued: int
    in_sample: int
    matured: int
    open: int
    forecasts: pd.DataFrame
    summary: pd.DataFrame
    rolling: pd.DataFrame
    drift: pd.DataFrame
    verdict: str


def issued_rows(entries: Iterable[Entry], series: ForecastSeries) -> pd.DataFrame:
    """A registered model's forecasts in a ledger, the first issued for each unit and day.

    Parameters
    ----------
    entries : iterable of Entry
        In the order of issue.
    series : ForecastSeries

    Returns
    -------
    DataFrame
        Columns unit, day, unit_key, horizon, probability, base_rate, trained_to.
    """
    names = [*schema.ROW_KEY, schema.UNIT_KEY, "horizon", "probability", "base_rate"]
    rows = [
        [*(forecast[name] for name in names), forecast["provenance"]["trained_to"]]
        for forecast in series.of(entries)
    ]
    table = pd.DataFrame(rows, columns=[*names, "trained_to"])
    for column in (schema.DAY, "trained_to"):
        table[column] = pd.to_datetime(table[column])
    return table.drop_duplicates([schema.UNIT_KEY, schema.DAY], ignore_index=True)


def verify(
    scorer: Scorer, archive: EventArchive, entries: Iterable[Entry], *, as_of: object = None
) -> Verified:
    """Score a model's issued forecasts against the outcomes known by a day.

    Parameters
    ----------
    scorer : Scorer
        The champion; its experiment defines the outcome, its inputs are checked for drift.
    archive : EventArchive
        Events as known now.
    entries : iterable of Entry
        The ledger.
    as_of : date-like, optional
        The experiment's last day, or the archive's, by default.
    """
    last = scored_day(scorer, archive, as_of)
    rows = issued_rows(entries, scorer.series)
    in_sample = rows[schema.DAY] < rows["trained_to"]
    forecasts = outcomes(_until(scorer.experiment, last), scorer, archive, rows[~in_sample])
    resolved = int((forecasts["model"] == ISSUED).sum())
    summary = metrics.summary(forecasts) if resolved else pd.DataFrame()
    rolling = metrics.running(forecasts, window=ROLLING_DAYS) if resolved else pd.DataFrame()
    return Verified(
        issued=len(rows),
        in_sample=int(in_sample.sum()),
        matured=resolved,
        open=len(rows) - int(in_sample.sum()) - resolved,
        forecasts=forecasts,
        summary=summary,
        rolling=rolling,
        drift=drift(scorer, archive, last),
        verdict=champion_verdict(summary),
    )


def _until(experiment: Experiment, last: np.datetime64, *, inputs: bool = False) -> Experiment:
    """The experiment with an axis that ends on a day, by default without features."""
    experiment = experiment.reading(last_day=last.astype(object))
    return experiment if inputs else experiment.model_copy(update={"features": {}})


def outcomes(
    experiment: Experiment, scorer: Scorer, archive: EventArchive, rows: pd.DataFrame
) -> pd.DataFrame:
    """Resolved rows of three models, as a forecast table for :mod:`escalation.metrics`.

    Parameters
    ----------
    experiment : Experiment
        Its axis ends on the last day of known outcomes.
    scorer : Scorer
    archive : EventArchive
    rows : DataFrame
        From :func:`issued_rows`.

    Returns
    -------
    DataFrame
        Columns model, target, unit, day, unit_key, horizon, probability, outcome, at_risk.
    """
    case = make_case(archive, experiment, scorer.target)
    known = case.labels_on(case.prepared.days[-1])
    units, days = positions(case.prepared.unit_keys, case.prepared.days, rows)
    inside = (units >= 0) & (days >= 0) & (days < len(case.prepared.days))
    outcome = np.full(len(rows), np.nan)
    outcome[inside] = known.outcome[units[inside], days[inside]]
    resolved = np.isfinite(outcome)
    table = rows[resolved].assign(
        target=target_label(scorer.target), outcome=outcome[resolved], at_risk=True
    )
    probabilities = {
        ISSUED: table["probability"],
        schema.BASELINE: _baseline(case, units[resolved], days[resolved]),
        BASE_RATE_MODEL: table["base_rate"],
    }
    key = [*schema.ROW_KEY, schema.UNIT_KEY]
    columns = ["model", "target", *key, "horizon", "probability", "outcome", "at_risk"]
    tables = [table.assign(model=name, probability=p)[columns] for name, p in probabilities.items()]
    return pd.concat(tables, ignore_index=True)


def _baseline(case: Case, units: NDArray[np.int64], days: NDArray[np.int64]) -> NDArray[np.float64]:
    """Forecasts of the baseline, fitted on what was known on each day; NaN without data to fit."""
    probability = np.full(len(units), np.nan)
    for day in np.unique(days):
        known = case.labels_on(case.prepared.days[day])
        table = case.training_table(case.prepared.days[day], known)
        if not len(table):
            continue
        at = days == day
        model = build_model(schema.BASELINE, case.experiment, case.target)
        model.fit(table.X, table.outcome.astype(np.int64), count=table.count)
        X = case.prepared.table(case.back, known, (units[at], days[at])).X
        probability[at] = model.predict_proba(X)[:, 1]
    return probability


def champion_verdict(summary: pd.DataFrame) -> str:
    """Whether the issued forecasts beat the baseline, in words."""
    if summary.empty or schema.BASELINE not in set(summary["model"]):
        return "no forecast has resolved yet"
    row = summary.set_index("model").loc[ISSUED]
    if row["positives"] < FEWEST_POSITIVES:
        return f"too early to tell: {row['positives']} positives among {row['rows']} resolved rows"
    value, low, high = (row[f"skill_vs_{schema.BASELINE}{end}"] for end in ("", "_lower", "_upper"))
    if pd.isna(low):
        return f"too early to tell: {row['dates']} dates only"
    numbers = f"skill {value:+.1%} [{low:+.1%}, {high:+.1%}]"
    if low > 0.0:
        return f"the champion beats {schema.BASELINE}: {numbers}"
    if value <= 0.0:
        return f"the champion no longer beats {schema.BASELINE}: {numbers}"
    return f"no longer clear whether the champion beats {schema.BASELINE}: {numbers}"


def drift(scorer: Scorer, archive: EventArchive, last: np.datetime64) -> pd.DataFrame:
    """How far each input has moved between the training rows and the days since training.

    Parameters
    ----------
    scorer : Scorer
    archive : EventArchive
    last : datetime64[D]
        Last of the recent days.

    Returns
    -------
    DataFrame
        Columns ``column``, ``psi`` (:func:`stability_index`), ``ks`` (Kolmogorov-Smirnov statistic)
        and ``rows`` (recent ones), largest psi first. Empty with too few rows since training.
    """
    case = make_case(archive, _until(scorer.experiment, last, inputs=True), scorer.target)
    trained = case.prepared.index_of(scorer.manifest.trained_to)
    since = np.arange(max(trained + 1, 0), len(case.prepared.days))
    recent = case.rows_at(since)
    empty = pd.DataFrame(columns=["column", "psi", "ks", "rows"])
    if len(recent[0]) < FEWEST_RECENT:
        return empty
    trained_to = to_day(scorer.manifest.trained_to)
    known = case.labels_on(trained_to)
    training_X = case.training_table(trained_to, known).X
    recent_X = case.prepared.table(case.back, known, recent).X
    rows = []
    for name in scorer.manifest.columns:
        before, after = (X[name].to_numpy(np.float64) for X in (training_X, recent_X))
        ks = float(ks_2samp(before, after, method="asymp").statistic)
        rows.append((name, stability_index(before, after), ks, len(recent_X)))
    table = pd.DataFrame(rows, columns=empty.columns)
    return table.sort_values(["psi", "ks"], ascending=False, ignore_index=True)


def stability_index(before: NDArray[np.float64], after: NDArray[np.float64]) -> float:
    r"""Population stability index over the earlier sample's deciles.

    .. math:: \sum_b (q_b - p_b) \ln (q_b / p_b)

    Half a row is added to each share, so that none is zero. By convention, 0.1 is small and 0.25
    large.

    Parameters
    ----------
    before, after : ndarray, shape (row,)
        The two samples, of any lengths.

    Returns
    -------
    float
        0 if the samples agree.

    Examples
    --------
    >>> x = np.arange(100.0)
    >>> stability_index(x, x), round(stability_index(x, x + 50.0), 1)
    (0.0, 2.3)
    """
    edges = np.unique(np.quantile(before, np.linspace(0.0, 1.0, PSI_BINS + 1)[1:-1]))
    p, q = (_shares(edges, values) for values in (before, after))
    return float(((q - p) * np.log(q / p)).sum())


def _shares(edges: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    # A value on an edge belongs to the bin below it: counts are mostly 0, and 0 is an edge.
    counts = np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges) + 1)
    return np.asarray((counts + 0.5) / (counts + 0.5).sum())
